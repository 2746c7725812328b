# SPDX-License-Identifier: MIT
"""Drift-plus-penalty (DPP) over slices: queue × rate with virtual queues for what was promised.

Lyapunov optimisation (Neely 2010, "Stochastic Network Optimization", ch. 4) picks, period by period, the shares that
minimise drift + V·penalty. With the logarithmic utility Σ_k W_k·n_k·log ρ_k of serving a need n_k, over Σρ = 1, the
minimum is at ρ_k = W_k·n_k / Σ W·n (the same problem as maximising Σ ω log a): so a decision is a need per slice times
a multiplier, and a learner can be a residual on it, exp(residual) times the need.

* **Need** n_k: part of the cell's PRBs that serves in one period what must be served. That is what arrives, and what is
  queued over `drain` periods, but with a rate SLA no more than the promised rate of all UEs; over the rate that the
  slice would have with all PRBs. Rates are goodput over PRBs used, averaged over about ten periods; of the whole cell
  while the slice had none.
* **Virtual queue** Z_k(t+1) = max(0, Z_k(t) + d_k − a_k), at most 10: of a delay SLA d is the part of the packets that
  missed the deadline and a = 1 − reliability; of a rate SLA d is the part of the rate that was missing and a the
  tolerance of the metric. (Neely 2010, eq. 4.40; deadlines as in M-LWDF, Andrews et al. 2001.)
* W_k = head-room_k · (1 + urgency·(Z_k + oldest packet/budget)) · (K·ω_k)^κ; κ is 0 where ω is hidden.
* **Compute**: in proportion to (arrivals · W)^γ. γ = ½ is the capacity assignment that minimises the mean delay of
  parallel queues at light load (Kleinrock 1964), 1 is proportional to load.
* **Power**: PRB shares times (rate_k / mean rate)^(−V): V > 0 takes power from slices whose channels are good, for
  which bits hardly cost more PRBs at less power; V → 0 spreads power evenly over PRBs.

Parameters are logarithms, so that any real number is one, and search and learning step on them additively.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.slice_inputs import SliceInputs

Array = NDArray[np.float64]

DEFAULTS = {"drain": 0.0, "urgency": 0.0, "compute": float(np.log(0.5)), "price": -3.0}
"""Logarithms of: periods in which a queue is to be emptied; weight of virtual queues; γ; V."""
DEFAULT_WEIGHT_EXPONENT = float(np.log(0.5))
"""Logarithm of κ, where operator weights are told."""

_KEEP = 0.9
_TOLERANCE = 0.1
_DEFAULT_RELIABILITY = 0.95
"""Those of `pybridge.envs.qos`."""
_LARGEST_VIRTUAL_QUEUE = 10.0
_SMALLEST_NEED = 1e-4
"""So that a need has a logarithm, and a multiplier can lift a slice that is idle now."""
_LARGEST_LOG = 8.0


class DppState(NamedTuple):
    """What the rule remembers, arrays of shape (..., cells, slices)."""

    goodput_kbps: Array
    """Averages over about ten periods, this one and the next two."""
    prb_used_ratio: Array
    offered_kbps: Array
    virtual_queue: Array


def start_state(shape: tuple[int, ...]) -> DppState:
    """At the beginning of an episode. shape: (..., cells, slices)."""
    return DppState(*(np.zeros(shape) for _ in DppState._fields))


def default_parameters(slices: int, *, told: bool = False) -> Array:
    """θ before any tuning: head-rooms, `DEFAULTS`, and κ where weights are told; (slices + 4,) or (slices + 5,)."""
    further = [*DEFAULTS.values(), *([DEFAULT_WEIGHT_EXPONENT] if told else [])]
    return np.concatenate((np.zeros(slices), further))


def parameter_names(slices: int, *, told: bool = False) -> tuple[str, ...]:
    """Of θ, in order."""
    return (*(f"headroom_{k}" for k in range(slices)), *DEFAULTS, *(["weight_exponent"] if told else []))


def update_state(inputs: SliceInputs, state: DppState) -> DppState:
    """The state after one more period."""

    def average(old: Array, new: Array) -> Array:
        return _KEEP * old + (1.0 - _KEEP) * new

    drift = _shortfall(inputs) - _allowed(inputs)
    return DppState(
        average(state.goodput_kbps, inputs.goodput_kbps),
        average(state.prb_used_ratio, inputs.prb_used_ratio),
        average(state.offered_kbps, inputs.offered_kbps),
        np.clip(state.virtual_queue + drift, 0.0, _LARGEST_VIRTUAL_QUEUE),
    )


def dpp_logits(inputs: SliceInputs, state: DppState, parameters: Array, period_s: float = 0.1) -> Array:
    """log(W·n) of each resource, shape (..., cells, 3, slices): their softmax over slices are the shares.

    inputs, state: shape (..., cells, slices), the state with this period in it. parameters: (..., P) with the inputs'
    leading shape or none, as `default_parameters` orders them. Raises ValueError for another number of parameters.
    """
    slices = inputs.offered_kbps.shape[-1]
    headroom, drain, urgency, gamma, price, kappa = _split(parameters, slices)
    rate_kbps = rate_with_all_prbs(state)
    arriving_kbps = np.maximum(inputs.offered_kbps, state.offered_kbps)
    demand_kbps = arriving_kbps + inputs.queued_kbit / (period_s * drain)
    promised_kbps = inputs.target_kbps * inputs.ues
    rate_only = (inputs.target_kbps > 0.0) & (inputs.delay_budget_ms <= 0.0)
    demand_kbps = np.where(rate_only, np.minimum(demand_kbps, promised_kbps), demand_kbps)
    age = np.minimum(relative_age(inputs), _LARGEST_VIRTUAL_QUEUE)
    log_worth = np.log(headroom) + np.log1p(urgency * (state.virtual_queue + age))
    log_worth = log_worth + kappa * np.log(np.maximum(slices * inputs.weight, 1e-3))
    prb = log_worth + np.log(demand_kbps / rate_kbps + _SMALLEST_NEED)
    compute = gamma * (log_worth + np.log1p(arriving_kbps))
    power = prb - price * np.log(rate_kbps / rate_kbps.mean(axis=-1, keepdims=True))
    return np.stack((prb, compute, power), axis=-2)


def shares_of_logits(logits: Array) -> Array:
    """Softmax over the last axis. A learner that is a residual on the rule adds its actions to the logits before."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Array = weights / weights.sum(axis=-1, keepdims=True)
    return shares


def dpp_shares(inputs: SliceInputs, state: DppState, parameters: Array, period_s: float = 0.1) -> Array:
    """The rule's decision: shares of PRBs, compute and power, shape (..., cells, 3, slices), as SliceEnv's scores."""
    return shares_of_logits(dpp_logits(inputs, state, parameters, period_s))


def relative_age(inputs: SliceInputs) -> Array:
    """Age of the oldest packet over the delay budget, 0 without one."""
    age, budget = inputs.hol_delay_ms, inputs.delay_budget_ms
    return np.divide(age, budget, out=np.zeros_like(age), where=budget > 0.0)


def _shortfall(inputs: SliceInputs) -> Array:
    """d of the module's text: the larger one of a slice with both SLAs."""
    needed_kbps = np.minimum(inputs.offered_kbps, inputs.target_kbps * inputs.ues)
    missing = np.maximum(0.0, needed_kbps - inputs.goodput_kbps)
    of_rate = np.divide(missing, needed_kbps, out=np.zeros_like(missing), where=needed_kbps > 0.0)
    return np.where(inputs.delay_budget_ms > 0.0, np.maximum(inputs.deadline_miss_ratio, of_rate), of_rate)


def _allowed(inputs: SliceInputs) -> Array:
    """a of the module's text."""
    reliability = np.where(inputs.reliability > 0.0, inputs.reliability, _DEFAULT_RELIABILITY)
    return np.where(inputs.delay_budget_ms > 0.0, 1.0 - reliability, _TOLERANCE)


def rate_with_all_prbs(state: DppState) -> Array:
    """kbit/s of each slice if it had all PRBs, > 0; as of the cell where it had none, and 1 where nobody had."""
    goodput, used = state.goodput_kbps, state.prb_used_ratio
    cell_goodput, cell_used = (np.broadcast_to(x.sum(axis=-1, keepdims=True), x.shape) for x in (goodput, used))
    of_cell = np.divide(cell_goodput, cell_used, out=np.ones_like(goodput), where=(cell_goodput > 0) & (cell_used > 0))
    rate: Array = np.divide(goodput, used, out=of_cell, where=(goodput > 0.0) & (used > 0.0))
    return rate


class _Parameters(NamedTuple):
    headroom: Array
    drain: Array
    urgency: Array
    gamma: Array
    price: Array
    kappa: Array | float


def _split(parameters: Array, slices: int) -> _Parameters:
    """exp(θ), each with axes for cells and slices."""
    untold = slices + len(DEFAULTS)
    if parameters.shape[-1] not in (untold, untold + 1):
        raise ValueError(f"{slices} slices take {untold} parameters, or {untold + 1} told, got {parameters.shape[-1]}")
    values = np.exp(np.clip(parameters, -_LARGEST_LOG, _LARGEST_LOG))[..., np.newaxis, :]
    drain, urgency, gamma, price = (values[..., i : i + 1] for i in range(slices, untold))
    kappa = values[..., untold:] if parameters.shape[-1] > untold else 0.0
    return _Parameters(values[..., :slices], drain, urgency, gamma, price, kappa)
