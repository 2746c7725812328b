# SPDX-License-Identifier: MIT
"""What evaluations measured: per slice, per condition, delays, and what each slice used over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from results.axes import CampaignAxes
from results.figures import common
from results.style import caption, in_house_style, series_styles, slice_colours

BESIDE_EACH_OTHER = 4
"""Most conditions with which the panels of slices stand beside each other rather than below."""


@in_house_style
def by_slice(
    summary: pl.DataFrame, column: str, axes: CampaignAxes, *, ylabel: str, title: str, note: str, percent: bool = False
) -> Figure:
    """One panel per slice: `column` by condition and method; mean over seeds, with each seed as a small dash.

    summary: columns method, ran, size, mix, seed, slice and `column`; missing combinations are left out.
    """
    count, present = len(axes.slices), common.methods_in(summary, axes)
    if len(axes.conditions) * len(present) <= BESIDE_EACH_OTHER * BESIDE_EACH_OTHER:
        figure = Figure(figsize=(max(common.MIN_WIDTH_IN, 3.4 * count), 3.9))
        panels = figure.subplots(1, count, squeeze=False)[0]
        panels[0].set_ylabel(ylabel)
    else:
        figure = Figure(figsize=(max(common.MIN_WIDTH_IN, 1.5 * len(axes.conditions) + 1.5), 2.3 * count + 0.9))
        panels = figure.subplots(count, 1, squeeze=False, sharex=True)[:, 0]
        for panel in panels:
            panel.set_ylabel(ylabel)
    for panel, name in zip(panels, axes.slices, strict=True):
        common.dots(panel, summary.filter(pl.col("slice") == name), column, axes, present)
        panel.set_title(name)
        if percent:
            panel.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            panel.set_ylim(-0.03, 1.03)
        else:
            panel.set_ylim(bottom=0.0)
    common.finish(figure, title, axes, f"{note} {common.seed_note(len(axes.seeds))}", present)
    return figure


@in_house_style
def by_condition(runs: pl.DataFrame, column: str, axes: CampaignAxes, *, ylabel: str, title: str, note: str) -> Figure:
    """One panel: `column` by condition and method; mean over seeds, with each seed as a small dash.

    runs: columns method, ran, size, mix, seed and `column`.
    """
    figure = Figure(figsize=(max(10.2, 1.5 * len(axes.conditions) + 1.5), 3.6))
    panel, present = figure.subplots(), common.methods_in(runs, axes)
    common.dots(panel, runs, column, axes, present)
    panel.set_ylabel(ylabel)
    common.finish(figure, title, axes, f"{note} {common.seed_note(len(axes.seeds))}", present)
    return figure


@in_house_style
def delay_ccdf(ccdf: pl.DataFrame, budgets_ms: Mapping[tuple[str, str], float | None], axes: CampaignAxes) -> Figure:
    """Part of packets later than a delay: a row per slice, a column per condition, both axes logarithmic.

    ccdf: method, ran, size, mix, slice, delay_ms, later (part of all packets that came later or never).
    budgets_ms: the SLA's delay budget by RAN and slice, drawn as a vertical line.
    """
    styles = series_styles(list(axes.methods))
    conditions = common.shown_conditions(axes, ccdf)
    figure = Figure(figsize=(common.width_in(len(conditions)), 2.15 * len(axes.slices) + 1.0))
    grid = figure.subplots(len(axes.slices), len(conditions), squeeze=False, sharex="row", sharey=True)
    for row, name in zip(grid, axes.slices, strict=True):
        for panel, at in zip(row, conditions, strict=True):
            here = ccdf.filter((pl.col("slice") == name) & at.here)
            for method, style in styles.items():
                curve = here.filter(pl.col("method") == method)
                panel.step(curve["delay_ms"], curve["later"], where="post", color=style.colour, ls=style.dash)
            _log_delay_axes(panel, here, budgets_ms.get((at.ran, name)))
        budgets = [budget for (_, of), budget in budgets_ms.items() if of == name and budget is not None]
        row[0].set_xlim(_decades(ccdf.filter(pl.col("slice") == name), budgets))
        row[0].set_ylabel(f"{name}\npart of packets later")
    for panel, at in zip(grid[0], conditions, strict=True):
        panel.set_title(axes.condition_label(at, ", "))
    for panel in grid[-1]:
        panel.set_xlabel("one-way delay [ms]")
    common.finish(
        figure,
        "Packet delay, source to UE application",
        axes,
        f"Complementary distribution (1 − CDF) over all packets, lost ones counted as later than any delay; seeds "
        f"pooled, n = {len(axes.seeds)} per curve, no interval. Dotted vertical line: delay budget of the SLA."
        f"{common.thinned_note(axes, conditions)}",
        common.methods_in(ccdf, axes),
        lines=True,
    )
    return figure


@in_house_style
def shares_over_time(shares: pl.DataFrame, axes: CampaignAxes, *, what: str, note: str, seed: int) -> Figure:
    """What each slice used over time: a row per method, a column per condition.

    shares: method, ran, size, mix, time_s, slice, share (part of what the cells have), of one seed and resource.
    what: the resource, as it begins a sentence. note: what 100 % is.
    """
    colours = slice_colours(axes.slices)
    conditions, present = common.shown_conditions(axes, shares), common.methods_in(shares, axes)
    figure = Figure(figsize=(common.width_in(len(conditions)), 1.6 * len(present) + 1.1))
    grid = figure.subplots(len(present), len(conditions), squeeze=False, sharex="col", sharey=True)
    for row, method in zip(grid, present, strict=True):
        for panel, at in zip(row, conditions, strict=True):
            _stack(panel, shares.filter((pl.col("method") == method) & at.here), colours)
        row[0].set_ylabel(f"{_two_lines(axes.methods[method])}\n{what} used")
    for panel, at in zip(grid[0], conditions, strict=True):
        panel.set_title(axes.condition_label(at, ", "))
    for panel in grid[-1]:
        panel.set_xlabel("simulated time [s]")
    handles = [Line2D([], [], color=colour, lw=7, label=name) for name, colour in colours.items()]
    common.legend(figure, handles)
    common.title(figure, f"{what} used by each slice")
    thinned = common.thinned_note(axes, conditions)
    caption(figure, f"{note}, per high-level period, seed {seed} (n = 1 run per panel, no interval).{thinned}")
    return figure


def _two_lines(label: str, limit: int = 18) -> str:
    """A long label, broken at the blank nearest its middle."""
    blanks = [index for index, letter in enumerate(label) if letter == " "]
    if len(label) <= limit or not blanks:
        return label
    at = min(blanks, key=lambda index: abs(index - len(label) / 2))
    return f"{label[:at]}\n{label[at + 1 :]}"


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
        common.no_data(panel)


def _stack(panel: Axes, shares: pl.DataFrame, colours: dict[str, str]) -> None:
    if shares.is_empty():
        common.no_data(panel)
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
