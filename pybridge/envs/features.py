# SPDX-License-Identifier: MIT
"""KPMs scaled to [0, 1] for learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

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


class FeatureScaler:
    """Picks and scales the columns of a KPM array."""

    def __init__(self, features: Sequence[Feature], columns: Mapping[str, int]) -> None:
        """columns: by KPM name, as in the schema. Raises `SchemaError` naming a KPM that the simulation lacks."""
        missing = [feature.kpm for feature in features if feature.kpm not in columns]
        if missing:
            raise SchemaError(f"no KPM `{missing[0]}`; the simulation has: {', '.join(columns)}")
        self._columns = np.array([columns[feature.kpm] for feature in features], dtype=np.intp)
        self._scale = np.array([feature.scale for feature in features], dtype=np.float32)
        self._is_log = np.array([feature.curve == "log" for feature in features])

    def __call__(self, kpms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Shape (..., KPMs) to (..., features), in [0, 1]."""
        values = np.maximum(np.nan_to_num(kpms[..., self._columns], nan=0.0), 0.0)
        linear = values / self._scale
        scaled = np.where(self._is_log, np.log1p(values) / np.log1p(self._scale), linear)
        clipped: npt.NDArray[np.float32] = np.clip(scaled, 0.0, 1.0).astype(np.float32)
        return clipped
