# SPDX-License-Identifier: MIT
"""From scores that a policy gives to shares of resources."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from pybridge.errors import ActionError

RESOURCES = ("prb", "compute", "power")
"""What the high level shares between slices, in the order of its actions."""

DEFAULT_SHARE_FLOOR = 0.05

_SMALLEST_SCORE = 1e-300


def check_share_floor(floor: float, n_slices: int) -> None:
    """Raise `ValueError` unless every slice can get `floor`."""
    if not 0.0 <= floor <= 1.0 / n_slices:
        raise ValueError(f"share_floor must be in [0, 1/{n_slices}] for {n_slices} slices, got {floor:g}")


def shares_from_scores(scores: npt.ArrayLike, floor: float) -> npt.NDArray[np.float64]:
    """share_k = floor + (1 − K·floor) · a_k / Σ a, over the last axis of K slices; equal shares where Σ a = 0.

    scores: non-negative, any shape (..., K). Result: same shape, each at least `floor`, summing to 1.
    Raises `ActionError` on a NaN, an infinity, or a negative score.
    """
    values = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(values).all() or (values < 0.0).any():
        raise ActionError("scores must be finite and not negative")
    n_slices = values.shape[-1]
    total = values.sum(axis=-1, keepdims=True)
    simplex = np.divide(values, total, out=np.full_like(values, 1.0 / n_slices), where=total > 0.0)
    shares: npt.NDArray[np.float64] = floor + (1.0 - n_slices * floor) * simplex
    return shares


class ShareMap:
    """Scores of `SliceEnv` to shares: `shares_from_scores` without allocating. Not for use from two threads at once."""

    def __init__(self, n_cells: int, n_slices: int, floor: float) -> None:
        """floor: smallest share of any slice."""
        self._shape = (n_cells * len(RESOURCES) * n_slices,)
        self._shares = np.empty((n_cells, len(RESOURCES), n_slices))
        self._flat, self._rows = self._shares.reshape(-1), self._shares.reshape(-1, n_slices)
        self._one, self._least = np.ones(self._shape), np.full(self._shape, _SMALLEST_SCORE)
        self._floor = np.full(self._shape, floor)
        # A score over its row's product with this is the part of what is shared above the floors.
        lent = 1.0 - n_slices * floor
        self._sums = np.full((n_slices, n_slices), 1.0 / lent if lent > 0.0 else np.inf)
        self._totals = np.empty(self._rows.shape)
        self._flat_totals = self._totals.reshape(-1)

    def __call__(self, action: Any) -> npt.NDArray[np.float64]:
        """Shares, shape (cells, resources, slices), in an array that the next call overwrites.

        action: scores, flat; clipped into [0, 1]. Raises `ActionError` if it has another shape or is not finite.
        """
        scores = np.asarray(action, dtype=np.float64)
        if scores.shape != self._shape or not math.isfinite(self._one.dot(scores)):
            checked_action(action, self._shape, "SliceEnv")
        flat = np.minimum(scores, self._one, out=self._flat)
        np.maximum(flat, self._least, out=flat)  # equal shares if all scores are 0
        np.dot(self._rows, self._sums, out=self._totals)
        np.divide(flat, self._flat_totals, out=flat)
        np.add(flat, self._floor, out=flat)
        return self._shares


def checked_action(action: Any, shape: tuple[int, ...], who: str) -> npt.NDArray[np.float64]:
    """`action` as an array. Raises `ActionError` if it has another shape or is not finite."""
    values = np.asarray(action, dtype=np.float64)
    if values.shape != shape:
        raise ActionError(f"the action of {who} must have shape {shape}, got {values.shape}")
    if not np.isfinite(values).all():
        raise ActionError(f"the action of {who} must be finite, got {values[~np.isfinite(values)][0]}")
    return values
