# SPDX-License-Identifier: MIT
"""Figures as functions: tidy tables in, a matplotlib Figure out. None reads files or knows where data came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from results.axes import CampaignAxes
from results.style import SeriesStyle, caption, in_house_style, series_styles, slice_colours

MIN_WIDTH_IN = 9.0
"""Of figures with a panel per condition, so that title and legend fit side by side over a single one."""

DODGE = 0.68
"""Width, in units of the category axis, over which the methods of one condition are spread."""


@in_house_style
def by_slice(
    summary: pl.DataFrame, column: str, axes: CampaignAxes, *, ylabel: str, title: str, note: str, percent: bool = False
) -> Figure:
    """One panel per slice: `column` by condition and method; mean over seeds, with each seed as a small point.

    summary: columns method, ran, size, mix, seed, slice and `column`; missing combinations are left out.
    """
    figure = Figure(figsize=(max(MIN_WIDTH_IN, 3.4 * len(axes.slices)), 3.9))
    panels = figure.subplots(1, len(axes.slices), squeeze=False)[0]
    for panel, name in zip(panels, axes.slices, strict=True):
        _dots(panel, summary.filter(pl.col("slice") == name), column, axes)
        panel.set_title(name)
        if percent:
            panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            panel.set_ylim(-0.03, 1.03)
        else:
            panel.set_ylim(bottom=0.0)
    panels[0].set_ylabel(ylabel)
    _finish(figure, title, axes, f"{note} {_seed_note(axes)}")
    return figure


@in_house_style
def by_condition(runs: pl.DataFrame, column: str, axes: CampaignAxes, *, ylabel: str, title: str, note: str) -> Figure:
    """One panel: `column` by condition and method; mean over seeds, with each seed as a small point.

    runs: columns method, ran, size, mix, seed and `column`.
    """
    figure = Figure(figsize=(10.2, 3.6))
    panel = figure.subplots()
    _dots(panel, runs, column, axes)
    panel.set_ylabel(ylabel)
    _finish(figure, title, axes, f"{note} {_seed_note(axes)}")
    return figure


@in_house_style
def delay_ccdf(ccdf: pl.DataFrame, budgets_ms: Mapping[tuple[str, str], float | None], axes: CampaignAxes) -> Figure:
    """Part of packets later than a delay: a row per slice, a column per condition, both axes logarithmic.

    ccdf: method, ran, size, mix, slice, delay_ms, later (part of all packets that came later or never).
    budgets_ms: the SLA's delay budget by RAN and slice, drawn as a vertical line.
    """
    styles = series_styles(list(axes.methods))
    figure = Figure(figsize=(_width_in(axes), 2.15 * len(axes.slices) + 1.0))
    grid = figure.subplots(len(axes.slices), len(axes.conditions), squeeze=False, sharex="row", sharey=True)
    for row, name in zip(grid, axes.slices, strict=True):
        for panel, at in zip(row, axes.conditions, strict=True):
            here = ccdf.filter((pl.col("slice") == name) & at.here)
            for method, style in styles.items():
                curve = here.filter(pl.col("method") == method)
                panel.step(curve["delay_ms"], curve["later"], where="post", color=style.colour, ls=style.dash)
            _log_delay_axes(panel, here, budgets_ms.get((at.ran, name)))
        budgets = [budget for (_, of), budget in budgets_ms.items() if of == name and budget is not None]
        row[0].set_xlim(_decades(ccdf.filter(pl.col("slice") == name), budgets))
        row[0].set_ylabel(f"{name}\npart of packets later")
    for panel, at in zip(grid[0], axes.conditions, strict=True):
        panel.set_title(axes.condition_label(at, ", "))
    for panel in grid[-1]:
        panel.set_xlabel("one-way delay [ms]")
    _finish(
        figure,
        "Packet delay, source to UE application",
        axes,
        f"Complementary distribution (1 − CDF) over all packets, lost ones counted as later than any delay; "
        f"seeds pooled, n = {len(axes.seeds)} per curve. Dotted vertical line: delay budget of the SLA.",
        lines=True,
    )
    return figure


@in_house_style
def prb_shares(shares: pl.DataFrame, axes: CampaignAxes, seed: int) -> Figure:
    """PRBs used by each slice over time: a row per method, a column per condition.

    shares: method, ran, size, mix, time_s, slice, share (part of the cell's allocatable PRBs), of one seed.
    """
    colours = slice_colours(axes.slices)
    figure = Figure(figsize=(_width_in(axes), 1.6 * len(axes.methods) + 1.1))
    grid = figure.subplots(len(axes.methods), len(axes.conditions), squeeze=False, sharex=True, sharey=True)
    for row, method in zip(grid, axes.methods, strict=True):
        for panel, at in zip(row, axes.conditions, strict=True):
            _stack(panel, shares.filter((pl.col("method") == method) & at.here), colours)
        row[0].set_ylabel(f"{axes.methods[method]}\nPRBs used")
    for panel, at in zip(grid[0], axes.conditions, strict=True):
        panel.set_title(axes.condition_label(at, ", "))
    for panel in grid[-1]:
        panel.set_xlabel("simulated time [s]")
    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))
    figure.suptitle("PRBs used by each slice", x=0.01, ha="left", fontweight="bold", fontsize=11)
    caption(figure, f"Part of the cell's allocatable PRBs per high-level period, seed {seed} (n = 1 run per panel).")
    return figure


@in_house_style
def learning_curves(curves: pl.DataFrame, axes: CampaignAxes, window: int = 10) -> Figure:
    """Mean reward per step of training episodes against environment steps, a line per seed.

    curves: method, seed, step, mean_reward.
    """
    styles = series_styles(list(axes.methods))
    figure = Figure(figsize=(7.0, 3.6))
    panel = figure.subplots()
    for (method, seed), curve in sorted(curves.group_by("method", "seed", maintain_order=True)):
        style = styles[str(method)]
        curve = curve.sort("step")
        panel.plot(curve["step"], curve["mean_reward"], ".", ms=3, color=style.colour, alpha=0.3)
        smooth = curve["mean_reward"].rolling_mean(window)
        dash = ("-", "--", ":", "-.")[axes.seeds.index(int(str(seed))) % 4]
        label = f"{axes.methods[str(method)]}, seed {seed}"
        panel.plot(curve["step"], smooth, color=style.colour, ls=dash, label=label)
    panel.set_xlabel("environment steps (high-level decisions)")
    panel.set_ylabel("mean reward per step")
    panel.legend(loc="lower right")
    figure.suptitle("Short training", x=0.01, ha="left", fontweight="bold", fontsize=11)
    caption(
        figure,
        f"Points: training episodes, over all sizes and mixes, with exploration. Lines: running mean of {window} "
        "episodes, one line per training seed.",
    )
    return figure


def _dots(panel: Axes, data: pl.DataFrame, column: str, axes: CampaignAxes) -> None:
    """Methods side by side at each condition: a bar from the lowest to the highest seed, seeds, and their mean."""
    styles = series_styles(list(axes.methods))
    offsets = np.linspace(-DODGE / 2, DODGE / 2, len(styles)) if len(styles) > 1 else np.zeros(1)
    for offset, (method, style) in zip(offsets, styles.items(), strict=True):
        for place, at in enumerate(axes.conditions):
            values = data.filter((pl.col("method") == method) & at.here)[column].drop_nulls().drop_nans().to_numpy()
            if len(values):
                _dot(panel, place + float(offset), values, style)
    panel.set_xticks(range(len(axes.conditions)), [axes.condition_label(at) for at in axes.conditions])
    panel.set_xlim(-0.5, len(axes.conditions) - 0.5)
    for boundary in range(1, len(axes.conditions)):
        panel.axvline(boundary - 0.5, color="#EEEEEE", lw=0.8, zorder=0)
    panel.tick_params(axis="x", length=0)


def _dot(panel: Axes, x: float, values: np.ndarray, style: SeriesStyle) -> None:
    panel.plot([x, x], [values.min(), values.max()], color=style.colour, lw=1.2, alpha=0.6)
    panel.plot(np.full(len(values), x), values, "_", ms=6, mew=1.2, color=style.colour, alpha=0.8)
    panel.plot([x], [values.mean()], style.marker, ms=5.5, color=style.colour, mec="white", mew=0.6)


def _width_in(axes: CampaignAxes) -> float:
    return max(MIN_WIDTH_IN, 2.75 * len(axes.conditions) + 0.6)


def _decades(curves: pl.DataFrame, budgets_ms: Sequence[float]) -> tuple[float, float]:
    """Whole decades that hold all delays and budgets: within one, ticks between powers of 10 would be labelled."""
    shown = [*curves["delay_ms"].filter(curves["delay_ms"] > 0.0), *budgets_ms]
    exponents = np.log10(shown or [1.0])
    low = float(np.floor(exponents.min()))
    return 10.0**low, 10.0 ** max(low + 1.0, float(np.ceil(exponents.max())))


def _log_delay_axes(panel: Axes, curves: pl.DataFrame, budget_ms: float | None) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_ylim(1e-4, 1.3)
    if budget_ms is not None:
        panel.axvline(budget_ms, color="#555555", ls=":", lw=1.1)
    if curves.is_empty():
        panel.text(0.5, 0.5, "no data", ha="center", va="center", transform=panel.transAxes, color="#888888")


def _stack(panel: Axes, shares: pl.DataFrame, colours: dict[str, str]) -> None:
    if shares.is_empty():
        panel.text(0.5, 0.5, "no data", ha="center", va="center", transform=panel.transAxes, color="#888888")
        return
    wide = shares.pivot(on="slice", index="time_s", values="share").sort("time_s")
    # A row stands for the period that ends at its time, so the first one begins at 0.
    wide = pl.concat([wide.head(1).with_columns(pl.lit(0.0).alias("time_s")), wide])
    names = [name for name in colours if name in wide.columns]
    panel.stackplot(
        wide["time_s"], *(wide[name] for name in names), colors=[colours[name] for name in names], step="pre", lw=0
    )
    panel.set_ylim(0.0, 1.0)
    panel.set_xlim(0.0, float(wide["time_s"].to_numpy().max()))
    panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _finish(figure: Figure, title: str, axes: CampaignAxes, note: str, *, lines: bool = False) -> None:
    """Title and legend on top, note below."""
    handles: Sequence[Line2D] = [
        Line2D(
            [],
            [],
            color=style.colour,
            label=axes.methods[method],
            ls=style.dash if lines else "none",
            marker="none" if lines else style.marker,
            mec="white" if not lines else None,
        )
        for method, style in series_styles(list(axes.methods)).items()
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
    caption(figure, note)


def _seed_note(axes: CampaignAxes) -> str:
    return f"Marker: mean over n = {len(axes.seeds)} seeds; dashes: single seeds; bar: lowest to highest (no interval)."
