# SPDX-License-Identifier: MIT
"""Running standard deviation of rewards."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class RewardScale:
    """Mean and variance over all rewards so far, merged batch by batch (Chan, Golub & LeVeque 1983)."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0

    def update(self, rewards: NDArray[np.floating]) -> None:
        """rewards: any shape, played steps only."""
        values = np.asarray(rewards, dtype=np.float64).ravel()
        if not len(values):
            return
        mean = float(values.mean())
        total = self._count + len(values)
        difference = mean - self._mean
        self._squares += float(((values - mean) ** 2).sum()) + difference**2 * self._count * len(values) / total
        self._mean += difference * len(values) / total
        self._count = total

    @property
    def std(self) -> float:
        """1 before the first reward, and where all rewards were the same."""
        return float(np.sqrt(self._squares / self._count)) if self._squares > 0.0 else 1.0

    def state(self) -> dict[str, Any]:
        """JSON-able; floats are exact."""
        return {"count": self._count, "mean": self._mean, "squares": self._squares}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self._count, self._mean, self._squares = int(state["count"]), float(state["mean"]), float(state["squares"])
