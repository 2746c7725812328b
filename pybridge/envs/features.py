# SPDX-License-Identifier: MIT
"""KPMs scaled to [0, 1] for learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pybridge.errors import SchemaError


@dataclass(frozen=True)
class Feature:
    """One KPM as an input of a policy.

    linear: clip(value / scale, 0, 1); log: clip(log(1 + value) / log(1 + scale), 0, 1). NaN reads 0.
    """

    kpm: str
    """Name of the KPM."""
    scale: float
    """Value, in the KPM's unit, that reads 1; larger ones are clipped."""
    curve: Literal["linear", "log"] = "linear"
    """log: for what spans decades."""


DEFAULT_SLICE_FEATURES = (
    Feature("x.prb_used_ratio", 1.0),
    Feature("x.power_used_ratio", 1.0),
    Feature("x.compute_used_ratio", 1.0),
    Feature("x.ues", 1_000.0, "log"),
    Feature("DRB.MeanActiveUeDl", 1_000.0, "log"),
    Feature("x.offered_kbps", 1.0e6, "log"),
    Feature("x.goodput_kbps", 1.0e6, "log"),
    Feature("DRB.UEThpDl", 1.0e6, "log"),
    Feature("x.buffer_bytes", 1.0e8, "log"),
    Feature("x.hol_delay_ms", 10_000.0, "log"),
    Feature("x.packet_delay_ms", 10_000.0, "log"),
    Feature("x.deadline_miss_ratio", 1.0),
    Feature("x.air_loss_ratio", 1.0),
)
"""Inputs per cell and slice of `SliceEnv` and of the agents of `RanParallelEnv`."""

DEFAULT_UE_FEATURES = (
    Feature("x.buffer_bytes", 1.0e7, "log"),
    Feature("x.hol_delay_ms", 10_000.0, "log"),
    Feature("x.delay_budget_ms", 10_000.0, "log"),
    Feature("x.cqi", 15.0),
    Feature("x.spectral_efficiency_bps_hz", 8.0),
    Feature("x.ewma_throughput_kbps", 1.0e6, "log"),
    Feature("x.time_since_served_ms", 10_000.0, "log"),
    Feature("x.offered_kbps", 1.0e6, "log"),
    Feature("x.goodput_kbps", 1.0e6, "log"),
)
"""Inputs per UE of the low-level agents of `RanParallelEnv`."""


class FeatureTable:
    """Inputs of a policy read from a flat array of values, in a few array operations whatever their number.

    Input i is min(f(max(values[index_i], low_i)) / f(scale_i), high_i), NaN read as low_i, with f(x) = x, or log(1 + x)
    where `is_log`. A constant c is low = high = c with scale 1. All tables are made here; a call allocates nothing but
    its result. Not for use from two threads at once.
    """

    def __init__(
        self,
        index: npt.NDArray[np.intp],
        is_log: npt.NDArray[np.bool_],
        scale: npt.NDArray[np.float32],
        low: npt.NDArray[np.float32],
        high: npt.NDArray[np.float32],
    ) -> None:
        """All arguments in the shape of the result."""
        self._shape = index.shape
        order = np.argsort(~is_log.reshape(-1), kind="stable")  # what takes the logarithm stands together
        self._index = index.reshape(-1)[order]
        divisor = np.where(is_log, np.log1p(scale), scale).astype(np.float32)
        self._divisor, self._low, self._high = (array.reshape(-1)[order] for array in (divisor, low, high))
        self._back = np.argsort(order)
        self._values = np.empty(len(order), dtype=np.float32)
        self._logs = self._values[: int(is_log.sum())]

    def __call__(self, flat: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A new array of float32."""
        return self.in_a_row(flat).reshape(self._shape)

    def in_a_row(self, flat: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The same, flat."""
        values, logs = self._values, self._logs
        flat.take(self._index, None, values, "clip")  # the only mode that needs no buffer of its own
        np.fmax(values, self._low, values)
        np.log1p(logs, logs)
        np.divide(values, self._divisor, values)
        np.minimum(values, self._high, out=values)
        return values.take(self._back)


class FeatureScaler:
    """Picks and scales the columns of a KPM array."""

    def __init__(self, features: Sequence[Feature], columns: Mapping[str, int]) -> None:
        """columns: by KPM name, as in the schema. Raises `SchemaError` naming a KPM that the simulation lacks."""
        missing = [feature.kpm for feature in features if feature.kpm not in columns]
        if missing:
            raise SchemaError(f"no KPM `{missing[0]}`; the simulation has: {', '.join(columns)}")
        self.columns = np.array([columns[feature.kpm] for feature in features], dtype=np.intp)
        """Of the features, in their order."""
        self.scale = np.array([feature.scale for feature in features], dtype=np.float32)
        self.is_log = np.array([feature.curve == "log" for feature in features], dtype=np.bool_)
        self._tables: dict[tuple[int, ...], FeatureTable] = {}

    def __call__(self, kpms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Shape (..., KPMs) to (..., features), in [0, 1]."""
        table = self._tables.get(kpms.shape)
        if table is None:
            table = self._tables[kpms.shape] = self._table(kpms.shape)
        return table(kpms.reshape(-1))

    def _table(self, shape: tuple[int, ...]) -> FeatureTable:
        rows = np.arange(0, int(np.prod(shape)), shape[-1], dtype=np.intp).reshape(*shape[:-1], 1)
        index = rows + self.columns

        def spread(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.broadcast_to(values, index.shape)

        zeros, ones = (np.full(index.shape, value, dtype=np.float32) for value in (0.0, 1.0))
        return FeatureTable(index, spread(self.is_log), spread(self.scale), zeros, ones)
