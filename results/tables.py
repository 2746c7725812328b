# SPDX-License-Identifier: MIT
"""Summary tables, as data and as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from results.load import CampaignResults
from results.metrics import relative_gain


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


def method_cells(results: CampaignResults) -> tuple[list[str], list[list[str]]]:
    """`by_method` for people: headings and rows of text."""
    several = len(results.axes.rans) > 1
    headings = [*(["RAN"] if several else []), "method", "U", "seeds low – high", "U − baseline", "gain"]
    headings += [f"QoS {name}" for name in results.axes.slices] + ["goodput Mbit/s", "PRBs used"]
    rows = []
    for row in by_method(results).iter_rows(named=True):
        gain = "" if row["gain_percent"] is None else _signed(row["gain_percent"], 1, " %")
        difference = "" if row["difference"] is None else _signed(row["difference"], 3)
        rows.append(
            [
                *([results.axes.rans[row["ran"]]] if several else []),
                results.axes.methods[row["method"]],
                _number(row["efficiency"], 3),
                f"{_number(row['efficiency_low'], 3)} – {_number(row['efficiency_high'], 3)}",
                difference,
                gain,
                *(_percent(row[f"qos {name}"], 1) for name in results.axes.slices),
                _number(row["goodput_mbps"], 2),
                _percent(row["prb_share"], 1),
            ]
        )
    return headings, rows


def _signed(value: float, digits: int, unit: str = "") -> str:
    """With a sign, unless it rounds to 0; a dash for NaN."""
    if math.isnan(value):
        return "–"
    rounded = round(value, digits)
    return (f"{rounded:+.{digits}f}" if rounded else f"{0:.{digits}f}") + unit


def condition_cells(results: CampaignResults) -> tuple[list[str], list[list[str]]]:
    """Means over seeds per RAN, size, mix, slice and method for people: headings and rows of text."""
    headings = [
        "RAN",
        "size",
        "mix",
        "slice",
        "method",
        "seeds",
        "QoS",
        "in time",
        "lost",
        "p50",
        "p95",
        "p99",
        "p99.9",
    ]
    headings += ["goodput / offered Mbit/s", "PRBs", "Jain"]
    keys = ["ran", "size", "mix", "slice", "method"]
    means = summary(results).group_by(keys, maintain_order=True).agg(pl.len().alias("n"), pl.exclude(*keys).mean())
    rows = []
    for at in results.axes.conditions:
        place = [results.axes.rans[at.ran], results.axes.sizes[at.size], results.axes.mixes[at.mix]]
        for name in results.axes.slices:
            for row in means.filter(at.here & (pl.col("slice") == name)).iter_rows(named=True):
                rows.append([*place, name, *_condition_row(results, row)])
    return headings, rows


def _condition_row(results: CampaignResults, row: dict[str, float]) -> list[str]:
    delays = [_delay(row[f"delay_{level}_ms"]) for level in ("p50", "p95", "p99", "p999")]
    return [
        results.axes.methods[str(row["method"])],
        str(row["n"]),
        _percent(row["qos"], 1),
        _percent(row["in_time"], 2),
        _percent(row["loss"], 2),
        *delays,
        f"{_number(row['goodput_mbps'], 2)} / {_number(row['offered_mbps'], 2)}",
        _percent(row["prb_share"], 1),
        _number(row["jain"], 3),
    ]


def _number(value: float, digits: int) -> str:
    """A dash for NaN, where the metric does not apply."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _percent(part: float, digits: int) -> str:
    """A part of 1 in per cent; a dash where the metric does not apply."""
    return "–" if math.isnan(part) else f"{100 * part:.{digits}f} %"


def _delay(milliseconds: float) -> str:
    if math.isnan(milliseconds):
        return "–"
    if math.isinf(milliseconds):
        return "never"
    return f"{milliseconds:.1f} ms" if milliseconds < 100 else f"{milliseconds:.0f} ms"


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in plain text; the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([line(headings), "  ".join("─" * width for width in widths), *map(line, rows)])


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same in Markdown."""
    lines = ["| " + " | ".join(headings) + " |", "|" + " --- |" + " ---: |" * (len(headings) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
