"""Which decimal numbers lie in a range, as automata over their digits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from desktop.inference.grammar.automata import MAX_STATES, Dfa, Work, both, explore, partition
from desktop.inference.grammar.characters import CharSet, chars, span

DIGITS: Final = 15
"""Significant digits that binary floating-point numbers keep apart; nothing longer is written."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two bounds, None being none. `decimals` is how many digits may follow the point."""

    low: Decimal | None = None
    high: Decimal | None = None
    open_low: bool = False
    open_high: bool = False
    decimals: int = DIGITS

    @property
    def negated(self) -> Range:
        return Range(
            None if self.high is None else -self.high,
            None if self.low is None else -self.low,
            self.open_high,
            self.open_low,
            self.decimals,
        )


class _Bound(NamedTuple):
    """The digits of a bound that is not negative."""

    whole: str
    fraction: str
    open: bool


class _State(NamedTuple):
    """Part of a number of `whole` digits before its point; `fraction` counts those after it, -1 is no point.

    `low` and `high` compare what was read with as much of the bounds: -1 less, 0 equal, 1 more.
    """

    side: int
    whole: int
    read: int
    fraction: int
    low: int
    high: int


_States = frozenset[_State]
_OUTSIDE: Final = _State(-1, 0, 0, 0, 0, 0)
"""Before a sign or the first digit."""


@lru_cache(256)
def automaton(bounds: Range, multiple_of: int = 1) -> Dfa:
    """Decimal texts, without exponents, of the numbers in a range; whole ones if `decimals` is 0. May be empty."""
    found = _Numbers(bounds).automaton()
    return found if multiple_of == 1 else both(found, _multiples(multiple_of), Work(), limit=8 * MAX_STATES)


class _Numbers:
    """The numbers of a range: those that are not negative, and by their mirror image those that are."""

    def __init__(self, bounds: Range) -> None:
        self._decimals = bounds.decimals
        self._sides = [_side(bounds), _side(bounds.negated, positive=True)]

    def automaton(self) -> Dfa:
        return explore(frozenset({_OUTSIDE}), self._out, lambda states: any(map(self._accepts, states)))

    def _out(self, states: _States) -> Iterable[tuple[CharSet, _States]]:
        return partition(edge for state in states for edge in self._edges(state))

    def _edges(self, state: _State) -> Iterator[tuple[CharSet, _State]]:
        if state == _OUTSIDE:
            for start in self._starts(0):
                yield from self._digits(start)
            for start in self._starts(1):
                yield chars("-"), start
        elif state.read < state.whole:
            yield from self._digits(state)
        elif state.fraction < 0:
            if self._decimals and state.whole < DIGITS:
                yield chars("."), state._replace(fraction=0)
        elif state.fraction < min(self._decimals, DIGITS - state.whole):
            yield from self._digits(state)

    def _starts(self, side: int) -> Iterator[_State]:
        bounds = self._sides[side]
        if bounds is None:
            return
        low, high = bounds
        shortest = len(low.whole)
        longest = len(high.whole) if high else max(shortest + 1, DIGITS)
        for whole in range(shortest, longest + 1):
            above = 1 if whole > shortest else 0
            below = 0 if high and whole == len(high.whole) else -1
            yield _State(side, whole, 0, -1, above, below)

    def _digits(self, state: _State) -> Iterator[tuple[CharSet, _State]]:
        bounds = self._sides[state.side]
        low, high = bounds or (None, None)
        fraction = state.fraction >= 0
        at = state.fraction if fraction else state.read
        moved = state._replace(fraction=at + 1) if fraction else state._replace(read=at + 1)
        first = 1 if state.whole > 1 and state.read == 0 else 0
        if (state.low or low is None) and (state.high or high is None):
            yield span(str(first), "9"), moved
            return
        for digit in range(first, 10):
            above = state.low or _compare(digit, low, at, fraction=fraction)
            below = state.high or _compare(digit, high, at, fraction=fraction)
            if above >= 0 and below <= 0:
                yield chars(str(digit)), moved._replace(low=above, high=below)

    def _accepts(self, state: _State) -> bool:
        bounds = self._sides[state.side] if state.side >= 0 else None
        if bounds is None or state.read < state.whole or state.fraction == 0:
            return False
        low, high = bounds
        more = max(state.fraction, 0)
        if state.low == 0 and (low.open or low.fraction[more:].strip("0")):
            return False
        rest = high is not None and high.fraction[more:].strip("0")
        return state.high < 0 or high is None or bool(rest) or not high.open


def _side(bounds: Range, *, positive: bool = False) -> tuple[_Bound, _Bound | None] | None:
    """The part of a range that is not negative (or positive), if there is one."""
    low = _Bound("0", "", positive)
    if bounds.low is not None and bounds.low >= 0 and not (positive and bounds.low == 0):
        low = _bound(bounds.low, bounds.open_low)
    if bounds.high is None:
        return low, None
    return None if bounds.high < 0 else (low, _bound(bounds.high, bounds.open_high))


def _bound(value: Decimal, is_open: bool) -> _Bound:  # noqa: FBT001
    whole, _, fraction = f"{value:f}".lstrip("-").partition(".")
    return _Bound(whole.lstrip("0") or "0", fraction, is_open)


def _compare(digit: int, bound: _Bound | None, at: int, *, fraction: bool) -> int:
    if bound is None:
        return 0
    digits = bound.fraction if fraction else bound.whole
    other = int(digits[at]) if at < len(digits) else 0
    return (digit > other) - (digit < other)


def _multiples(of: int) -> Dfa:
    """Whole numbers that `of` divides; a state is the remainder so far, or where the number begins."""

    def out(state: int) -> Iterable[tuple[CharSet, int]]:
        if state == _SIGN:
            yield chars("-"), _DIGITS
        remainder = max(state, 0)
        for digit in range(10):
            yield chars(str(digit)), (10 * remainder + digit) % of

    return explore(_SIGN, out, lambda state: state == 0)


_SIGN: Final = -2
_DIGITS: Final = -1
