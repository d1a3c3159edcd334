"""Strings and numbers that a schema describes, as rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from desktop.inference.grammar import automata, numbers, regexes, strings
from desktop.inference.grammar.automata import Dfa, TooComplex
from desktop.inference.grammar.json_text import JsonRules
from desktop.inference.grammar.numbers import DIGITS, Range
from desktop.inference.grammar.refusal import Leave, Path, SchemaRefused
from desktop.inference.grammar.regexes import PatternRefused
from desktop.inference.grammar.rules import Rule

MAX_COUNT: Final = 4096
"""Of characters or items; a longer maximum is as good as this one."""

MAX_MULTIPLE: Final = 128
_MAX_DIGITS: Final = 20

Schema = Mapping[str, Any]


def counts(schema: Schema, path: Path, noun: str) -> tuple[int, int | None]:
    """`minLength` and `maxLength`, or the same of items; the maximum is capped."""
    low, high = _count(schema, f"min{noun}", path), _count(schema, f"max{noun}", path)
    if low is not None and low > MAX_COUNT:
        raise SchemaRefused((*path, f"min{noun}"), f"at most {MAX_COUNT} is supported")
    if low is not None and high is not None and high < low:
        raise SchemaRefused((*path, f"max{noun}"), f"it is less than 'min{noun}'")
    return low or 0, None if high is None else min(high, MAX_COUNT)


def _count(schema: Schema, keyword: str, path: Path) -> int | None:
    value = schema.get(keyword)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise SchemaRefused((*path, keyword), "expected a whole number that is not negative")
    return value


def string(json: JsonRules, schema: Schema, path: Path, leave: Leave) -> Rule:
    if not schema.keys() & {"pattern", "format"}:
        low, high = counts(schema, path, "Length")
        return json.counted_string(low, high) if low or high is not None else json.string
    found = described(json, schema, path, leave)
    return json.string if found is None else json.matching_string(found)


def described(json: JsonRules, schema: Schema, path: Path, leave: Leave) -> Dfa | None:
    """The texts that satisfy all keywords of strings; None if there is no condition."""
    low, high = counts(schema, path, "Length")
    found: Dfa | None = None
    for keyword, read in (("pattern", _pattern), ("format", _format)):
        if keyword in schema:
            other = read(json, schema[keyword], (*path, keyword), leave)
            found = _and(json, found, other, (*path, keyword), leave)
    if low or high is not None:
        keyword = "maxLength" if low == 0 else "minLength"
        found = _and(json, found, automata.length(low, high), (*path, keyword), leave)
    if found is not None and found.empty:
        raise SchemaRefused(path, "no text satisfies all of its keywords together")
    return found


def _pattern(json: JsonRules, value: Any, path: Path, leave: Leave) -> Dfa | None:
    if not isinstance(value, str):
        raise SchemaRefused(path, "expected a pattern, which is a string")
    try:
        return regexes.automaton(value, json.grammar.work)
    except (PatternRefused, TooComplex) as problem:
        leave(path, f"this pattern is not supported: {problem}")
        return None


def _format(_json: JsonRules, value: Any, path: Path, leave: Leave) -> Dfa | None:
    if not isinstance(value, str):
        raise SchemaRefused(path, "expected the name of a format")
    if not strings.known(value):
        leave(path, f"the format '{value[:64]}' is not supported")
        return None
    return strings.automaton(value)


def _and(json: JsonRules, left: Dfa | None, right: Dfa | None, path: Path, leave: Leave) -> Dfa | None:
    """What both accept; None is no condition."""
    if left is None or right is None:
        return left or right
    try:
        return automata.both(left, right, json.grammar.work)
    except TooComplex as problem:
        leave(path, f"together with the other conditions of this string, {problem}")
        return left


def integer(json: JsonRules, schema: Schema, path: Path, leave: Leave) -> Rule:
    bounds = _range(schema, path, decimals=0)
    multiple = _number(schema, "multipleOf", path)
    step = 1
    if multiple is not None:
        if multiple <= 0:
            raise SchemaRefused((*path, "multipleOf"), "expected a number above 0")
        if 1 / multiple % 1 == 0:
            multiple = Decimal(1)
        if multiple % 1 or multiple > MAX_MULTIPLE:
            leave((*path, "multipleOf"), f"of integers only whole numbers up to {MAX_MULTIPLE} are supported")
        else:
            step = int(multiple)
    return _numeric(json, bounds, step, path, leave) if _bounded(bounds) or step > 1 else json.integer


def number(json: JsonRules, schema: Schema, path: Path, leave: Leave) -> Rule:
    multiple = _number(schema, "multipleOf", path)
    if multiple is None:
        bounds = _range(schema, path, decimals=DIGITS)
        return _numeric(json, bounds, 1, path, leave) if _bounded(bounds) else json.number
    if multiple > 0 and multiple % 1 == 0:
        return integer(json, schema, path, leave)
    sign, digits, exponent = multiple.normalize().as_tuple()
    if sign or digits != (1,) or not isinstance(exponent, int) or not -DIGITS < exponent < 0:
        leave((*path, "multipleOf"), "of numbers only whole ones and 0.1, 0.01, … are supported")
        exponent = -DIGITS
    return _numeric(json, _range(schema, path, decimals=-int(exponent)), 1, path, leave)


def _numeric(json: JsonRules, bounds: Range, multiple: int, path: Path, leave: Leave) -> Rule:
    try:
        found = numbers.automaton(bounds, multiple)
    except TooComplex:
        leave((*path, "multipleOf"), "it is too complex together with the other conditions of this number")
        found = numbers.automaton(bounds)
    if found.empty:
        raise SchemaRefused(path, f"no number of up to {DIGITS} digits satisfies all of its keywords together")
    return json.grammar.automaton(found, ())


def _bounded(bounds: Range) -> bool:
    return bounds.low is not None or bounds.high is not None


def _range(schema: Schema, path: Path, *, decimals: int) -> Range:
    low, high = _number(schema, "minimum", path), _number(schema, "maximum", path)
    above = _exclusive(schema, "exclusiveMinimum", low, path)
    below = _exclusive(schema, "exclusiveMaximum", high, path)
    open_low = above is not None and (low is None or above >= low)
    open_high = below is not None and (high is None or below <= high)
    return Range(above if open_low else low, below if open_high else high, open_low, open_high, decimals)


def _exclusive(schema: Schema, keyword: str, bound: Decimal | None, path: Path) -> Decimal | None:
    """In draft 4 this is a flag beside the bound, since then a bound of its own."""
    value = schema.get(keyword)
    if isinstance(value, bool):
        return bound if value else None
    return _number(schema, keyword, path)


def _number(schema: Schema, keyword: str, path: Path) -> Decimal | None:
    value = schema.get(keyword)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SchemaRefused((*path, keyword), "expected a number")
    exact = Decimal(repr(value))
    if exact and not -_MAX_DIGITS <= exact.adjusted() <= _MAX_DIGITS:
        raise SchemaRefused((*path, keyword), f"only numbers of up to {_MAX_DIGITS} digits are supported")
    return exact
