"""One request on its way to become a call, with what its edge can still do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from relay.accounts.identity import Identity
from relay.completions.refusal import Refusal
from relay.completions.reply import Reply
from relay.completions.request import CallRequest
from relay.completions.running import Running
from relay.routing.rules import Rule


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks what, where. `begin` starts the call, or refuses it and returns None; `refuse` answers with an error."""

    identity: Identity
    request: CallRequest
    route: str
    begin: Callable[[Reply], Running | None]
    refuse: Callable[[Refusal, Reply], None]
    rules: tuple[Rule, ...] = ()
    """Set for such calls of the caller: what another was answered may be barred to them."""

    @property
    def keeps_nothing(self) -> bool:
        """Zero data retention, by the call itself or by a rule: nothing of it may be stored."""
        return wishes_of(self.request.raw).keeps_nothing or any(rule.provider.zdr for rule in self.rules)


class Wishes(msgspec.Struct, frozen=True, gc=False):
    """Fields of a body that decide whether its answer may be kept, whatever their type."""

    temperature: Any = None
    seed: Any = None
    provider: Any = None

    @property
    def keeps_nothing(self) -> bool:
        """Zero data retention: nothing of this call may be stored."""
        return isinstance(self.provider, dict) and self.provider.get("zdr") is True

    @property
    def repeatable(self) -> bool:
        """Whether the same call would be given the same answer, as far as sampling goes."""
        still = isinstance(self.temperature, int | float) and self.temperature == 0
        return still or isinstance(self.seed, int)


wishes_of = msgspec.json.Decoder(Wishes).decode
"""Of a body that was parsed before: raises nothing."""
