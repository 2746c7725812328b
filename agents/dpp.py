# SPDX-License-Identifier: MIT
"""Drift-plus-penalty (DPP) over slices: queue × rate with virtual queues for what was promised.

Lyapunov optimisation (Neely 2010, "Stochastic Network Optimization", ch. 4) picks, period by period, the shares ρ that
minimise drift + V·penalty. With the logarithmic utility of serving a need n_k and a price c on what is guaranteed,

    minimise  V·c·Σ ρ_k − Σ W_k·n_k·log ρ_k   over  Σ ρ_k ≤ 1,   gives   ρ_k = W_k·n_k / max(V·c, Σ W·n).

So a decision is a need per slice times a multiplier, and what nobody needs is spare; without a price this is the
simplex problem Σ ω log a. A learner can be a residual on it: a number added to the logarithm.

* **Need** n_k: part of the cell's PRBs that serves in one period what must be served. That is what arrives, and what is
  queued over `drain` periods, but with a rate SLA no more than the promised rate of all UEs; over the rate that the
  slice would have with all PRBs. Rates are goodput over PRBs used, averaged over about ten periods; of the whole cell
  while the slice had none.
* **Virtual queue** Z_k(t+1) = max(0, Z_k(t) + d_k − a_k), at most 10: of a delay SLA d is the part of the packets that
  missed the deadline and a = 1 − reliability; of a rate SLA d is the part of the rate that was missing and a the
  tolerance of the metric. (Neely 2010, eq. 4.40; deadlines as in M-LWDF, Andrews et al. 2001.)
* **Multiplier** W_k/(V·c) = headroom_k · (1 + urgency·(Z_k + oldest packet/budget)), where ω is told also · (K·ω_k)^κ.
* **Cap**: (1 + lend) times what is guaranteed; PRBs above it stay unused, which spares their price.
* **Compute**: in proportion to (multiplier · arrivals)^γ. γ = ½ is the capacity assignment that minimises the mean
  delay of parallel queues at light load (Kleinrock 1964), 1 is proportional to load.
* **Power**: of each PRB, relative to an even density, the same for all slices.

Where prices are told, the logarithms of head-room, lend and power depend linearly on theirs.
Parameters are logarithms, so that any real number is one, and search and learning step on them additively.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.slice_inputs import SliceInputs

Array = NDArray[np.float64]

COMMON = {"lend": 3.0, "power": 0.0, "drain": 0.0, "urgency": 0.0, "compute": float(np.log(0.5))}
"""Parameters besides the head-rooms, logarithms, as they are before any tuning."""
TOLD = {"weight_exponent": float(np.log(0.5)), "headroom_by_price": 0.0, "lend_by_price": 0.0, "power_by_price": 0.0}
"""Further ones where weights and prices are told: log κ, and slopes over standardised log prices."""

GUARANTEE, COMPUTE, LEND, POWER = range(4)
"""Rows of logits."""

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
    """θ before any tuning: head-rooms 1, `COMMON`, and `TOLD` where it applies; (slices + 5,) or (slices + 9,)."""
    further = [*COMMON.values(), *(TOLD.values() if told else ())]
    return np.concatenate((np.zeros(slices), further))


def as_if_tuned_told(parameters: Array, slices: int) -> Array:
    """θ with `TOLD` at its defaults, (slices + 9,), where it was tuned without. Raises ValueError for other sizes."""
    told = default_parameters(slices, told=True)
    own = len(told) - len(TOLD)
    if len(parameters) not in (own, len(told)):
        raise ValueError(f"{slices} slices take {own} or {len(told)} parameters, got {len(parameters)}")
    return np.concatenate((parameters, told[len(parameters) :]))


def parameter_names(slices: int, *, told: bool = False) -> tuple[str, ...]:
    """Of θ, in order."""
    return (*(f"headroom_{k}" for k in range(slices)), *COMMON, *(TOLD if told else ()))


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
    """The decision as logarithms, shape (..., cells, 4, slices), to be turned into actions by `agents.controls`.

    Rows: guaranteed part of the PRBs (of any sum); compute score; what may be lent over what is guaranteed; power per
    PRB over an even density. A residual learner adds to them.

    inputs, state: shape (..., cells, slices), the state with this period in it. parameters: (..., P) with the inputs'
    leading shape or none, as `parameter_names` orders them. Raises ValueError for another number of parameters.
    """
    slices = inputs.offered_kbps.shape[-1]
    theta = _named(parameters, slices)
    slopes = _price_slopes(theta, inputs)
    age = np.minimum(relative_age(inputs), _LARGEST_VIRTUAL_QUEUE)
    multiplier = theta["headroom"] + np.log1p(np.exp(theta["urgency"]) * (state.virtual_queue + age))
    if "weight_exponent" in theta:
        multiplier = multiplier + np.exp(theta["weight_exponent"]) * np.log(np.maximum(slices * inputs.weight, 1e-2))
    needed = need(inputs, state, period_s * np.exp(theta["drain"]))
    guarantee = multiplier + slopes["headroom"] + np.log(needed + _SMALLEST_NEED)
    compute = np.exp(theta["compute"]) * (multiplier + np.log1p(_arriving_kbps(inputs, state)))
    lend = theta["lend"] + slopes["lend"]
    power = theta["power"] + slopes["power"]
    return np.stack(np.broadcast_arrays(guarantee, compute, lend, power), axis=-2)


def need(inputs: SliceInputs, state: DppState, within_s: Array | float) -> Array:
    """n of the module's text, parts of the cell's PRBs, if what is queued is to be served within so many seconds."""
    waiting_kbps = _arriving_kbps(inputs, state) + inputs.queued_kbit / within_s
    return _demand_kbps(inputs, waiting_kbps) / rate_with_all_prbs(state)


def relative_age(inputs: SliceInputs) -> Array:
    """Age of the oldest packet over the delay budget, 0 without one."""
    age, budget = inputs.hol_delay_ms, inputs.delay_budget_ms
    return np.divide(age, budget, out=np.zeros_like(age), where=budget > 0.0)


def rate_with_all_prbs(state: DppState) -> Array:
    """kbit/s of each slice if it had all PRBs, > 0; as of the cell where it had none, and 1 where nobody had."""
    goodput, used = state.goodput_kbps, state.prb_used_ratio
    cell_goodput, cell_used = (np.broadcast_to(x.sum(axis=-1, keepdims=True), x.shape) for x in (goodput, used))
    of_cell = np.divide(cell_goodput, cell_used, out=np.ones_like(goodput), where=(cell_goodput > 0) & (cell_used > 0))
    rate: Array = np.divide(goodput, used, out=of_cell, where=(goodput > 0.0) & (used > 0.0))
    return rate


def _arriving_kbps(inputs: SliceInputs, state: DppState) -> Array:
    """The larger one of now and the average."""
    return np.maximum(inputs.offered_kbps, state.offered_kbps)


def _demand_kbps(inputs: SliceInputs, waiting_kbps: Array) -> Array:
    """What must be served: all that waits, or what was promised if that is a rate alone."""
    rate_only = (inputs.target_kbps > 0.0) & (inputs.delay_budget_ms <= 0.0)
    return np.where(rate_only, np.minimum(waiting_kbps, inputs.target_kbps * inputs.ues), waiting_kbps)


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


def _named(parameters: Array, slices: int) -> dict[str, Array]:
    """θ by name, with axes for cells and slices; all head-rooms as one."""
    sizes = slices + len(COMMON), slices + len(COMMON) + len(TOLD)
    if parameters.shape[-1] not in sizes:
        raise ValueError(
            f"{slices} slices take {sizes[0]} parameters, or {sizes[1]} where they are told, got {parameters.shape[-1]}"
        )
    values = np.clip(parameters, -_LARGEST_LOG, _LARGEST_LOG)[..., np.newaxis, :]
    names = (*COMMON, *TOLD)[: parameters.shape[-1] - slices]
    rest = {name: values[..., slices + i : slices + i + 1] for i, name in enumerate(names)}
    return {"headroom": values[..., :slices], **rest}


def _price_slopes(theta: dict[str, Array], inputs: SliceInputs) -> dict[str, Array]:
    """What told prices take from the logarithms of head-room, lend and power; zeros where they are hidden."""
    of_power, of_prb = (inputs.log_prices[..., i, np.newaxis, np.newaxis] for i in range(2))
    mean = (of_power + of_prb) / 2.0
    by = {"headroom": mean, "lend": mean, "power": of_power - of_prb}
    zero = np.zeros(1)
    return {name: -theta.get(f"{name}_by_price", zero) * feature for name, feature in by.items()}
