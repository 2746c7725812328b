# SPDX-License-Identifier: MIT
"""Summary tables, as data; results.cells has them for people."""

from __future__ import annotations

from typing import Any

import polars as pl

from results.claims import claims
from results.load import CampaignResults
from results.metrics import delay_ccdf, relative_gain
from results.statistics import mean


def summary(results: CampaignResults) -> pl.DataFrame:
    """One row per run and slice, with all metrics: what `summary.csv` holds."""
    axes = results.axes
    order = {"ran": axes.rans, "method": axes.methods, "size": axes.sizes, "mix": axes.mixes}
    keys = [*order, "seed"]
    rank = [pl.col(axis).replace_strict(list(names), range(len(names))) for axis, names in order.items()]
    slices = pl.col("slice").replace_strict(list(axes.slices), range(len(axes.slices)))
    return results.slices.join(results.runs.select(*keys, "efficiency", "wall_s"), on=keys).sort(*rank, "seed", slices)


def by_method(results: CampaignResults) -> pl.DataFrame:
    """One row per RAN and method, each value first averaged over sizes and mixes, then over seeds.

    Columns: ran, method, n_seeds, efficiency (U), efficiency_low, efficiency_high (lowest and highest seed), difference
    and gain_percent against the baseline, `qos SLICE` for each slice, goodput_mbps, prb_share. Only sizes, mixes and
    seeds that every method has finished count, so that methods are compared on the same runs.
    """
    common = _common(results)
    runs, slices = (
        table.join(common, on=["ran", "size", "mix", "seed"], how="semi") for table in (results.runs, results.slices)
    )
    seeds = runs.group_by("ran", "method", "seed").agg(pl.col("efficiency", "goodput_mbps", "prb_share").mean())
    table = seeds.group_by("ran", "method").agg(
        pl.len().alias("n_seeds"),
        pl.col("efficiency").min().alias("efficiency_low"),
        pl.col("efficiency").max().alias("efficiency_high"),
        pl.col("efficiency", "goodput_mbps", "prb_share").mean(),
    )
    qos = slices.group_by("ran", "method", "slice").agg(pl.col("qos").mean())
    for name in results.axes.slices:
        column = qos.filter(pl.col("slice") == name).select("ran", "method", pl.col("qos").alias(f"qos {name}"))
        table = table.join(column, on=["ran", "method"], how="left")
    # Nothing may be common to all methods, after failures: a table without rows then.
    parts = table.partition_by("ran") or [table]
    by_ran = [_with_gains(part, results.axes.baseline) for part in parts]
    order = {"ran": list(results.axes.rans), "method": list(results.axes.methods)}
    rank = [pl.col(axis).replace_strict(names, range(len(names))) for axis, names in order.items()]
    return pl.concat(by_ran).sort(*rank)


def _common(results: CampaignResults) -> pl.DataFrame:
    """RANs, sizes, mixes and seeds that every method with any finished run has finished."""
    methods = results.runs["method"].n_unique()
    counts = results.runs.group_by("ran", "size", "mix", "seed").agg(pl.col("method").n_unique().alias("n"))
    return counts.filter(pl.col("n") == methods).drop("n")


def _with_gains(table: pl.DataFrame, baseline: str) -> pl.DataFrame:
    values = dict(zip(table["method"], table["efficiency"], strict=True))
    if baseline not in values:
        nothing = pl.lit(None, pl.Float64)
        return table.with_columns(nothing.alias("difference"), nothing.alias("gain_percent"))
    gains = relative_gain(values, baseline)
    return table.with_columns(
        (pl.col("efficiency") - values[baseline]).alias("difference"),
        pl.col("method").replace_strict(gains, return_dtype=pl.Float64).alias("gain_percent"),
    )


def by_condition(results: CampaignResults) -> pl.DataFrame:
    """Means over seeds per RAN, size, mix, slice and method, and n, the number of seeds."""
    keys = ["ran", "size", "mix", "slice", "method"]
    return summary(results).group_by(keys, maintain_order=True).agg(pl.len().alias("n"), pl.exclude(*keys).mean())


def tasks(results: CampaignResults) -> pl.DataFrame:
    """The held-out tasks of adaptation: track, task, size, cells, ues."""
    columns = ["track", "task", "size", "cells", "ues"]
    return results.adaptation.select(columns).unique().sort("track", "ues", "task")


def cost(results: CampaignResults) -> pl.DataFrame:
    """Per kind of run and method: runs planned, runs done, and hours of the finished ones (elapsed, added up)."""
    plan = results.plan.group_by("kind", "method", maintain_order=True)
    return plan.agg(
        pl.len().alias("planned"), pl.col("done").sum().alias("done"), (pl.col("wall_s").sum() / 3600).alias("hours")
    )


def scalability(results: CampaignResults) -> pl.DataFrame:
    """U of evaluations by ran, cells, ues and method: n_seeds, efficiency, low, high (95 % over seeds)."""
    places = ["ran", "cells", "ues", "method"]
    seeds = results.runs.group_by(*places, "seed").agg(pl.col("efficiency").mean())
    rows = []
    for key, group in sorted(seeds.group_by(places)):
        estimate = mean(group["efficiency"].to_numpy()[:, None])
        rows.append((*key, len(group), estimate.value, estimate.low, estimate.high))
    kinds: dict[str, Any] = {"ran": pl.String, "cells": pl.Int64, "ues": pl.Int64, "method": pl.String}
    kinds |= {"n_seeds": pl.Int64, "efficiency": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return pl.DataFrame(rows, kinds, orient="row")


def simulator_speed(results: CampaignResults) -> pl.DataFrame:
    """Simulated over elapsed time of evaluations by ran, cells and ues: n, speed (median), low, high (quartiles)."""
    speed = pl.col("simulated_s") / pl.col("wall_s")
    known = results.runs.filter(pl.col("wall_s") > 0.0)
    return (
        known.group_by("ran", "cells", "ues")
        .agg(
            pl.len().alias("n"),
            speed.median().alias("speed"),
            speed.quantile(0.25, "linear").alias("low"),
            speed.quantile(0.75, "linear").alias("high"),
        )
        .sort("ran", "cells", "ues")
    )


def pooled_ccdf(results: CampaignResults) -> pl.DataFrame:
    """Part of packets later than a delay, all seeds together: method, ran, size, mix, slice, delay_ms, later."""
    keys = ["method", "ran", "size", "mix", "slice"]
    parts = []
    for key, runs in results.delays.group_by(keys, maintain_order=True):
        columns = [pl.lit(value).alias(name) for name, value in zip(keys, key, strict=True)]
        parts.append(delay_ccdf([runs.select("delay_ms", "count")]).with_columns(columns))
    return pl.concat(parts) if parts else pl.DataFrame()


def claim_table(results: CampaignResults) -> pl.DataFrame:
    """Every comparison of every claim: claim, paper, baseline, kind, aspect, value, low, high, unit, n_seeds, n_tasks,
    p_holm, verdict, why; a row without a baseline holds the verdict on the whole claim."""
    rows: list[dict[str, object]] = []
    for claim in claims(results):
        rows.append({"claim": claim.name, "paper": claim.paper, "verdict": str(claim.verdict), "why": claim.why})
        for one in claim.comparisons:
            estimate = {"value": one.estimate.value, "low": one.estimate.low, "high": one.estimate.high}
            counts = {"n_seeds": one.n_seeds, "n_tasks": one.n_tasks, "p_holm": one.p_holm}
            verdict = {"verdict": str(one.verdict), "why": one.why}
            place = {"claim": claim.name, "baseline": one.baseline, "kind": one.kind, "aspect": one.aspect}
            rows.append({**place, **estimate, "unit": claim.unit, **counts, **verdict})
    text = ("claim", "paper", "baseline", "kind", "aspect", "unit", "verdict", "why")
    columns = ("claim", "paper", "baseline", "kind", "aspect", "value", "low", "high", "unit", "n_seeds", "n_tasks")
    kinds = {name: pl.String if name in text else pl.Float64 for name in (*columns, "p_holm", "verdict", "why")}
    return pl.DataFrame(rows, schema=kinds | {"n_seeds": pl.Int64, "n_tasks": pl.Int64})
