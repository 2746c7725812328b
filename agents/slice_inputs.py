# SPDX-License-Identifier: MIT
"""What rules need to know of slices, read back from the observation that every learner gets.

Rules see no more and no less than learners: the observation of `pybridge.SliceEnv` (`pybridge.envs.slice_view`) is
unscaled, number by number. What was clipped there stays clipped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pybridge.envs.features import DEFAULT_SLICE_FEATURES
from pybridge.envs.slice_view import N_SHARES, N_SLA, SLA_BUDGET_SCALE_MS, SLA_NINES, SLA_RATE_SCALE_MBPS

Array = NDArray[np.float64]

_KPMS = tuple(feature.kpm for feature in DEFAULT_SLICE_FEATURES)
_SCALES = np.array([feature.scale for feature in DEFAULT_SLICE_FEATURES])
_IS_LOG = np.array([feature.curve == "log" for feature in DEFAULT_SLICE_FEATURES])
INPUTS_PER_SLICE = len(_KPMS) + N_SHARES + N_SLA
N_PRICES = 2
"""Numbers that the told track appends to an observation (`agents.network_task`)."""


@dataclass(frozen=True)
class SliceInputs:
    """State of slices, float64 arrays of one shape (..., cells, slices), over the last high-level period."""

    prb_used_ratio: Array
    """PRBs used over those of the cell."""
    power_used_ratio: Array
    """Power used over the cell's budget."""
    prb_share: Array
    """Guaranteed part of the PRBs, in force."""
    ues: Array
    active_ues: Array
    """Mean number of UEs with data to receive."""
    offered_kbps: Array
    goodput_kbps: Array
    queued_kbit: Array
    """In the queues of DU and RLC now."""
    hol_delay_ms: Array
    """Age of the oldest packet there."""
    deadline_miss_ratio: Array
    target_kbps: Array
    """Rate promised to each UE; 0 if none was."""
    delay_budget_ms: Array
    """0 if none was agreed upon."""
    reliability: Array
    """Of the delay budget; 0 if none was agreed upon."""
    weight: Array
    """Operator weights, Σ = 1; whatever stands in the observation where they are hidden."""
    log_prices: Array
    """Standardised logarithms of the prices of power and PRBs, (..., 2); zeros where they are hidden."""
    doubt: Array
    """About weights and prices, (...,), without axes of cells and slices: from 0, known, to 1, nothing is known."""


def as_on_track(observation: NDArray[np.floating], prices: NDArray[np.floating] | None) -> NDArray[np.float32]:
    """An observation of `SliceEnv`, (cells × slices × 20,), as methods see it on a track.

    prices: standardised log prices, (2,), which the told track appends; None: the hidden track, where equal operator
    weights stand in the place of the scenario's, as they did in training.
    """
    if prices is not None:
        return np.concatenate([observation, prices]).astype(np.float32)
    rows = observation.astype(np.float32).reshape(-1, INPUTS_PER_SLICE)
    rows[:, -1] = rows[:, -1].mean()  # weights sum to 1 in every cell
    return rows.reshape(-1)


def as_if_told(inputs: SliceInputs, features: NDArray[np.floating]) -> SliceInputs:
    """Inputs with weights and prices that the observation hides.

    features: (..., slices + 3), `agents.network_task.NetworkTask.features` and the doubt about them, with the inputs'
    leading axes.
    """
    slices = inputs.weight.shape[-1]
    weight = (1.0 + features[..., np.newaxis, :slices].astype(np.float64)) / slices
    log_prices, doubt = features[..., slices:-1].astype(np.float64), features[..., -1].astype(np.float64)
    return replace(inputs, weight=np.broadcast_to(weight, inputs.weight.shape), log_prices=log_prices, doubt=doubt)


def read_slice_inputs(observation: NDArray[np.floating], cells: int, slices: int) -> SliceInputs:
    """Unscale observations of shape (..., cells × slices × 20), or two numbers more, the prices, where they are told.

    Raises ValueError for another shape, or NaN.
    """
    size = cells * slices * INPUTS_PER_SLICE
    if observation.shape[-1:] not in ((size,), (size + N_PRICES,)):
        raise ValueError(
            f"{cells} cells of {slices} slices have observations of {size} numbers ({size + N_PRICES} with prices), "
            f"got {observation.shape}"
        )
    if not np.isfinite(observation).all():
        raise ValueError("an observation is not finite")
    told = observation[..., size:].astype(np.float64)
    rows = observation[..., :size].astype(np.float64).reshape(*observation.shape[:-1], cells, slices, INPUTS_PER_SLICE)
    scaled = rows[..., : len(_KPMS)]
    values = np.where(_IS_LOG, np.expm1(scaled * np.log1p(_SCALES)), scaled * _SCALES)
    rate, budget, nines, weight = np.moveaxis(rows[..., -N_SLA:], -1, 0)

    def kpm(name: str) -> Array:
        column: Array = values[..., _KPMS.index(name)]
        return column

    return SliceInputs(
        prb_used_ratio=kpm("x.prb_used_ratio"),
        power_used_ratio=kpm("x.power_used_ratio"),
        prb_share=rows[..., len(_KPMS)],
        ues=kpm("x.ues"),
        active_ues=kpm("DRB.MeanActiveUeDl"),
        offered_kbps=kpm("x.offered_kbps"),
        goodput_kbps=kpm("x.goodput_kbps"),
        queued_kbit=kpm("x.buffer_bytes") * 8e-3,
        hol_delay_ms=kpm("x.hol_delay_ms"),
        deadline_miss_ratio=kpm("x.deadline_miss_ratio"),
        target_kbps=np.expm1(rate * np.log1p(1e3 * SLA_RATE_SCALE_MBPS)),
        delay_budget_ms=np.expm1(budget * np.log1p(SLA_BUDGET_SCALE_MS)),
        reliability=1.0 - 10.0 ** (-SLA_NINES * nines),
        weight=weight,
        log_prices=told if told.shape[-1] else np.zeros((*told.shape[:-1], N_PRICES)),
        doubt=np.zeros(rows.shape[:-3]),
    )
