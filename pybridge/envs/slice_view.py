# SPDX-License-Identifier: MIT
"""What a high-level agent sees of a cell: scaled KPMs, the shares in force, and what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from pybridge.envs.features import Feature, FeatureScaler, FeatureTable
from pybridge.envs.reward import operator_weights
from pybridge.observation import COMPUTE, FLOAT_BYTES, MIN, POWER, REPORT_COLUMNS, Observation
from pybridge.schema import Levels, Schema, SlaInfo

SHARE_COLUMNS = (MIN, COMPUTE, POWER)
"""Shares in force per slice that are seen, as columns of `Observation.projected`."""
N_SHARES = len(SHARE_COLUMNS)
N_SLA = 4
"""Inputs per slice about its SLA."""

SLA_RATE_SCALE_MBPS = 1_000.0
SLA_BUDGET_SCALE_MS = 10_000.0
SLA_NINES = 6.0


class SliceView:
    """Maps an observation to inputs in [0, 1], shape (cells, slices, `n_inputs`).

    Per cell and slice: the features over the last period; the projected min PRB ratio, compute and power share of the
    last decision; and of the SLA log-scaled rate (1 is 1 Gbit/s), log-scaled delay budget (1 is 10 s), reliability as
    −log10(1 − r)/6, each 0 if not agreed upon, and the operator weight ω normalised over slices.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        schema: Schema,
        levels: Levels = "high",
        period: Literal["high", "low"] = "high",
    ) -> None:
        """levels: of the observations. period: the one whose KPMs are seen; "low" needs levels "both".

        Raises `SchemaError` naming a KPM that the simulation lacks.
        """
        scaler = FeatureScaler(features, schema.slice_kpm_index)
        where = schema.state_dtype(levels).fields
        assert where is not None
        kpms, shares = (int(where[name][1]) // FLOAT_BYTES for name in (f"slice_{period}", "projected"))
        rows = np.arange(schema.n_cells * schema.n_slices).reshape(schema.n_cells, schema.n_slices, 1)
        constants = np.broadcast_to(_sla_columns(schema), (schema.n_cells, schema.n_slices, N_SLA))
        index = [kpms + rows * len(schema.slice_kpms) + scaler.columns]
        index += [shares + rows * REPORT_COLUMNS + np.array(SHARE_COLUMNS), np.zeros(constants.shape, np.intp)]
        plain = N_SHARES + N_SLA
        columns = np.concatenate(index, axis=2).astype(np.intp)
        low, high = np.zeros(columns.shape, np.float32), np.ones(columns.shape, np.float32)
        low[..., -N_SLA:] = high[..., -N_SLA:] = constants
        self._table = FeatureTable(
            columns,
            np.broadcast_to(np.append(scaler.is_log, [False] * plain), columns.shape),
            np.broadcast_to(np.append(scaler.scale, np.ones(plain, np.float32)), columns.shape),
            low,
            high,
        )

    @staticmethod
    def n_inputs(features: Sequence[Feature]) -> int:
        """Inputs per cell and slice."""
        return len(features) + N_SHARES + N_SLA

    def __call__(self, observation: Observation) -> npt.NDArray[np.float32]:
        """A new array."""
        return self._table(observation.flat)

    def in_a_row(self, observation: Observation) -> npt.NDArray[np.float32]:
        """The same, flat."""
        return self._table.in_a_row(observation.flat)


def _sla_columns(schema: Schema) -> npt.NDArray[np.float32]:
    """What was promised, shape (slices, `N_SLA`)."""
    weights = operator_weights(schema)
    rows = [[*_sla_inputs(info.sla), weight] for info, weight in zip(schema.slices, weights, strict=True)]
    return np.array(rows, dtype=np.float32)


def _sla_inputs(sla: SlaInfo) -> tuple[float, float, float]:
    rate = np.log1p(1e3 * (sla.ue_throughput_mbps or 0.0)) / np.log1p(1e3 * SLA_RATE_SCALE_MBPS)
    budget = np.log1p(sla.delay_budget_ms or 0.0) / np.log1p(SLA_BUDGET_SCALE_MS)
    nines = -np.log10(1.0 - (sla.reliability or 0.0)) / SLA_NINES
    return (min(float(rate), 1.0), min(float(budget), 1.0), min(float(nines), 1.0))
