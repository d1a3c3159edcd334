"""Reading the fields of a caller's JSON: types and ranges, with OpenAI's words for what is wrong. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from desktop.errors import DesktopError


class ParameterRefused(DesktopError):
    """The request cannot be served as it is. `param` names the field, `code` is OpenAI's word for what is wrong."""

    def __init__(self, message: str, param: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.code = code


def json_object(body: bytes) -> dict[str, Any]:
    """The body's fields without those that are `null`, which are as good as absent."""
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ParameterRefused(
            f"The body of the request is not valid JSON: {error}.", "body", "invalid_json"
        ) from error
    if not isinstance(fields, dict):
        raise ParameterRefused("The body of the request must be a JSON object.", "body", "invalid_json")
    return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Range:
    """What a number may be."""

    low: float
    high: float
    whole: bool = False

    def read(self, value: Any, named: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            raise wrong_type(named, "an integer" if self.whole else "a number", value)
        noun = "integer" if self.whole else "decimal"
        if value < self.low:
            raise ParameterRefused(
                f"Invalid '{named}': {noun} below minimum value. Expected a value >= {self.low:g}.",
                named,
                f"{noun}_below_min_value",
            )
        if not value <= self.high:
            raise ParameterRefused(
                f"Invalid '{named}': {noun} above maximum value. Expected a value <= {self.high:g}.",
                named,
                f"{noun}_above_max_value",
            )
        return value


def number(fields: dict[str, Any], name: str, default: float, low: float, high: float) -> float:
    return float(Range(low, high).read(fields[name], name)) if name in fields else default


def integer(fields: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    return int(Range(low, high, whole=True).read(fields[name], name)) if name in fields else default


def boolean(fields: dict[str, Any], name: str) -> bool:
    """False where it is absent."""
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise wrong_type(name, "a boolean", value)
    return value


def missing(named: str) -> ParameterRefused:
    return ParameterRefused(f"Missing required parameter: '{named}'.", named, "missing_required_parameter")


def unsupported(named: str) -> ParameterRefused:
    return ParameterRefused(
        f"Unsupported parameter: '{named[:64]}' is not supported with this model.", named[:64], "unsupported_parameter"
    )


def wrong_type(named: str, expected: str, value: Any) -> ParameterRefused:
    names = {
        type(None): "null",
        bool: "a boolean",
        int: "an integer",
        float: "a decimal",
        str: "a string",
        list: "an array",
    }
    got = names.get(type(value), "an object")
    return ParameterRefused(
        f"Invalid type for '{named}': expected {expected}, but got {got} instead.", named, "invalid_type"
    )
