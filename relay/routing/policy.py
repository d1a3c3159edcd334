"""Which targets may answer a call, and in which order they are tried.

Pure: the same facts and the same chance give the same decision, which also says of each target left out why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from relay.routing.breaker import NODE, Rule
from relay.routing.candidate import Candidate
from relay.routing.preferences import NONE, MaxPrice, Preferences

NEARNESS: Final = ("own", "organisation", "trusted", "community", "cloud")
"""Pools from the nearest to the farthest."""
POLICIES: Final = ("balanced", "cheapest", "fastest", "own-first", "order", "weighted")

PICO_PER_DOLLAR: Final = 10**12
PICO_PER_DOLLAR_A_MILLION: Final = 10**6
UNKNOWN_FIRST_TOKEN_S: Final = 1.0
UNKNOWN_DECODE_TPS: Final = 40.0
"""What a target is taken for that nobody has observed: a middling one, so that it is tried at all."""
COLD_S: Final = 10.0
"""To load a model of a few gigabytes from a disk."""
AFFINE: Final = 0.5
"""Where the prompt may lie in a cache, the call is taken to need half the time: enough to decide between equals, and
too little to send it to a crowd."""
OWN_COST: Final = 0.3
"""Of what an own machine is paid, so much does not come back to its owner."""
LEAST_COST: Final = 2_000_000
"""Pico-dollars that every call is taken to cost, so that a free target is not worth any wait."""
NEAR_TIE: Final = 0.1
"""Targets that differ by less are taken in turn, by chance."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The relay's own rule. `order` and `weights` are names of targets or pools; those of `last_resort` are kept for
    when nothing else is left, as insurance against an incident; `node_rule` says when a PC is left alone.
    """

    name: str = "balanced"
    order: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    last_resort: tuple[str, ...] = ()
    node_rule: Rule = NODE


@dataclass(frozen=True, slots=True)
class Ask:
    """What routing knows of a call. `exposure` are the pools its key may reach; an empty set reaches nothing.

    `prompt_tokens` and `completion_tokens` are estimates; `prompt_bound` and `completion_bound` what they are at most,
    for which the call may cost `max_cost` pico-dollars. `parameters` are the names of the body that not all support,
    and `images` says that it shows some.
    `rules` were set for the caller by others, the narrowest first: what they bar is barred, whatever the call says.
    """

    exposure: frozenset[str]
    preferences: Preferences = NONE
    prompt_tokens: int = 0
    completion_tokens: int = 256
    prompt_bound: int = 0
    completion_bound: int = 0
    max_cost: int | None = None
    parameters: frozenset[str] = frozenset()
    images: bool = False
    rules: tuple[Preferences, ...] = ()

    @property
    def ordering(self) -> Preferences:
        """The call's own wishes, or the narrowest rule's, if only rules say which target is to come first."""
        every = (self.preferences, *self.rules)
        return next((each for each in every if each.order or each.sort is not None), self.preferences)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a candidate was left out: `reason` is a word, `detail` a sentence's part for people."""

    candidate: Candidate
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The candidates to try, best first, and the others."""

    order: list[Candidate]
    left_out: list[LeftOut]

    def held_up(self, reason: str) -> list[Candidate]:
        """Those that were left out for `reason`."""
        return [each.candidate for each in self.left_out if each.reason == reason]


def decide(candidates: Sequence[Candidate], ask: Ask, policy: Policy, chance: Callable[[], float]) -> Decision:
    """Leave out who must not or cannot answer, and put the others in order."""
    usable: list[Candidate] = []
    left_out: list[LeftOut] = []
    for each in candidates:
        why = barred(each, ask) or _held_up(each)
        if why is None:
            usable.append(each)
        else:
            left_out.append(LeftOut(each, *why))
    if len(usable) > 1:
        rank = _rank(ask, policy, chance)
        usable.sort(key=rank)
    return Decision(usable, left_out)


# --- who is left out ------------------------------------------------------------------------------------------------


def _held_up(candidate: Candidate) -> tuple[str, str] | None:
    """What passes by itself."""
    if candidate.rests_s > 0:
        return "resting", candidate.rests_for or "it failed too often"
    if candidate.is_busy:
        return "busy", "every slot is taken"
    return None


def barred(candidate: Candidate, ask: Ask) -> tuple[str, str] | None:
    """What the key, a rule, or the call itself does not allow: a word, and a sentence's part for people."""
    if candidate.pool not in ask.exposure:
        return "pool", f"this key does not reach the pool {candidate.pool!r}"
    if ask.images and not candidate.sees:
        return "images", "it does not take images"
    if ask.max_cost is not None and _bound(candidate, ask) > ask.max_cost:
        return "max_cost", f"it may cost up to ${_bound(candidate, ask) / PICO_PER_DOLLAR:.6f}"
    for rule in ask.rules:
        if (why := _unwanted(candidate, rule, ask)) is not None:
            return why[0], f"{why[1]}, by a rule of this relay"
    wishes = ask.preferences
    return None if wishes is NONE else _unwanted(candidate, wishes, ask)


def _unwanted(candidate: Candidate, wishes: Preferences, ask: Ask) -> tuple[str, str] | None:
    """The first of the call's wishes that the candidate does not meet."""
    return next(
        ((reason, detail) for reason, rule in _WISHES.items() if (detail := rule(candidate, wishes, ask))),
        None,
    )


def _is_named(candidate: Candidate, names: Sequence[str]) -> bool:
    return any(map(candidate.is_called, names))


def _is_one_of(value: str, wanted: Sequence[str]) -> bool:
    return not wanted or value.lower() in {each.lower() for each in wanted}


def _too_dear(candidate: Candidate, wishes: Preferences, _ask: Ask) -> str:
    most = wishes.max_price or _NO_LIMIT
    kinds = (
        ("prompt", candidate.prompt_price, most.prompt),
        ("completion", candidate.completion_price, most.completion),
    )
    for kind, price, limit in kinds:
        if limit is not None and price > limit * PICO_PER_DOLLAR_A_MILLION:
            return f"its {kind} tokens cost ${price / PICO_PER_DOLLAR_A_MILLION:g} a million"
    return ""


def _lacks(candidate: Candidate, wishes: Preferences, ask: Ask) -> str:
    missing = ask.parameters - candidate.parameters if wishes.require_parameters else ()
    return f"it does not say that it supports {', '.join(sorted(missing))}" if missing else ""


_NO_LIMIT: Final = MaxPrice()
_Wish = Callable[[Candidate, Preferences, Ask], str]
_WISHES: Final[Mapping[str, _Wish]] = {
    "only": lambda each, wishes, _: (
        "provider.only does not name it" if wishes.only and not _is_named(each, wishes.only) else ""
    ),
    "ignore": lambda each, wishes, _: "provider.ignore names it" if _is_named(each, wishes.ignore) else "",
    "order": lambda each, wishes, _: (
        "provider.order does not name it, and fallbacks are not allowed"
        if wishes.order and not wishes.allow_fallbacks and not _is_named(each, wishes.order)
        else ""
    ),
    "pools": lambda each, wishes, _: (
        "provider.pools does not name its pool" if wishes.pools is not None and each.pool not in wishes.pools else ""
    ),
    "region": lambda each, wishes, _: (
        "" if _is_one_of(each.region, wishes.region) else f"its region is {each.region or 'not known'}"
    ),
    "quantizations": lambda each, wishes, _: (
        ""
        if _is_one_of(each.quantisation, wishes.quantizations)
        else f"its quantisation is {each.quantisation or 'not known'}"
    ),
    "data_collection": lambda each, wishes, _: (
        "it may keep prompts" if wishes.data_collection == "deny" and each.collects_data else ""
    ),
    "zdr": lambda each, wishes, _: (
        "it does not promise to keep nothing" if wishes.zdr and not each.keeps_nothing else ""
    ),
    "max_price": _too_dear,
    "require_parameters": _lacks,
}
"""What a call can ask for, by the name of its field, and how it is said that a candidate falls short of it; "": it does
not."""


def _bound(candidate: Candidate, ask: Ask) -> int:
    return ask.prompt_bound * candidate.prompt_price + ask.completion_bound * candidate.completion_price


# --- in which order -------------------------------------------------------------------------------------------------


def cost(candidate: Candidate, ask: Ask) -> float:
    """Pico-dollars that the call is expected to cost whoever makes it."""
    price = ask.prompt_tokens * candidate.prompt_price + ask.completion_tokens * candidate.completion_price
    return price * OWN_COST if candidate.pool in ("own", "organisation") else price


def time_s(candidate: Candidate, ask: Ask) -> float:
    """Seconds until the answer is expected to be whole: prompt, then completion, at the target's speed of late."""
    first = candidate.first_token_s
    if not first:
        tps = candidate.prefill_tps
        first = ask.prompt_tokens / tps if tps else UNKNOWN_FIRST_TOKEN_S
    if not candidate.warm:
        first += COLD_S
    whole = first + ask.completion_tokens * (1 + candidate.load) / (candidate.decode_tps or UNKNOWN_DECODE_TPS)
    return whole * AFFINE if candidate.affine else whole


_Rank = Callable[[Candidate], tuple[float, ...]]


def _rank(ask: Ask, policy: Policy, chance: Callable[[], float]) -> _Rank:
    wishes, every = ask.ordering, (ask.preferences, *ask.rules)
    by = _by_wish(ask, chance) or _BY_POLICY[policy.name](ask, policy, chance)

    def rank(candidate: Candidate) -> tuple[float, ...]:
        named = _place(candidate, wishes.order)
        kept_back = not named < len(wishes.order) and any(map(candidate.is_called, policy.last_resort))
        return kept_back, named, any(_disappoints(candidate, each) for each in every), *by(candidate)

    return rank


def _place(candidate: Candidate, names: Sequence[str]) -> int:
    return next((at for at, name in enumerate(names) if candidate.is_called(name)), len(names))


def _disappoints(candidate: Candidate, wishes: Preferences) -> bool:
    """Whether it is known to be slower than the call would like."""
    slow = 0 < candidate.decode_tps < wishes.min_throughput
    return slow or 0 < wishes.max_latency < candidate.first_token_s


def _by_wish(ask: Ask, chance: Callable[[], float]) -> _Rank | None:
    match ask.ordering.sort_by:
        case "price":
            return lambda each: (cost(each, ask), time_s(each, ask) * _jitter(chance))
        case "throughput":
            return lambda each: (-(each.decode_tps or UNKNOWN_DECODE_TPS) / (1 + each.load) * _jitter(chance),)
        case "latency":
            return lambda each: ((each.first_token_s or UNKNOWN_FIRST_TOKEN_S) * (1 + each.load) * _jitter(chance),)
        case _:
            return None


def _jitter(chance: Callable[[], float]) -> float:
    return 1 + NEAR_TIE * chance()


def _balanced(ask: Ask, _policy: Policy, chance: Callable[[], float]) -> _Rank:
    """A target twice as dear must be twice as fast."""
    return lambda each: ((cost(each, ask) + LEAST_COST) * time_s(each, ask) * _jitter(chance),)


def _cheapest(ask: Ask, _policy: Policy, chance: Callable[[], float]) -> _Rank:
    return lambda each: (cost(each, ask), time_s(each, ask) * _jitter(chance))


def _fastest(ask: Ask, _policy: Policy, chance: Callable[[], float]) -> _Rank:
    return lambda each: (time_s(each, ask) * _jitter(chance),)


def _own_first(ask: Ask, policy: Policy, chance: Callable[[], float]) -> _Rank:
    balanced = _balanced(ask, policy, chance)
    return lambda each: (NEARNESS.index(each.pool), *balanced(each))


def _in_order(ask: Ask, policy: Policy, chance: Callable[[], float]) -> _Rank:
    balanced = _balanced(ask, policy, chance)
    return lambda each: (_place(each, policy.order), *balanced(each))


def _weighted(_ask: Ask, policy: Policy, chance: Callable[[], float]) -> _Rank:
    """Each is first as often as its weight says: the shortest of exponential waits (Efraimidis and Spirakis, 2006)."""

    def rank(candidate: Candidate) -> tuple[float, ...]:
        weight = next((each for name, each in policy.weights.items() if candidate.is_called(name)), 1.0)
        return (-math.log(1 - chance()) / weight if weight > 0 else math.inf,)

    return rank


_BY_POLICY: Final[Mapping[str, Callable[[Ask, Policy, Callable[[], float]], _Rank]]] = {
    "balanced": _balanced,
    "cheapest": _cheapest,
    "fastest": _fastest,
    "own-first": _own_first,
    "order": _in_order,
    "weighted": _weighted,
}
