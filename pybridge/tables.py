# SPDX-License-Identifier: MIT
"""One observation as tables for people. Units of KPMs: `slicebridge schema kpm`, or `Schema.slice_kpms`, `.ue_kpms`."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from pybridge.observation import Observation

REPORT = ("dedicated", "min", "max", "compute", "power")
"""Names of the columns of requested, projected and achieved."""

Level = Literal["high", "low"]


def shortest_level(observation: Observation) -> Level:
    """The period that the newest slice KPMs are over."""
    return "low" if observation.levels == "both" else "high"


def slice_table(observation: Observation, level: Level | None = None) -> pl.DataFrame:
    """A row per cell and slice: time_s, cell, slice, every slice KPM, requested_*, projected_*, achieved_*.

    level: "high": KPMs over the last high-level period; "low": over the last low-level one, with levels "both" only.
        None: the shorter one that there is. Controls are always those of the last high-level decision.

    Raises `SessionStateError` for "low" with other levels.
    """
    schema = observation.schema
    kpms = observation.slice_low if (level or shortest_level(observation)) == "low" else observation.slice_high
    cells, slices = (np.arange(extent) for extent in kpms.shape[:2])
    columns: dict[str, pl.Series | list[str] | list[float]] = {
        "time_s": [observation.time_s] * (len(cells) * len(slices)),
        "cell": [schema.cells[cell] for cell in cells for _ in slices],
        "slice": [info.name for _ in cells for info in schema.slices],
    }
    columns |= {name: pl.Series(kpms[:, :, column].ravel()) for name, column in schema.slice_kpm_index.items()}
    for title in ("requested", "projected", "achieved"):
        values = getattr(observation, title)
        columns |= {f"{title}_{name}": pl.Series(values[:, :, place].ravel()) for place, name in enumerate(REPORT)}
    return pl.DataFrame(columns)


def ue_table(observation: Observation) -> pl.DataFrame:
    """A row per UE: time_s, ue, slice, cell (null if it has none), every UE KPM over the shortest period."""
    schema, kpms = observation.schema, observation.ue
    columns: dict[str, pl.Series | list[str] | list[str | None] | list[float]] = {
        "time_s": [observation.time_s] * schema.n_ues,
        "ue": pl.Series(np.arange(schema.n_ues, dtype=np.int32)),
        "slice": [schema.slices[index].name for index in schema.ue_slice],
        "cell": pl.Series([schema.cells[cell] if cell >= 0 else None for cell in observation.ue_cell], dtype=pl.String),
    }
    return pl.DataFrame(columns | {name: pl.Series(kpms[:, column]) for name, column in schema.ue_kpm_index.items()})
