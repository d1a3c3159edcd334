"""All of them."""

from __future__ import annotations

from desktop.ui.page_faces import activity, diagnostics, earnings, first_run, models, rules, settings
from desktop.ui.page_faces.fixed import Make

PAGES: dict[str, Make] = {
    **first_run.FACES,
    **models.FACES,
    **earnings.FACES,
    **activity.FACES,
    **rules.FACES,
    **diagnostics.FACES,
    **settings.FACES,
}
