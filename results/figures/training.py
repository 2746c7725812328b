# SPDX-License-Identifier: MIT
"""What trainings did: reward, task weights, variance of TD errors."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from results.axes import CampaignAxes
from results.figures import common
from results.style import caption, in_house_style, series_styles


@in_house_style
def learning_curves(curves: pl.DataFrame, axes: CampaignAxes, points: int = 60) -> Figure:
    """Mean reward per step of training episodes against environment steps, a panel per method.

    curves: method, track, seed, step, mean_reward. A line per seed and track, averaged within `points` equal stretches.
    """
    styles = series_styles(list(axes.methods))
    methods = [method for method in axes.methods if len(curves.filter(pl.col("method") == method))]
    columns = min(3, max(1, len(methods)))
    rows = -(-len(methods) // columns) or 1
    figure = Figure(figsize=(max(common.MIN_WIDTH_IN, 3.2 * columns), 2.5 * rows + 0.9))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, method in zip(panels, methods, strict=False):
        for (track, _), curve in sorted(curves.filter(pl.col("method") == method).group_by("track", "seed")):
            smooth = _stretches(curve.select("step", pl.col("mean_reward").alias("value")), points)
            dash = "--" if track == "told" else "-"
            panel.plot(smooth["step"], smooth["value"], color=styles[method].colour, ls=dash, lw=1.1, alpha=0.8)
        panel.set_title(axes.methods[method])
        panel.set_xlabel("decisions in training (rules: episodes)")
        panel.margins(x=0.02)
    for panel in panels[len(methods) :]:
        panel.set_visible(False)
    for panel in panels[::columns]:
        panel.set_ylabel("mean reward per step")
    common.title(figure, "Learning curves")
    caption(
        figure,
        f"Reward of training episodes, with exploration, one line per training seed (n = "
        f"{curves['seed'].n_unique()}, no interval), averaged in up to {points} equal stretches. Methods train on "
        "tasks and rewards of their own, so levels do not compare between panels. Dashed: track told.",
    )
    return figure


@in_house_style
def per_family(
    training: pl.DataFrame, axes: CampaignAxes, *, prefix: str, ylabel: str, title: str, note: str
) -> Figure:
    """A learner's scalar per family of tasks over training: a panel per method, a line per family; mean over seeds.

    training: method, track, seed, step, name (`prefix`/FAMILY), value.
    """
    rows = training.filter(pl.col("name").str.starts_with(f"{prefix}/"))
    rows = rows.with_columns(pl.col("name").str.strip_prefix(f"{prefix}/").alias("family"))
    methods = [method for method in axes.methods if len(rows.filter(pl.col("method") == method))]
    styles = series_styles(rows["family"].unique().sort().to_list())
    columns = max(1, len(methods))
    figure = Figure(figsize=(max(common.MIN_WIDTH_IN, 3.4 * columns), 3.6))
    panels = figure.subplots(1, columns, squeeze=False, sharey=True)[0]
    for panel, method in zip(panels, methods, strict=False):
        for family, style in styles.items():
            mine = rows.filter((pl.col("method") == method) & (pl.col("family") == family))
            over = mine.group_by("step").agg(
                pl.col("value").mean(), pl.col("value").min().alias("low"), pl.col("value").max().alias("high")
            )
            over = over.sort("step")
            panel.plot(over["step"], over["value"], color=style.colour, ls=style.dash, label=family)
            panel.fill_between(over["step"], over["low"], over["high"], color=style.colour, alpha=0.15, lw=0)
        panel.set_title(axes.methods[method])
        panel.set_xlabel("high-level decisions in training")
    panels[0].set_ylabel(ylabel)
    handles, _ = panels[0].get_legend_handles_labels()
    common.legend(figure, handles)
    common.title(figure, title)
    seeds = rows["seed"].n_unique()
    caption(figure, f"{note} Line: mean over n = {seeds} training seeds; band: lowest to highest seed (no interval).")
    return figure


def _stretches(curve: pl.DataFrame, points: int) -> pl.DataFrame:
    """Means of step and value within equal stretches of steps."""
    if len(curve) <= points:
        return curve.sort("step")
    last = float(curve["step"].to_numpy().max())
    index = (pl.col("step") / last * points).ceil()
    return curve.group_by(index.alias("stretch")).agg(pl.col("step").mean(), pl.col("value").mean()).sort("step")
