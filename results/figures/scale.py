# SPDX-License-Identifier: MIT
"""What depends on the size of the network: quality, and the speed of the simulator."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from results.axes import CampaignAxes
from results.figures import common
from results.style import caption, in_house_style, series_styles


@in_house_style
def scalability(table: pl.DataFrame, axes: CampaignAxes) -> Figure:
    """U against the number of UEs, a panel per number of cells; mean over seeds and mixes.

    table: ran, cells, ues, method, n_seeds, efficiency, low, high.
    """
    panels_of = [key for key, _ in sorted(table.group_by("ran", "cells"))]
    figure = Figure(figsize=(max(common.MIN_WIDTH_IN, 3.0 * len(panels_of) + 2.0), 3.8))
    panels = figure.subplots(1, len(panels_of), squeeze=False, sharey=True)[0]
    styles = series_styles(list(axes.methods))
    for panel, (ran, cells) in zip(panels, panels_of, strict=True):
        here = table.filter((pl.col("ran") == ran) & (pl.col("cells") == cells))
        for method, style in styles.items():
            line = here.filter(pl.col("method") == method).sort("ues")
            panel.plot(line["ues"], line["efficiency"], color=style.colour, ls=style.dash, marker=style.marker, ms=4)
            panel.fill_between(line["ues"], line["low"], line["high"], color=style.colour, alpha=0.12, lw=0)
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.xaxis.set_minor_formatter(ScalarFormatter())
        panel.set_xticks(here["ues"].unique().sort().to_list(), minor=False)
        panel.set_xticks([], minor=True)
        panel.set_xlabel("UEs")
        panel.set_title(f"{axes.rans.get(str(ran), str(ran))}, {cells} cell{'s' if cells != 1 else ''}")
    panels[0].set_ylabel("U")
    n = common.spread(table, "n_seeds")
    note = f"U of evaluations, without adaptation, mean over mixes and n = {n} seeds; band: {common.INTERVAL}."
    common.finish(figure, "Scalability", axes, note, common.methods_in(table, axes), lines=True)
    return figure


@in_house_style
def simulator_speed(table: pl.DataFrame, axes: CampaignAxes) -> Figure:
    """Simulated over elapsed time of evaluations, against the number of UEs; both axes logarithmic.

    table: ran, cells, ues, n, speed, low, high (quartiles).
    """
    figure = Figure(figsize=(common.MIN_WIDTH_IN, 3.6))
    panel = figure.subplots()
    kinds = [(str(ran), int(str(cells))) for (ran, cells), _ in sorted(table.group_by("ran", "cells"))]
    styles = series_styles([f"{ran} {cells}" for ran, cells in kinds])
    for (ran, cells), style in zip(kinds, styles.values(), strict=True):
        line = table.filter((pl.col("ran") == ran) & (pl.col("cells") == cells)).sort("ues")
        label = f"{axes.rans.get(ran, ran)}, {cells} cell{'s' if cells != 1 else ''}"
        bars = [line["speed"] - line["low"], line["high"] - line["speed"]]
        panel.errorbar(
            line["ues"], line["speed"], yerr=bars, color=style.colour, ls=style.dash, marker=style.marker, label=label
        )
    panel.set_xscale("log")
    panel.set_yscale("log")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(ScalarFormatter())
    panel.set_xticks(table["ues"].unique().sort().to_list(), minor=False)
    panel.set_xticks([], minor=True)
    panel.axhline(1.0, color=common.GREY, ls=":", lw=1.0)
    panel.set_xlabel("UEs")
    panel.set_ylabel("simulated s per elapsed s")
    common.legend(figure, panel.get_legend_handles_labels()[0])
    common.title(figure, "Speed of the simulator")
    caption(
        figure,
        f"Evaluations of all methods with their policy, start and records included, several side by side; median of "
        f"n = {common.spread(table, 'n')} runs, bars: quartiles. Dotted: real time.",
    )
    return figure
