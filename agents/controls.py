# SPDX-License-Identifier: MIT
"""From logarithms of what a rule wants to the actions of `pybridge.SliceEnv`, under both kinds of its controls."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.dpp import COMPUTE, GUARANTEE, LEND, POWER
from pybridge.envs.shares import DEFAULT_SHARE_FLOOR, POWER_RANGE, RESOURCES, Controls, capped_actions

Array = NDArray[np.float64]


def actions_per_cell(controls: Controls, slices: int) -> int:
    """Numbers of a cell in an action."""
    return capped_actions(slices) if controls == "capped" else len(RESOURCES) * slices


def softmax(logits: Array) -> Array:
    """Over the last axis."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Array = weights / weights.sum(axis=-1, keepdims=True)
    return result


def action_of_logits(logits: Array, controls: Controls, floor: float = DEFAULT_SHARE_FLOOR) -> NDArray[np.float32]:
    """Flat actions in [0, 1], shape (..., cells × numbers per cell).

    logits: (..., cells, 4, slices), rows as `agents.dpp.dpp_logits` says.
    controls "shares": the guarantees in proportion, power as they are times its level; nothing is left unused,
        `LEND` has no effect. "capped": guarantees as wanted, the rest to nobody; scaled down to a sum of 1.
    floor: `share_floor` of the environment.
    """
    if controls == "shares":
        rows = [logits[..., GUARANTEE, :], logits[..., COMPUTE, :], logits[..., GUARANTEE, :] + logits[..., POWER, :]]
        scores = softmax(np.stack(rows, axis=-2))
    else:
        scores = _capped_scores(logits, floor)
    return scores.reshape(*logits.shape[:-3], -1).astype(np.float32)


def _capped_scores(logits: Array, floor: float) -> Array:
    """As `pybridge.envs.shares.CappedMap` reads them, inverted: (..., cells, 4 × slices + 1)."""
    slices = logits.shape[-1]
    wanted = np.exp(np.clip(logits[..., GUARANTEE, :], -20.0, 20.0))
    wanted = np.maximum(wanted / np.maximum(wanted.sum(axis=-1, keepdims=True), 1.0), floor)
    above = (wanted - floor) / max(1.0 - slices * floor, 1e-9)
    above = above / np.maximum(above.sum(axis=-1, keepdims=True), 1.0)
    lowest = floor + (1.0 - slices * floor) * above
    highest = np.minimum(lowest * (1.0 + np.exp(np.clip(logits[..., LEND, :], -20.0, 20.0))), 1.0)
    caps = (highest - lowest) / np.maximum(1.0 - lowest, 1e-9)
    level = np.clip(0.5 + logits[..., POWER, :] / (2.0 * np.log(POWER_RANGE)), 0.0, 1.0)
    spare = 1.0 - above.sum(axis=-1, keepdims=True)
    return np.concatenate((above, np.maximum(spare, 0.0), softmax(logits[..., COMPUTE, :]), caps, level), axis=-1)
