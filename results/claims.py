# SPDX-License-Identifier: MIT
"""The paper's claims (arXiv 2512.13715) and what a campaign says of each, baseline by baseline, and as a verdict.

Thresholds stand here, fixed before any result was seen. A claim is judged on the campaign's first track.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

import numpy as np
import polars as pl

from results import adaptation, methods
from results import statistics as st
from results.load import CampaignResults
from results.statistics import Estimate

PAPER_GAIN_PERCENT = 19.8
PAPER_FASTER = 0.4
"""The paper's figures: efficiency over RL and meta-RL baselines, and the largest saving of adaptation time."""

MIN_SEEDS = 10
"""Training seeds below which a headline cannot be told."""
MIN_TASKS = 20
"""Held-out tasks below which it cannot either."""
MIN_TASKS_PER_SIZE = 5
"""The same of one network size, where all sizes together have MIN_TASKS."""
ALPHA = 0.05
"""Of two-sided tests, after Holm's correction."""
MARGINS = {"Jain's index": 0.02, "packets in time": 0.02, "throughput, relative": 0.02}
"""How much worse than a baseline still counts as consistent: parts of 1."""

UNAVAILABLE = "The paper's definition is unavailable; ours differs."


class Verdict(StrEnum):
    """What can be said of a claim."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT = "not"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True)
class Comparison:
    """One claim against one baseline, or at one size or in one slice of it."""

    claim: str
    baseline: str
    """Name of the method; empty if the claim compares with none."""
    kind: str
    """Of the baseline, see results.methods."""
    aspect: str
    """Measure, size or slice, for people."""
    estimate: Estimate
    n_seeds: int
    n_tasks: int
    p_holm: float
    """NaN where the verdict rests on the interval alone."""
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Claim:
    """One of the paper's claims and the campaign's answer."""

    name: str
    text: str
    paper: str
    unit: str
    """Of the estimates: "%", "parts" (of 1, shown in %), "difference" (of parts of 1), or "" for a slope."""
    comparisons: tuple[Comparison, ...] = ()
    verdict: Verdict = Verdict.UNKNOWN
    why: str = ""

    def judged(self, verdict: Verdict, why: str) -> Claim:
        """The same with its verdict."""
        return replace(self, verdict=verdict, why=why)


_EFFICIENCY = Claim(
    "efficiency",
    "Network management efficiency exceeds that of RL and meta-RL baselines",
    f"+{PAPER_GAIN_PERCENT} %",
    "%",
)
_ADAPTATION = Claim(
    "adaptation", "Adaptation is faster as the network grows", f"up to {100 * PAPER_FASTER:.0f} %", "parts"
)
_QUALITY = Claim("quality", "QoS satisfaction is better in all three slices", "better", "difference")
_CONSISTENCY = Claim("consistency", "Fairness, latency and throughput are consistent", "consistent", "difference")
_REGRET = Claim("regret", "Regret is sublinear", "slope below 1", "")


@lru_cache(maxsize=8)
def claims(results: CampaignResults, claimant: str | None = None) -> tuple[Claim, ...]:
    """All claims about one method, by default the campaign's claimant.

    Whatever the campaign lacks for a claim is its `why`; nothing is raised.
    """
    about = claimant or methods.claimant(results.description)
    return tuple(_judge(results, about, frame, function) for frame, function in _CLAIMS)


def _judge(
    results: CampaignResults,
    about: str | None,
    frame: Claim,
    function: Callable[[CampaignResults, str], Claim | str],
) -> Claim:
    if about is None:
        return replace(frame, why="no method of the campaign is trained by meta-hrl, and it names no `claimant`")
    found = function(results, about)
    return replace(frame, why=found) if isinstance(found, str) else found


def unsure(seeds: int, tasks: int | None, least: int = MIN_TASKS) -> str | None:
    """Why so few seeds and tasks cannot carry a headline; None if they can."""
    if seeds < MIN_SEEDS:
        return f"{seeds} training seed{'s' if seeds != 1 else ''}; a headline takes {MIN_SEEDS}"
    if tasks is not None and tasks < least:
        return f"{tasks} held-out task{'s' if tasks != 1 else ''}; a headline takes {least}"
    return None


def of_gain(percent: Estimate, p_holm: float, seeds: int, tasks: int) -> tuple[Verdict, str]:
    """Verdict on an efficiency gain against one baseline.

    Reproduced: significant, and 19.8 % lies inside the interval or below it. Partly: significant and smaller. Not: the
    interval ends below 19.8 % and the gain is not significant, or a loss. Else it cannot be told.
    """
    if reason := unsure(seeds, tasks):
        return Verdict.UNKNOWN, reason
    if math.isnan(percent.low):
        return Verdict.UNKNOWN, "no interval"
    inside = percent.contains(PAPER_GAIN_PERCENT)
    where = f"{PAPER_GAIN_PERCENT} % lies " + (
        "inside" if inside else "below" if percent.low > PAPER_GAIN_PERCENT else "above"
    )
    where += " the interval"
    if percent.low > 0.0 and p_holm < ALPHA:
        reached = inside or percent.low > PAPER_GAIN_PERCENT
        return (Verdict.REPRODUCED if reached else Verdict.PARTLY), f"better; {where}"
    if percent.high < 0.0:
        return Verdict.NOT, f"worse; {where}"
    if inside:
        return Verdict.UNKNOWN, "the interval holds 0 and 19.8 %: too wide"
    return Verdict.NOT, f"no significant gain; {where}"


def of_time(faster: Estimate, reached: float, baseline_reached: float) -> tuple[Verdict, str]:
    """Verdict on the adaptation time at one size against one baseline; reached: parts that closed the gap in time."""
    ends = f"{100 * reached:.0f} % of adaptations reached the goal, {100 * baseline_reached:.0f} % of the baseline's"
    if reached == 0.0 and baseline_reached == 0.0:
        return Verdict.UNKNOWN, "neither reached the goal within the episodes given (censored)"
    if math.isnan(faster.low):
        return Verdict.UNKNOWN, "the baseline is at its goal from the start"
    if faster.low > 0.0:
        return (Verdict.REPRODUCED if faster.high >= PAPER_FASTER else Verdict.PARTLY), f"faster; {ends}"
    if faster.high < 0.0:
        return Verdict.NOT, f"slower; {ends}"
    if faster.high >= PAPER_FASTER:
        return Verdict.UNKNOWN, f"the interval holds 0 and 40 %: too wide; {ends}"
    return Verdict.NOT, f"not faster; {ends}"


def no_worse(difference: Estimate, margin: float, seeds: int) -> tuple[Verdict, str]:
    """Verdict on consistency: whether a difference lies above −margin."""
    if reason := unsure(seeds, None):
        return Verdict.UNKNOWN, reason
    if math.isnan(difference.low):
        return Verdict.UNKNOWN, "no interval"
    if difference.low > -margin:
        return Verdict.REPRODUCED, f"not worse by more than {margin:g}"
    if difference.high < -margin:
        return Verdict.NOT, f"worse by more than {margin:g}"
    return Verdict.UNKNOWN, f"the interval holds −{margin:g}: too wide"


def all_of(comparisons: Sequence[Comparison]) -> tuple[Verdict, str]:
    """Verdict over comparisons that must all hold."""
    counts = {verdict: sum(one.verdict is verdict for one in comparisons) for verdict in Verdict}
    text = ", ".join(f"{count} × {verdict}" for verdict, count in counts.items() if count)
    if not comparisons:
        return Verdict.UNKNOWN, "nothing to compare"
    if counts[Verdict.REPRODUCED] == len(comparisons):
        return Verdict.REPRODUCED, text
    if counts[Verdict.UNKNOWN] == len(comparisons):
        reasons = sorted({one.why for one in comparisons})
        return Verdict.UNKNOWN, reasons[0] if len(reasons) == 1 else text
    if counts[Verdict.REPRODUCED] or counts[Verdict.PARTLY]:
        return Verdict.PARTLY, text
    return (Verdict.UNKNOWN if counts[Verdict.UNKNOWN] else Verdict.NOT), text


def _efficiency(results: CampaignResults, about: str) -> Claim | str:
    table = adaptation.gains(results, about)
    if table.is_empty():
        return _needs_adaptation(results, about)
    kinds = methods.kinds(results.description)
    first = table.filter(pl.col("track") == table["track"][0])
    found = []
    for row in first.iter_rows(named=True):
        percent = Estimate(row["percent"], row["percent_low"], row["percent_high"])
        verdict = of_gain(percent, row["p_holm"], row["n_seeds"], row["n_tasks"])
        place = (row["baseline"], kinds[row["baseline"]], f"after {row['episodes']} episodes", percent)
        found.append(Comparison("efficiency", *place, row["n_seeds"], row["n_tasks"], row["p_holm"], *verdict))
    found.sort(key=lambda one: (one.kind == methods.VARIANT, not methods.learned(one.kind)))
    return replace(_EFFICIENCY, comparisons=tuple(found)).judged(*_over_baselines(found, results))


def _over_baselines(found: Sequence[Comparison], results: CampaignResults) -> tuple[Verdict, str]:
    """Over the paper's baselines 19.8 % must be reached, and the required ones must be beaten."""
    lacking = [name for name in methods.REQUIRED if name not in {one.baseline for one in found}]
    theirs = [one for one in found if methods.learned(one.kind)]
    required = [one for one in found if one.baseline in methods.REQUIRED]
    counted = {id(one): one for one in (*theirs, *required)}.values()
    verdict, text = all_of([_beaten(one) if not methods.learned(one.kind) else one for one in counted])
    unbeaten = [one.baseline for one in required if one.verdict is Verdict.NOT]
    if unbeaten:
        text += f"; does not beat {_labels(results, unbeaten)}"
    if lacking:
        text += f"; the campaign has no {', '.join(lacking)}, which it takes to say reproduced"
        verdict = Verdict.UNKNOWN if verdict is Verdict.REPRODUCED else verdict
    if not theirs:
        text += "; no RL or meta-RL baseline has adapted to the same tasks"
        verdict = Verdict.UNKNOWN
    return verdict, text


def _beaten(one: Comparison) -> Comparison:
    """Of a rule the paper claims no figure: to be better than it is enough."""
    return replace(one, verdict=Verdict.REPRODUCED) if one.verdict is Verdict.PARTLY else one


def _adaptation_time(results: CampaignResults, about: str) -> Claim | str:
    table = adaptation.times(results, about)
    if table.is_empty():
        if results.adaptation.is_empty():
            return _needs_adaptation(results, about)
        return "no task has a wide enough gap between static and the best known, or no finished run is shared"
    first = table.filter(pl.col("track") == table["track"][0])
    kinds, labels = methods.kinds(results.description), adaptation.sizes(results)
    at_sizes = dict(first.group_by("size").agg(pl.col("n_tasks").max()).iter_rows())
    found = []
    for row in first.iter_rows(named=True):
        faster = Estimate(row["faster"], row["low"], row["high"])
        counts = (row["n_seeds"], row["n_tasks"])
        few = unsure(row["n_seeds"], sum(at_sizes.values())) or unsure(*counts, MIN_TASKS_PER_SIZE)
        answer = (Verdict.UNKNOWN, few) if few else of_time(faster, row["reached"], row["baseline_reached"])
        place = (row["baseline"], kinds[row["baseline"]], labels[row["size"]], faster)
        found.append(Comparison("adaptation", *place, *counts, float("nan"), *answer))
    return replace(_ADAPTATION, comparisons=tuple(found)).judged(*_grows(found, list(labels.values())))


def _grows(found: Sequence[Comparison], sizes: Sequence[str]) -> tuple[Verdict, str]:
    """At the largest size it must hold against every RL baseline, and be no smaller than at the smallest."""
    theirs = [one for one in found if methods.learned(one.kind)]
    if not theirs:
        return Verdict.UNKNOWN, "no RL or meta-RL baseline has adapted to the same tasks"
    if len(sizes) < 2:
        return Verdict.UNKNOWN, "one network size only"
    largest = {one.baseline: one for one in theirs if one.aspect == sizes[-1]}
    smallest = {one.baseline: one for one in theirs if one.aspect == sizes[0]}
    verdict, text = all_of(list(largest.values()))
    grown = [name for name in largest if name in smallest and _value(largest[name]) >= _value(smallest[name])]
    text = f"at {sizes[-1]}: {text}; larger there than at {sizes[0]} against {len(grown)} of {len(largest)}"
    if verdict is Verdict.REPRODUCED and len(grown) < len(largest):
        verdict = Verdict.PARTLY
    return verdict, text


def _value(one: Comparison) -> float:
    return -math.inf if math.isnan(one.estimate.value) else one.estimate.value


def _quality(results: CampaignResults, about: str) -> Claim | str:
    pairs = adaptation.qos(results, about)
    source = "after adaptation"
    if not pairs:
        pairs, source = _evaluated(results, about, "qos"), "evaluations, without adaptation"
    if not pairs:
        return "no evaluation and no adaptation of it and of a baseline has finished"
    kinds = methods.kinds(results.description)
    tested = {place: st.gain(*pair) for place, pair in pairs.items()}
    adjusted = st.holm({"\n".join(place): gain.p_value for place, gain in tested.items()})
    found = []
    for (name, other), gain in tested.items():
        p_value, shape = adjusted[f"{name}\n{other}"], pairs[name, other][0].shape
        tasks = shape[1] if source == "after adaptation" else None
        answer = _of_difference(gain.absolute, p_value, shape[0], tasks)
        place = ("quality", other, kinds[other], name, gain.absolute)
        found.append(Comparison(*place, shape[0], shape[1], p_value, *answer))
    counted = [one for one in found if one.kind != methods.VARIANT]
    verdict, text = all_of(counted)
    return replace(_QUALITY, comparisons=tuple(found)).judged(verdict, f"{source}; {text}")


def _of_difference(difference: Estimate, p_holm: float, seeds: int, tasks: int | None) -> tuple[Verdict, str]:
    if reason := unsure(seeds, tasks):
        return Verdict.UNKNOWN, reason
    if math.isnan(difference.low):
        return Verdict.UNKNOWN, "no interval"
    if difference.low > 0.0 and p_holm < ALPHA:
        return Verdict.REPRODUCED, "better"
    return Verdict.NOT, "worse" if difference.high < 0.0 else "no significant gain"


def _evaluated(results: CampaignResults, about: str, column: str) -> dict[tuple[str, str], tuple[st.Array, st.Array]]:
    """Values of evaluations by slice and baseline: (seeds, conditions) of a method and of the baseline, paired."""
    keys = ["ran", "size", "mix", "slice", "seed"]
    table = results.slices.select("method", *keys, column).filter(pl.col(column).is_not_nan())
    ours = table.filter(pl.col("method") == about).drop("method")
    found = {}
    for other in results.axes.methods:
        theirs = table.filter(pl.col("method") == other).drop("method")
        both = ours.join(theirs, on=keys, suffix="_baseline") if other != about else ours.clear()
        for name in results.axes.slices if len(both) else ():
            pair = _matrices(both.filter(pl.col("slice") == name), column)
            if pair is not None:
                found[name, other] = pair
    return found


def _matrices(both: pl.DataFrame, column: str) -> tuple[st.Array, st.Array] | None:
    """(seeds, conditions) of conditions that all seeds have; None if there is none."""
    seeds = both["seed"].n_unique()
    conditions = ["ran", "size", "mix"]
    whole = both.group_by(conditions).len().filter(pl.col("len") == seeds)
    rows = both.join(whole, on=conditions, how="semi").sort("seed", *conditions)
    if rows.is_empty():
        return None
    return tuple(rows[name].to_numpy().reshape(seeds, -1) for name in (column, f"{column}_baseline"))  # type: ignore[return-value]


_MEASURES = {"Jain's index": "jain", "packets in time": "in_time", "throughput, relative": "goodput_mbps"}


def _consistency(results: CampaignResults, about: str) -> Claim | str:
    kinds, found = methods.kinds(results.description), []
    for measure, column in _MEASURES.items():
        by_baseline: dict[str, list[tuple[st.Array, st.Array]]] = {}
        for (_, other), pair in _evaluated(results, about, column).items():
            by_baseline.setdefault(other, []).append(pair)
        for other, pairs in by_baseline.items():
            found.append(_no_worse(measure, other, kinds[other], pairs))
    if not found:
        return "no evaluation of it and of a baseline has finished"
    verdict, text = all_of([one for one in found if one.kind != methods.VARIANT])
    return replace(_CONSISTENCY, comparisons=tuple(found)).judged(verdict, f"evaluations, without adaptation; {text}")


def _no_worse(measure: str, other: str, kind: str, pairs: Sequence[tuple[st.Array, st.Array]]) -> Comparison:
    """Mean over slices and conditions of the seeds that all slices have."""
    seeds = min(len(ours) for ours, _ in pairs)
    ours, theirs = (np.concatenate([pair[side][:seeds] for pair in pairs], axis=1) for side in (0, 1))
    gain = st.gain(ours, theirs)
    estimate = gain.absolute
    if measure == "throughput, relative":
        estimate = Estimate(*(value / 100.0 for value in (gain.percent.value, gain.percent.low, gain.percent.high)))
    verdict = no_worse(estimate, MARGINS[measure], seeds)
    shape = (len(ours), ours.shape[1])
    return Comparison("consistency", other, kind, measure, estimate, *shape, float("nan"), *verdict)


def _sublinear(results: CampaignResults, about: str) -> Claim | str:
    table = adaptation.regret(results)
    if table.is_empty():
        return _needs_adaptation(results, about)
    first = table.filter((pl.col("track") == table["track"][0]) & (pl.col("method") == about))
    if first.is_empty():
        return _needs_adaptation(results, about)
    row = first.row(0, named=True)
    slope = Estimate(*(float("nan") if row[name] is None else row[name] for name in ("slope", "low", "high")))
    verdict = of_slope(slope, row["n_seeds"], row["n_tasks"])
    kind = methods.kinds(results.description)[about]
    aspect = f"slope over {first['episode'].to_numpy().max()} episodes"
    one = Comparison("regret", "", kind, aspect, slope, row["n_seeds"], row["n_tasks"], float("nan"), *verdict)
    return replace(_REGRET, comparisons=(one,)).judged(*verdict)


def of_slope(slope: Estimate, seeds: int, tasks: int) -> tuple[Verdict, str]:
    """Verdict on sublinear regret from the slope on log-log axes."""
    if reason := unsure(seeds, tasks):
        return Verdict.UNKNOWN, reason
    if math.isnan(slope.low):
        return Verdict.UNKNOWN, "regret is not positive long enough for a slope with an interval"
    if slope.high < 1.0:
        return Verdict.REPRODUCED, "the interval lies below 1; so few episodes say nothing of the limit"
    return (Verdict.NOT, "the interval lies above 1") if slope.low >= 1.0 else (Verdict.UNKNOWN, "the interval holds 1")


def _needs_adaptation(results: CampaignResults, about: str) -> str:
    planned = results.plan.filter(pl.col("kind") == "adapt")
    if planned.is_empty():
        return "the campaign has no adaptation; `paper-small` and `paper` have"
    done = int(planned["done"].sum())
    return f"{done} of {len(planned)} adaptations have finished, too few of {about} and a baseline"


def _labels(results: CampaignResults, names: Sequence[str]) -> str:
    return ", ".join(results.axes.methods[name] for name in names)


_CLAIMS: tuple[tuple[Claim, Callable[[CampaignResults, str], Claim | str]], ...] = (
    (_EFFICIENCY, _efficiency),
    (_ADAPTATION, _adaptation_time),
    (_QUALITY, _quality),
    (_CONSISTENCY, _consistency),
    (_REGRET, _sublinear),
)
