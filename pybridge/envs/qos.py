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

from pybridge.observation import Observation
from pybridge.schema import Schema

Array = npt.NDArray[np.float64]

RATE_TOLERANCE = 0.1
"""Part of the rate that may be missing from a window."""
DEFAULT_RELIABILITY = 0.95
"""Where an SLA gives a delay budget alone."""

_DELIVERED_KBPS, _OFFERED_KBPS = "x.goodput_kbps", "x.offered_kbps"
_PACKETS = ("x.packets_delivered", "x.packets_late", "x.packets_dropped", "x.packets_lost")

_KNEE, _WIDTH = 0.8, 0.1


@dataclass(frozen=True, eq=False)
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
    """Rates of UEs over a window, shape (UEs,), in kbit/s."""

    delivered_kbps: Array
    offered_kbps: Array


def ue_rates(observation: Observation) -> UeRates:
    """Rates over the shortest period of the observation's levels."""
    delivered = observation.ue_kpm(_DELIVERED_KBPS).astype(np.float64)
    return UeRates(delivered, observation.ue_kpm(_OFFERED_KBPS).astype(np.float64))


def rate_satisfaction(schema: Schema, rates: UeRates, group: npt.NDArray[np.intp], n_groups: int) -> Satisfaction:
    """Mean satisfaction of the rate SLA over the UEs of each group; 1 for a group without UEs.

    group: of each UE, shape (UEs,), −1 for none. Shapes of the result: (n_groups,).
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
    return Satisfaction(smooth(ratio), (ratio >= 1.0 - 1e-9).astype(np.float64))


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
