# SPDX-License-Identifier: MIT
"""Inference over runs: intervals, paired gains, Holm's correction, censored adaptation times, slopes of regret.

The training seed is the unit of resampling, and every method has the same seeds and tasks (common random numbers).
Scores are matrices (seeds, tasks). Nothing here draws from NumPy's global generator in a way that others would notice,
and the same input gives the same output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rliable import library as rly  # type: ignore[import-untyped]
from rliable import metrics as rly_metrics
from scipy import stats  # type: ignore[import-untyped]
from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

Array = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 2000
MIN_REFERENCE_GAP = 0.02
"""Below this distance between the reference and static, the part of it that a method covers says nothing."""


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that holds it with probability `LEVEL`."""

    value: float
    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether the interval holds `value`."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Gain:
    """How much better a method is than a baseline, paired by seed and task."""

    absolute: Estimate
    """Mean of U − U_b."""
    percent: Estimate
    """100·(mean U − mean U_b) / mean U_b."""
    p_value: float
    """Two-sided, of the sign-flip test over seeds; never below 2^(1−seeds). NaN with fewer than two seeds."""


def iqm(scores: ArrayLike) -> Estimate:
    """Interquartile mean over seeds and tasks, with the stratified bootstrap interval of rliable.

    scores: (seeds, tasks), at least two seeds; with one the interval is NaN. Source: Agarwal et al., "Deep
    reinforcement learning at the edge of the statistical precipice", NeurIPS 2021.
    """
    values = _matrix(scores)
    if len(values) < 2:
        return Estimate(float(rly_metrics.aggregate_iqm(values)), float("nan"), float("nan"))

    def function(sample: Array) -> Array:
        return np.array([rly_metrics.aggregate_iqm(sample)])

    with _own_random_state():
        points, intervals = rly.get_interval_estimates({"x": values}, function, reps=RESAMPLES)
    return Estimate(float(points["x"][0]), float(intervals["x"][0, 0]), float(intervals["x"][1, 0]))


def mean(scores: ArrayLike) -> Estimate:
    """Mean over seeds and tasks; whole seeds are resampled. scores: (seeds, tasks); with one seed no interval."""
    return _over_seeds(_matrix(scores).mean(axis=1), lambda sample: sample.mean(axis=-1))


def probability_of_improvement(scores: ArrayLike, baseline: ArrayLike) -> Estimate:
    """P(a run of the method is better than one of the baseline on the same task), mean over tasks; ties count half.

    Both (seeds, tasks) with at least two seeds. Source as for `iqm`.
    """
    pair = [_matrix(scores), _matrix(baseline)]

    def function(x: Array, y: Array) -> Array:
        return np.array([rly_metrics.probability_of_improvement(x, y)])

    with _own_random_state():
        points, intervals = rly.get_interval_estimates({"x": pair}, function, reps=RESAMPLES)
    return Estimate(float(points["x"][0]), float(intervals["x"][0, 0]), float(intervals["x"][1, 0]))


def performance_profile(scores: ArrayLike, thresholds: ArrayLike) -> tuple[Array, Array, Array]:
    """Part of all runs whose score is above each threshold, and the limits of its interval, each (thresholds,)."""
    taus = np.asarray(thresholds, dtype=np.float64)
    with _own_random_state():
        profiles, intervals = rly.create_performance_profile({"x": _matrix(scores)}, taus, reps=RESAMPLES)
    low, high = intervals["x"]
    return profiles["x"], low, high


def gain(scores: ArrayLike, baseline: ArrayLike) -> Gain:
    """Gain of a method over a baseline on the same seeds and tasks.

    Both (seeds, tasks). Whole seeds are resampled, all their tasks together, since what a training learned shows on
    every task. Raises `ValueError` if the shapes differ.
    """
    ours, theirs = _matrix(scores), _matrix(baseline)
    if ours.shape != theirs.shape:
        raise ValueError(f"a gain is paired by seed and task; shapes are {ours.shape} and {theirs.shape}")
    by_seed = np.stack([ours.mean(axis=1), theirs.mean(axis=1)], axis=1)

    def absolute(sample: Array) -> Array:
        difference: Array = (sample[..., 0] - sample[..., 1]).mean(axis=-1)
        return difference

    def percent(sample: Array) -> Array:
        return 100.0 * _ratio(absolute(sample), sample[..., 1].mean(axis=-1))

    p_value = _sign_flip_p(by_seed[:, 0] - by_seed[:, 1])
    return Gain(_over_seeds(by_seed, absolute), _over_seeds(by_seed, percent), p_value)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down adjustment over baselines; a NaN stays one and does not count."""
    known = {name: value for name, value in p_values.items() if not np.isnan(value)}
    adjusted = multipletests(list(known.values()), method="holm")[1] if known else []
    return dict.fromkeys(p_values, float("nan")) | dict(zip(known, map(float, adjusted), strict=True))


def reference_gap_closed(value: float, static: float, reference: float) -> float:
    """(U − U_static) / (U_ref − U_static); NaN where the reference is less than `MIN_REFERENCE_GAP` above static."""
    gap = reference - static
    return (value - static) / gap if gap >= MIN_REFERENCE_GAP else float("nan")


@dataclass(frozen=True)
class AdaptationTime:
    """Environment steps until a curve first reached its goal; `reached` false: not within `steps`, the curve's end."""

    steps: float
    reached: bool


def adaptation_time(
    steps: ArrayLike, values: ArrayLike, static: float, reference: float, part: float = 0.9
) -> AdaptationTime:
    """Steps until `part` of the gap between static and the per-task reference is closed.

    steps, values: the curve, ascending steps; between two points it is straight. Right-censored at its end.
    Raises `ValueError` if the curve is empty.
    """
    x, y = np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if x.size == 0:
        raise ValueError("an adaptation curve has at least one point")
    goal = static + part * (reference - static)
    above = np.flatnonzero(y >= goal)
    if above.size == 0:
        return AdaptationTime(float(x[-1]), reached=False)
    first = int(above[0])
    if first == 0:
        return AdaptationTime(float(x[0]), reached=True)
    share = (goal - y[first - 1]) / (y[first] - y[first - 1])
    return AdaptationTime(float(x[first - 1] + share * (x[first] - x[first - 1])), reached=True)


def restricted_mean(times: list[AdaptationTime], horizon: float) -> float:
    """Mean of min(T, horizon): the area under the Kaplan-Meier survival curve up to `horizon`.

    Source: Kaplan and Meier, JASA 53 (1958); Royston and Parmar, BMC Med. Res. Methodol. 13:152 (2013).
    """
    sample = stats.CensoredData(
        uncensored=[time.steps for time in times if time.reached],
        right=[time.steps for time in times if not time.reached],
    )
    survival = stats.ecdf(sample).sf
    ends = np.concatenate([[0.0], survival.quantiles[survival.quantiles < horizon], [horizon]])
    heights = np.concatenate([[1.0], survival.probabilities[survival.quantiles < horizon]])
    return float(np.sum(np.diff(ends) * heights))


def faster_adaptation(
    ours: Sequence[Sequence[AdaptationTime]], theirs: Sequence[Sequence[AdaptationTime]], horizon: float
) -> Estimate:
    """1 − T/T_b of restricted means, seeds paired: entry i of both holds the times of seed i, one per task.

    Whole seeds are resampled. Raises `ValueError` if there is no seed, the seeds differ in number, or a time is
    censored before the horizon.
    """
    if not ours or len(ours) != len(theirs):
        raise ValueError(f"adaptation is compared seed by seed; there are {len(ours)} and {len(theirs)}")
    if any(not time.reached and time.steps < horizon for seed in (*ours, *theirs) for time in seed):
        raise ValueError(f"a time is censored before the horizon ({horizon:g})")
    # Nothing is censored before the horizon, so the area under the survival curve is the mean of what is cut there.
    cut = [[[min(time.steps, horizon) for time in seed] for seed in both] for both in (ours, theirs)]
    means = np.array([[np.mean(seed) for seed in both] for both in cut])

    def ratio(sample: Array) -> Array:
        return 1.0 - _ratio(sample[..., 0].mean(axis=-1), sample[..., 1].mean(axis=-1))

    return _over_seeds(means.T, ratio)


def curve_mean(steps: ArrayLike, values: ArrayLike) -> float:
    """Area under an adaptation curve divided by its length (trapezoids); the value itself if there is one point."""
    x, y = np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)
    return float(np.trapezoid(y, x) / (x[-1] - x[0])) if len(x) > 1 else float(y[0])


def regret_slope(utility: ArrayLike, reference: ArrayLike) -> Estimate:
    """Slope of cumulative regret Σ(U_ref − U_t) against t on log-log axes; below 1 is sublinear.

    utility: (seeds, steps). reference: U_ref, scalar or broadcastable; the best known, not an oracle. The slope is
    fitted to the mean regret of the seeds at up to 50 logarithmically spaced steps, the first tenth of the decades left
    out, and only where regret is positive; NaN if fewer than three such points are left.
    """
    u = _matrix(utility)
    regret = np.cumsum(np.asarray(reference, dtype=np.float64) - u, axis=1)
    n_steps = regret.shape[1]
    first = max(1, round(n_steps**0.1))
    at = np.unique(np.geomspace(first, n_steps, 50).astype(np.intp)) - 1

    x = np.log(at + 1.0)

    def slope(sample: Array) -> Array:
        mean = sample.mean(axis=-2)[..., at]
        kept = mean > 0.0
        y, n = np.log(np.where(kept, mean, 1.0)), kept.sum(axis=-1)
        sum_x, sum_y, sum_xx, sum_xy = ((kept * part).sum(axis=-1) for part in (x, y, x * x, x * y))
        # Ordinary least squares of all draws at once.
        return np.where(n >= 3, _ratio(n * sum_xy - sum_x * sum_y, n * sum_xx - sum_x**2), np.nan)

    return _over_seeds(regret, slope)


def miss_ratio_bound(misses: int, packets: int, level: float = LEVEL) -> float:
    """Largest ratio of late or lost packets that the count leaves possible: one-sided Clopper-Pearson limit.

    Without a miss 3e5 packets certify 1e-5. Raises `ValueError` unless 0 ≤ misses ≤ packets and packets > 0.
    """
    result = stats.binomtest(misses, packets, alternative="less")
    return float(result.proportion_ci(level, method="exact").high)


def _over_seeds(values: Array, function: Callable[[Array], Array]) -> Estimate:
    """Percentile bootstrap over the first axis; the interval is NaN with fewer than two seeds.

    function: of values, or of many draws of them at once, (draws, *values.shape) to (draws,).
    """
    point = float(function(values))
    if len(values) < 2:
        return Estimate(point, float("nan"), float("nan"))
    generator = np.random.default_rng(0)
    draws = generator.integers(len(values), size=(RESAMPLES, len(values)))
    sampled = function(values[draws])
    if np.isnan(sampled).any():
        return Estimate(point, float("nan"), float("nan"))
    low, high = np.quantile(sampled, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return Estimate(point, float(low), float(high))


def _ratio(numerator: Array, denominator: Array) -> Array:
    """NaN where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    out: Array = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator != 0.0)


def _sign_flip_p(differences: Array) -> float:
    """Exact up to 13 seeds, by 9,999 random flips above."""
    if len(differences) < 2:
        return float("nan")
    result = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", alternative="two-sided", rng=np.random.default_rng(0)
    )
    return float(result.pvalue)


def _matrix(scores: ArrayLike) -> Array:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"scores are a matrix (seeds, tasks), got shape {values.shape}")
    if np.isnan(values).any():
        raise ValueError("scores must not be NaN; leave out what is missing for every method")
    return values


@contextmanager
def _own_random_state() -> Iterator[None]:
    """rliable 1.2.0 draws from NumPy's global generator whatever it is given: seed it, and put it back."""
    before = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(before)
