# SPDX-License-Identifier: MIT
"""Search by episodes: a cross-entropy method that spends one episode on one candidate.

Used for parameters of rules; one candidate per episode, as METHOD.md 2b found it to explore hidden preferences better
than noise per step does. Sources: Rubinstein 1999 (cross-entropy
method); smoothing after Mannor, Rubinstein & Gat 2003; log-rank recombination weights, Hansen 2016, arXiv:1604.00772,
eq. 49.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SearchConfig:
    """How a search spends its episodes."""

    population: int = 8
    """Candidates between two updates of the search distribution; at least 2."""
    elite: int = 3
    """Of these so many best count; at least 1."""
    smoothing: float = 0.7
    """Weight of the elite against the old mean and standard deviation, in (0, 1]."""
    smallest_std: float = 0.05
    """The standard deviation never falls below this part of what it was at the start."""
    mirrored: bool = True
    """Candidates come in pairs mean ± difference, which halves the luck in the first few."""


class CrossEntropySearch:
    """Maximises an unknown, noisy function: `ask` for a candidate, drawn from a normal distribution, `tell` its value.

    The first candidate is the mean itself: with one episode, searching loses nothing against not searching.
    """

    def __init__(self, mean: Array, std: Array, config: SearchConfig, stream: np.random.Generator) -> None:
        """mean, std: (d,), where to begin. Raises ValueError for shapes that differ or a std that is not positive."""
        if mean.shape != std.shape or mean.ndim != 1 or not (std > 0.0).all():
            raise ValueError("mean and std are vectors of one length, and std is positive")
        if not 1 <= config.elite <= config.population or config.population < 2:
            raise ValueError("1 <= elite <= population, population >= 2")
        self.mean, self.std = mean.astype(np.float64), std.astype(np.float64)
        self._floor = config.smallest_std * self.std
        self._config = config
        self._stream = stream
        self._pending: list[Array] = [self.mean.copy()]
        self._asked: Array | None = None
        self._told: list[tuple[float, Array]] = []

    def ask(self) -> Array:
        """The candidate to play next, (d,). The same one until `tell`."""
        if self._asked is None:
            if not self._pending:
                self._pending = self._draw()
            self._asked = self._pending.pop(0)
        return self._asked.copy()

    def tell(self, value: float) -> None:
        """What the candidate gave. Raises ValueError if none was asked for, or the value is not finite."""
        if self._asked is None or not np.isfinite(value):
            raise ValueError("tell() takes the finite value of the candidate that ask() gave")
        self._told.append((float(value), self._asked))
        self._asked = None
        if len(self._told) == self._config.population:
            self._update()

    def ask_population(self) -> Array:
        """All candidates that are left until the next update, (n, d): for many simulations at once."""
        count = self._config.population - len(self._told)
        ahead = [] if self._asked is None else [self._asked]
        while len(ahead) + len(self._pending) < count:
            self._pending += self._draw()
        self._asked, self._pending = None, (ahead + self._pending)[:count]
        return np.array(self._pending)

    def tell_population(self, values: Array) -> None:
        """What the candidates of `ask_population` gave, (n,). Raises ValueError as `tell`, and for another number."""
        count = self._config.population - len(self._told)
        if self._asked is not None or len(self._pending) < count or values.shape != (count,):
            raise ValueError("tell_population() takes a value for each candidate that ask_population() gave")
        for value in values:
            self.ask()
            self.tell(float(value))

    def recommend(self) -> Array:
        """The best guess so far, (d,): the mean, moved towards the elite of the unfinished population."""
        if not self._told:
            return self.mean.copy()
        part = len(self._told) / self._config.population
        elite, weights = self._elite()
        recommended: Array = self.mean + part * (weights @ elite - self.mean)
        return recommended

    def _draw(self) -> list[Array]:
        difference = self.std * self._stream.standard_normal(len(self.mean))
        if self._config.mirrored:
            return [self.mean + difference, self.mean - difference]
        return [self.mean + difference]

    def _elite(self) -> tuple[Array, Array]:
        """Best candidates (n, d), and their weights (n,), which sum to 1."""
        ranked = sorted(self._told, key=lambda entry: -entry[0])
        count = min(self._config.elite, max(1, len(ranked) // 2))
        weights = np.log(count + 0.5) - np.log(np.arange(1, count + 1))
        return np.array([candidate for _, candidate in ranked[:count]]), weights / weights.sum()

    def _update(self) -> None:
        elite, weights = self._elite()
        mean = weights @ elite
        # Around the old mean, as in CMA-ES: around their own, a handful of elites would look far too close together.
        std = np.sqrt(weights @ (elite - self.mean) ** 2)
        a = self._config.smoothing
        self.mean = (1.0 - a) * self.mean + a * mean
        self.std = np.maximum((1.0 - a) * self.std + a * std, self._floor)
        self._told, self._pending = [], []
