"""A grammar as rules, its text for llama.cpp, and what it would cost there.

llama.cpp keeps every way of reading a text as a stack of its own, and expands rules from the left without memory. So a
grammar must be checked before it gets there: none that begins with itself, none that cannot end, none with too many
ways to begin. Rules that are the same are one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from desktop.errors import DesktopError
from desktop.inference.grammar.automata import Dfa, Work
from desktop.inference.grammar.characters import CharSet

MAX_RULES: Final = 12_000
MAX_BYTES: Final = 512 * 1024
MAX_WAYS: Final = 200_000
"""Ways to begin, over all rules: what llama.cpp walks through when it takes the grammar."""


class GrammarRefused(DesktopError):
    """This grammar is too large, or one that cannot be followed."""


class Rule(NamedTuple):
    """A reference to a rule."""

    number: int


Term = str | CharSet | Rule
"""Text as it is, one of some characters, or what a rule says. (A rule is a tuple too, but of one number.)"""
Alternative = tuple[Term, ...]
Spell = Callable[[CharSet], Sequence[tuple[Term, ...]]]
"""How the characters of an automaton are written: as alternatives, together all of them."""


def plainly(ranges: CharSet) -> Sequence[tuple[Term, ...]]:
    return [(ranges,)]


class Grammar:
    """Rules under construction. Raises GrammarRefused when there are too many."""

    def __init__(self) -> None:
        self.work = Work()
        self._rules: list[tuple[Alternative, ...]] = []
        self._known: dict[tuple[Alternative, ...], Rule] = {}
        self._counted: dict[tuple[Term, int, int | None], Rule] = {}

    # --- construction ---

    def rule(self, *alternatives: Alternative) -> Rule:
        """A rule of these alternatives: a new one, or the same one as before."""
        known = self._known.get(alternatives)
        if known is None:
            known = self._known[alternatives] = self.reserve()
            self._rules[known.number] = alternatives
        return known

    def reserve(self) -> Rule:
        """A rule that is defined later, so that others, and it itself, can refer to it."""
        if len(self._rules) >= MAX_RULES:
            raise GrammarRefused(f"it needs more than {MAX_RULES} rules")
        self._rules.append(())
        return Rule(len(self._rules) - 1)

    def define(self, rule: Rule, *alternatives: Alternative) -> None:
        self._rules[rule.number] = alternatives

    def automaton(self, dfa: Dfa, *ends: Alternative, spell: Spell = plainly) -> Rule:
        """Texts that an automaton accepts, followed by one of `ends`."""
        states = [self.reserve() for _ in dfa.edges]
        for state, leaving in enumerate(dfa.edges):
            alternatives = [(*way, states[to]) for ranges, to in leaving for way in spell(ranges)]
            self.define(states[state], *alternatives, *(ends if state in dfa.accepting else ()))
        return states[0]

    def between(self, term: Term, low: int, high: int | None) -> Rule:
        """A term so many times. Each count is built on the one below it, once for all."""
        counts = [(low, high)]
        while (term, *counts[-1]) not in self._counted:
            low, high = counts[-1]
            if low or high:
                counts.append((max(low - 1, 0), None if high is None else high - 1))
            else:
                self._counted[term, low, high] = self._any_number_of(term) if high is None else self.rule(())
        rule = self._counted[term, *counts.pop()]
        for low, high in reversed(counts):
            rule = self.rule((term, rule)) if low else self.rule((), (term, rule))
            self._counted[term, low, high] = rule
        return rule

    def _any_number_of(self, term: Term) -> Rule:
        rule = self.reserve()
        self.define(rule, (), (term, rule))
        return rule

    # --- the result ---

    def text(self, root: Rule) -> str:
        """The grammar in llama.cpp's notation. Raises GrammarRefused."""
        order = self._reachable(root)
        self._refuse_endless(order, root)
        self._refuse_wide(order)
        names = {rule: f"r{at}" for at, rule in enumerate(order)} | {root.number: "root"}
        text = "\n".join(f"{names[rule]} ::= {self._right_side(rule, names)}" for rule in order)
        if len(text.encode()) > MAX_BYTES:
            raise GrammarRefused(f"it needs more than {MAX_BYTES // 1024} KiB of rules")
        return text

    def _right_side(self, rule: int, names: dict[int, str]) -> str:
        return " | ".join(
            " ".join(names[term.number] if isinstance(term, Rule) else _written(term) for term in alternative) or '""'
            for alternative in self._rules[rule]
        )

    def _reachable(self, root: Rule) -> list[int]:
        found, todo = {root.number: None}, [root.number]
        while todo:
            for alternative in self._rules[todo.pop()]:
                for term in alternative:
                    if isinstance(term, Rule) and term.number not in found:
                        found[term.number] = None
                        todo.append(term.number)
        return list(found)

    # --- checks ---

    def _refuse_endless(self, order: list[int], root: Rule) -> None:
        """Every rule can come to an end, or a model that entered it could only go on for ever."""
        finite = self._least(order, lambda term, known: not isinstance(term, Rule) or term.number in known)
        if root.number not in finite or len(finite) < len(order):
            raise GrammarRefused("it can only be satisfied by something without end")

    def _refuse_wide(self, order: list[int]) -> None:
        empty = self._least(order, lambda term, known: term == "" or (isinstance(term, Rule) and term.number in known))
        lefts = {rule: list(self._lefts(rule, empty)) for rule in order}
        ways: dict[int, int] = {}
        for start in order:
            todo = [(start, False)]
            entered: set[int] = set()
            while todo:
                rule, done = todo.pop()
                if done:
                    entered.discard(rule)
                    ways[rule] = 1 + sum(ways[left] for left in lefts[rule])
                elif rule not in ways:
                    if rule in entered:
                        raise GrammarRefused("it refers to itself without anything in between")
                    entered.add(rule)
                    todo.append((rule, True))
                    todo.extend((left, False) for left in lefts[rule] if left not in ways)
                    if any(left in entered for left in lefts[rule]):
                        raise GrammarRefused("it refers to itself without anything in between")
        if sum(ways.values()) > MAX_WAYS:
            raise GrammarRefused("it has too many ways to begin")

    def _lefts(self, rule: int, empty: set[int]) -> list[int]:
        """Rules that what this one says can begin with."""
        found = []
        for alternative in self._rules[rule]:
            for term in alternative:
                if isinstance(term, Rule):
                    found.append(term.number)
                if not (term == "" or (isinstance(term, Rule) and term.number in empty)):
                    break
        return found

    def _least(self, order: list[int], holds: Callable[[Term, set[int]], bool]) -> set[int]:
        """The rules with an alternative all of whose terms hold, given the rules that do."""
        users: dict[int, list[int]] = {}
        for rule in order:
            for alternative in self._rules[rule]:
                for term in alternative:
                    if isinstance(term, Rule):
                        users.setdefault(term.number, []).append(rule)
        known: set[int] = set()
        todo = list(reversed(order))
        while todo:
            rule = todo.pop()
            if rule not in known and any(all(holds(term, known) for term in each) for each in self._rules[rule]):
                known.add(rule)
                todo.extend(users.get(rule, ()))
        return known


def _written(term: str | CharSet) -> str:
    if isinstance(term, str):
        return '"' + "".join(_LITERAL.get(each, each) for each in term) + '"'
    return "[" + "".join(_code(low) if low == high else f"{_code(low)}-{_code(high)}" for low, high in term) + "]"


def _code(point: int) -> str:
    if 0x30 <= point < 0x7F and chr(point).isalnum():
        return chr(point)
    return f"\\x{point:02X}" if point < 0x100 else f"\\U{point:08X}"


_LITERAL: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"} | {
    chr(point): f"\\x{point:02X}" for point in range(1, 32) if chr(point) not in "\n\r\t"
}
