"""A verb's answer, as people read it or as JSON. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

NANO = 1_000_000_000
"""Nano-dollars in a dollar."""

Row = dict[str, Any]


def render(output: Row | list[Row], *, as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode(output).decode() + "\n"
    if isinstance(output, dict):
        output = dict(_for_people(name, value) for name, value in output.items())
        width = max(map(len, output))
        return "".join(f"{name:<{width}}  {_shown(value)}\n" for name, value in output.items())
    return _table(output) if output else "None yet.\n"


def _table(rows: list[Row]) -> str:
    head = list(rows[0])
    cells = [head, *([_shown(row[name]) for name in head] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    return "".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in cells
    )


def _for_people(name: str, value: Any) -> tuple[str, object]:
    """A field whose name ends in its unit, as people read it; JSON keeps the number."""
    if name.endswith("_nano_usd"):
        return name.removesuffix("_nano_usd"), _dollars(value)
    if name.endswith("_ms"):
        return name.removesuffix("_ms"), _moment(value)
    return name, value


def _dollars(nano: int) -> str:
    """With cents, and smaller parts only where there are some."""
    whole, _, parts = f"{abs(nano) / Decimal(NANO):,.9f}".partition(".")
    return f"{'-' if nano < 0 else ''}${whole}.{parts.rstrip('0'):0<2}"


def _moment(at_ms: int) -> str:
    """By this computer's clock, with its distance from UTC: the person may sit somewhere else than the relay."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M UTC%z")


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)
