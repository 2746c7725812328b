# SPDX-License-Identifier: MIT
"""Rewards of the high level."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pybridge.envs.qos import Satisfaction
from pybridge.observation import MAX, POWER, REPORT_COLUMNS, Observation
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

    def __call__(self, observation: Observation, satisfaction: Satisfaction) -> float:
        """Reward of the whole network."""
        schema = observation.schema
        used = np.dot(_mean_use(schema.n_cells, schema.n_slices), observation.achieved.reshape(-1))
        price = self.power_price * float(used[0]) + self.prb_price * float(used[1])
        return float(np.dot(operator_weights(schema), satisfaction.smooth)) - price

    def of_cells(self, observation: Observation, smooth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Reward of each cell, shape (cells,). smooth: satisfaction, shape (cells, slices) or (1, slices)."""
        used = observation.achieved.astype(np.float64).sum(axis=1)
        cost = self.power_price * used[:, POWER] + self.prb_price * used[:, MAX]
        reward: npt.NDArray[np.float64] = smooth @ operator_weights(observation.schema) - cost
        return reward


@lru_cache(maxsize=64)
def _mean_use(n_cells: int, n_slices: int) -> npt.NDArray[np.float64]:
    """Matrix from `Observation.achieved`, flat, to the parts of power and of PRBs used, means over cells."""
    matrix = np.zeros((2, n_cells, n_slices, REPORT_COLUMNS))
    matrix[0, :, :, POWER] = matrix[1, :, :, MAX] = 1.0 / n_cells
    return matrix.reshape(2, -1)


@lru_cache(maxsize=64)
def operator_weights(schema: Schema) -> npt.NDArray[np.float64]:
    """ω of each slice, shape (slices,), summing to 1."""
    weights = np.array([info.sla.weight for info in schema.slices], dtype=np.float64)
    total = float(weights.sum())
    weights = weights / total if total > 0.0 else np.full(len(weights), 1.0 / len(weights))
    weights.flags.writeable = False
    return weights
