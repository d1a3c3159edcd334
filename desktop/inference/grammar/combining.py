"""Two schemas that hold at once as one, and two of which at most one can hold. Pure functions over schemas as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
Resolve = Callable[[Schema], Any]
"""A schema without its reference, as far as that can be followed."""

_LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_UNITED: Final = ("anyOf", "oneOf")
_DEPTH: Final = 4


class CannotCombine(Exception):
    """What two schemas say of one keyword cannot be said in one schema."""

    def __init__(self, keyword: str) -> None:
        super().__init__(keyword)
        self.keyword = keyword


def combined(left: Schema, right: Schema) -> dict[str, Any]:
    """The schema of what both allow; both are free of references. Raises CannotCombine."""
    merged = dict(left)
    for keyword, value in right.items():
        if keyword not in merged or merged[keyword] == value:
            merged[keyword] = value
        else:
            merged[keyword] = _both(keyword, merged[keyword], value)
    for one, other in ((left, right), (right, left)):
        if "additionalProperties" in one and set(other.get("properties", ())) - set(one.get("properties", ())):
            raise CannotCombine("additionalProperties")
    return merged


def _both(keyword: str, left: Any, right: Any) -> Any:
    try:
        if keyword in _LEAST:
            return max(left, right)
        if keyword in _MOST:
            return min(left, right)
        if keyword == "required":
            return [*left, *(name for name in right if name not in left)]
        if keyword == "enum":
            return [value for value in left if value in right]
        if keyword == "type":
            return _types(left, right)
        if keyword == "properties":
            return left | {
                name: {"allOf": [left[name], schema]} if name in left else schema for name, schema in right.items()
            }
        if keyword in {"items", "additionalProperties"}:
            return {"allOf": [left, right]}
    except TypeError:
        pass
    raise CannotCombine(keyword)


def _types(left: Any, right: Any) -> list[str]:
    lefts, rights = _named(left), _named(right)
    kept = [name for name in lefts if name in rights or (name == "integer" and "number" in rights)]
    return kept + [name for name in rights if name == "integer" and "number" in lefts and name not in kept]


def _named(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


def disjoint(left: Any, right: Any, resolve: Resolve, depth: int = 0) -> bool:
    """Whether it is plain that no value satisfies both."""
    if not isinstance(left, Mapping) or not isinstance(right, Mapping) or depth > _DEPTH:
        return False
    left, right = resolve(left), resolve(right)
    if not isinstance(left, Mapping) or not isinstance(right, Mapping):
        return False
    lefts, rights = _values(left), _values(right)
    if lefts is not None and rights is not None:
        return not any(value == other and type(value) is type(other) for value in lefts for other in rights)
    if "type" in left and "type" in right and not _types(left["type"], right["type"]):
        return True
    return _apart(left, right, resolve, depth) or _apart(right, left, resolve, depth)


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _apart(left: Schema, right: Schema, resolve: Resolve, depth: int) -> bool:
    """Two kinds of object: one needs a key that the other gives another meaning, or none at all."""
    if left.get("type") != "object" or right.get("type") != "object":
        return False
    theirs = right.get("properties", {})
    for name in left.get("required", ()):
        if name not in theirs:
            if right.get("additionalProperties") is False:
                return True
        elif name in right.get("required", ()):
            ours = left.get("properties", {})
            if name in ours and disjoint(ours[name], theirs[name], resolve, depth + 1):
                return True
    return False
