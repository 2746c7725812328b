# SPDX-License-Identifier: MIT
"""Tables of text that fit: columns of fixed widths, of which the least important go when the terminal is narrow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

Cell = str | Text


@dataclass(frozen=True)
class Column:
    """One column; `cell` gives a row's text, at most `width` wide."""

    title: str
    width: int
    cell: Callable[[int], Cell]
    rank: int = 0
    """The larger, the earlier it goes."""
    left: bool = False


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """Columns that fit side by side with a blank between them, in order."""
    kept = list(columns)
    while len(kept) > 1 and sum(column.width + 1 for column in kept) - 1 > width:
        kept.remove(max(reversed(kept), key=lambda column: column.rank))
    return kept


def header(columns: Sequence[Column]) -> Text:
    """Titles."""
    return Text(" ".join(_fit(column.title, column) for column in columns), style="bold underline", end="")


def row(columns: Sequence[Column], index: int) -> Text:
    """One line."""
    line = Text(end="")
    for place, column in enumerate(columns):
        if place:
            line.append(" ")
        cell = column.cell(index)
        if isinstance(cell, Text):
            line.append_text(cell)
            line.append(" " * max(column.width - cell.cell_len, 0))
        else:
            line.append(_fit(cell, column))
    return line


def number(value: float, digits: int = 1) -> str:
    """Four or five characters; "–" for what was not measured."""
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 99_999.5:
        return f"{value:.0e}".replace("e+0", "e")
    if abs(value) >= 1000.0:
        return f"{value:.0f}"
    return f"{value:.{digits}f}"


def _fit(text: str, column: Column) -> str:
    if len(text) > column.width:
        text = text[: column.width - 1] + "…"
    return text.ljust(column.width) if column.left else text.rjust(column.width)
