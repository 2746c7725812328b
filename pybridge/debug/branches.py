# SPDX-License-Identifier: MIT
"""Two branches of one simulation, stepped together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pybridge.debug.snapshot import Compared, Comparison
from pybridge.observation import Observation
from pybridge.schema import Schema

COMPARED_KPMS = (
    "x.goodput_kbps",
    "x.packet_delay_ms",
    "x.hol_delay_ms",
    "x.deadline_miss_ratio",
    "x.prb_used_ratio",
    "x.buffer_bytes",
)
"""In this order, those that the simulation has."""

_SUMMED = frozenset({"x.goodput_kbps", "x.buffer_bytes"})
"""Over cells; of the others the mean over the cells where they are known."""


class BranchMeans:
    """Means of KPMs since two branches parted."""

    def __init__(self, ours: str, theirs: str, start: Observation) -> None:
        self._names = ours, theirs
        self._since_s = start.time_s
        self._schema: Schema = start.schema
        self._kpms = [kpm for kpm in COMPARED_KPMS if kpm in self._schema.slice_kpm_index]
        self._seen: tuple[list[np.ndarray], list[np.ndarray]] = [], []
        self._identical = True

    def add(self, ours: Observation, theirs: Observation) -> None:
        """The next epoch of both."""
        self._identical &= ours.flat.tobytes() == theirs.flat.tobytes()
        if ours.high_decision or ours.last:
            for seen, observation in zip(self._seen, (ours, theirs), strict=True):
                seen.append(np.stack([_over_cells(observation, kpm) for kpm in self._kpms]))

    def result(self) -> Comparison:
        """So far."""
        ours, theirs = (_means(seen, (len(self._kpms), self._schema.n_slices)) for seen in self._seen)
        rows = tuple(
            Compared(info.name, kpm, float(ours[row, place]), float(theirs[row, place]))
            for place, info in enumerate(self._schema.slices)
            for row, kpm in enumerate(self._kpms)
        )
        return Comparison(*self._names, self._since_s, len(self._seen[0]), self._identical, rows)


def _over_cells(observation: Observation, kpm: str) -> np.ndarray:
    values = observation.kpm(kpm).astype(np.float64)
    known = np.nansum(values, axis=0)
    counts = (~np.isnan(values)).sum(axis=0)
    if kpm not in _SUMMED:
        known = np.divide(known, counts, out=np.full(known.shape, np.nan), where=counts > 0)
    result: np.ndarray = known
    return result


def _means(seen: Iterable[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    stacked = np.array(list(seen)).reshape(-1, *shape)
    counts = (~np.isnan(stacked)).sum(axis=0)
    means: np.ndarray = np.divide(np.nansum(stacked, axis=0), counts, out=np.full(shape, np.nan), where=counts > 0)
    return means
