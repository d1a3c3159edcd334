"""Patterns as automata, against Python's own engine."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.inference.grammar import regexes
from desktop.inference.grammar.automata import Dfa, TooComplex, Work
from desktop.inference.grammar.numbers import Range
from desktop.inference.grammar.numbers import automaton as numbers
from desktop.inference.grammar.regexes import PatternRefused


def automaton(pattern: str) -> Dfa:
    return regexes.automaton(pattern, Work())


ATOMS = st.sampled_from(
    ["a", "b", "[ab]", "[^a]", ".", "\\.", "(a|b)", "(?:ab)", "(a|)", "\\x61", "-", "(b|^a)", "(a$|b)"]
)
PATTERNS = st.lists(
    st.builds(str.__add__, ATOMS, st.sampled_from(["", "", "*", "+", "?", "{2}", "{0,1}", "{1,}", "*?"])), max_size=5
).flatmap(
    lambda parts: st.sampled_from(["", "^"]).flatmap(
        lambda begin: st.sampled_from(["", "$"]).map(lambda end: begin + "".join(parts) + end)
    )
)


@given(pattern=st.one_of(PATTERNS, st.builds("{}|{}".format, PATTERNS, PATTERNS)), text=st.text("ab.-", max_size=6))
def test_a_pattern_is_found_where_python_finds_it(pattern: str, text: str) -> None:
    assert automaton(pattern).accepts(text) == (re.search(pattern.replace("$", r"\Z"), text) is not None)


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "[a",
        "a{3,2}",
        "*a",
        "a**",
        "(?=a)",
        "(?<!a)",
        "\\1",
        "\\b",
        "\\p{L}",
        "[b-a]",
        "\\",
        "a{9999}",
        "(" * 99,
    ],
)
def test_what_is_wrong_or_not_regular_is_refused(pattern: str) -> None:
    with pytest.raises(PatternRefused):
        automaton(pattern)


@pytest.mark.parametrize("pattern", ["^(a|b)*a(a|b){12}$", "(a{100}){100}", "((a{50}){50}){50}", "(.{0,1000}a){7}"])
def test_what_would_be_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(TooComplex):
        automaton(pattern)


def test_patterns_share_what_may_be_done_for_a_caller() -> None:
    work = Work()

    def again() -> None:
        for _ in range(500):
            regexes.automaton("^(.{0,9}a){2}$", work)

    with pytest.raises(TooComplex):
        again()


BOUND = st.decimals(-2000, 2000, places=2)


@given(
    low=st.none() | BOUND,
    high=st.none() | BOUND,
    open_low=st.booleans(),
    open_high=st.booleans(),
    value=st.decimals(-3000, 3000, places=3) | BOUND,
)
def test_a_number_is_accepted_where_it_lies_in_the_range(
    low: Decimal | None, high: Decimal | None, open_low: bool, open_high: bool, value: Decimal
) -> None:
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    above = low is None or value > low or (value == low and not open_low)
    below = high is None or value < high or (value == high and not open_high)
    found = numbers(Range(low, high, open_low, open_high))
    assert found.accepts(text if value else "0") == (above and below)


@pytest.mark.parametrize("text", ["", "-", "01", "1.", ".5", "-0", "1e3", "+1", "1.5.2"])
def test_what_is_no_number_is_never_accepted(text: str) -> None:
    assert not numbers(Range()).accepts(text)
