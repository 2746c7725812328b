# SPDX-License-Identifier: MIT
"""From scores that a policy gives to shares of resources."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pybridge.errors import ActionError

RESOURCES = ("prb", "compute", "power")
"""What the high level shares between slices, in the order of its actions."""

Controls = Literal["shares", "capped"]
"""What an action of `SliceEnv` says: `ShareMap` or `CappedMap`."""

DEFAULT_SHARE_FLOOR = 0.05

POWER_RANGE = 4.0
"""By this factor, 6 dB, a slice's PRBs may be stronger or weaker than even; the RAN bounds it there too."""

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

    n_controls = len(RESOURCES)
    """Numbers per cell and slice that it gives."""

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
        self._rows.dot(self._sums, self._totals)
        np.divide(flat, self._flat_totals, flat)
        np.add(flat, self._floor, flat)
        return self._shares


class CappedMap:
    """Scores of `SliceEnv` with controls "capped" to shares and caps: what a price on PRBs and power needs.

    An action holds per cell, each in [0, 1]: PRB scores a of the K slices and of a spare that is nobody's; compute
    scores, K; caps c, K; power levels g, K. So 4K + 1 numbers:

        min_k = floor + (1 − K·floor)·a_k/Σa, Σ over the spare too;  max_k = min_k + c_k·(1 − min_k)
        power_k = min_k·4^(2g_k − 1), scaled down together where Σ power > 1: g = 0.5 makes every PRB equally strong

    and compute shares as in `ShareMap`. c = 1 lends what is unused, c = 0 keeps a slice to its share. Scores that are
    all 0 are taken as equal.
    """

    n_controls = len(RESOURCES) + 1
    """Numbers per cell and slice that it gives."""

    def __init__(self, n_cells: int, n_slices: int, floor: float) -> None:
        """floor: smallest share of any slice."""
        self._shape = (n_cells * capped_actions(n_slices),)
        self._n_cells, self._n_slices, self._floor = n_cells, n_slices, floor
        self._lent = 1.0 - n_slices * floor

    def __call__(self, action: Any) -> npt.NDArray[np.float64]:
        """min PRB ratio, compute share, power share, max PRB ratio, shape (cells, 4, slices).

        action: flat; clipped into [0, 1]. Raises `ActionError` if it has another shape or is not finite.
        """
        k = self._n_slices
        rows = np.minimum(checked_action(action, self._shape, "SliceEnv"), 1.0).reshape(self._n_cells, -1)
        scores = np.maximum(rows[:, : 2 * k + 1], _SMALLEST_SCORE)  # equal shares if all of them are 0
        prb, compute = scores[:, : k + 1], scores[:, k + 1 :]
        cap, power = np.maximum(rows[:, 2 * k + 1 : 3 * k + 1], 0.0), np.maximum(rows[:, 3 * k + 1 :], 0.0)
        result = np.empty((self._n_cells, self.n_controls, k))
        lowest, strength = result[:, 0], result[:, 2]
        lowest[...] = self._floor + self._lent * (prb[:, :k] / prb.sum(axis=1, keepdims=True))
        result[:, 1] = self._floor + self._lent * (compute / compute.sum(axis=1, keepdims=True))
        strength[...] = lowest * POWER_RANGE ** (2.0 * power - 1.0)
        strength /= np.maximum(strength.sum(axis=1, keepdims=True), 1.0)
        result[:, 3] = lowest + cap * (1.0 - lowest)
        return result


def capped_actions(n_slices: int) -> int:
    """Numbers that `CappedMap` takes per cell."""
    return 4 * n_slices + 1


def checked_action(action: Any, shape: tuple[int, ...], who: str) -> npt.NDArray[np.float64]:
    """`action` as an array. Raises `ActionError` if it has another shape or is not finite."""
    values = np.asarray(action, dtype=np.float64)
    if values.shape != shape:
        raise ActionError(f"the action of {who} must have shape {shape}, got {values.shape}")
    if not np.isfinite(values).all():
        raise ActionError(f"the action of {who} must be finite, got {values[~np.isfinite(values)][0]}")
    return values
