"""Finite automata over characters: patterns, formats and ranges of numbers become one, and it becomes rules.

Deterministic ones make good rules: llama.cpp follows every way a text can be read at once, and here there is only one.
Everything is bounded, since a caller writes the patterns.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from desktop.errors import DesktopError
from desktop.inference.grammar.characters import EVERY, CharSet, chars, difference, intersection, union

MAX_STATES: Final = 1024
MAX_NFA_STATES: Final = 8192
MAX_WORK: Final = 60_000
"""Edges looked at while a caller's patterns are made deterministic; a second at most."""

BEGIN: Final[CharSet] = ((0x110000, 0x110000),)
END: Final[CharSet] = ((0x110001, 0x110001),)
"""Characters that stand for the borders of a text, so that anchors can be anywhere in a pattern."""

S = TypeVar("S", bound=Hashable)


class TooComplex(DesktopError):
    """An automaton has more states than its rules could reasonably have."""


class Work:
    """How much more may be done for one caller."""

    def __init__(self) -> None:
        self._left = MAX_WORK

    def spend(self, edges: int) -> None:
        """Raises TooComplex when it has all been done."""
        self._left -= edges
        if self._left < 0:
            raise TooComplex("all patterns together are too complex")


@dataclass(frozen=True, slots=True)
class Dfa:
    """State 0 is the start. The edges of a state do not overlap; from every state an accepting one can be reached."""

    edges: tuple[tuple[tuple[CharSet, int], ...], ...]
    accepting: frozenset[int]

    @property
    def empty(self) -> bool:
        """Whether no text at all is accepted."""
        return not self.accepting

    def accepts(self, text: str) -> bool:
        state = 0
        for each in map(ord, text):
            reached = [to for ranges, to in self.edges[state] if any(low <= each <= high for low, high in ranges)]
            if not reached:
                return False
            state = reached[0]
        return state in self.accepting


class Nfa:
    """Built state by state, then made deterministic."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._edges: list[list[tuple[CharSet, int]]] = []
        self._free: list[list[int]] = []

    def state(self) -> int:
        if len(self._edges) >= MAX_NFA_STATES:
            raise TooComplex("it is too complex")
        self._edges.append([])
        self._free.append([])
        return len(self._edges) - 1

    def edge(self, source: int, ranges: CharSet, target: int) -> None:
        self._edges[source].append((ranges, target))

    def free(self, source: int, target: int) -> None:
        """Goes from one to the other without a character."""
        self._free[source].append(target)

    def searched(self, start: int, accept: int) -> Dfa:
        """The texts in which something between `start` and `accept` is found, its anchors at their borders."""
        first, last = self.state(), self.state()
        anything = union(EVERY, BEGIN, END)
        self.edge(first, anything, first)
        self.free(first, start)
        self.free(accept, last)
        self.edge(last, anything, last)
        return explore(
            self._border(self._closed([first]), BEGIN), self._out, lambda states: last in self._border(states, END)
        )

    def _border(self, states: frozenset[int], border: CharSet) -> frozenset[int]:
        """Past a border of the text, which several anchors in a row may ask for."""
        once = self._moved(states, border)
        twice = self._moved(once, border)
        return once | twice | self._moved(twice, border)

    def _closed(self, states: Iterable[int]) -> frozenset[int]:
        found, todo = set(states), list(states)
        while todo:
            for target in self._free[todo.pop()]:
                if target not in found:
                    found.add(target)
                    todo.append(target)
        return frozenset(found)

    def _moved(self, states: frozenset[int], over: CharSet) -> frozenset[int]:
        return self._closed([to for state in states for ranges, to in self._edges[state] if intersection(ranges, over)])

    def _out(self, states: frozenset[int]) -> list[tuple[CharSet, frozenset[int]]]:
        leaving = [(intersection(ranges, EVERY), to) for state in states for ranges, to in self._edges[state]]
        self._work.spend(len(states) + len(leaving))
        return [(ranges, self._closed(targets)) for ranges, targets in partition(leaving)]


def partition(edges: Iterable[tuple[CharSet, S]]) -> list[tuple[CharSet, frozenset[S]]]:
    """Ranges that do not overlap, each with all that its characters lead to."""
    edges = list(edges)
    borders = sorted({border for ranges, _ in edges for low, high in ranges for border in (low, high + 1)})
    grouped: dict[frozenset[S], list[tuple[int, int]]] = {}
    for low, after in itertools.pairwise(borders):
        targets = frozenset(to for ranges, to in edges if any(a <= low <= b for a, b in ranges))
        if targets:
            grouped.setdefault(targets, []).append((low, after - 1))
    return [(union(ranges), targets) for targets, ranges in grouped.items()]


def explore(
    start: S, out: Callable[[S], Iterable[tuple[CharSet, S]]], accepts: Callable[[S], bool], limit: int = MAX_STATES
) -> Dfa:
    """The automaton of everything that can be reached from `start`, without what leads nowhere. Raises TooComplex."""
    numbers, todo = {start: 0}, deque([start])
    edges: list[list[tuple[CharSet, int]]] = []
    accepting = set()
    while todo:
        state = todo.popleft()
        if accepts(state):
            accepting.add(numbers[state])
        leaving = []
        for ranges, target in out(state):
            if target not in numbers:
                if len(numbers) >= limit:
                    raise TooComplex("it is too complex")
                numbers[target] = len(numbers)
                todo.append(target)
            leaving.append((ranges, numbers[target]))
        edges.append(leaving)
    return _trimmed(edges, accepting)


def _trimmed(edges: list[list[tuple[CharSet, int]]], accepting: set[int]) -> Dfa:
    """Only states from which an accepting one can be reached; the start stays."""
    before: list[list[int]] = [[] for _ in edges]
    for state, leaving in enumerate(edges):
        for _, target in leaving:
            before[target].append(state)
    alive, todo = set(accepting), list(accepting)
    while todo:
        for state in before[todo.pop()]:
            if state not in alive:
                alive.add(state)
                todo.append(state)
    kept = {0: 0} | {state: at for at, state in enumerate(sorted(alive - {0}), 1)}
    return Dfa(
        tuple(tuple((ranges, kept[to]) for ranges, to in edges[state] if to in alive) for state in kept),
        frozenset(kept[state] for state in accepting),
    )


def both(left: Dfa, right: Dfa, work: Work, limit: int = MAX_STATES) -> Dfa:
    """The texts that both accept."""

    def out(state: tuple[int, int]) -> Iterable[tuple[CharSet, tuple[int, int]]]:
        work.spend(len(left.edges[state[0]]) * len(right.edges[state[1]]))
        for ranges, to in left.edges[state[0]]:
            for others, other in right.edges[state[1]]:
                if common := intersection(ranges, others):
                    yield common, (to, other)

    return explore((0, 0), out, lambda state: state[0] in left.accepting and state[1] in right.accepting, limit)


def opposite(of: Dfa) -> Dfa:
    """The texts that `of` does not accept."""
    sink = len(of.edges)

    def out(state: int) -> Iterable[tuple[CharSet, int]]:
        leaving = () if state == sink else of.edges[state]
        yield from leaving
        if rest := difference(EVERY, union(*(ranges for ranges, _ in leaving))):
            yield rest, sink

    return explore(0, out, lambda state: state not in of.accepting)


def length(low: int, high: int | None) -> Dfa:
    """Texts of so many characters."""

    def out(count: int) -> Iterable[tuple[CharSet, int]]:
        if high is None or count < high:
            yield EVERY, count + 1 if high is not None else min(count + 1, low)

    return explore(0, out, lambda count: count >= low, limit=16 * MAX_STATES)


def words(texts: Iterable[str]) -> Dfa:
    """Exactly these texts."""
    known = frozenset(texts)
    starts = {text[:end] for text in known for end in range(len(text) + 1)} | {""}
    following: dict[str, list[str]] = {start: [] for start in starts}
    for start in starts - {""}:
        following[start[:-1]].append(start)

    def out(start: str) -> Iterable[tuple[CharSet, str]]:
        return ((chars(longer[-1]), longer) for longer in sorted(following[start]))

    return explore("", out, lambda start: start in known, limit=16 * MAX_STATES)
