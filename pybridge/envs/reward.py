# SPDX-License-Identifier: MIT
"""Rewards of the high level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pybridge.envs.qos import Satisfaction
from pybridge.observation import FLOAT_BYTES, MAX, MIN, POWER, REPORT_COLUMNS, Observation
from pybridge.schema import Schema


class RewardFunction(Protocol):
    """Any callable that values the period that an observation reports on."""

    def __call__(self, observation: Observation, satisfaction: Satisfaction) -> float:
        """Reward. `satisfaction`: per slice over all cells, shape (slices,)."""


class SlaReward:
    """r_H = Σ_k ω_k·sat_k − c_p·P/P_max − c_b·RB/RB_max − c_r·½ Σ_k |Δρ_k|.

    ω are the slices' operator weights, normalised to Σω = 1 (equal if all are 0); sat is the smooth satisfaction
    (`pybridge.envs.qos`); P/P_max and RB/RB_max are the parts of the power budget and of the allocatable PRBs that were
    used, and Δρ is what the decision changed of the guaranteed PRB ratios in force, all means over cells. The first
    decision of an episode changes them for nothing. So −c_p − c_b − c_r ≤ r_H ≤ 1.

    With c_r > 0 it remembers the last period: one object per environment then.
    """

    def __init__(
        self,
        power_price: float = 0.1,
        prb_price: float = 0.1,
        reconfiguration_price: float = 0.0,
        weights: Sequence[float] | None = None,
    ) -> None:
        """power_price, prb_price, reconfiguration_price: c_p, c_b, c_r ≥ 0.

        weights: ω of each slice in place of the scenario's, ≥ 0, which a policy then does not see.

        Raises `ValueError` for a price or weight that is negative or not finite.
        """
        prices = (power_price, prb_price, reconfiguration_price)
        if not all(np.isfinite(price) and price >= 0.0 for price in prices):
            raise ValueError("prices are not negative, and finite")
        if weights is not None and not all(np.isfinite(weight) and weight >= 0.0 for weight in weights):
            raise ValueError("weights are not negative, and finite")
        self.power_price, self.prb_price, self.reconfiguration_price = prices
        self._own_weights = None if weights is None else np.array(weights, np.float64)
        self._schema: Schema | None = None
        self._shares: npt.NDArray[np.float64] = np.zeros((0, 0))
        """Guaranteed PRB ratios in force in the last period."""

    def __call__(self, observation: Observation, satisfaction: Satisfaction) -> float:
        """Reward of the whole network."""
        if observation.schema is not self._schema:
            self._prepare(observation)
        self._achieved[...] = observation.flat[self._reported]
        reward = float(self._weights.dot(satisfaction.smooth) - self._prices.dot(self._achieved))
        return reward - self._reconfiguration(observation) if self.reconfiguration_price else reward

    def utility(self, reward: float) -> float:
        """U = (r_H + c)/(1 + c) in [0, 1], c being the sum of the prices: network management efficiency."""
        prices = self.power_price + self.prb_price + self.reconfiguration_price
        return (reward + prices) / (1.0 + prices)

    def _reconfiguration(self, observation: Observation) -> float:
        shares = observation.projected[:, :, MIN].astype(np.float64)
        changed = 0.0 if observation.step <= 1 else float(np.abs(shares - self._shares).sum()) / (2.0 * len(shares))
        self._shares = shares
        return self.reconfiguration_price * changed

    def _prepare(self, observation: Observation) -> None:
        """Find what is needed of the observations of a simulation."""
        self._schema, self._weights = observation.schema, self._weights_of(observation.schema)
        field = observation.dtype.fields
        assert field is not None
        shape = (observation.schema.n_cells, observation.schema.n_slices, REPORT_COLUMNS)
        begin, size = int(field["achieved"][1]) // FLOAT_BYTES, int(np.prod(shape))
        self._reported, self._achieved = slice(begin, begin + size), np.empty(size)
        prices = np.zeros(shape)
        prices[:, :, POWER], prices[:, :, MAX] = self.power_price / shape[0], self.prb_price / shape[0]
        self._prices = prices.reshape(size)

    def _weights_of(self, schema: Schema) -> npt.NDArray[np.float64]:
        if self._own_weights is None:
            return operator_weights(schema)
        if len(self._own_weights) != schema.n_slices:
            raise ValueError(f"the reward has {len(self._own_weights)} weights, the network {schema.n_slices} slices")
        return normalised_weights(self._own_weights)

    def of_cells(self, observation: Observation, smooth: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Reward of each cell, shape (cells,), without the price of reconfiguration.

        smooth: satisfaction, shape (cells, slices) or (1, slices).
        """
        used = observation.achieved.astype(np.float64).sum(axis=1)
        cost = self.power_price * used[:, POWER] + self.prb_price * used[:, MAX]
        reward: npt.NDArray[np.float64] = smooth @ self._weights_of(observation.schema) - cost
        return reward


def operator_weights(schema: Schema) -> npt.NDArray[np.float64]:
    """ω of each slice, shape (slices,), summing to 1."""
    return normalised_weights(np.array([info.sla.weight for info in schema.slices], dtype=np.float64))


def normalised_weights(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weights that sum to 1; equal ones if all are 0."""
    total = float(weights.sum())
    return weights / total if total > 0.0 else np.full(len(weights), 1.0 / len(weights))
