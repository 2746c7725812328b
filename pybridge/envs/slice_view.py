# SPDX-License-Identifier: MIT
"""What a high-level agent sees of a cell: scaled KPMs, the shares in force, and what was promised."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pybridge.envs.features import Feature, FeatureScaler
from pybridge.envs.reward import operator_weights
from pybridge.observation import COMPUTE, MIN, POWER, FloatArray, Observation
from pybridge.schema import Schema, SlaInfo

N_SHARES = 3
"""Shares in force per slice: min PRB ratio, compute, power."""
N_SLA = 4
"""Inputs per slice about its SLA."""

_SLA_RATE_SCALE_MBPS = 1_000.0
_SLA_BUDGET_SCALE_MS = 10_000.0
_SLA_NINES = 6.0


class SliceView:
    """Maps an observation to inputs in [0, 1], shape (cells, slices, `n_inputs`).

    Per cell and slice: the features over the last period; the projected min PRB ratio, compute and power share of the
    last decision; and of the SLA log-scaled rate (1 is 1 Gbit/s), log-scaled delay budget (1 is 10 s), reliability as
    −log10(1 − r)/6, each 0 if not agreed upon, and the operator weight ω normalised over slices.
    """

    def __init__(self, features: Sequence[Feature], schema: Schema) -> None:
        """Raises `SchemaError` naming a KPM that the simulation lacks."""
        self._scaler = FeatureScaler(features, schema.slice_kpm_index)
        weights = operator_weights(schema)
        rows = [[*_sla_inputs(info.sla), weight] for info, weight in zip(schema.slices, weights, strict=True)]
        self._sla = np.broadcast_to(np.array(rows, dtype=np.float32), (schema.n_cells, schema.n_slices, N_SLA))

    @staticmethod
    def n_inputs(features: Sequence[Feature]) -> int:
        """Inputs per cell and slice."""
        return len(features) + N_SHARES + N_SLA

    def __call__(self, kpms: FloatArray, observation: Observation) -> npt.NDArray[np.float32]:
        """kpms: `slice_high` or `slice_low` of `observation`."""
        shares = np.clip(np.nan_to_num(observation.projected[:, :, (MIN, COMPUTE, POWER)]), 0.0, 1.0)
        return np.concatenate((self._scaler(kpms), shares, self._sla), axis=2)


def _sla_inputs(sla: SlaInfo) -> tuple[float, float, float]:
    rate = np.log1p(1e3 * (sla.ue_throughput_mbps or 0.0)) / np.log1p(1e3 * _SLA_RATE_SCALE_MBPS)
    budget = np.log1p(sla.delay_budget_ms or 0.0) / np.log1p(_SLA_BUDGET_SCALE_MS)
    nines = -np.log10(1.0 - (sla.reliability or 0.0)) / _SLA_NINES
    return (min(float(rate), 1.0), min(float(budget), 1.0), min(float(nines), 1.0))
