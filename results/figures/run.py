# SPDX-License-Identifier: MIT
"""One run under the magnifying glass: measurements over time, and who had which PRB in which slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from results.figures import common
from results.style import caption, in_house_style, series_styles, slice_colours


@in_house_style
def kpms_over_time(runs: Mapping[str, pl.DataFrame], names: Sequence[str]) -> Figure:
    """Measurements of slices over time, added up over cells: a row per measurement, a column per run.

    runs: kpm.parquet (docs/records.md) by label. names: of measurements, e.g. `x.goodput_kbps`; the unit is read off.
    """
    figure = Figure(figsize=(common.width_in(len(runs)), 1.9 * len(names) + 1.0))
    grid = figure.subplots(len(names), len(runs), squeeze=False, sharex=True, sharey="row")
    slices = list(dict.fromkeys(name for kpm in runs.values() for name in kpm["slice"].unique(maintain_order=True)))
    colours, styles = slice_colours(slices), series_styles(slices)
    for row, name in zip(grid, names, strict=True):
        for panel, kpm in zip(row, runs.values(), strict=True):
            rows = kpm.filter(pl.col("ue").is_null() & (pl.col("name") == name))
            for of in slices:
                line = rows.filter(pl.col("slice") == of).group_by("time_s").agg(pl.col("value").sum()).sort("time_s")
                panel.plot(line["time_s"], line["value"], color=colours[of], ls=styles[of].dash, lw=1.2)
            if rows.is_empty():
                common.no_data(panel)
        units = [kpm.filter(pl.col("name") == name)["unit"].to_list()[:1] for kpm in runs.values()]
        row[0].set_ylabel(f"{name}\n[{next((unit[0] for unit in units if unit), '–')}]")
    for panel, label in zip(grid[0], runs, strict=True):
        panel.set_title(label)
    for panel in grid[-1]:
        panel.set_xlabel("simulated time [s]")
    common.legend(figure, [Line2D([], [], color=colours[of], ls=styles[of].dash, label=of) for of in slices])
    common.title(figure, "Measurements of slices over time")
    caption(figure, "Per high-level period, added up over cells; n = 1 run per column, no interval.")
    return figure


@in_house_style
def prb_grid(grid: NDArray[Any], slices: Sequence[str], slot_ms: float, first_slot: int = 0) -> Figure:
    """Who had which PRB in which slot of one cell.

    grid: (slots, PRBs), index of the slice, −1 idle, −2 signalling, as SlotReport.prb_slice gives it.
    """
    colours = slice_colours(slices)
    figure = Figure(figsize=(common.MIN_WIDTH_IN, 3.4))
    panel = figure.subplots()
    palette = ListedColormap(["#888888", "#FFFFFF", *colours.values()])
    edges = [value - 2.5 for value in range(len(slices) + 3)]
    start = first_slot * slot_ms
    extent = (start, start + len(grid) * slot_ms, 0.0, float(grid.shape[1]))
    norm = BoundaryNorm(edges, palette.N)
    panel.imshow(grid.T, origin="lower", aspect="auto", interpolation="nearest", cmap=palette, norm=norm, extent=extent)
    panel.grid(visible=False)
    panel.set_xlabel("simulated time [ms]")
    panel.set_ylabel("PRB")
    common.legend(figure, [Line2D([], [], color=colour, lw=7, label=name) for name, colour in colours.items()])
    common.title(figure, "PRBs by slot")
    caption(figure, f"One cell, slots of {slot_ms:g} ms (n = 1 run, no interval). White: idle; grey: signalling.")
    return figure
