"""Valid values for tests, one builder a value: a test overrides the one thing it is about."""

from __future__ import annotations

from typing import Any

# --- desktop: the agent's snapshot ---------------------------------------------------------------------------------
from desktop.agent.state import (
    Earnings,
    Enrolment,
    LinkState,
    Mode,
    ModelState,
    Reason,
    Sharing,
    Snapshot,
)

NOON = 1_760_000_000.0
"""A Unix time for tests that need one."""


def a_link(**changed: Any) -> LinkState:
    values: dict[str, Any] = {"kind": "ready", "relay": "https://relay.example", "since": NOON - 60}
    return LinkState(**values | changed)


def a_model(**changed: Any) -> ModelState:
    values: dict[str, Any] = {"name": "nightjar-demo", "kind": "ready", "slots": 8, "decode_tps": 250.0}
    return ModelState(**values | changed)


def some_sharing(**changed: Any) -> Sharing:
    values: dict[str, Any] = {
        "sharing": True,
        "reason": Reason.READY,
        "sentence": "Sharing: ready, waiting for calls.",
    }
    return Sharing(**values | changed)


def an_enrolment(**changed: Any) -> Enrolment:
    values: dict[str, Any] = {"kind": "enrolled", "node_id": "node-1", "relay": "https://relay.example"}
    return Enrolment(**values | changed)


def some_earnings(**changed: Any) -> Earnings:
    values: dict[str, Any] = {
        "today": 310_000_000,
        "month": 6_200_000_000,
        "lifetime": 41_000_000_000,
        "answers_today": 12,
    }
    return Earnings(**values | changed)


def a_snapshot(**changed: Any) -> Snapshot:
    """An enrolled PC in mode Always, linked, with one model ready and no call running."""
    values: dict[str, Any] = {
        "at": NOON,
        "mode": Mode.ALWAYS,
        "snoozed_until": None,
        "sharing": some_sharing(),
        "link": a_link(),
        "enrolment": an_enrolment(),
        "models": (a_model(),),
        "earnings": some_earnings(),
    }
    return Snapshot(**values | changed)
