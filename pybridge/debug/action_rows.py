# SPDX-License-Identifier: MIT
"""The table of decisions: what was asked for, what constraints left, what the RAN did, what comes next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text

from pybridge.debug.colours import colour
from pybridge.debug.edits import EXAMPLE
from pybridge.debug.snapshot import Snapshot
from pybridge.debug.text_table import Column
from pybridge.tables import REPORT

TITLES = ("requested", "projected", "achieved")


class ActionRows:
    """A row per cell, slice and stage of a decision."""

    def __init__(self, snapshot: Snapshot) -> None:
        assert snapshot.observation is not None
        self._observation = snapshot.observation
        self._schema = snapshot.observation.schema
        self.count = self._schema.n_cells * self._schema.n_slices * len(TITLES)

    def columns(self) -> list[Column]:
        """All of them."""
        columns = [
            Column("cell", 6, lambda row: self._schema.cells[self._place(row)[0]], left=True),
            Column("slice", 10, self._slice, left=True),
            Column("", 9, lambda row: TITLES[row % len(TITLES)], left=True),
        ]
        return [*columns, *(Column(name, 9, self._cell(place)) for place, name in enumerate(REPORT))]

    def of_cell(self, cell: int) -> Sequence[int]:
        """Rows of one cell."""
        rows = self._schema.n_slices * len(TITLES)
        return range(cell * rows, (cell + 1) * rows)

    def _place(self, row: int) -> tuple[int, int]:
        return divmod(row // len(TITLES), self._schema.n_slices)

    def _slice(self, row: int) -> Text:
        index = self._place(row)[1]
        return Text(self._schema.slices[index].name[:10], style=colour(index), end="")

    def _cell(self, control: int) -> Callable[[int], str]:
        return lambda row: f"{getattr(self._observation, TITLES[row % 3])[(*self._place(row), control)]:.3f}"


def action_header(snapshot: Snapshot) -> Text:
    """What waits for the next decision."""
    if snapshot.edits:
        return Text("at the next decision: " + " ".join(snapshot.edits), style="bold yellow", end="")
    return Text(f"shares; e changes the next decision, e.g. {EXAMPLE}", style="bold", end="")
