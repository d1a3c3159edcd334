"""The key of an answer: equal for calls that ask the same of the same, different for all others. Pure.

Two bodies are the same if they are as JSON: order of fields, white space and the spelling of characters do not count.
Numbers count as they are spelt, so `1` and `1.0` differ: some upstream may tell them apart. `stream` and
`stream_options` say only how an answer is written down.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any, Final

HOW_NOT_WHAT: Final = frozenset({"stream", "stream_options"})

MOST_VALUES: Final = 20_000
"""A body of more is not looked at: to walk through it would hold up everybody else's calls for 20 ms."""


class NoKey(Exception):
    """This body has no key: it is too large, or says one thing twice, and upstreams differ in what they then hear."""


class _Number(str):
    """A number as it was spelt."""

    __slots__ = ()


def key_of(body: bytes, *, scope: Iterable[str]) -> bytes:
    """The key of a body that is one JSON object. `scope` is what can change the answer and stands elsewhere.

    Raises:
        NoKey: there is none.
    """
    if body.count(b",") + body.count(b"[") > MOST_VALUES:
        raise NoKey
    try:
        fields = _read(body)
    except (ValueError, RecursionError) as error:
        raise NoKey from error
    digest = hashlib.sha256()
    for part in scope:
        _text(part, digest.update)
    for name in HOW_NOT_WHAT:
        fields.pop(name, None)
    _value(fields, digest.update)
    return digest.digest()


def _read(body: bytes) -> dict[str, Any]:
    fields = json.loads(
        body, object_pairs_hook=_unique, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant
    )
    if not isinstance(fields, dict):
        raise NoKey
    return fields


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise NoKey
    return fields


def _no_constant(_: str) -> None:
    raise NoKey


def _value(value: Any, write: Callable[[bytes], object]) -> None:
    """Every value begins with its kind, and says where it ends: no two values are written alike."""
    kind = type(value)
    if kind is str:
        _text(value, write)
    elif kind is _Number:
        write(b"n%b;" % value.encode())
    elif kind is dict:
        write(b"{%d;" % len(value))
        for name in sorted(value):
            _text(name, write)
            _value(value[name], write)
    elif kind is list:
        write(b"[%d;" % len(value))
        for item in value:
            _value(item, write)
    else:
        write({None: b"0", True: b"+", False: b"-"}[value])


def _text(text: str, write: Callable[[bytes], object]) -> None:
    data = text.encode("utf-8", "surrogatepass")
    write(b"s%d;" % len(data))
    write(data)
