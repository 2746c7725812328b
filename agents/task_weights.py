# SPDX-License-Identifier: MIT
"""Weights of tasks in the outer objective, from their temporal-difference errors: METHOD.md 2, task weights.

`paper` is the published idea, variance of TD errors; `robust` is ours: only that part of the variance counts that the
state predicts, since the rest is noise, which no learning removes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mode = Literal["uniform", "paper", "inverse", "robust"]


@dataclass(frozen=True)
class TaskWeightConfig:
    """Numbers of METHOD.md 2, steps 2-6."""

    mode: Mode = "robust"
    ridge: float = 0.1
    """Penalty of the fit, per sample and standardised feature."""
    decay: float = 0.9
    """Of the moving average per family."""
    floor: float = 1e-4
    """Added to v before the logarithm, in units of scaled reward squared."""
    largest_score: float = 2.0
    strength: float = 0.5
    """λ once it has risen."""
    rise_iterations: int = 20
    """A fifth of the training where that is shorter."""
    smallest: float = 0.5
    largest: float = 2.0


def predictable_variance(td_error: Array, features: Array, valid: NDArray[np.bool_], ridge: float) -> float:
    """v_i: the part of the variance of δ that a ridge regression on critic features predicts across episodes.

    td_error, valid: (episodes, T). features: (episodes, T, F). Fitted on every second episode and judged on the others
    by max(0, Cov(δ, prediction)), then the other way round; the mean of both. 0 with fewer than two episodes.
    """
    halves = [
        (td_error[part][valid[part]], features[part][valid[part]]) for part in (slice(0, None, 2), slice(1, None, 2))
    ]
    if any(len(delta) < 2 for delta, _ in halves):
        return 0.0
    covariances = [_held_out_covariance(*fit, *judge, ridge) for fit, judge in (halves, halves[::-1])]
    return float(np.mean(np.maximum(covariances, 0.0)))


def _held_out_covariance(delta: Array, x: Array, other_delta: Array, other_x: Array, ridge: float) -> float:
    mean, std = x.mean(axis=0), x.std(axis=0) + 1e-8
    scaled, other = (x - mean) / std, (other_x - mean) / std
    gram = scaled.T @ scaled + ridge * len(scaled) * np.eye(scaled.shape[1])
    coefficients = np.linalg.solve(gram, scaled.T @ (delta - delta.mean()))
    prediction = other @ coefficients
    return float(np.mean((other_delta - other_delta.mean()) * (prediction - prediction.mean())))


def strength(config: TaskWeightConfig, iteration: int, iterations: int) -> float:
    """λ: from 0 to its full value over `rise_iterations`, and back to 0 in the last fifth of `iterations`.

    Where `iterations` are few it rises within their first fifth, so that there are weights at all.
    """
    rise = min(1.0, iteration / max(1.0, min(config.rise_iterations, iterations / 5.0)))
    fall = min(1.0, (iterations - iteration) / (iterations / 5.0))
    return config.strength * max(0.0, min(rise, fall))


def robust_weights(scores: Array, lam: float, config: TaskWeightConfig) -> Array:
    """Steps 4-6, from the moving averages s_i. Result (B,), mean 1."""
    median = np.median(scores)
    mad = np.median(np.abs(scores - median))
    z = np.clip((scores - median) / (1.4826 * mad + 1e-3), -config.largest_score, config.largest_score)
    softmax = np.exp(z) / np.exp(z).sum()
    weights = np.clip((1.0 - lam) + lam * len(z) * softmax, config.smallest, config.largest)
    weights = weights / weights.mean()
    effective = weights.sum() ** 2 / (weights**2).sum()
    return weights if effective >= len(weights) / 2.0 else np.ones(len(weights))


class TaskWeights:
    """Gives each iteration its weights, and remembers the moving average of every family of tasks."""

    def __init__(self, config: TaskWeightConfig, iterations: int) -> None:
        """iterations: length of the training, which the schedule of λ follows. Raises ValueError for another mode."""
        if config.mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}, got {config.mode!r}")
        self._config = config
        self._iterations = iterations
        self._average: dict[str, float] = {}
        self.scalars: dict[str, float] = {}
        """Of the last iteration, means over each family's tasks: `weight/FAMILY`, and `td_variance/FAMILY`, raw."""

    def __call__(
        self, iteration: int, families: Sequence[str], td_error: Array, features: Array, valid: NDArray[np.bool_]
    ) -> Array:
        """w of each task, shape (B,), mean 1.

        td_error, valid: (B, episodes, T), of D' with the shared critic and scaled rewards.
        features: (B, episodes, T, F), the shared critic's.
        """
        variance = np.array([np.var(delta[mask]) for delta, mask in zip(td_error, valid, strict=True)])
        mode = self._config.mode
        if mode == "robust":
            lam = strength(self._config, iteration, self._iterations)
            weights = robust_weights(self._scores(families, td_error, features, valid), lam, self._config)
        elif mode == "uniform":
            weights = np.ones(len(families))
        else:
            raw = variance + 1e-12 if mode == "paper" else 1.0 / (variance + 1e-12)
            weights = raw / raw.mean()
        self.scalars = _by_family("weight", families, weights) | _by_family("td_variance", families, variance)
        return weights

    def _scores(self, families: Sequence[str], td_error: Array, features: Array, valid: NDArray[np.bool_]) -> Array:
        """Step 3: moving averages of log(v + floor) per family; a family's first value starts its average."""
        logs: dict[str, list[float]] = {}
        for family, delta, x, mask in zip(families, td_error, features, valid, strict=True):
            v = predictable_variance(delta, x, mask, self._config.ridge)
            logs.setdefault(family, []).append(float(np.log(v + self._config.floor)))
        for family, values in logs.items():
            fresh = float(np.mean(values))
            old = self._average.get(family, fresh)
            self._average[family] = self._config.decay * old + (1.0 - self._config.decay) * fresh
        return np.array([self._average[family] for family in families])

    def state(self) -> dict[str, Any]:
        """JSON-able; floats are exact."""
        return {"average": dict(self._average)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self._average = {str(family): float(value) for family, value in state["average"].items()}


def _by_family(name: str, families: Sequence[str], values: Array) -> dict[str, float]:
    of = np.array(families)
    return {f"{name}/{family}": float(values[of == family].mean()) for family in sorted(set(families))}
