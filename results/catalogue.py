# SPDX-License-Identifier: MIT
"""The figures and tables of reports and notebooks by name: the data of each, and how it is drawn.

Every number of a report stands in one of these data, so `slicebridge report NAME --data WHAT` computes it anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import polars as pl
from matplotlib.figure import Figure

from results import adaptation, claims, figures, methods, tables
from results.load import CampaignResults, ResultsError
from results.metrics import POWER_PRICE, PRB_PRICE, WINDOW_S

MIN_SIZES = 3
"""Different numbers of UEs that a plot against them takes."""

ADAPTING = "adaptation runs: `paper-small` and `paper` have them"
EVALUATED = "evaluations: every shipped campaign has them"


@dataclass(frozen=True)
class Exhibit:
    """A figure: its data, as they are exported, and how they are drawn."""

    name: str
    title: str
    data: Callable[[CampaignResults], pl.DataFrame]
    draw: Callable[[CampaignResults, pl.DataFrame], Figure]
    needs: str
    """What fills it, where the campaign's data do not."""


def data_of(results: CampaignResults, name: str) -> pl.DataFrame:
    """Data of a figure or table by its name, without a row where the campaign has none.

    Raises ResultsError naming those that there are.
    """
    if name not in DATA:
        raise ResultsError(f"--data {name}: must be one of {', '.join(DATA)}")
    return _computed(results, name)


@lru_cache(maxsize=64)
def _computed(results: CampaignResults, name: str) -> pl.DataFrame:
    return DATA[name](results)


def draw(results: CampaignResults, name: str) -> Figure:
    """The figure of that name. Raises ResultsError if there is none, or if the campaign's data do not fill it."""
    if name not in EXHIBITS:
        raise ResultsError(f"figure {name}: must be one of {', '.join(EXHIBITS)}")
    table = data_of(results, name)
    if table.is_empty():
        raise ResultsError(f"figure {name}: {results.name} has no data for it; it takes {EXHIBITS[name].needs}")
    return EXHIBITS[name].draw(results, table)


def _claimant(results: CampaignResults) -> str:
    return methods.claimant(results.description) or ""


def _gains(results: CampaignResults) -> pl.DataFrame:
    return adaptation.gains(results, _claimant(results))


def _times(results: CampaignResults) -> pl.DataFrame:
    return adaptation.times(results, _claimant(results))


def _ablations(results: CampaignResults) -> pl.DataFrame:
    kinds = methods.kinds(results.description)
    variants = [name for name, kind in kinds.items() if kind == methods.VARIANT]
    table = data_of(results, "gains")
    # One further variant is the paper's learner beside ours, and no ablation.
    return table.filter(pl.col("baseline").is_in(variants)) if len(variants) > 2 else table.clear()


def _scalability(results: CampaignResults) -> pl.DataFrame:
    table = tables.scalability(results)
    return table if table["ues"].n_unique() >= MIN_SIZES else table.clear()


def _draw_by_slice(column: str, title: str, ylabel: str, note: str, *, percent: bool = False) -> Exhibit:
    """An exhibit of one column of `tables.summary`."""

    def data(results: CampaignResults) -> pl.DataFrame:
        return results.slices.select("method", "ran", "size", "mix", "seed", "slice", column)

    def drawn(results: CampaignResults, table: pl.DataFrame) -> Figure:
        return figures.by_slice(table, column, results.axes, ylabel=ylabel, title=title, note=note, percent=percent)

    name = {"qos": "qos", "goodput_mbps": "throughput", "jain": "fairness"}[column]
    return Exhibit(name, title, data, drawn, EVALUATED)


def _draw_shares(resource: str, what: str, note: str) -> Exhibit:
    def data(results: CampaignResults) -> pl.DataFrame:
        first = pl.col("seed") == results.axes.seeds[0]
        return results.shares.filter(first & (pl.col("resource") == resource)).drop("resource")

    def drawn(results: CampaignResults, table: pl.DataFrame) -> Figure:
        return figures.shares_over_time(table, results.axes, what=what, note=note, seed=results.axes.seeds[0])

    return Exhibit(f"{resource}_shares", f"{what} over time", data, drawn, EVALUATED)


def _draw_family(name: str, prefix: str, title: str, ylabel: str, note: str) -> Exhibit:
    def data(results: CampaignResults) -> pl.DataFrame:
        return results.training.filter(pl.col("name").str.starts_with(f"{prefix}/"))

    def drawn(results: CampaignResults, table: pl.DataFrame) -> Figure:
        return figures.per_family(table, results.axes, prefix=prefix, ylabel=ylabel, title=title, note=note)

    return Exhibit(name, title, data, drawn, "trainings by meta-hrl: `paper-small` and `paper` have them")


def _budgets(results: CampaignResults) -> dict[tuple[str, str], float | None]:
    return {(ran, name): sla.delay_budget_ms for ran, slices in results.slas.items() for name, sla in slices.items()}


def _efficiency(results: CampaignResults, table: pl.DataFrame) -> Figure:
    return figures.by_condition(
        table,
        "efficiency",
        results.axes,
        ylabel="U",
        title="Management efficiency U, without adaptation",
        note=f"U as defined in the report, with prices {POWER_PRICE:g} (power) and {PRB_PRICE:g} (PRBs).",
    )


_ALL = (
    Exhibit(
        "gains",
        "Efficiency against baselines",
        _gains,
        lambda r, t: figures.gains(t, r.axes, _claimant(r), claims.PAPER_GAIN_PERCENT),
        ADAPTING,
    ),
    Exhibit(
        "adaptation",
        "Adaptation curves per network size",
        adaptation.curves,
        lambda r, t: figures.adaptation_curves(t, r.axes, adaptation.sizes(r)),
        ADAPTING,
    ),
    Exhibit(
        "adaptation_time",
        "Adaptation time per network size",
        _times,
        lambda r, t: figures.faster(t, r.axes, _claimant(r), adaptation.sizes(r), claims.PAPER_FASTER),
        f"{ADAPTING}, and tasks whose gap between static and the best known is at least 0.02",
    ),
    Exhibit("regret", "Regret", adaptation.regret, lambda r, t: figures.regret(t, r.axes), ADAPTING),
    _draw_by_slice(
        "qos",
        "QoS satisfaction",
        "UE-windows that meet the SLA",
        f"Part of {WINDOW_S:g} s windows of single UEs that meet the slice's SLA.",
        percent=True,
    ),
    Exhibit(
        "efficiency",
        "Management efficiency",
        lambda r: r.runs.select("method", "ran", "size", "mix", "seed", "efficiency"),
        _efficiency,
        EVALUATED,
    ),
    Exhibit(
        "delay",
        "Packet delay",
        tables.pooled_ccdf,
        lambda r, t: figures.delay_ccdf(t, _budgets(r), r.axes),
        EVALUATED,
    ),
    _draw_by_slice(
        "goodput_mbps",
        "Throughput",
        "delivered [Mbit/s]",
        "UDP payload delivered to all UEs of the slice, mean over the run.",
    ),
    _draw_by_slice(
        "jain",
        "Fairness",
        "Jain's index",
        "Over the UEs of a slice, of the part that each got of the smaller of target and offered load.",
    ),
    _draw_shares("prb", "PRBs", "Part of the cells' allocatable PRBs"),
    _draw_shares("compute", "Compute", "Part of what the DUs can process"),
    _draw_shares("power", "Power", "Part of the cells' power budget radiated"),
    Exhibit(
        "ablations",
        "Ablations",
        _ablations,
        lambda r, t: figures.ablations(t, r.axes, _claimant(r)),
        "variants of the learner: `ablation` has them",
    ),
    Exhibit(
        "scalability",
        "Scalability",
        _scalability,
        lambda r, t: figures.scalability(t, r.axes),
        f"evaluations with at least {MIN_SIZES} numbers of UEs: `scalability` has them",
    ),
    Exhibit(
        "learning",
        "Learning curves",
        lambda r: r.curves,
        lambda r, t: figures.learning_curves(t, r.axes),
        "trained methods: every shipped campaign has them",
    ),
    _draw_family(
        "task_weights",
        "weight",
        "Task weights over training",
        "weight (1: uniform)",
        "Weights of the task families in the meta-gradient, mean 1. Family slice-k: operators care most for slice k.",
    ),
    _draw_family(
        "td_variance",
        "td_variance",
        "TD-error variance per task family",
        "variance of TD errors",
        "Raw variance of TD errors under the shared critic, rewards scaled by their running standard deviation. Family "
        "slice-k: operators care most for slice k.",
    ),
    Exhibit(
        "speed",
        "Simulator speed",
        tables.simulator_speed,
        lambda r, t: figures.simulator_speed(t, r.axes),
        EVALUATED,
    ),
)

EXHIBITS = {exhibit.name: exhibit for exhibit in _ALL}
"""Figures by name, in the order of the report."""

DATA: dict[str, Callable[[CampaignResults], pl.DataFrame]] = {
    "claims": tables.claim_table,
    "methods": tables.by_method,
    "adapted": adaptation.summary,
    "conditions": tables.by_condition,
    "summary": tables.summary,
    "tasks": tables.tasks,
    "cost": tables.cost,
    **{exhibit.name: exhibit.data for exhibit in _ALL},
}
"""What `--data` exports, by name."""
