# SPDX-License-Identifier: MIT
"""Tables for people: headings and rows of text, and how they are set in plain text and Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from results import adaptation, methods, tables
from results.claims import Claim
from results.load import CampaignResults
from results.statistics import Estimate

Cells = tuple[list[str], list[list[str]]]
"""Headings and rows."""


def method_cells(results: CampaignResults) -> Cells:
    """`by_method` for people: headings and rows of text."""
    several = len(results.axes.rans) > 1
    headings = [*(["RAN"] if several else []), "method", "U", "seeds low – high", "U − baseline", "gain"]
    headings += [f"QoS {name}" for name in results.axes.slices] + ["goodput Mbit/s", "PRBs used"]
    rows = []
    for row in tables.by_method(results).iter_rows(named=True):
        gain = "" if row["gain_percent"] is None else _signed(row["gain_percent"], 1, " %")
        difference = "" if row["difference"] is None else _signed(row["difference"], 3)
        rows.append(
            [
                *([results.axes.rans[row["ran"]]] if several else []),
                results.axes.methods[row["method"]],
                _number(row["efficiency"], 3),
                f"{_number(row['efficiency_low'], 3)} – {_number(row['efficiency_high'], 3)}",
                difference,
                gain,
                *(_percent(row[f"qos {name}"], 1) for name in results.axes.slices),
                _number(row["goodput_mbps"], 2),
                _percent(row["prb_share"], 1),
            ]
        )
    return headings, rows


def claim_cells(results: CampaignResults, found: Sequence[Claim]) -> Cells:
    """The claims in short: claim, paper, ours at a glance, verdict, why."""
    rows = []
    for claim in found:
        theirs = [one for one in claim.comparisons if methods.learned(one.kind) or not one.baseline]
        ours = "; ".join(sorted({estimate(one.estimate, claim.unit) for one in theirs}))
        if len(theirs) > 1:
            values = [one.estimate.value for one in theirs if not math.isnan(one.estimate.value)]
            ends = dict.fromkeys(_unit(value, claim.unit) for value in (min(values), max(values))) if values else ["–"]
            ours = " to ".join(ends)
        rows.append([claim.text, claim.paper, ours or "–", str(claim.verdict), claim.why])
    return ["claim", "paper", "ours, over RL baselines", "verdict", "why"], rows


def comparison_cells(results: CampaignResults, claim: Claim) -> Cells:
    """One claim baseline by baseline."""
    headings = ["baseline", "kind", "where", "ours [95 % interval]", "seeds × tasks", "p (Holm)", "verdict", "why"]
    rows = [
        [
            results.axes.methods.get(one.baseline, "–"),
            one.kind,
            one.aspect,
            estimate(one.estimate, claim.unit),
            f"{one.n_seeds} × {one.n_tasks}",
            "–" if math.isnan(one.p_holm) else f"{one.p_holm:.3f}",
            str(one.verdict),
            one.why,
        ]
        for one in claim.comparisons
    ]
    return headings, rows


def gain_cells(results: CampaignResults, method: str) -> Cells:
    """Gains in efficiency: absolute, in per cent, and as part of the gap between static and the reference."""
    headings = ["baseline", "track", "U", "U baseline", "difference [95 %]", "gain [95 %]"]
    headings += ["part of reference gap", "baseline's", "p (Holm)", "seeds × tasks"]
    rows = []
    table = adaptation.gains(results, method)
    for row in table.sort("track", "difference", descending=[False, True], nulls_last=True).iter_rows(named=True):
        difference, percent = (_estimate_of(row, what) for what in ("difference", "percent"))
        rows.append(
            [
                results.axes.methods[row["baseline"]],
                row["track"],
                _number(row["value"], 3),
                _number(row["baseline_value"], 3),
                estimate(difference, "difference"),
                estimate(percent, "%"),
                _percent(_known(row["gap_part"]), 0),
                _percent(_known(row["baseline_gap_part"]), 0),
                _number(_known(row["p_holm"]), 3),
                f"{row['n_seeds']} × {row['n_tasks']}",
            ]
        )
    return headings, rows


def adapted_cells(results: CampaignResults) -> Cells:
    """Each method before and after adaptation, best first."""
    headings = ["method", "track", "U at once [95 %]", "U adapted [95 %]", "IQM adapted [95 %]"]
    headings += ["part of reference gap", "seeds × tasks"]
    rows = []
    table = adaptation.summary(results).sort("track", "adapted", descending=[False, True], nulls_last=True)
    for row in table.iter_rows(named=True):
        found = [_estimate_of(row, what) for what in ("zero_shot", "adapted", "iqm")]
        texts = [f"{_number(one.value, 3)}{_interval(one, '.3f')}" for one in found]
        label = results.axes.methods[row["method"]]
        counts = f"{row['n_seeds']} × {row['n_tasks']}"
        rows.append([label, row["track"], *texts, _percent(_known(row["gap_part"]), 0), counts])
    return headings, rows


def task_cells(results: CampaignResults) -> Cells:
    """Held-out tasks by track and size: how many, with how many cells and UEs."""
    labels, rows = adaptation.sizes(results), []
    for (track, size), group in tables.tasks(results).group_by("track", "size", maintain_order=True):
        ranges = [_range(group[name].to_list()) for name in ("cells", "ues")]
        rows.append([str(track), labels[str(size)], str(len(group)), *ranges])
    return ["track", "size", "tasks", "cells", "UEs"], rows


def method_list_cells(results: CampaignResults) -> Cells:
    """What each method is: kind, training, adaptation."""
    kinds, rows = methods.kinds(results.description), []
    for method in results.description["methods"]:
        name, adapted = method["name"], str(method.get("adapt") or "by default")
        rows.append([results.axes.methods[name], name, kinds[name], adapted, _training(method)])
    return ["method", "name", "kind", "adaptation", "training, per seed"], rows


def _training(method: Mapping[str, Any]) -> str:
    if source := method.get("trained_as"):
        return f"that of {source}"
    if not method.get("train"):
        return f"none (policy {method.get('policy')})"
    options = [f"{key} {value}" for key, value in method["train"].items() if value is not None and key != "algorithm"]
    options += [f"rule from {method['rule_from']}"] if method.get("rule_from") else []
    return f"{method['train']['algorithm']}: {', '.join(options)}"


def cost_cells(results: CampaignResults) -> Cells:
    """Runs and elapsed hours per kind and method."""
    rows = []
    for row in tables.cost(results).iter_rows(named=True):
        label = results.axes.methods.get(row["method"], row["method"] or "–")
        rows.append([row["kind"], label, str(row["done"]), str(row["planned"]), f"{row['hours']:.2f}"])
    return ["kind of run", "method", "done", "planned", "hours, added up"], rows


def estimate(found: Estimate, unit: str) -> str:
    """A value with its interval: "%" per cent, "parts" parts of 1 (shown in %), "difference", or ""."""
    if math.isnan(found.value):
        return "–"
    if unit == "parts":
        found, unit = Estimate(100 * found.value, 100 * found.low, 100 * found.high), "%"
    if unit == "%":
        return f"{found.value:+.1f} %{_interval(found, '+.1f')}"
    form = "+.3f" if unit == "difference" else ".2f"
    return f"{found.value:{form}}{_interval(found, form)}"


def _unit(value: float, unit: str) -> str:
    return estimate(Estimate(value, float("nan"), float("nan")), unit).removesuffix(" [no interval]")


def _interval(found: Estimate, form: str) -> str:
    return " [no interval]" if math.isnan(found.low) else f" [{found.low:{form}}, {found.high:{form}}]"


def _known(value: float | None) -> float:
    return float("nan") if value is None else value


def _estimate_of(row: Mapping[str, float | None], column: str) -> Estimate:
    return Estimate(*(_known(row[f"{column}{end}"]) for end in ("", "_low", "_high")))


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def _signed(value: float, digits: int, unit: str = "") -> str:
    """With a sign, unless it rounds to 0; a dash for NaN."""
    if math.isnan(value):
        return "–"
    rounded = round(value, digits)
    return (f"{rounded:+.{digits}f}" if rounded else f"{0:.{digits}f}") + unit


def condition_cells(results: CampaignResults) -> Cells:
    """Means over seeds per RAN, size, mix, slice and method for people: headings and rows of text."""
    headings = [
        "RAN",
        "size",
        "mix",
        "slice",
        "method",
        "seeds",
        "QoS",
        "in time",
        "lost",
        "p50",
        "p95",
        "p99",
        "p99.9",
    ]
    headings += ["goodput / offered Mbit/s", "PRBs", "Jain"]
    means = tables.by_condition(results)
    rows = []
    for at in results.axes.conditions:
        place = [results.axes.rans[at.ran], results.axes.sizes[at.size], results.axes.mixes[at.mix]]
        for name in results.axes.slices:
            for row in means.filter(at.here & (pl.col("slice") == name)).iter_rows(named=True):
                rows.append([*place, name, *_condition_row(results, row)])
    return headings, rows


def _condition_row(results: CampaignResults, row: dict[str, float]) -> list[str]:
    delays = [_delay(row[f"delay_{level}_ms"]) for level in ("p50", "p95", "p99", "p999")]
    return [
        results.axes.methods[str(row["method"])],
        str(row["n"]),
        _percent(row["qos"], 1),
        _percent(row["in_time"], 2),
        _percent(row["loss"], 2),
        *delays,
        f"{_number(row['goodput_mbps'], 2)} / {_number(row['offered_mbps'], 2)}",
        _percent(row["prb_share"], 1),
        _number(row["jain"], 3),
    ]


def _number(value: float, digits: int) -> str:
    """A dash for NaN, where the metric does not apply."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _percent(part: float, digits: int) -> str:
    """A part of 1 in per cent; a dash where the metric does not apply."""
    return "–" if math.isnan(part) else f"{100 * part:.{digits}f} %"


def _delay(milliseconds: float) -> str:
    if math.isnan(milliseconds):
        return "–"
    if math.isinf(milliseconds):
        return "never"
    return f"{milliseconds:.1f} ms" if milliseconds < 100 else f"{milliseconds:.0f} ms"


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in plain text; the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([line(headings), "  ".join("─" * width for width in widths), *map(line, rows)])


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same in Markdown."""
    lines = ["| " + " | ".join(headings) + " |", "|" + " --- |" + " ---: |" * (len(headings) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
