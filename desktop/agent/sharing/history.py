"""The last switches between sharing and not, with their reasons: they answer "why did it stop last night?"."""

from __future__ import annotations

from desktop.agent.state import Reason, Sharing, Switch

LENGTH = 50


def news(before: Switch | None, sharing: Sharing, now: float) -> Switch | None:
    """The switch that `sharing` makes after `before`; None if it is none. Calls coming and going are no switches."""
    reason = Reason.READY if sharing.reason is Reason.SERVING else sharing.reason
    if before is not None and (before.sharing, before.reason) == (sharing.sharing, reason):
        return None
    return Switch(now, sharing.sharing, reason, sharing.sentence)
