# SPDX-License-Identifier: MIT
"""Rewards of the high level."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from pybridge.envs.qos import Satisfaction
from pybridge.observation import FLOAT_BYTES, MAX, POWER, REPORT_COLUMNS, Observation
from pybridge.schema import Schema


class RewardFunction(Protocol):
    """Any callable that values the period that an observation reports on."""

    def __call__(self, observation: Observation, satisfaction: Satisfaction) -> float:
        """Reward. `satisfaction`: per slice over all cells, shape (slices,)."""


class SlaReward:
    """r_H = Σ_k ω_k·sat_k − c_p·P/P_max − c_b·RB/RB_max.

    ω are the slices' operator weights, normalised to Σω = 1 (equal if all are 0); sat is the smooth satisfaction
    (`pybridge.envs.qos`); P/P_max and RB/RB_max are the parts of the power budget and of the allocatable PRBs that were
    used, means over cells. So −c_p − c_b ≤ r_H ≤ 1.
    """

    def __init__(self, power_price: float = 0.1, prb_price: float = 0.1) -> None:
        """power_price: c_p ≥ 0. prb_price: c_b ≥ 0. Raises `ValueError` if one is negative."""
        if power_price < 0.0 or prb_price < 0.0:
            raise ValueError("prices are not negative")
        self.power_price = power_price
        self.prb_price = prb_price
        self._schema: Schema | None = None

    def __call__(self, observation: Observation, satisfaction: Satisfaction) -> float:
        """Reward of the whole network."""
        if observation.schema is not self._schema:
            self._prepare(observation)
        np.copyto(self._achieved, observation.flat[self._reported])
        power, prb = self._use.dot(self._achieved).tolist()
        worth = float(self._weights.dot(satisfaction.smooth))
        return worth - self.power_price * float(power) - self.prb_price * float(prb)

    def _prepare(self, observation: Observation) -> None:
        """Find what is needed of the observations of a simulation."""
        self._schema, self._weights = observation.schema, operator_weights(observation.schema)
        field = observation.dtype.fields
        assert field is not None
        shape = (observation.schema.n_cells, observation.schema.n_slices, REPORT_COLUMNS)
        begin, size = int(field["achieved"][1]) // FLOAT_BYTES, int(np.prod(shape))
        self._reported, self._achieved = slice(begin, begin + size), np.empty(size)
        use = np.zeros((2, *shape))
        use[0, :, :, POWER] = use[1, :, :, MAX] = 1.0 / shape[0]
        self._use = use.reshape(2, size)

    def of_cells(self, observation: Observation, smooth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Reward of each cell, shape (cells,). smooth: satisfaction, shape (cells, slices) or (1, slices)."""
        used = observation.achieved.astype(np.float64).sum(axis=1)
        cost = self.power_price * used[:, POWER] + self.prb_price * used[:, MAX]
        reward: npt.NDArray[np.float64] = smooth @ operator_weights(observation.schema) - cost
        return reward


def operator_weights(schema: Schema) -> npt.NDArray[np.float64]:
    """ω of each slice, shape (slices,), summing to 1."""
    weights = np.array([info.sla.weight for info in schema.slices], dtype=np.float64)
    total = float(weights.sum())
    return weights / total if total > 0.0 else np.full(len(weights), 1.0 / len(weights))
