# SPDX-License-Identifier: MIT
"""What an operator wants, inferred from the rewards that its network gave: operator weights and prices.

r_H is linear in them (`pybridge.envs.reward`): r = Σ_k ω_k·sat_k − c_p·P/P_max − c_b·RB/RB_max − c_r·½ Σ_k |Δρ_k|.
Satisfactions and uses stand in the observation, or follow from it, so what the hidden track hides can be regressed on
them, by Bayesian linear regression (Bishop 2006, "Pattern Recognition and Machine Learning", section 3.3) with the
training tasks as prior. To infer the task and to act on the belief is after PEARL (Rakelly et al. 2019,
arXiv:1903.08254) and Humplik et al. 2019 (arXiv:1905.06424). It is ours, not the paper's.

Nothing is used but what every method gets: observations and rewards.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.network_task import NetworkTask, task_features
from agents.slice_inputs import SliceInputs, read_slice_inputs
from pybridge.envs.qos import DEFAULT_RELIABILITY, smooth

Array = NDArray[np.float64]

N_PRICES = 3
"""Of power, PRBs, and changes of shares."""
NOISE = 0.03
"""Standard deviation of what `reward_terms` misses of a reward: rates of single UEs are not observed."""
_JITTER = 1e-6
"""Added to variances of the prior: weights sum to 1, and the price of changes is the same for all tasks."""


def reward_terms(observation: NDArray[np.floating], cells: int, slices: int) -> Array:
    """What the reward of each step is linear in: sat of each slice, −P/P_max, −RB/RB_max, −½ Σ|Δρ|.

    observation: (..., T + 1, inputs), from the first of an episode on. Result: (..., T, slices + 3).
    """
    inputs = read_slice_inputs(observation, cells, slices)
    changed = 0.5 * np.abs(np.diff(inputs.prb_share, axis=-3)).sum(axis=(-2, -1)) / cells
    changed[..., 0] = 0.0  # the first decision changes shares for nothing
    used = [_of_network(inputs.power_used_ratio, cells), _of_network(inputs.prb_used_ratio, cells), changed]
    return np.concatenate([_satisfaction(inputs), -np.stack(used, axis=-1)], axis=-1)


def _of_network(use: Array, cells: int) -> Array:
    """(..., T + 1, cells, slices) to (..., T): of the period that each decision led to."""
    result: Array = use[..., 1:, :, :].sum(axis=(-2, -1)) / cells
    return result


def _satisfaction(inputs: SliceInputs) -> Array:
    """(..., T, slices), smooth: exact for delays in one cell; of rates an estimate.

    UEs without data are satisfied; those with data are taken to share what the slice delivers equally. The mean over
    cells is by UEs for rates, by delivered load for delays.
    """
    has_rate, has_delay = inputs.target_kbps > 0.0, inputs.delay_budget_ms > 0.0
    waiting = np.minimum(inputs.active_ues, inputs.ues)
    wanted = waiting * inputs.target_kbps
    ratio = np.divide(inputs.goodput_kbps, wanted, out=np.ones_like(wanted), where=wanted > 0.0)
    part = np.divide(waiting, inputs.ues, out=np.zeros_like(waiting), where=inputs.ues > 0.0)
    of_rate = np.where(has_rate, 1.0 - part * (1.0 - smooth(ratio)), 1.0)
    reliability = np.where(inputs.reliability > 0.0, inputs.reliability, DEFAULT_RELIABILITY)
    of_delay = np.where(has_delay, smooth((1.0 - inputs.deadline_miss_ratio) / reliability), 1.0)
    result: Array = np.minimum(_mean(of_rate, inputs.ues), _mean(of_delay, inputs.goodput_kbps))
    return result[..., 1:, :]


def _mean(values: Array, weights: Array) -> Array:
    """Over cells, (..., T, cells, slices) to (..., T, slices)."""
    weights = weights + 1e-9
    result: Array = (values * weights).sum(axis=-2) / weights.sum(axis=-2)
    return result


def reward_parameters(tasks: Sequence[NetworkTask]) -> Array:
    """(tasks, slices + 3): weights and prices, in the order of `reward_terms`."""
    return np.array([[*t.weights, t.power_price, t.prb_price, t.reconfiguration_price] for t in tasks])


class RewardPosterior:
    """Normal belief about one task's weights and prices."""

    def __init__(self, prior: Array, noise: float = NOISE) -> None:
        """prior: (tasks, P), `reward_parameters` of training tasks."""
        self._at = prior.mean(axis=0)
        covariance = np.cov(prior.T) + _JITTER * np.eye(prior.shape[1])
        self._precision, self._prior_variance = np.linalg.inv(covariance), float(np.trace(covariance))
        self._shift = np.zeros(prior.shape[1])
        self._noise = noise

    def add(self, terms: Array, reward: NDArray[np.floating]) -> None:
        """Learn from steps. terms: (..., P); reward: (...,). Raises ValueError if a number is not finite."""
        terms = terms.reshape(-1, len(self._at))
        missing = reward.astype(np.float64).ravel() - terms @ self._at
        if not np.isfinite(missing).all():
            raise ValueError("rewards and their terms are finite")
        self._precision = self._precision + terms.T @ terms / self._noise**2
        self._shift = self._shift + terms.T @ missing / self._noise**2

    @property
    def mean(self) -> Array:
        """(P,)."""
        result: Array = self._at + np.linalg.solve(self._precision, self._shift)
        return result

    @property
    def doubt(self) -> float:
        """Variance over that of the prior, of weights and prices together, in (0, 1]."""
        return float(np.trace(np.linalg.inv(self._precision)) / self._prior_variance)


class Beliefs:
    """Of several tasks, each by its own episodes."""

    def __init__(self, tasks: Sequence[NetworkTask], prior: Array) -> None:
        """prior: as for `RewardPosterior`."""
        self._tasks = tasks
        self._of = [RewardPosterior(prior) for _ in tasks]
        self._range = prior.min(axis=0), prior.max(axis=0)

    def add(self, terms: Array, reward: NDArray[np.floating]) -> None:
        """terms: (tasks, ..., P), of `reward_terms`; reward: (tasks, ...)."""
        for belief, *steps in zip(self._of, terms, reward, strict=True):
            belief.add(*steps)

    def features(self) -> NDArray[np.float32]:
        """(tasks, slices + 3): `NetworkTask.features` of the mean of what is believed, within training's range; doubt.

        Doubt is the part of the prior's variance that is left. A reward is linear in weights and prices, so what is
        best for their mean is best on average.
        """
        return np.stack([self._features(*pair) for pair in zip(self._of, self._tasks, strict=True)])

    def _features(self, belief: RewardPosterior, task: NetworkTask) -> NDArray[np.float32]:
        mean = np.clip(belief.mean, *self._range)
        weights = mean[:-N_PRICES]
        features = task_features(weights / weights.sum(), mean[-N_PRICES:-1], task.prices_at)
        return np.append(features, np.float32(belief.doubt))
