"""Facts for tests of the decision: a PC that shares, but for what a test changes."""

from __future__ import annotations

from typing import Any

from desktop.agent.sharing.decision import Facts
from desktop.agent.sharing.lately import Lately, looked
from desktop.agent.state import Mode
from desktop.settings import SharingSettings
from desktop.system.conditions import Conditions, Load, Presence
from tests.builders import NOON, a_link, a_model, an_enrolment


def conditions(**changed: Any) -> Conditions:
    """Nobody has touched the PC for an hour, and nothing else runs."""
    values: dict[str, Any] = {"presence": Presence(NOON - 3600, "test"), "load": Load(cpu=0.0)}
    return Conditions(**values | changed)


def facts(**changed: Any) -> Facts:
    """After one look at `conditions`; `lately` is what was known before it."""
    values: dict[str, Any] = {
        "now": NOON,
        "mode": Mode.IDLE,
        "snoozed_until": None,
        "enrolment": an_enrolment(),
        "link": a_link(),
        "models": (a_model(),),
        "running": 0,
        "conditions": conditions(),
        "rules": SharingSettings(),
    }
    values |= changed
    before = values.get("lately", Lately())
    values["lately"] = looked(before, values["conditions"], values["rules"], values["now"])
    return Facts(**values)
