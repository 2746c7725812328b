# SPDX-License-Identifier: MIT
"""The sizes that spaces need, known from a scenario before any simulation runs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pybridge.episode import ResolvedScenario
from pybridge.errors import SchemaError
from pybridge.schema import Schema


@dataclass(frozen=True)
class NetworkLayout:
    """Cells, slices and UEs of a scenario."""

    n_cells: int
    slices: tuple[str, ...]
    ues: tuple[int, ...]
    """UEs of each slice, in all cells."""

    @property
    def n_slices(self) -> int:
        """Number of slices."""
        return len(self.slices)

    def check(self, schema: Schema) -> None:
        """Raise `SchemaError` if a simulation is not of this layout."""
        found = tuple(int((schema.ue_slice == index).sum()) for index in range(schema.n_slices))
        if (schema.n_cells, tuple(info.name for info in schema.slices), found) != (self.n_cells, self.slices, self.ues):
            raise SchemaError("the simulation has other cells, slices or UEs than the scenario says")


def layout_of(scenario: ResolvedScenario) -> NetworkLayout:
    """Layout of a scenario."""
    data = json.loads(scenario.resolved_json())
    n_cells = int(data["cells"]["count"])
    return NetworkLayout(
        n_cells=n_cells,
        slices=tuple(str(item["name"]) for item in data["slices"]),
        ues=tuple(int(item["ues"]) * n_cells for item in data["slices"]),
    )
