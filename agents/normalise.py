# SPDX-License-Identifier: MIT
"""Normalisation of observations, fixed once training has ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Normaliser:
    """(x - mean) / sqrt(variance + epsilon), clipped to [-clip, clip].

    mean, variance: float64, the observation's shape.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    epsilon: float
    clip: float

    def __call__(self, observation: NDArray[np.floating]) -> NDArray[np.float32]:
        scaled = (observation - self.mean) / np.sqrt(self.variance + self.epsilon)
        return np.clip(scaled, -self.clip, self.clip).astype(np.float32)
