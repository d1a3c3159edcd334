"""What an organisation, a key or a model allows its calls: which models, and which targets. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from relay.routing.preferences import NONE, Names, Preferences

Scope = Literal["organisation", "key", "model"]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is set once for many calls. `models` are those that may be asked for; all of them where it names none.

    `provider` bars what the same object in a call would bar, and orders targets where the call does not.
    """

    models: Names = ()
    provider: Preferences = NONE


def allowed(model: str, rules: Iterable[Rule]) -> bool:
    """Whether each of the rules lets a model be asked for."""
    return all(not rule.models or model in rule.models for rule in rules)
