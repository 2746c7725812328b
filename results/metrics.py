# SPDX-License-Identifier: MIT
"""What runs are judged by. Every metric is a function of tables or arrays; definitions stand in the docstrings.

The paper's (arXiv 2512.13715) own definition of network management efficiency is not available; the one here is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from pybridge.envs.qos import DEFAULT_RELIABILITY, RATE_TOLERANCE

WINDOW_S = 1.0
"""Length of a UE-window."""

POWER_PRICE = 0.1
PRB_PRICE = 0.1
"""Prices in U, those of pybridge.envs.reward.SlaReward."""

NOT_ARRIVED, ON_THE_WAY = -1, -2
"""Marks in the column `delay_upper_ns` of a packet summary (docs/records.md)."""


@dataclass(frozen=True)
class Sla:
    """What a slice was promised; None is not agreed upon."""

    ue_throughput_mbps: float | None = None
    delay_budget_ms: float | None = None
    reliability: float | None = None
    weight: float = 1.0


def jain(values: ArrayLike) -> float:
    """Jain's fairness index (Σx)²/(n·Σx²) of non-negative values, in [1/n, 1]; NaN if there are none or all are 0."""
    x = np.asarray(values, dtype=np.float64)
    squares = float(np.sum(x**2))
    return float(np.sum(x) ** 2 / (len(x) * squares)) if squares > 0.0 else float("nan")


def management_efficiency(
    satisfaction: ArrayLike,
    weights: ArrayLike,
    power_used: float,
    prb_used: float,
    power_price: float = POWER_PRICE,
    prb_price: float = PRB_PRICE,
) -> float:
    """U = (Σ ω·sat − c_p·P/P_max − c_b·RB/RB_max + c_p + c_b) / (1 + c_p + c_b), in [0, 1].

    satisfaction, weights: per slice; weights are normalised to sum 1 (equal if all are 0). power_used, prb_used: parts
    of the budgets, in [0, 1].
    """
    omega = np.asarray(weights, dtype=np.float64)
    omega = omega / omega.sum() if omega.sum() > 0.0 else np.full(len(omega), 1.0 / len(omega))
    saved = power_price * (1.0 - power_used) + prb_price * (1.0 - prb_used)
    return float((omega @ np.asarray(satisfaction, dtype=np.float64) + saved) / (1.0 + power_price + prb_price))


def ue_windows(kpm: pl.DataFrame, window_s: float = WINDOW_S) -> pl.DataFrame:
    """Per slice, UE and window: goodput_kbps, offered_kbps, owed_kbps (means), delivered, late, lost (packets).

    kpm: rows of UEs, see docs/records.md; a row's time_s is the end of its period. Only whole windows are kept.
    owed_kbps: the smaller of the load offered in the window and in the one that begins and ends a period earlier. Data
    need time to arrive, so a burst that begins at the very end of a window is not owed within it.
    """
    sums = {"x.packets_delivered": "delivered", "x.packets_late": "late", "x.packets_lost": "lost"}
    means = {"x.goodput_kbps": "goodput_kbps", "x.offered_kbps": "offered_kbps"}
    rows = kpm.filter(pl.col("ue").is_not_null() & pl.col("name").is_in([*sums, *means]))
    times = rows["time_s"].unique().sort()
    if times.is_empty():
        raise ValueError("no rows of UEs; record them with `recording: {ues: true}`")
    period_s = float(times[0])
    # Never longer than asked for, so that a run of that length has one.
    per_window = max(1, int(window_s / period_s + 1e-9))
    # UEs that hand over have a row per cell and period; adding first makes cells not matter.
    wide = rows.group_by("slice", "ue", "time_s", "name").agg(pl.col("value").sum())
    wide = wide.pivot(on="name", index=["slice", "ue", "time_s"], values="value")
    index = ((pl.col("time_s") / period_s).round() - 1).cast(pl.Int64) // per_window
    before = pl.col("x.offered_kbps").shift(1).over("slice", "ue", order_by="time_s")
    return (
        wide.with_columns(index.alias("window"), pl.coalesce(before, "x.offered_kbps").alias("before"))
        .filter(pl.col("window") < len(times) // per_window)
        .group_by("slice", "ue", "window")
        .agg(
            *(pl.col(name).mean().alias(alias) for name, alias in means.items()),
            pl.min_horizontal(pl.col("x.offered_kbps").mean(), pl.col("before").mean()).alias("owed_kbps"),
            *(pl.col(name).sum().alias(alias) for name, alias in sums.items()),
        )
        .sort("slice", "ue", "window")
    )


def window_verdicts(windows: pl.DataFrame, sla: Sla) -> pl.Series:
    """Whether each UE-window of one slice meets the SLA: true, false, or null if it had no traffic to judge by.

    Rate: goodput ≥ (1 − 0.1) · min(target, owed), the tolerance being that of the reward (pybridge.envs.qos). Delay:
    part in time of the packets whose fate is known (delivered, dropped or lost) ≥ reliability. Both where both are
    agreed upon; a slice without an SLA is always satisfied.
    """
    verdict = pl.lit(True)
    if sla.ue_throughput_mbps is not None:
        target_kbps = pl.lit(sla.ue_throughput_mbps * 1e3)
        needed = (1.0 - RATE_TOLERANCE) * pl.min_horizontal(target_kbps, "owed_kbps")
        rate = pl.when(pl.col("owed_kbps") > 0.0).then(pl.col("goodput_kbps") >= needed)
        verdict = verdict & rate
    if sla.delay_budget_ms is not None:
        known = pl.col("delivered") + pl.col("lost")
        in_time = (pl.col("delivered") - pl.col("late")) / known
        delay = pl.when(known > 0.0).then(in_time >= (sla.reliability or DEFAULT_RELIABILITY) - 1e-9)
        verdict = verdict & delay
    return windows.with_columns(verdict.alias("met"))["met"]


def satisfaction(windows: pl.DataFrame, sla: Sla) -> float:
    """Part of one slice's UE-windows with traffic that meet the SLA; NaN without windows.

    1 if no window has traffic: nothing was asked for, so nothing is owed, as in the reward (pybridge.envs.qos).
    """
    if windows.is_empty():
        return float("nan")
    met = window_verdicts(windows, sla).drop_nulls()
    return float(met.to_numpy().mean()) if len(met) else 1.0


def fairness(windows: pl.DataFrame, sla: Sla) -> float:
    """Jain's index over the UEs of one slice of the part of their target that they got: goodput / min(SLA, offered).

    The part is at most 1: that one UE asks for more than its target than another does is no unfairness.
    """
    means = windows.group_by("ue").agg(pl.col("goodput_kbps", "offered_kbps").mean()).sort("ue")
    target = means["offered_kbps"].to_numpy()
    if sla.ue_throughput_mbps is not None:
        target = np.minimum(target, sla.ue_throughput_mbps * 1e3)
    active = target > 0.0
    return jain(np.minimum(1.0, means["goodput_kbps"].to_numpy()[active] / target[active]))


def delay_distribution(packets: pl.DataFrame) -> pl.DataFrame:
    """Delays of one slice's packets as delay_ms (upper end of a bin, ascending) and count, and those without one.

    packets: `summary` or `all` of docs/records.md. Packets that never arrived have delay_ms = ∞; those still on their
    way at the end are left out.
    """
    if "fate" in packets.columns:
        known = packets.filter(pl.col("fate") != "pending")
        delay_ns, count = pl.col("delay_ns"), pl.len()
        counted = known.group_by(delay_ns).agg(count.alias("count")).rename({"delay_ns": "ns"})
    else:
        known = packets.filter(pl.col("delay_upper_ns") != ON_THE_WAY)
        counted = known.select(pl.col("delay_upper_ns").alias("ns"), "count")
    delay_ms = pl.when(pl.col("ns") < 0).then(float("inf")).otherwise(pl.col("ns") / 1e6)
    return counted.select(delay_ms.alias("delay_ms"), "count").filter(pl.col("count") > 0).sort("delay_ms")


def delay_percentiles_ms(distribution: pl.DataFrame, levels: Sequence[float]) -> list[float]:
    """Smallest delay that at least the part `level` of all packets does not exceed; ∞ if more never arrived.

    distribution: see delay_distribution. NaN without packets.
    """
    if distribution.is_empty():
        return [float("nan")] * len(levels)
    delay_ms, total = distribution["delay_ms"].to_numpy(), distribution["count"].to_numpy().cumsum()
    places = [int(np.searchsorted(total, np.ceil(level * total[-1] - 1e-9))) for level in levels]
    return [float(delay_ms[place]) for place in places]


def delay_ccdf(distributions: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Part of all packets of several runs that came later than delay_ms, or never: columns delay_ms, later.

    It begins with a point at the smallest delay where all are later, and ends at the part that never arrived.
    """
    pooled = pl.concat(distributions).group_by("delay_ms").agg(pl.col("count").sum()).sort("delay_ms")
    arrived = pooled.filter(pl.col("delay_ms").is_finite())
    if arrived.is_empty():
        return pl.DataFrame({"delay_ms": [], "later": []}, schema={"delay_ms": pl.Float64, "later": pl.Float64})
    later: NDArray[np.float64] = 1.0 - arrived["count"].to_numpy().cumsum() / pooled["count"].sum()
    return pl.DataFrame({"delay_ms": arrived["delay_ms"], "later": np.maximum(later, 0.0)})


def in_time_ratio(kpm: pl.DataFrame) -> float:
    """Part of one slice's packets with known fate that were delivered within the budget; NaN without any.

    kpm: rows of the slice, of all periods and cells.
    """
    delivered, late, dropped, lost = (
        kpm_sum(kpm, f"x.packets_{fate}") for fate in ("delivered", "late", "dropped", "lost")
    )
    known = delivered + dropped + lost
    return (delivered - late) / known if known > 0.0 else float("nan")


def loss_ratio(kpm: pl.DataFrame) -> float:
    """Part of one slice's packets with known fate that were dropped or lost; NaN without any."""
    delivered, dropped, lost = (kpm_sum(kpm, f"x.packets_{fate}") for fate in ("delivered", "dropped", "lost"))
    known = delivered + dropped + lost
    return (dropped + lost) / known if known > 0.0 else float("nan")


def kpm_sum(kpm: pl.DataFrame, name: str) -> float:
    """Sum of a cumulative KPM over the rows given."""
    return float(kpm.filter(pl.col("name") == name)["value"].sum())


def kpm_mean(kpm: pl.DataFrame, name: str, over_cells: Literal["sum", "mean"]) -> float:
    """Mean over time of a KPM that is added up (rates) or averaged (ratios) over cells; NaN if it is not there."""
    value = pl.col("value").sum() if over_cells == "sum" else pl.col("value").mean()
    per_time = kpm.filter(pl.col("name") == name).group_by("time_s", maintain_order=True).agg(value)
    return float(per_time["value"].to_numpy().mean()) if len(per_time) else float("nan")


def relative_gain(values: Mapping[str, float], baseline: str) -> dict[str, float]:
    """100·(U − U_b)/U_b of each method against the baseline, in per cent; the baseline's own is 0.

    NaN if the baseline's U is 0 or NaN.
    """
    reference = values[baseline] or float("nan")
    return {name: 100.0 * (value - reference) / reference for name, value in values.items()}
