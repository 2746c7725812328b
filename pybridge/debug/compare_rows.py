# SPDX-License-Identifier: MIT
"""The table of a comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from pybridge.debug.snapshot import Snapshot
from pybridge.debug.text_table import Column


class CompareRows:
    """A row per slice and KPM."""

    def __init__(self, snapshot: Snapshot) -> None:
        comparison = snapshot.comparison
        self._rows = () if comparison is None else comparison.rows
        self.count = len(self._rows)

    def columns(self) -> list[Column]:
        """All of them, for `fitting`."""
        rows = self._rows
        return [
            Column("slice", 8, lambda row: rows[row].slice, left=True),
            Column("KPM", 22, lambda row: rows[row].kpm, left=True),
            Column("A", 14, lambda row: _value(rows[row].ours)),
            Column("B", 14, lambda row: _value(rows[row].theirs)),
            Column("B − A", 10, self._difference, left=False),
        ]

    def of_cell(self, cell: int) -> Sequence[int]:
        """All: KPMs are over all cells."""
        return range(self.count)

    def _difference(self, row: int) -> Text:
        value = self._rows[row].theirs - self._rows[row].ours
        text = "=" if value == 0.0 else f"+{_value(value)}" if value > 0.0 else _value(value)
        return Text(text.rjust(10), style="" if text in ("=", "–") else "bold", end="")


def compare_header(snapshot: Snapshot) -> Text:
    """Who is compared, since when."""
    comparison = snapshot.comparison
    if comparison is None:
        return Text("no comparison; c forks the simulation and tries another policy", style="bold", end="")
    same = "; same bits so far" if comparison.identical else ""
    periods = "1 period" if comparison.periods == 1 else f"{comparison.periods} periods"
    text = f"A {comparison.ours} | B {comparison.theirs} | since {comparison.since_s:.3f} s, "
    return Text(f"{text}means of {periods}{same}", style="bold", end="")


def _value(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000.0 else f"{value:.3f}"
