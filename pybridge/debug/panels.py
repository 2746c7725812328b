# SPDX-License-Identifier: MIT
"""Which panel shows what of a snapshot."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from rich.text import Text

from pybridge.debug.action_rows import ActionRows, action_header
from pybridge.debug.compare_rows import CompareRows, compare_header
from pybridge.debug.lines_view import LinesView
from pybridge.debug.prb_grid import grid_header, grid_line, grid_lines
from pybridge.debug.slice_rows import SliceRows
from pybridge.debug.snapshot import Snapshot
from pybridge.debug.text_table import Column, fitting, header, row
from pybridge.debug.ue_rows import UeRows


class Rows(Protocol):
    """A table of one snapshot."""

    count: int

    def columns(self) -> list[Column]:
        """Columns whose cells are asked for by row."""

    def of_cell(self, cell: int) -> Sequence[int]:
        """Rows of one cell."""


def show_slices(view: LinesView, snapshot: Snapshot, cell: int | None) -> None:
    """Slices of a cell; None: of all."""
    _show_rows(view, SliceRows(snapshot), cell)


def show_ues(view: LinesView, snapshot: Snapshot, cell: int | None) -> None:
    """UEs that a cell serves; None: all."""
    _show_rows(view, UeRows(snapshot), cell)


def show_actions(view: LinesView, snapshot: Snapshot, cell: int | None) -> None:
    """Decisions about a cell; None: about all."""
    _show_rows(view, ActionRows(snapshot), cell, action_header(snapshot))


def show_comparison(view: LinesView, snapshot: Snapshot) -> None:
    """Two policies."""
    _show_rows(view, CompareRows(snapshot), None, compare_header(snapshot))


def show_prbs(view: LinesView, snapshot: Snapshot, cell: int | None) -> None:
    """The last slots of a cell; None: of the first."""
    width = view.line_width
    cell = cell or 0
    view.show(
        [grid_header(snapshot, cell, width)],
        grid_lines(snapshot),
        lambda line: grid_line(snapshot, cell, line, width),
    )


def show_log(view: LinesView, lines: deque[str]) -> None:
    """The event log."""
    view.show([Text("event log", style="bold", end="")], len(lines), lambda index: Text(lines[index], end=""))


def _show_rows(view: LinesView, rows: Rows, cell: int | None, *above: Text) -> None:
    columns: Sequence[Column] = fitting(rows.columns(), view.line_width)
    shown = range(rows.count) if cell is None else rows.of_cell(cell)
    view.show([*above, header(columns)], len(shown), lambda index: row(columns, shown[index]))
