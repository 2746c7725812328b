# SPDX-License-Identifier: MIT
"""The table of slices: a row per cell and slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rich.text import Text

from pybridge.debug.colours import colour
from pybridge.debug.snapshot import Snapshot
from pybridge.debug.sparkline import sparkline
from pybridge.debug.text_table import Column, number
from pybridge.envs.qos import delay_satisfaction, packet_counts, rate_satisfaction, ue_rates
from pybridge.observation import MAX, MIN, POWER, Observation
from pybridge.tables import shortest_level

SPARK = 10
DELAY, DELIVERED = "x.packet_delay_ms", "x.packets_delivered"

Array = npt.NDArray[np.float64]


class SliceRows:
    """One snapshot's columns; rows count cells, then slices."""

    def __init__(self, snapshot: Snapshot) -> None:
        assert snapshot.observation is not None
        self._snapshot = snapshot
        self._observation = observation = snapshot.observation
        self._schema = observation.schema
        self._level = shortest_level(observation)
        self.count = self._schema.n_cells * self._schema.n_slices
        self._met = _satisfied(observation)
        self._delays = _delays(snapshot)

    def columns(self) -> list[Column]:
        """All of them, for `fitting`."""
        kpm, last = self._kpm, self._at
        return [
            Column("slice", 13 if self._schema.n_cells > 1 else 8, self._name, left=True),
            Column("SLA", 4, self._sla, left=True),
            Column("HoL ms", 7, lambda row: number(self._hol(row)), rank=1),
            Column("", SPARK, lambda row: sparkline(self._trail(row, "x.hol_delay_ms"), SPARK), rank=4, left=True),
            Column("delay", 6, lambda row: number(kpm(row, DELAY)), rank=2),
            Column("p50", 6, lambda row: number(self._percentile(row, 50)), rank=8),
            Column("p95", 6, lambda row: number(self._percentile(row, 95)), rank=3),
            Column("p99", 6, lambda row: number(self._percentile(row, 99)), rank=8),
            Column("Mbit/s", 6, lambda row: number(kpm(row, "x.goodput_kbps") / 1e3), rank=2),
            Column("offer", 6, lambda row: number(kpm(row, "x.offered_kbps") / 1e3), rank=7),
            Column("", SPARK, lambda row: sparkline(self._trail(row, "x.goodput_kbps"), SPARK), rank=9, left=True),
            Column("queue kB", 8, lambda row: number(self._queue(row) / 1e3), rank=2),
            Column("PRB%", 4, lambda row: _percent(kpm(row, "x.prb_used_ratio")), rank=1),
            Column("min%", 4, lambda row: _percent(last(row, MIN)), rank=5),
            Column("max%", 4, lambda row: _percent(last(row, MAX)), rank=6),
            Column("pow%", 4, lambda row: _percent(last(row, POWER)), rank=5),
            Column("miss%", 5, lambda row: _percent(kpm(row, "x.deadline_miss_ratio"), 1), rank=6),
            Column("lost%", 5, lambda row: _percent(kpm(row, "x.air_loss_ratio"), 1), rank=9),
        ]

    def of_cell(self, cell: int) -> Sequence[int]:
        """Rows of one cell."""
        return range(cell * self._schema.n_slices, (cell + 1) * self._schema.n_slices)

    def _place(self, row: int) -> tuple[int, int]:
        return divmod(row, self._schema.n_slices)

    def _name(self, row: int) -> Text:
        cell, index = self._place(row)
        text = Text(end="")
        if self._schema.n_cells > 1:
            text.append(f"{self._schema.cells[cell][-5:]} ")
        text.append(self._schema.slices[index].name[:7], style=f"bold {colour(index)}")
        return text

    def _sla(self, row: int) -> Text:
        sla = self._schema.slices[self._place(row)[1]].sla
        if self._met is None or (sla.ue_throughput_mbps is None and sla.delay_budget_ms is None):
            return Text("–", end="")
        met = float(self._met[self._place(row)])
        if met >= 1.0:
            return Text("ok", style="green", end="")
        return Text("MISS" if met <= 0.0 else f"{100 * met:.0f}%", style="bold red", end="")

    def _kpm(self, row: int, name: str) -> float:
        return _value(self._observation, self._level, name, self._place(row))

    def _at(self, row: int, control: int) -> float:
        return float(self._observation.projected[(*self._place(row), control)])

    def _trail(self, row: int, name: str) -> list[float]:
        return [_value(seen, self._level, name, self._place(row)) for seen in self._snapshot.trail[-SPARK:]]

    def _members(self, row: int) -> npt.NDArray[np.bool_]:
        cell, index = self._place(row)
        members: npt.NDArray[np.bool_] = (self._snapshot.ue_cell == cell) & (self._schema.ue_slice == index)
        return members

    def _hol(self, row: int) -> float:
        if self._snapshot.queues is None:
            return self._kpm(row, "x.hol_delay_ms")
        return float(self._snapshot.queues.hol_delay_ms[self._members(row)].max(initial=0.0))

    def _queue(self, row: int) -> float:
        if self._snapshot.queues is None:
            return self._kpm(row, "x.buffer_bytes")
        return float(self._snapshot.queues.buffer_bytes[self._members(row)].sum())

    def _percentile(self, row: int, percent: float) -> float:
        values = self._delays[self._place(row)]
        return float(np.percentile(values, percent)) if values.size else np.nan


def _value(observation: Observation, level: str, name: str, place: tuple[int, int]) -> float:
    column = observation.schema.slice_kpm_index.get(name)
    if column is None:
        return np.nan
    kpms = observation.slice_low if level == "low" else observation.slice_high
    return float(kpms[(*place, column)])


def _satisfied(observation: Observation) -> Array | None:
    """Part of UEs, or 0 or 1, shape (cells, slices); None if the simulation does not tell."""
    schema = observation.schema
    cells = observation.ue_cell.astype(np.intp)
    group = np.where(cells < 0, -1, cells * schema.n_slices + schema.ue_slice)
    shape = schema.n_cells, schema.n_slices
    try:
        rate = rate_satisfaction(schema, ue_rates(observation), group, shape[0] * shape[1])
        delay = delay_satisfaction(schema, packet_counts(observation, shortest_level(observation)))
    except KeyError:
        return None
    return np.minimum(rate.hard.reshape(shape), delay.hard)


def _delays(snapshot: Snapshot) -> dict[tuple[int, int], Array]:
    """Delays of UEs over the trail, per cell and slice, without what was not measured."""
    assert snapshot.observation is not None
    schema = snapshot.observation.schema
    places = [(cell, index) for cell in range(schema.n_cells) for index in range(schema.n_slices)]
    if DELAY not in schema.ue_kpm_index:
        level = shortest_level(snapshot.observation)
        found = {place: np.array([_value(seen, level, DELAY, place) for seen in snapshot.trail]) for place in places}
    else:
        delays = np.stack([ue_delays(seen) for seen in snapshot.trail])
        cells = np.stack([seen.ue_cell for seen in snapshot.trail])
        found = {place: delays[(cells == place[0]) & (schema.ue_slice == place[1])] for place in places}
    return {place: values[np.isfinite(values)] for place, values in found.items()}


def ue_delays(observation: Observation) -> Array:
    """Mean packet delays in ms, NaN for UEs that got no packet, shape (UEs,). Raises `KeyError`."""
    delays: Array = observation.ue_kpm(DELAY).astype(np.float64)
    if DELIVERED in observation.schema.ue_kpm_index:
        delays[observation.ue_kpm(DELIVERED) <= 0.0] = np.nan
    return delays


def _percent(value: float, digits: int = 0) -> str:
    return number(100.0 * value, digits)
