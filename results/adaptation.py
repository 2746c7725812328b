# SPDX-License-Identifier: MIT
"""Analysis of the adaptation stage: judged values as arrays, and the tables that figures and claims are made of.

Gains are taken at the last point of the curve, so every method has spent the same number of episodes on each task.
A method that does not adapt has the same value at every point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from results import statistics as st
from results.load import CampaignResults
from results.statistics import AdaptationTime, Array, Estimate

Mask = NDArray[np.bool_]

GOAL = 0.9
"""Part of the gap between static and the reference that adaptation has to close."""


@dataclass(frozen=True, eq=False)
class Track:
    """Judged values of one track. Arrays have the axes seeds, tasks, points; what has not finished is NaN."""

    name: str
    seeds: Sequence[int]
    tasks: Sequence[str]
    sizes: Sequence[str]
    """Of each task."""
    episodes: Sequence[int]
    """Of each point, ascending."""
    steps: Array
    """High-level decisions spent on a task at each point, ascending."""
    utility: Mapping[str, Array]
    """U of each method, in the campaign's order."""
    reference: Array
    """Best known U of each task, mean over seeds; NaN where nothing is known."""
    references: Sequence[str]
    """Methods that it was taken from."""

    def of_size(self, size: str | None) -> Mask:
        """Mask of the tasks of one size, of all if None."""
        return np.array([size is None or own == size for own in self.sizes], dtype=bool)

    def pair(self, one: str, other: str, size: str | None = None) -> tuple[Array, Array]:
        """Values of two methods on the seeds and tasks that both have finished, at all points."""
        a, b = (self.utility[name][:, self.of_size(size)] for name in (one, other))
        whole: Mask = np.isfinite((a + b).sum(axis=2))
        # Seeds with nothing at all go first: one that never ran must not take every task with it.
        seeds = whole.any(axis=1)
        tasks = whole[seeds].all(axis=0) if seeds.any() else np.zeros(whole.shape[1], dtype=bool)
        return a[seeds][:, tasks], b[seeds][:, tasks]


@lru_cache(maxsize=4)
def tracks(results: CampaignResults) -> tuple[Track, ...]:
    """Judged values of each track, in the campaign's order; empty if the campaign has no adaptation."""
    table = results.adaptation.filter(pl.col("method").is_in(list(results.axes.methods)))
    names = table["track"].unique(maintain_order=True).to_list()
    order = (results.description.get("adaptation") or {}).get("tracks") or []
    return tuple(
        _track(results, str(name), table.filter(pl.col("track") == name))
        for name in sorted(names, key=lambda name: order.index(name) if name in order else len(order))
    )


def sizes(results: CampaignResults) -> dict[str, str]:
    """Labels of the bins of network size, ascending."""
    planned = (results.description.get("adaptation") or {}).get("sizes") or []
    found = results.adaptation.sort("ues")["size"].unique(maintain_order=True).to_list()
    labels = {str(size["name"]): str(size.get("label") or size["name"]) for size in planned}
    return {name: label for name, label in labels.items() if name in found} or {name: name for name in found}


def _track(results: CampaignResults, name: str, table: pl.DataFrame) -> Track:
    reference, sources = _experts(results, table)
    planned = (results.description.get("adaptation") or {}).get("episodes") or table["episodes"].to_list()
    # An expert may have been given more episodes than the others: it is a reference then, and no rival.
    rivals = [m for m in results.axes.methods if (last := _last(table, m)) is not None and last <= max(planned)]
    table = table.filter(pl.col("method").is_in(rivals))
    tasks = table.sort("ues", "task").unique("task", maintain_order=True, keep="first")
    points = table.group_by("episodes").agg(pl.col("env_steps").max()).sort("episodes")
    seeds = table["seed"].drop_nulls().unique().sort().to_list()
    shape = (list(seeds), list(tasks["task"]), points["episodes"].to_list())
    utility = {method: _values(table.filter(pl.col("method") == method), *shape) for method in rivals}
    if reference:
        best = np.array([reference.get(task, np.nan) for task in shape[1]])
    else:
        known = [np.fmax.reduce(_mean_of_known(values), axis=1) for values in utility.values()]
        best, sources = np.fmax.reduce(known) if known else np.empty(0), rivals
    steps = points["env_steps"].to_numpy().astype(np.float64)
    return Track(name, *shape[:2], list(tasks["size"]), shape[2], steps, utility, best, sources)


def _last(table: pl.DataFrame, method: str) -> int | None:
    """Most episodes that a method was judged after."""
    episodes = table.filter(pl.col("method") == method)["episodes"].to_list()
    return max(episodes) if episodes else None


def _experts(results: CampaignResults, table: pl.DataFrame) -> tuple[dict[str, float], Sequence[str]]:
    """Best value of each task by the campaign's experts after their last episode, mean over seeds; and who they are."""
    found: dict[str, float] = {}
    experts = [name for name in results.description.get("reference") or () if _last(table, name) is not None]
    for name in experts:
        last = (pl.col("method") == name) & (pl.col("episodes") == _last(table, name))
        for task, value in table.filter(last).group_by("task").agg(pl.col("utility").mean()).iter_rows():
            found[task] = max(value, found.get(task, value))
    return found, experts


def _values(rows: pl.DataFrame, seeds: list[int], tasks: list[str], episodes: list[int]) -> Array:
    """(seeds, tasks, points) of one method.

    Between its own points it is as at the one before: it has learned nothing since. What it has once, because it does
    not adapt, stands for all points; what it has for no seed stands for all seeds.
    """
    values = np.full((len(seeds), len(tasks), len(episodes)), np.nan)
    place = [{value: index for index, value in enumerate(axis)} for axis in (seeds, tasks, episodes)]
    for seed, task, episode, utility in rows.select("seed", "task", "episodes", "utility").iter_rows():
        values[slice(None) if seed is None else place[0][seed], place[1][task], place[2][episode]] = utility
    for point in range(1, len(episodes)):
        unknown = np.isnan(values[:, :, point])
        values[:, :, point][unknown] = values[:, :, point - 1][unknown]
    return values


def _mean_of_known(values: Array) -> Array:
    """Mean over the seeds that have finished; NaN where none has."""
    known = ~np.isnan(values)
    total: Array = np.where(known, values, 0.0).sum(axis=0)
    means: Array = np.divide(total, known.sum(axis=0), out=np.full(total.shape, np.nan), where=known.any(axis=0))
    return means


def curves(results: CampaignResults) -> pl.DataFrame:
    """U by track, size, method and point: n_seeds, n_tasks, value, low, high (95 % over seeds, tasks within)."""
    rows = []
    for track in tracks(results):
        for size in sizes(results):
            for method in track.utility:
                values, _ = track.pair(method, method, size)
                for point, episodes in enumerate(track.episodes if values.size else ()):
                    estimate = st.mean(values[:, :, point])
                    place = (track.name, size, method, episodes, track.steps[point])
                    rows.append((*place, *values.shape[:2], estimate.value, estimate.low, estimate.high))
    names = ["track", "size", "method", "episodes", "env_steps", "n_seeds", "n_tasks", "value", "low", "high"]
    return _frame(rows, names)


def gains(results: CampaignResults, method: str) -> pl.DataFrame:
    """Gain of a method over each other one after the last episode, with Holm's correction over the others.

    Columns: track, baseline, episodes, n_seeds, n_tasks, value, baseline_value; difference, percent, gap_part and their
    limits; p, p_holm. gap_part: (U − U_static)/(U_ref − U_static), less the baseline's own; NaN where it says nothing.
    """
    return pl.concat([_gains(results, track, method) for track in tracks(results)] or [_frame([], _GAIN_COLUMNS)])


_GAIN_COLUMNS = ["track", "baseline", "episodes", "n_seeds", "n_tasks", "value", "baseline_value"]
_GAIN_COLUMNS += [f"{what}{end}" for what in ("difference", "percent") for end in ("", "_low", "_high")]
_GAIN_COLUMNS += ["gap_part", "baseline_gap_part", "p", "p_holm"]


def _gains(results: CampaignResults, track: Track, method: str) -> pl.DataFrame:
    rows = []
    for other in track.utility:
        if other == method or method not in track.utility:
            continue
        ours, theirs = (values[:, :, -1] for values in track.pair(method, other))
        if not ours.size:
            continue
        found = st.gain(ours, theirs)
        parts = [_gap_part(results, track, name) for name in (method, other)]
        limits = [value for part in (found.absolute, found.percent) for value in (part.value, part.low, part.high)]
        place = (track.name, other, track.episodes[-1], *ours.shape, ours.mean(), theirs.mean())
        rows.append((*place, *limits, *parts, found.p_value))
    holm = st.holm({str(row[1]): float(row[-1]) for row in rows})
    return _frame([(*row, holm[str(row[1])]) for row in rows], _GAIN_COLUMNS)


def _gap_part(results: CampaignResults, track: Track, method: str) -> float:
    """Part of the gap between the campaign's baseline and the reference that a method closes, over all tasks."""
    static = results.axes.baseline
    if static not in track.utility:
        return float("nan")
    known = ~np.isnan(track.reference)
    ours, statics = (values[:, :, -1] for values in track.pair(method, static))
    if ours.shape[1] != int(known.sum()):  # not every task has finished: the reference is of others
        return float("nan")
    return st.reference_gap_closed(float(ours.mean()), float(statics.mean()), float(track.reference[known].mean()))


def times(results: CampaignResults, method: str) -> pl.DataFrame:
    """How much faster a method adapts than each other one, per network size: 1 − T/T_b.

    T: high-level decisions until GOAL of the gap is closed, mean up to the end of the curve (right-censored there).
    Columns: track, size, baseline, n_seeds, n_tasks, steps, baseline_steps, reached, baseline_reached (parts of all
    adaptations), faster, low, high. Tasks whose gap is below the least one are left out.
    """
    rows = []
    for track in tracks(results):
        for size in sizes(results):
            for other in track.utility:
                if other != method and method in track.utility:
                    rows += _times(results, track, size, method, other)
    names = ["track", "size", "baseline", "n_seeds", "n_tasks", "steps", "baseline_steps"]
    return _frame(rows, [*names, "reached", "baseline_reached", "faster", "low", "high"])


def _times(results: CampaignResults, track: Track, size: str, method: str, other: str) -> list[tuple[object, ...]]:
    static = results.axes.baseline
    if static not in track.utility:
        return []
    chosen = track.of_size(size) & _gap_is_wide(track, static)
    pair = [track.utility[name][:, chosen] for name in (method, other)]
    whole = ~np.isnan(np.stack(pair)).any(axis=(0, 2, 3))
    if not whole.any() or not chosen.any():
        return []
    base, reference = _mean_of_known(track.utility[static])[chosen, 0], track.reference[chosen]
    found = [_adaptation_times(track, values[whole], base, reference) for values in pair]
    horizon = float(track.steps[-1])
    faster = st.faster_adaptation(found[0], found[1], horizon)
    means = [st.restricted_mean([time for row in rows for time in row], horizon) for rows in found]
    reached = [float(np.mean([time.reached for row in rows for time in row])) for rows in found]
    shape = (int(whole.sum()), int(chosen.sum()))
    return [(track.name, size, other, *shape, *means, *reached, faster.value, faster.low, faster.high)]


def _gap_is_wide(track: Track, static: str) -> Mask:
    gap = track.reference - _mean_of_known(track.utility[static])[:, 0]
    wide: Mask = np.nan_to_num(gap, nan=-1.0) >= st.MIN_REFERENCE_GAP
    return wide


def _adaptation_times(track: Track, values: Array, static: Array, reference: Array) -> list[list[AdaptationTime]]:
    """Of each seed and task."""
    return [
        [st.adaptation_time(track.steps, task, s, r, GOAL) for task, s, r in zip(seed, static, reference, strict=True)]
        for seed in values
    ]


def regret(results: CampaignResults) -> pl.DataFrame:
    """Cumulative regret Σ(U_ref − U) by episode, mean over tasks and seeds: track, method, episode, n_seeds, n_tasks,
    regret, and the slope on log-log axes with its limits, the same in all rows of a method."""
    rows: list[tuple[object, ...]] = []
    for track in tracks(results):
        for method in track.utility:
            utility = _played(results, track, method)
            if utility is None:
                continue
            known = ~np.isnan(track.reference)
            gaps = (track.reference[known] - utility[:, :, known].transpose(1, 0, 2)).mean(axis=2).T
            slope = st.regret_slope(-gaps, 0.0)
            limits = (slope.value, slope.low, slope.high)
            total = gaps.mean(axis=0).cumsum()
            place = (track.name, method)
            shape = (len(gaps), int(known.sum()))
            rows += [(*place, index + 1, *shape, value, *limits) for index, value in enumerate(total)]
    return _frame(rows, ["track", "method", "episode", "n_seeds", "n_tasks", "regret", "slope", "low", "high"])


def _played(results: CampaignResults, track: Track, method: str) -> Array | None:
    """U of the episodes that a method spent, (seeds, episodes, tasks); a method that spends none repeats its own."""
    rows = results.played.filter((pl.col("track") == track.name) & (pl.col("method") == method))
    last = int(track.episodes[-1])
    if rows.is_empty():
        values = track.utility[method]
        constant = values[~np.isnan(values).any(axis=(1, 2)), :, :1]
        flat = np.isclose(values, values[:, :, :1]).all()
        return np.repeat(constant, last, axis=2).transpose(0, 2, 1) if flat and constant.size and last else None
    wide = np.full((len(track.seeds), last, len(track.tasks)), np.nan)
    place = {task: index for index, task in enumerate(track.tasks)}
    seeds = {seed: index for index, seed in enumerate(track.seeds)}
    for seed, task, episode, utility in rows.select("seed", "task", "episode", "utility").iter_rows():
        if task in place and 1 <= episode <= last:
            wide[seeds[seed], episode - 1, place[task]] = utility
    whole = wide[~np.isnan(wide).any(axis=(1, 2))]
    return whole if whole.size else None


def qos(results: CampaignResults, method: str) -> dict[tuple[str, str], tuple[Array, Array]]:
    """QoS satisfaction after the last episode by slice and baseline: (seeds, tasks) of a method and of the baseline.

    On the first track. Empty if the campaign did not keep it.
    """
    found: dict[tuple[str, str], tuple[Array, Array]] = {}
    for track in tracks(results)[:1]:
        for column in (name for name in results.adaptation.columns if name.startswith("qos_")):
            rows = results.adaptation.filter(pl.col("track") == track.name)
            rows = rows.with_columns(pl.col(column).alias("utility")).filter(pl.col(column).is_not_null())
            shape = (list(track.seeds), list(track.tasks), list(track.episodes))
            by_method = {
                name: _values(rows.filter(pl.col("method") == name), *shape)
                for name in track.utility
                if len(rows.filter(pl.col("method") == name))
            }
            view = Track(track.name, *shape[:2], track.sizes, shape[2], track.steps, by_method, track.reference, ())
            for other in by_method:
                if method in by_method and other != method:
                    ours, theirs = view.pair(method, other)
                    if ours.size:
                        found[column.removeprefix("qos_"), other] = ours[:, :, -1], theirs[:, :, -1]
    return found


def _frame(rows: Sequence[Sequence[object]], names: Sequence[str]) -> pl.DataFrame:
    """Columns of text, of whole numbers (counts), else of numbers; also where there is no row."""
    text = ("track", "size", "method", "baseline")
    whole = ("n_seeds", "n_tasks", "episodes", "episode")
    kinds = {name: pl.String if name in text else pl.Int64 if name in whole else pl.Float64 for name in names}
    return pl.DataFrame(rows, schema=kinds, orient="row", strict=False)


def summary(results: CampaignResults) -> pl.DataFrame:
    """Each method on each track before and after adaptation: U with interval, and the interquartile mean (rliable)."""
    rows: list[tuple[object, ...]] = []
    for track in tracks(results):
        for method in track.utility:
            values, _ = track.pair(method, method)
            if values.size:
                first, last = st.mean(values[:, :, 0]), st.mean(values[:, :, -1])
                middle = st.iqm(values[:, :, -1])
                limits = [x for e in (first, last, middle) for x in _limits(e)]
                part = _gap_part(results, track, method)
                rows.append((track.name, method, track.episodes[-1], *values.shape[:2], *limits, part))
    ends = [f"{what}{end}" for what in ("zero_shot", "adapted", "iqm") for end in ("", "_low", "_high")]
    return _frame(rows, ["track", "method", "episodes", "n_seeds", "n_tasks", *ends, "gap_part"])


def _limits(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high
