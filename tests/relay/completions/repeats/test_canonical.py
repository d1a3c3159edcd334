"""Any change of a body changes its key; the order of its fields and its white space do not."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relay.completions.repeats.canonical import MOST_VALUES, NoKey, key_of

SCOPE = ("1", "model", "cloud,own")

numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=12,
)
bodies = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name not in {"stream", "stream_options"}), values, max_size=6
)


def key(body: Any, **how: Any) -> bytes:
    return key_of(json.dumps(body, **how).encode(), scope=SCOPE)


def shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(name, shuffled(each, chance)) for name, each in value.items()]
        chance.shuffle(items)
        return dict(items)
    return [shuffled(each, chance) for each in value] if isinstance(value, list) else value


@given(bodies, st.randoms(use_true_random=False))
def test_order_white_space_and_spelling_of_characters_do_not_matter(
    body: dict[str, Any], chance: random.Random
) -> None:
    other = shuffled(body, chance)

    assert key(other, indent=3, ensure_ascii=False) == key(body) if _is_text(body) else key(other) == key(body)
    assert key(other | {"stream": True, "stream_options": {"include_usage": True}}) == key(body)


def _is_text(body: Any) -> bool:
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@given(bodies, bodies)
def test_different_bodies_have_different_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    assume(json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True))

    assert key(one) != key(other)


def changed(value: Any, data: st.DataObject) -> Any:
    """`value` with one thing in it changed, somewhere."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(value)))
        return value | {name: changed(value[name], data)}
    if isinstance(value, list) and value and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(value) - 1))
        return [*value[:at], changed(value[at], data), *value[at + 1 :]]
    return data.draw(values.filter(lambda new: json.dumps(new, sort_keys=True) != json.dumps(value, sort_keys=True)))


@given(bodies, st.data())
def test_any_change_anywhere_changes_the_key(body: dict[str, Any], data: st.DataObject) -> None:
    assume(body)
    name = data.draw(st.sampled_from(sorted(body)))

    assert key(body | {name: changed(body[name], data)}) != key(body)
    assert key({each: value for each, value in body.items() if each != name}) != key(body)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":1}', b'{"a":1.0}'),
        (b'{"a":1}', b'{"a":"1"}'),
        (b'{"a":["n","1"]}', b'{"a":[1]}'),
        (b'{"a":[]}', b'{"a":{}}'),
        (b'{"a":null}', b"{}"),
        (b'{"a":false}', b'{"a":0}'),
        (b'{"a":18446744073709551617}', b'{"a":18446744073709551618}'),
        (b'{"a":0.1}', b'{"a":0.10000000000000001}'),
        (b'{"a":["x","y"]}', b'{"a":["y","x"]}'),
        (b'{"a":"\\ud83d"}', b'{"a":"\\ud83d\\ude00"}'),
        (b'{"a":{"stream":true}}', b'{"a":{"stream":false}}'),
    ],
)
def test_near_twins_are_told_apart(one: bytes, other: bytes) -> None:
    assert key_of(one, scope=SCOPE) != key_of(other, scope=SCOPE)


def test_whatever_stands_elsewhere_and_matters_is_part_of_the_key() -> None:
    scopes = [("1", "model", "cloud"), ("2", "model", "cloud"), ("1", "other", "cloud"), ("1", "model", "own")]
    joined = [("1model", "cloud"), ("1", "modelcloud")]

    assert len({key_of(b"{}", scope=scope) for scope in scopes + joined}) == 6


@pytest.mark.parametrize(
    "body",
    [
        b'{"temperature":0,"temperature":1}',
        b'{"messages":[{"role":"user","role":"system"}]}',
        b'{"a":NaN}',
        b"[]",
        b"{",
        b"\xff",
        b'{"a":[' + b"1," * MOST_VALUES + b"1]}",
    ],
)
def test_what_is_not_plainly_one_question_has_no_key(body: bytes) -> None:
    with pytest.raises(NoKey):
        key_of(body, scope=SCOPE)
