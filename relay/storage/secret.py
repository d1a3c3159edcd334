"""A value that must not reach a log, a traceback or a formatted string by accident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", str, bytes)


@dataclass(frozen=True, slots=True, repr=False)
class Secret(Generic[T]):
    """Prints as `***` in every form; `reveal()` is the one way to the value and easy to search for."""

    _value: T

    def reveal(self) -> T:
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"
