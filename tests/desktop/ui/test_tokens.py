from __future__ import annotations

import pytest

from desktop.ui.tokens import DARK, LIGHT, PANEL_ATTENTION, PANEL_INK, Colours, contrast
from desktop.ui.views import Tone

READABLE, VISIBLE = 4.5, 3.0


def test_contrast_is_that_of_the_guideline() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_is_readable_on_every_ground_it_stands_on(colours: Colours) -> None:
    pairs = [
        *((ink, ground) for ink in (colours.text, colours.muted) for ground in _grounds(colours)),
        *((ink, ground) for ink in (colours.accent, colours.bad) for ground in (colours.page, colours.card)),
        (colours.accent, colours.accent_soft),
        (colours.text, colours.accent_soft),
        (colours.on_accent, colours.accent),
        (colours.on_accent, colours.accent_hover),
        *((colours.ink(tone), colours.ground(tone)) for tone in Tone),
    ]
    assert {(ink, ground): contrast(ink, ground) for ink, ground in pairs if contrast(ink, ground) < READABLE} == {}


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_edges_of_controls_and_the_focus_can_be_seen(colours: Colours) -> None:
    for edge in (colours.control_edge, colours.accent):
        for ground in (colours.page, colours.card, colours.field):
            assert contrast(edge, ground) >= VISIBLE


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_the_filled_part_of_a_bar_stands_out_from_the_rest(colours: Colours) -> None:
    for ink in (colours.accent, colours.ink(Tone.CALM), colours.ink(Tone.BAD)):
        assert contrast(ink, colours.edge) >= VISIBLE


@pytest.mark.parametrize("ink", [PANEL_INK, PANEL_ATTENTION])
@pytest.mark.parametrize("panel", ["#ffffff", "#f0f0f0", "#2b2b2b", "#1d1d1d", "#000000"])
def test_the_trays_ink_shows_on_any_panel(ink: str, panel: str) -> None:
    assert contrast(ink, panel) >= VISIBLE


def _grounds(colours: Colours) -> tuple[str, ...]:
    return colours.page, colours.card, colours.field, colours.calm_soft
