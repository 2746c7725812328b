# SPDX-License-Identifier: MIT
"""What figures share: panels, markers with intervals, titles, legends, captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from results.axes import CampaignAxes, Condition
from results.statistics import mean
from results.style import SeriesStyle, caption, series_styles

MIN_WIDTH_IN = 9.0
"""Of figures with a panel per condition, so that title and legend fit side by side over a single one."""

DODGE = 0.68
"""Width, in units of the category axis, over which the methods of one condition are spread."""

INTERVAL_FROM = 5
"""Seeds from which on a bar is a 95 % interval; with fewer it goes from the lowest to the highest seed."""

BESIDE = 4
"""Most methods whose legend stands beside the title; that of more is a column on the right."""

MAX_COLUMNS = 4
"""Most conditions that are shown beside each other; the data have all."""

INTERVAL = "95 % bootstrap interval over training seeds (none with one seed)"

GREY = "#666666"


def shown_conditions(axes: CampaignAxes, table: pl.DataFrame) -> list[Condition]:
    """The conditions with data, thinned evenly to MAX_COLUMNS, first and last among them."""
    found = [at for at in axes.conditions if len(table.filter(at.here))] or axes.conditions[:1]
    places = np.unique(np.linspace(0, len(found) - 1, min(MAX_COLUMNS, len(found))).round().astype(int))
    return [found[place] for place in places]


def thinned_note(axes: CampaignAxes, shown: Sequence[Condition]) -> str:
    """Says that not all conditions are shown, where that is so."""
    total = len(axes.conditions)
    return f" {len(shown)} of {total} conditions; the data have all." if len(shown) < total else ""


def dots(panel: Axes, data: pl.DataFrame, column: str, axes: CampaignAxes, present: Sequence[str]) -> None:
    """The methods `present` side by side at each condition: the mean, its bar (see `seed_note`), seeds as dashes."""
    styles = {name: style for name, style in series_styles(list(axes.methods)).items() if name in present}
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
    low, high = values.min(), values.max()
    if len(values) >= INTERVAL_FROM:
        estimate = mean(values[:, np.newaxis])
        low, high = estimate.low, estimate.high
    panel.plot([x, x], [low, high], color=style.colour, lw=1.2, alpha=0.6)
    panel.plot(np.full(len(values), x), values, "_", ms=6, mew=1.2, color=style.colour, alpha=0.8)
    panel.plot([x], [values.mean()], style.marker, ms=5.5, color=style.colour, mec="white", mew=0.6)


def seed_note(seeds: int) -> str:
    """What markers, dashes and bars are, with n."""
    bar = "95 % bootstrap interval of the mean" if seeds >= INTERVAL_FROM else "lowest to highest (no interval)"
    return f"Marker: mean over n = {seeds} seed{'s' if seeds != 1 else ''}; dashes: single seeds; bar: {bar}."


def band_note(table: pl.DataFrame) -> str:
    """What lines and bands are, with the numbers of seeds and tasks in a table of estimates."""
    return (
        f"n = {spread(table, 'n_seeds')} training seeds × {spread(table, 'n_tasks')} tasks. Bars and bands: {INTERVAL}."
    )


def spread(table: pl.DataFrame, column: str) -> str:
    """A count, or its least and greatest value; 0 in an empty table."""
    values = table[column].drop_nulls().unique().sort().to_list()
    if not values:
        return "0"
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"


def no_data(panel: Axes) -> None:
    """Says in a panel that it is empty."""
    panel.text(0.5, 0.5, "no data", ha="center", va="center", transform=panel.transAxes, color="#888888")


def width_in(columns: int) -> float:
    """Width of a figure with so many panels beside each other."""
    return max(MIN_WIDTH_IN, 2.75 * columns + 0.6)


def title(figure: Figure, text: str) -> None:
    """On top, to the left."""
    figure.suptitle(text, x=0.01, ha="left", fontweight="bold", fontsize=11)


def legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Beside the title, or on the right where there are many."""
    if len(handles) > BESIDE:
        figure.legend(handles=handles, loc="outside right upper")
    else:
        figure.legend(handles=handles, loc="outside upper right", ncols=max(1, len(handles)))


def method_handles(labels: Mapping[str, str], methods: Sequence[str], *, lines: bool) -> list[Line2D]:
    """Legend entries of methods: lines, or markers alone."""
    styles = series_styles(list(labels))
    return [
        Line2D(
            [],
            [],
            color=styles[method].colour,
            label=labels[method],
            ls=styles[method].dash if lines else "none",
            marker="none" if lines else styles[method].marker,
            mec=None if lines else "white",
        )
        for method in methods
    ]


def methods_in(table: pl.DataFrame, axes: CampaignAxes) -> list[str]:
    """Methods that a table has, in the campaign's order: some have no evaluations."""
    found = set(table["method"])
    return [name for name in axes.methods if name in found]


def finish(
    figure: Figure, text: str, axes: CampaignAxes, note: str, present: Sequence[str], *, lines: bool = False
) -> None:
    """Title and legend of the methods `present` on top, note below."""
    legend(figure, method_handles(axes.methods, present, lines=lines))
    title(figure, text)
    caption(figure, note)
