"""What verbs print: tables and bars for people, JSON for programs, CSV for spreadsheets. Pure but for `Bar`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from desktop.agent.sharing.words import countdown
from desktop.agent.sheets import NANO, csv_text
from desktop.models.errors import gigabytes
from desktop.system.files import write_asked_for

_WIDTH: Final = 24


def say_json(value: object) -> None:
    """One JSON object on standard output."""
    print(msgspec.json.encode(value, enc_hook=str).decode(), flush=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they need to be."""
    lines = [tuple(head), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def dollars(nano: float) -> str:
    """Cents where there are any; below, as many digits as show that something came in."""
    amount = nano / NANO
    if amount == 0 or abs(amount) >= 0.01:
        return f"${amount:,.2f}"
    return f"${amount:.6f}" if abs(amount) >= 0.000001 else f"${amount:.9f}"


def bar(done: int, size: int) -> str:
    """`[#####...................]  21 %`."""
    share = min(done / size, 1.0) if size else 1.0
    filled = int(share * _WIDTH)
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {int(share * 100):>3} %"


def progress(done: int, size: int, bytes_per_s: float, left_s: float | None) -> str:
    """A bar with its figures."""
    text = f"{bar(done, size)}  {gigabytes(done)} of {gigabytes(size)}"
    if bytes_per_s > 0:
        text += f", {bytes_per_s / 1_000_000:.1f} MB/s"
    return f"{text}, {countdown(left_s)} left" if left_s is not None else text


class Bar:
    """One line that changes, on standard error, where a person watches; elsewhere nothing."""

    def __init__(self, *, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty()
        self._shown = ""

    def show(self, text: str) -> None:
        if self._on and text != self._shown:
            sys.stderr.write(f"\r{text:<{len(self._shown)}}")
            sys.stderr.flush()
            self._shown = text

    def clear(self) -> None:
        """Leaves the line empty, for what is printed next."""
        if self._on and self._shown:
            sys.stderr.write(f"\r{'':<{len(self._shown)}}\r")
            sys.stderr.flush()
            self._shown = ""


def write_csv(path: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A file, or standard output for `-`. Raises CommandRefused."""
    text = csv_text(head, rows)
    if path == "-":
        sys.stdout.write(text)
        return
    write_asked_for(Path(path), text)
