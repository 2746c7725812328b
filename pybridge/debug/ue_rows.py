# SPDX-License-Identifier: MIT
"""The table of UEs."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rich.text import Text

from pybridge.debug.colours import colour
from pybridge.debug.slice_rows import DELAY, ue_delays
from pybridge.debug.snapshot import Snapshot
from pybridge.debug.sparkline import sparkline
from pybridge.debug.text_table import Column, number

SPARK = 8
HOL = "x.hol_delay_ms"


class UeRows:
    """One snapshot's columns; a row is a UE."""

    def __init__(self, snapshot: Snapshot) -> None:
        assert snapshot.observation is not None
        self._snapshot = snapshot
        self._schema = snapshot.observation.schema
        self.count = self._schema.n_ues

    def columns(self) -> list[Column]:
        """All of them, for `fitting`."""
        schema = self._schema
        columns = [
            Column("UE", 4, str),
            Column("slice", 7, self._slice, left=True),
            Column("cell", 5, self._cell, rank=3, left=True),
            self._number("queue kB", 8, "x.buffer_bytes", 1e-3),
            self._number("HoL ms", 7, HOL),
            Column("", SPARK, lambda ue: sparkline(self._trail(ue, HOL)[-SPARK:], SPARK), rank=5, left=True),
            self._number("CQI", 3, "x.cqi", digits=0),
            Column("MCS", 3, self._mcs, rank=1),
            Column("PRB", 5, self._prbs),
            self._number("Mbit/s", 6, "x.goodput_kbps", 1e-3, rank=2),
            Column("delay", 6, lambda ue: number(self._delay(ue)), rank=4),
            Column("p95", 6, lambda ue: number(self._percentile(ue, 95)), rank=4),
            self._number("weight", 6, "x.weight", digits=2, rank=3),
            self._number("dB", 4, "x.power_offset_db", rank=3),
            self._number("bit/s/Hz", 8, "x.spectral_efficiency_bps_hz", digits=2, rank=6),
            self._number("served ms", 9, "x.time_since_served_ms", rank=7),
            Column("", SPARK, lambda ue: sparkline(self._trail(ue, "x.goodput_kbps")[-SPARK:], SPARK), rank=9),
        ]
        return [column for column in columns if schema.n_cells > 1 or column.title != "cell"]

    def of_cell(self, cell: int) -> Sequence[int]:
        """UEs that it serves now."""
        served: list[int] = np.flatnonzero(self._snapshot.ue_cell == cell).tolist()
        return served

    def _number(
        self, title: str, width: int, kpm: str, factor: float = 1.0, *, digits: int = 1, rank: int = 0
    ) -> Column:
        values = self._snapshot.ue_kpm(kpm)
        if values is None:
            return Column(title, width, lambda ue: "–", rank=rank + 10)
        return Column(title, width, lambda ue: number(float(values[ue]) * factor, digits), rank=rank)

    def _slice(self, ue: int) -> Text:
        index = int(self._schema.ue_slice[ue])
        return Text(self._schema.slices[index].name[:7], style=colour(index), end="")

    def _cell(self, ue: int) -> str:
        cell = int(self._snapshot.ue_cell[ue])
        return self._schema.cells[cell][-5:] if cell >= 0 else "–"

    def _mcs(self, ue: int) -> str:
        slots = self._snapshot.slots
        return str(slots.ue_mcs[ue]) if slots is not None and slots.ue_mcs[ue] >= 0 else "–"

    def _prbs(self, ue: int) -> str:
        """Per slot, over the period, or between epochs over the slots that are kept."""
        slots = self._snapshot.slots
        if self._snapshot.between and slots is not None:
            return number(slots.ue_prbs[ue] / slots.prb_slice.shape[1])
        values = self._snapshot.ue_kpm("RRU.PrbUsedDl")
        return "–" if values is None else number(float(values[ue]))

    def _trail(self, ue: int, kpm: str) -> list[float]:
        column = self._schema.ue_kpm_index.get(kpm)
        return [] if column is None else [float(seen.ue[ue, column]) for seen in self._snapshot.trail]

    def _delay(self, ue: int) -> float:
        return float(self._delays[-1, ue]) if DELAY in self._schema.ue_kpm_index else np.nan

    @functools.cached_property
    def _delays(self) -> npt.NDArray[np.float64]:
        """Shape (epochs, UEs)."""
        return np.stack([ue_delays(seen) for seen in self._snapshot.trail])

    def _percentile(self, ue: int, percent: float) -> float:
        if DELAY not in self._schema.ue_kpm_index:
            return np.nan
        values = self._delays[:, ue]
        known = values[np.isfinite(values)]
        return float(np.percentile(known, percent)) if known.size else np.nan
