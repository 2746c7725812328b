# SPDX-License-Identifier: MIT
"""How well slices meet their service level agreements, as a yes or no and as a smooth value to learn from.

Rate SLA (per UE): ratio ρ = delivered / min(target, offered), 1 if nothing was offered. Hard: ρ ≥ 0.9, since a packet
that straddles the end of a window counts in the next one (10 % is one packet of 1,250 B at 1 Mbit/s in 100 ms).
Delay SLA: ρ = q / reliability, where q is the part in time of the packets whose fate is known (delivered, dropped,
lost); 1 without such packets. Hard: ρ ≥ 1. Without a reliability in the SLA it is taken as 0.95.
Smooth: s(ρ) = σ((min(ρ, 1) − 0.8)/0.1) / σ(2), so that s(1) = 1, s(0.9) = 0.83, s(0.5) = 0.05.
A slice with both SLAs counts the worse; one with none is satisfied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pybridge.observation import FLOAT_BYTES, Observation
from pybridge.schema import Schema

Array = npt.NDArray[np.float64]

RATE_TOLERANCE = 0.1
"""Part of the rate that may be missing from a window."""
DEFAULT_RELIABILITY = 0.95
"""Where an SLA gives a delay budget alone."""

_DELIVERED_KBPS, _OFFERED_KBPS = "x.goodput_kbps", "x.offered_kbps"
_PACKETS = ("x.packets_delivered", "x.packets_late", "x.packets_dropped", "x.packets_lost")

_KNEE, _WIDTH = 0.8, 0.1

_ROUNDING = 1e-9
_TINY, _NO_PACKETS = 1e-35, 1e-20
"""A rate or count of nothing, and a number of packets that is much more than such and much less than one."""


@dataclass(slots=True, eq=False)  # not frozen, which would cost three times as much for each
class Satisfaction:
    """Arrays of one shape, e.g. (slices,) or (cells, slices)."""

    smooth: Array
    """In [0, 1], differentiable."""
    hard: Array
    """In [0, 1]: the part of UEs (rate SLA), or 0 or 1 (delay SLA)."""

    def worse(self, other: Satisfaction) -> Satisfaction:
        """The smaller of both, element by element."""
        return Satisfaction(np.minimum(self.smooth, other.smooth), np.minimum(self.hard, other.hard))


def smooth(ratio: Array) -> Array:
    """s(ρ) of the module's text."""
    top = 1.0 / (1.0 + np.exp(-(1.0 - _KNEE) / _WIDTH))
    result: Array = 1.0 / (1.0 + np.exp(-(np.minimum(ratio, 1.0) - _KNEE) / _WIDTH)) / top
    return result


@dataclass(frozen=True, eq=False)
class UeRates:
    """Rates of UEs over a window, shape (UEs,), or (windows, UEs), in kbit/s."""

    delivered_kbps: Array
    offered_kbps: Array


def ue_rates(observation: Observation) -> UeRates:
    """Rates over the shortest period of the observation's levels."""
    delivered = observation.ue_kpm(_DELIVERED_KBPS).astype(np.float64)
    return UeRates(delivered, observation.ue_kpm(_OFFERED_KBPS).astype(np.float64))


def rate_satisfaction(schema: Schema, rates: UeRates, group: npt.NDArray[np.intp], n_groups: int) -> Satisfaction:
    """Mean satisfaction of the rate SLA over the UEs of each group; 1 for a group without UEs.

    group: of each UE, shape of the rates, −1 for none. Shapes of the result: (n_groups,).
    """
    targets_kbps = np.array([info.sla.ue_throughput_mbps or np.inf for info in schema.slices]) * 1e3
    has_target = np.isfinite(targets_kbps)[schema.ue_slice]
    needed = np.minimum(targets_kbps[schema.ue_slice], rates.offered_kbps)
    ratio = np.divide(rates.delivered_kbps, needed, out=np.ones_like(needed), where=has_target & (needed > 0.0))
    member = group >= 0
    count = np.bincount(group[member], minlength=n_groups)

    def mean(values: Array) -> Array:
        total = np.bincount(group[member], weights=values[member], minlength=n_groups)
        return np.divide(total, count, out=np.ones(n_groups), where=count > 0)

    return Satisfaction(mean(smooth(ratio)), mean((ratio >= 1.0 - RATE_TOLERANCE).astype(np.float64)))


def delay_satisfaction(schema: Schema, packets: Array) -> Satisfaction:
    """Satisfaction of the delay SLA.

    packets: shape (..., slices, 4): delivered, late, dropped, lost. Shape of the result: (..., slices).
    """
    has_budget = np.array([info.sla.delay_budget_ms is not None for info in schema.slices])
    reliability = np.array([info.sla.reliability or DEFAULT_RELIABILITY for info in schema.slices])
    known = packets[..., 0] + packets[..., 2] + packets[..., 3]
    in_time = packets[..., 0] - packets[..., 1]
    ratio = np.divide(in_time, known * reliability, out=np.ones_like(known), where=has_budget & (known > 0.0))
    return Satisfaction(smooth(ratio), (ratio >= 1.0 - _ROUNDING).astype(np.float64))


def packet_counts(observation: Observation, level: str) -> Array:
    """delivered, late, dropped, lost over the last period of a level ("high", "low"), shape (cells, slices, 4)."""
    columns = [observation.schema.slice_kpm_index[name] for name in _PACKETS]
    kpms = observation.slice_high if level == "high" else observation.slice_low
    return kpms[:, :, columns].astype(np.float64)


def network_satisfaction(observation: Observation) -> Satisfaction:
    """Per slice over all cells, shape (slices,), of a high-level observation (levels "high")."""
    schema = observation.schema
    rate = rate_satisfaction(schema, ue_rates(observation), schema.ue_slice.astype(np.intp), schema.n_slices)
    return rate.worse(delay_satisfaction(schema, packet_counts(observation, "high").sum(axis=0)))


class NetworkSatisfaction:
    """`network_satisfaction` from tables that are made once: the same numbers in a few array operations.

    The ratios ρ of the UEs (rate SLA) and then of the slices (delay SLA) stand in one row, numerators over
    denominators, and matrices take sums and means. Where nothing was offered, sent or promised, numerator and
    denominator are as tiny as each other. Not for use from two threads at once.
    """

    def __init__(self, schema: Schema) -> None:
        """Raises `KeyError` naming a KPM that the simulation lacks."""
        n_ues, n_ratios = schema.n_ues, schema.n_ues + schema.n_slices
        self._n_slices = schema.n_slices
        self._index = _columns(schema)
        self._as_sent = np.empty(len(self._index), dtype=np.float32)
        numbers = np.ones(len(self._index) + 1)  # the last stays 1, for constants
        self._gathered, self._numerators = numbers[:-1], numbers[:n_ratios]
        self._offered, self._packets = numbers[n_ratios : n_ratios + n_ues], numbers[n_ratios + n_ues :]
        self._denominators, self._ratios = np.empty(n_ratios), np.empty(n_ratios)
        self._needed, self._known = self._denominators[:n_ues], self._denominators[n_ues:]
        self._in_time = self._numerators[n_ues:]
        self._sum_in_time, self._sum_known = _packet_sums(schema)
        targets_kbps = np.array([1e3 * (info.sla.ue_throughput_mbps or 0.0) for info in schema.slices])
        self._targets = np.maximum(targets_kbps, _TINY)[schema.ue_slice]
        self._least = np.repeat([1.0 - RATE_TOLERANCE, 1.0 - _ROUNDING], [n_ues, schema.n_slices])
        # Arrays all of one shape: a number among the operands would cost as much as the operation.
        self._tiny, self._one = np.full(len(self._index), _TINY), np.ones(n_ratios)
        self._knee, self._steepness = np.full(n_ratios, _KNEE), np.full(n_ratios, 0.5 / _WIDTH)
        self._is_met = np.empty(n_ratios, dtype=np.bool_)
        self._values = np.hstack((np.zeros((2, n_ratios)), np.eye(2)))
        self._met, self._curve = self._values[:, :n_ratios]
        self._sums, self._counts = _groups(schema)
        self._means = np.empty_like(self._counts)
        self._of_rates, self._of_delays = self._means[:, : schema.n_slices], self._means[:, schema.n_slices :]
        self._worse, self._best = np.empty((2, schema.n_slices)), np.ones((2, schema.n_slices))

    def __call__(self, observation: Observation) -> Satisfaction:
        """Shape (slices,)."""
        observation.flat.take(self._index, None, self._as_sent, "clip")
        self._gathered[...] = self._as_sent
        np.fmax(self._gathered, self._tiny, self._gathered)
        np.minimum(self._offered, self._targets, out=self._needed)
        self._sum_known.dot(self._packets, self._known)
        self._sum_in_time.dot(self._packets, self._in_time)
        ratios = np.divide(self._numerators, self._denominators, self._ratios)
        np.greater_equal(ratios, self._least, self._is_met)
        self._met[...] = self._is_met
        # σ(x) = (1 + tanh(x/2))/2: what is left of it is linear and goes into the matrix that takes the means.
        np.minimum(ratios, self._one, out=ratios)
        np.subtract(ratios, self._knee, ratios)
        np.multiply(ratios, self._steepness, ratios)
        np.tanh(ratios, self._curve)
        self._values.dot(self._sums, self._means)
        np.divide(self._means, self._counts, self._means)
        np.minimum(self._of_rates, self._of_delays, out=self._worse)
        both = np.minimum(self._worse, self._best)
        return Satisfaction(both[1], both[0])


def _columns(schema: Schema) -> npt.NDArray[np.intp]:
    """Places in the body of: delivered rates of UEs, nothing (a place per slice), offered rates, packet counts."""
    where = schema.state_dtype("high").fields
    assert where is not None
    ue, slices = (int(where[name][1]) // FLOAT_BYTES for name in ("ue", "slice_high"))
    ues = np.arange(schema.n_ues) * len(schema.ue_kpms)
    rows = np.arange(schema.n_cells * schema.n_slices)[:, np.newaxis] * len(schema.slice_kpms)
    delivered, offered = (ue + ues + schema.ue_kpm_index[name] for name in (_DELIVERED_KBPS, _OFFERED_KBPS))
    packets = slices + rows + np.array([schema.slice_kpm_index[name] for name in _PACKETS])
    parts = (delivered, np.zeros(schema.n_slices), offered, packets.reshape(-1))
    return np.concatenate(parts).astype(np.intp)


def _packet_sums(schema: Schema) -> tuple[Array, Array]:
    """Matrices from packet counts (cells × slices × 4) and a 1 to packets in time and to those needed, per slice."""
    in_time = np.zeros((schema.n_slices, schema.n_cells, schema.n_slices, len(_PACKETS)))
    needed = np.zeros_like(in_time)
    for index, info in enumerate(schema.slices):
        if info.sla.delay_budget_ms is not None:
            in_time[index, :, index] = [1.0, -1.0, 0.0, 0.0]
            needed[index, :, index] = np.multiply([1.0, 0.0, 1.0, 1.0], info.sla.reliability or DEFAULT_RELIABILITY)
    constant = np.full((schema.n_slices, 1), _NO_PACKETS)
    both = (np.hstack((counts.reshape(schema.n_slices, -1), constant)) for counts in (in_time, needed))
    return next(both), next(both)


def _groups(schema: Schema) -> tuple[Array, Array]:
    """What makes means over slices, of the rate SLA and then of the delay SLA, from two rows: of values of ratios (UEs,
    then slices), 1 where they are met and tanh(x/2), each row followed by a 1 and a 0 in columns of its own.

    Matrix of their sums, and what these are divided by, shape (2, 2 · slices).
    """
    n_ues, n_slices = schema.n_ues, schema.n_slices
    members = np.zeros((n_ues + n_slices, 2 * n_slices))
    members[np.arange(n_ues), schema.ue_slice] = 1.0
    members[n_ues + np.arange(n_slices), n_slices + np.arange(n_slices)] = 1.0
    count = members.sum(axis=0)
    empty = count == 0.0  # a slice without UEs is satisfied
    counts = np.where(empty, 1.0, count)
    double_top = 2.0 / (1.0 + np.exp(-(1.0 - _KNEE) / _WIDTH))
    divisors = np.vstack((counts, np.where(empty, 1.0, counts * double_top)))
    return np.vstack((members, empty, counts)), divisors
