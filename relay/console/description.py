"""A PC's facts as rows for people. Pure. What it does not know it shows under the PC's own word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Row = tuple[str, str]
_MIB_PER_GIB: Final = 1024
_SHOWN_TOGETHER: Final = frozenset(
    {"cpu", "cores", "threads", "machine", "memory_mib", "gpu", "gpus", "gpu_memory_mib"}
)


def describe(facts: Mapping[str, Any], address: str) -> list[Row]:
    """Label and value; nothing the PC did not say."""
    hardware = facts.get("hardware")
    parts: Mapping[str, Any] = hardware if isinstance(hardware, dict) else {}
    rows = [
        ("System", str(facts.get("os", ""))),
        ("Nightjar", str(facts.get("app_version", ""))),
        ("Processor", _processor(parts)),
        ("Memory", _gib(parts.get("memory_mib"))),
        ("Graphics", _graphics(parts)),
        *((key.replace("_", " ").capitalize(), str(parts[key])) for key in parts if key not in _SHOWN_TOGETHER),
        ("Asks from", address),
    ]
    return [(label, value) for label, value in rows if value]


def _processor(parts: Mapping[str, Any]) -> str:
    counts = [f"{parts[word]} {word}" for word in ("cores", "threads") if isinstance(parts.get(word), int)]
    return _joined(str(parts.get("cpu") or parts.get("machine") or ""), *counts)


def _graphics(parts: Mapping[str, Any]) -> str:
    cards = parts.get("gpus")
    several = f"{cards} cards" if isinstance(cards, int) and cards > 1 else ""
    return _joined(str(parts.get("gpu", "")), _gib(parts.get("gpu_memory_mib")), several)


def _gib(mib: object) -> str:
    return f"{mib / _MIB_PER_GIB:.0f} GiB" if isinstance(mib, int | float) and 0 < mib < 2**40 else ""


def _joined(first: str, *others: str) -> str:
    return ", ".join(filter(None, (first, *others))) if first else ""
