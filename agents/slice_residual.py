# SPDX-License-Identifier: MIT
"""What `ours` decides by before its networks: drift-plus-penalty, and a learned residual that all slices share.

    logits_k = dpp_k(θ) + LARGEST · tanh((W·f_k + b_k + doubt·d_k) / LARGEST)

f_k is what is known of slice k: what it is worth and what resources cost, as told or believed; its need and that of
the cell; how far behind its SLA is. W is the same for every slice, b_k its own, and d_k counts while nothing is known
of the task. With W, b, d = 0 the decision is drift-plus-penalty's (METHOD.md 2b: a residual that starts at zero).

What the rule lacks and this can learn: power and lending of each slice by what it is worth; to stop serving what costs
more than it is worth. It has few parameters, so that it can be learned by perturbing all of them at once
(`agents.evolution`), and it takes any number of UEs, as needs are parts of the cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents import dpp
from agents.slice_inputs import SliceInputs

Array = NDArray[np.float64]

FEATURES = (
    "one",
    "has_rate_sla",
    "log_weight",
    "log_weight_if_rate_sla",
    "log_power_price",
    "log_prb_price",
    "log_need",
    "log_need_of_cell",
    "virtual_queue",
    "relative_age",
    "log_weight_by_prb_price",
)
"""f of a slice: numbers of about −2…2, of an idle cell down to −4.6, and within ±`_FARTHEST`."""
ROWS = 4
"""Of logits, as `agents.dpp.dpp_logits`."""
LARGEST = 3.0
SCALE = np.array([1.0, 1.0, 3.0, 1.0])
"""What a residual of 1 adds to the rows; the rule lends twenty times the guarantee, a logit of 3."""
_SMALLEST = 1e-2
"""Of weights and the cell's need, for logarithms."""
_SMALLEST_NEED = 1e-3
"""Of a slice."""
_FARTHEST = 6.0
"""The need of a cell that has not served anybody yet is a guess, and may be a thousand cells."""
_OLDEST = 3.0
"""Relative age."""


def sizes(slices: int) -> tuple[int, int]:
    """Numbers of parameters: of the rule, and of the rule with the residual."""
    rule = len(dpp.default_parameters(slices, told=True))
    return rule, rule + ROWS * (len(FEATURES) + 2 * slices)


def with_residual(rule: Array, slices: int) -> Array:
    """θ followed by W, b and d, which are 0. rule: (slices + 9,)."""
    return np.concatenate([rule, np.zeros(sizes(slices)[1] - len(rule))])


def features(inputs: SliceInputs, state: dpp.DppState, period_s: float) -> Array:
    """f, shape (..., cells, slices, F). inputs, state: (..., cells, slices)."""
    slices = inputs.weight.shape[-1]
    has_rate = (inputs.target_kbps > 0.0).astype(np.float64)
    log_weight = np.log(np.maximum(slices * inputs.weight, _SMALLEST)) / 2.0
    of_power, of_prb = (inputs.log_prices[..., i, np.newaxis, np.newaxis] for i in range(2))
    need = dpp.need(inputs, state, period_s)
    log_need_of_cell = np.log(need.sum(axis=-1, keepdims=True) + _SMALLEST)
    named = (
        np.ones_like(need),
        has_rate,
        log_weight,
        log_weight * has_rate,
        of_power,
        of_prb,
        np.log(need + _SMALLEST_NEED) / 2.0,
        log_need_of_cell,
        state.virtual_queue / 5.0,
        np.minimum(dpp.relative_age(inputs), _OLDEST),
        log_weight * of_prb,
    )
    found: Array = np.clip(np.stack(np.broadcast_arrays(*named), axis=-1), -_FARTHEST, _FARTHEST)
    return found


def decide(inputs: SliceInputs, state: dpp.DppState, parameters: Array, period_s: float = 0.1) -> Array:
    """Logits, shape (..., cells, 4, slices), as `dpp.dpp_logits`.

    inputs, state: shape (..., cells, slices), the state with this period in it. parameters: (..., P) with the inputs'
    leading shape or none, P the second of `sizes`, or what `dpp.dpp_logits` takes: without a residual it is the rule.
    Raises ValueError for another P.
    """
    slices = inputs.weight.shape[-1]
    rule, whole = sizes(slices)
    logits = dpp.dpp_logits(inputs, state, parameters[..., :rule], period_s)
    if parameters.shape[-1] <= rule:
        return logits
    if parameters.shape[-1] != whole:
        raise ValueError(f"{slices} slices take {rule} or {whole} parameters, got {parameters.shape[-1]}")
    shared, own, in_doubt = np.split(
        parameters[..., rule:], [ROWS * len(FEATURES), ROWS * (len(FEATURES) + slices)], axis=-1
    )
    lead = parameters.shape[:-1]
    matrix = shared.reshape(*lead, 1, ROWS, len(FEATURES))
    offsets = own.reshape(*lead, 1, ROWS, slices)
    offsets = offsets + inputs.doubt[..., np.newaxis, np.newaxis, np.newaxis] * in_doubt.reshape(*lead, 1, ROWS, slices)
    residual = matrix @ np.swapaxes(features(inputs, state, period_s), -1, -2) + offsets
    result: Array = logits + SCALE[:, np.newaxis] * LARGEST * np.tanh(residual / LARGEST)
    return result
