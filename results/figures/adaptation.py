# SPDX-License-Identifier: MIT
"""What adaptation gave: curves, gains over baselines, time saved, regret, ablations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter

from results.axes import CampaignAxes
from results.figures import common
from results.style import caption, in_house_style, series_styles

TRACKS = {"hidden": "hidden track", "told": "told track"}


@in_house_style
def adaptation_curves(curves: pl.DataFrame, axes: CampaignAxes, sizes: Mapping[str, str]) -> Figure:
    """U against episodes of adaptation: a row per track, a column per network size.

    curves: track, size, method, episodes, n_seeds, n_tasks, value, low, high. sizes: labels by name.
    """
    tracks = curves["track"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(max(common.MIN_WIDTH_IN, 3.3 * len(sizes) + 2.2), 2.9 * len(tracks) + 0.9))
    grid = figure.subplots(len(tracks), len(sizes), squeeze=False, sharex=True, sharey="row")
    styles = series_styles(list(axes.methods))
    for (row, track), (column, size) in product(enumerate(tracks), enumerate(sizes)):
        panel = grid[row][column]
        here = curves.filter((pl.col("track") == track) & (pl.col("size") == size))
        for method, style in styles.items():
            line = here.filter(pl.col("method") == method).sort("episodes")
            panel.plot(line["episodes"], line["value"], color=style.colour, ls=style.dash, marker=style.marker, ms=4)
            panel.fill_between(line["episodes"], line["low"], line["high"], color=style.colour, alpha=0.12, lw=0)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_title(f"{sizes[size]}\n{TRACKS.get(track, track)} (n = {common.spread(here, 'n_tasks')} tasks)")
        if here.is_empty():
            common.no_data(panel)
    for panel in grid[-1]:
        panel.set_xlabel("episodes spent on the task")
    for row in grid:
        row[0].set_ylabel("U")
    methods = [method for method in axes.methods if method in set(curves["method"])]
    common.legend(figure, common.method_handles(axes.methods, methods, lines=True))
    common.title(figure, "Adaptation to held-out tasks, per network size")
    note = "U in judging episodes that nothing is learned from, the same seeds for every method"
    caption(figure, f"{note}. {common.band_note(curves)} A method that does not adapt is a level line.")
    return figure


@in_house_style
def gains(table: pl.DataFrame, axes: CampaignAxes, method: str, paper_percent: float) -> Figure:
    """Gain of a method over each other one after the last episode: absolute difference, and in per cent.

    table: track, baseline, episodes, n_seeds, n_tasks, difference, percent with their limits.
    """
    tracks = table["track"].unique(maintain_order=True).to_list()
    baselines = [name for name in axes.methods if name in set(table["baseline"])]
    figure = Figure(figsize=(9.6, (0.36 * len(baselines) + 0.9) * len(tracks) + 1.0))
    grid = figure.subplots(len(tracks), 2, squeeze=False, sharey=True, sharex="col")
    for (left, right), track in zip(grid, tracks, strict=True):
        here = table.filter(pl.col("track") == track)
        _forest(left, here, "difference", baselines, axes)
        _forest(right, here, "percent", baselines, axes)
        right.axvline(paper_percent, color="#D55E00", ls="--", lw=1.1)
        left.set_title(f"difference of U, {TRACKS.get(track, track)}")
        right.set_title("in per cent of the baseline's U")
        left.set_yticks(range(len(baselines)), [axes.methods[name] for name in baselines])
        left.set_ylim(len(baselines) - 0.5, -0.5)
    grid[-1][0].set_xlabel("U − U of baseline")
    grid[-1][1].set_xlabel("gain [%]")
    common.title(figure, f"{axes.methods[method]} against each other method, at equal episodes")
    caption(
        figure,
        f"After {common.spread(table, 'episodes')} episodes per task. {common.band_note(table)} Right of 0 "
        f"{axes.methods[method]} is better. Dashed: the paper's {paper_percent:g} %, whose definition is unavailable.",
    )
    return figure


@in_house_style
def faster(table: pl.DataFrame, axes: CampaignAxes, method: str, sizes: Mapping[str, str], paper_part: float) -> Figure:
    """How much faster a method adapts than each other one, per network size: 1 − T/T_b.

    table: track, size, baseline, n_seeds, n_tasks, faster, low, high, reached, baseline_reached.
    """
    tracks = table["track"].unique(maintain_order=True).to_list()
    baselines = [name for name in axes.methods if name in set(table["baseline"])]
    height = (0.36 * len(baselines) + 0.9) * len(tracks) + 1.1
    figure = Figure(figsize=(max(common.MIN_WIDTH_IN, 2.9 * len(sizes) + 2.0), height))
    grid = figure.subplots(len(tracks), len(sizes), squeeze=False, sharey=True, sharex=True)
    for (row, track), (column, size) in product(enumerate(tracks), enumerate(sizes)):
        panel = grid[row][column]
        here = table.filter((pl.col("track") == track) & (pl.col("size") == size))
        _forest(panel, here, "faster", baselines, axes, ("low", "high"))
        panel.axvline(paper_part, color="#D55E00", ls="--", lw=1.1)
        panel.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        panel.set_title(f"{sizes[size]}\n{TRACKS.get(track, track)}")
        panel.set_yticks(range(len(baselines)), [axes.methods[name] for name in baselines])
        panel.set_ylim(len(baselines) - 0.5, -0.5)
    for panel in grid[-1]:
        panel.set_xlabel("less time than baseline, $1 - T/T_b$")
    common.title(figure, f"Adaptation time of {axes.methods[method]} against each other method")
    caption(
        figure,
        f"T: decisions until 90 % of the gap between static and the best known is closed, mean up to the end of the "
        f"curve (what is not closed by then counts as its end). {common.band_note(table)} Dashed: the paper's “up to "
        f"{100 * paper_part:.0f} %”.",
    )
    return figure


def _forest(
    panel: Axes,
    table: pl.DataFrame,
    column: str,
    baselines: Sequence[str],
    axes: CampaignAxes,
    limits: tuple[str, str] | None = None,
) -> None:
    """A row per baseline: the estimate and its interval."""
    low, high = limits or (f"{column}_low", f"{column}_high")
    styles = series_styles(list(axes.methods))
    panel.axvline(0.0, color=common.GREY, lw=0.9)
    for row in table.iter_rows(named=True):
        y, style = baselines.index(row["baseline"]), styles[row["baseline"]]
        if row[column] is None or np.isnan(row[column]):
            panel.text(0.0, y, " –", va="center", color=common.GREY)
            continue
        panel.plot([row[low], row[high]], [y, y], color=style.colour, lw=2.2, alpha=0.6, solid_capstyle="butt")
        panel.plot([row[column]], [y], style.marker, color=style.colour, ms=6, mec="white", mew=0.6)
    panel.grid(axis="x")
    panel.grid(visible=False, axis="y")


@in_house_style
def regret(table: pl.DataFrame, axes: CampaignAxes) -> Figure:
    """Cumulative regret against the best known, by episode, on log-log axes; the slope stands in the legend.

    table: track, method, episode, n_seeds, n_tasks, regret, slope, low, high.
    """
    tracks = table["track"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(max(common.MIN_WIDTH_IN, 6.0 * len(tracks)), 4.3))
    styles = series_styles(list(axes.methods))
    for panel, track in zip(figure.subplots(1, len(tracks), squeeze=False)[0], tracks, strict=True):
        here = table.filter(pl.col("track") == track)
        for method in (name for name in styles if name in set(here["method"])):
            line = here.filter((pl.col("method") == method) & (pl.col("regret") > 0.0)).sort("episode")
            first: dict[str, Any] = here.filter(pl.col("method") == method).row(0, named=True)
            style = styles[method]
            label = f"{axes.methods[method]}: {_slope(first)}"
            panel.plot(line["episode"], line["regret"], color=style.colour, ls=style.dash, label=label)
        panel.set_xscale("log")
        panel.set_yscale("log")
        last = int(here["episode"].max() or 1)  # type: ignore[arg-type]  # a column of whole numbers
        panel.set_xticks([2**power for power in range(last.bit_length())])
        panel.set_xticks([], minor=True)
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
        panel.set_xlabel("episodes spent on the task")
        panel.set_title(TRACKS.get(track, track))
        panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7.5, title="slope [95 % interval]")
    figure.axes[0].set_ylabel("cumulative regret, Σ (best known U − U)")
    common.title(figure, "Regret against the best known")
    n = f"n = {common.spread(table, 'n_seeds')} training seeds × {common.spread(table, 'n_tasks')} tasks"
    caption(
        figure,
        f"Mean over tasks and seeds, {n}; episodes that methods learn from, with exploration. Slopes have 95 % "
        "intervals over seeds; below 1 is sublinear; a method that does not adapt has 1. The best known is no oracle: "
        "episodes above it lower regret.",
    )
    return figure


def _slope(row: Mapping[str, float]) -> str:
    if row["slope"] is None or np.isnan(row["slope"]):
        return "–"
    known = row["low"] is not None and not np.isnan(row["low"])
    return f"{row['slope']:.2f}" + (f" [{row['low']:.2f}, {row['high']:.2f}]" if known else "")


@in_house_style
def ablations(table: pl.DataFrame, axes: CampaignAxes, method: str) -> Figure:
    """What each part of the learner is worth: U of its variants less its own, per track.

    table: as for `gains`, of the variants of the learner alone.
    """
    tracks = table["track"].unique(maintain_order=True).to_list()
    variants = [name for name in axes.methods if name in set(table["baseline"])]
    figure = Figure(figsize=(9.0, 0.4 * len(variants) + 2.2))
    panels = figure.subplots(1, len(tracks), squeeze=False, sharey=True)[0]
    lost = table.with_columns(
        (-pl.col("difference")).alias("lost"),
        (-pl.col("difference_high")).alias("lost_low"),
        (-pl.col("difference_low")).alias("lost_high"),
    )
    for panel, track in zip(panels, tracks, strict=True):
        _forest(panel, lost.filter(pl.col("track") == track), "lost", variants, axes)
        panel.set_title(TRACKS.get(track, track))
        panel.set_xlabel(f"U − U of {axes.methods[method]}")
        panel.set_yticks(range(len(variants)), [axes.methods[name] for name in variants])
        panel.set_ylim(len(variants) - 0.5, -0.5)
    common.title(figure, "Ablations")
    caption(
        figure,
        f"After {common.spread(table, 'episodes')} episodes per task. {common.band_note(table)} Left of 0: what was "
        "changed made it worse.",
    )
    return figure
