# SPDX-License-Identifier: MIT
"""Learning by perturbing parameters: evolution strategies with mirrored perturbations and common random numbers.

    ∇ E f(θ + σε) ≈ 1/n Σ_i (f_i(θ + σε_i) − f_i(θ − σε_i))/2σ · ε_i

Both of a pair meet the same task, traffic and channels, each pair another one: what differs is what the perturbation
did, where the noise of single actions would drown it. Sources: Salimans et al. 2017 (arXiv:1703.03864); fixed random
numbers, Ng & Jordan 2000 (PEGASUS); as the outer loop of meta-learning, whatever the inner one does, Song et al. 2020
(ES-MAML, arXiv:1910.01215).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.checkpoint import CheckpointError
from agents.training_state import Arrays

Array = NDArray[np.float64]

_MOMENTUM, _SQUARES = 0.9, 0.99
_OUTLIER = 3.0
"""Differences count up to so many times the median of those that there are: a task or two that hang on one decision
would lead all. What is maximised is therefore not quite the mean."""
_SLOWEST = 0.2
"""Of the learning rate, at the end."""


@dataclass(frozen=True)
class EvolutionConfig:
    """How far it looks and goes; both in units of each parameter's scale."""

    std: float = 0.3
    """σ."""
    learning_rate: float = 0.08
    """Root mean square of a step while gradients agree; it falls to a fifth in the course of learning."""


class EvolutionStrategy:
    """Maximises the mean of an unknown, noisy function: `ask` for pairs, `tell` their values.

    Steps are a moving average of gradients over the root of that of their mean square: Adam's (Kingma & Ba 2015,
    arXiv:1412.6980) with one size for all parameters, since what the gradients' noise is like is alike for all.
    """

    def __init__(self, start: Array, scale: Array, iterations: int, config: EvolutionConfig | None = None) -> None:
        """start, scale: (P,); scale > 0. iterations: that there will be.

        Raises ValueError for shapes that differ or a scale that is not positive.
        """
        if start.shape != scale.shape or start.ndim != 1 or not (scale > 0.0).all():
            raise ValueError("start and scale are vectors of one length, and scale is positive")
        self._config = EvolutionConfig() if config is None else config
        self._scale, self._iterations = scale, max(1, iterations)
        self._mean, self._momentum, self._square = start.astype(np.float64), np.zeros(len(start)), 0.0
        self._count = 0
        self._asked: Array | None = None

    @property
    def mean(self) -> Array:
        """θ, (P,)."""
        return self._mean.copy()

    def ask(self, pairs: int, stream: np.random.Generator) -> Array:
        """θ ± perturbations, shape (2, pairs, P)."""
        self._asked = stream.standard_normal((pairs, len(self._mean)))
        away = self._config.std * self._scale * self._asked
        return np.stack([self._mean + away, self._mean - away])

    def tell(self, values: Array) -> None:
        """Values of what was asked for, (2, pairs). Raises ValueError for others, or if one is not finite."""
        if self._asked is None or values.shape != (2, len(self._asked)) or not np.isfinite(values).all():
            raise ValueError("tell() takes the finite values of the pairs that ask() gave")
        difference = (values[0] - values[1]) / 2.0
        counting = np.abs(difference[difference != 0.0])
        most = _OUTLIER * float(np.median(counting)) if len(counting) else 0.0
        gradient = np.clip(difference, -most, most) @ self._asked / (len(difference) * self._config.std)
        self._asked, self._count = None, self._count + 1
        self._momentum = _MOMENTUM * self._momentum + (1.0 - _MOMENTUM) * gradient
        self._square = _SQUARES * self._square + (1.0 - _SQUARES) * float((gradient**2).mean())
        momentum = self._momentum / (1.0 - _MOMENTUM**self._count)
        square = self._square / (1.0 - _SQUARES**self._count)
        self._mean = self._mean + self._rate() * self._scale * momentum / max(np.sqrt(square), 1e-12)

    def _rate(self) -> float:
        done = min(1.0, (self._count - 1) / self._iterations)
        return self._config.learning_rate * (1.0 - (1.0 - _SLOWEST) * done)

    def state(self) -> Arrays:
        """For `agents.training_state.save_training_state`, between `tell` and `ask`."""
        numbers = np.array([self._square, self._count])
        return {"mean": self._mean.copy(), "momentum": self._momentum.copy(), "numbers": numbers}

    def load_state(self, arrays: Arrays) -> None:
        """Go on from `state()`. Raises CheckpointError, with nothing changed, if it is of something else."""
        for name, array in self.state().items():
            if name not in arrays or arrays[name].shape != array.shape:
                found = "missing" if name not in arrays else f"of shape {arrays[name].shape}"
                raise CheckpointError(f"tensor {name} of shape {array.shape} is {found}")
        self._mean, self._momentum = arrays["mean"].astype(np.float64), arrays["momentum"].astype(np.float64)
        self._square, self._count = float(arrays["numbers"][0]), int(arrays["numbers"][1])
