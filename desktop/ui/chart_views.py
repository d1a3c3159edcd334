"""What a chart shows, as values: each column with its words, so that no number stands in the picture alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ColumnView:
    """`value` is its height in whatever unit; `text` says it in full, as under the pointer: `5 Mar: $0.31`."""

    label: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class ChartView:
    """Columns from the oldest to the newest. `top` names the scale's upper line, which stands for `scale`."""

    columns: tuple[ColumnView, ...]
    scale: float
    top: str
    summary: str


@dataclass(frozen=True, slots=True)
class TableView:
    """The same figures in rows; `numbers` are the columns that hold numbers, which stand to the right.

    `wide` is the column that takes what room is left; None: the last that holds words.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    wide: int | None = None
