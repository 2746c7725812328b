# SPDX-License-Identifier: MIT
"""From a campaign's directory to the tables that figures and reports are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from campaigns.query import AXES
from campaigns.store import CURVE, Store
from pybridge.errors import SliceBridgeError
from results import metrics
from results.axes import CampaignAxes, axes_of
from results.metrics import Sla

PERCENTILES = {"delay_p50_ms": 0.5, "delay_p95_ms": 0.95, "delay_p99_ms": 0.99, "delay_p999_ms": 0.999}


class ResultsError(SliceBridgeError):
    """A campaign's results cannot be read."""


@dataclass(frozen=True)
class CampaignResults:
    """Everything that a report needs, as tables keyed by method, ran, size, mix, seed (and slice)."""

    name: str
    description: dict[str, Any]
    axes: CampaignAxes
    slas: dict[str, dict[str, Sla]]
    """By RAN and slice."""
    jobs: int
    missing: list[str]
    """Ids of jobs without a finished run."""
    slices: pl.DataFrame
    """Per run and slice: qos, in_time, loss, delay percentiles, goodput_mbps, offered_mbps, prb_share, jain."""
    runs: pl.DataFrame
    """Per run: efficiency (U), goodput_mbps, prb_used, power_used, wall_s."""
    delays: pl.DataFrame
    """Per run, slice and delay_ms: count of packets."""
    shares: pl.DataFrame
    """Per run, time_s and slice: share of the allocatable PRBs used."""
    curves: pl.DataFrame
    """Of trainings: method, seed, step, mean_reward."""
    manifests: list[dict[str, Any]]
    """Of the finished evaluations."""


def load_campaign_results(root: Path) -> CampaignResults:
    """Read all finished runs of a campaign.

    Raises ResultsError if there is no campaign, no finished evaluation, one without rows of UEs, or a file that cannot
    be read or lacks something; the run is named.
    """
    path = root / "campaign.json"
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{root}: no campaign is here ({error})") from error
    store = Store(root)
    with _errors_named(path):
        done = [job for job in recorded["jobs"] if store.is_done(job["id"])]
        missing = [job["id"] for job in recorded["jobs"] if not store.is_done(job["id"])]
        evaluations = [_evaluation(store, job) for job in done if job["kind"] == "evaluate"]
        if not evaluations:
            raise ResultsError(f"{root}: no evaluation has finished yet; {len(recorded['jobs'])} runs are planned")
        slas = {run.ran: run.slas for run in reversed(evaluations)}
        return CampaignResults(
            name=recorded["name"],
            description=recorded["campaign"],
            axes=axes_of(recorded["campaign"], list(evaluations[0].slas)),
            slas=slas,
            jobs=len(recorded["jobs"]),
            missing=missing,
            slices=pl.DataFrame([row for run in evaluations for row in run.slice_rows]),
            runs=pl.DataFrame([run.run_row for run in evaluations]),
            delays=pl.concat([table for run in evaluations for table in run.delay_tables]),
            shares=pl.concat([run.share_table for run in evaluations]),
            curves=_curves(store, [job for job in done if job["kind"] == "train"]),
            manifests=[run.manifest for run in evaluations],
        )


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """What is missing from a file or damaged in it becomes a ResultsError that names it."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError, LookupError, TypeError, ValueError) as error:
        raise ResultsError(f"{path}: cannot be used: {type(error).__name__}: {error}") from error


def _evaluation(store: Store, job: dict[str, Any]) -> _Evaluation:
    directory = store.run_directory(job["id"])
    with _errors_named(directory):
        return _Evaluation(directory, job)


def _curve(store: Store, job: dict[str, Any]) -> pl.DataFrame:
    directory = store.run_directory(job["id"])
    with _errors_named(directory):
        return pl.read_parquet(directory / CURVE).select(
            pl.lit(job["method"]).alias("method"), pl.lit(job["seed"], pl.Int64).alias("seed"), "step", "mean_reward"
        )


def _curves(store: Store, trainings: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {"method": pl.String, "seed": pl.Int64, "step": pl.Int64, "mean_reward": pl.Float64}
    parts = [_curve(store, job) for job in trainings]
    return pl.concat([pl.DataFrame(schema=schema), *parts])


class _Evaluation:
    """One finished evaluation."""

    def __init__(self, directory: Path, job: dict[str, Any]) -> None:
        self._key = {axis: job[axis] for axis in AXES}
        self.ran = str(job["ran"])
        scenario = json.loads((directory / "scenario.json").read_text(encoding="utf-8"))
        self.manifest: dict[str, Any] = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        self.slas = {entry["name"]: Sla(**entry["sla"]) for entry in scenario["slices"]}
        kpm = pl.read_parquet(directory / "kpm.parquet")
        self._slices = kpm.filter(pl.col("ue").is_null())
        try:
            self._windows = metrics.ue_windows(kpm)
        except ValueError as error:
            raise ResultsError(f"{directory / 'kpm.parquet'}: {error}") from error
        packets = pl.read_parquet(directory / "packets.parquet")
        self._delays = {name: metrics.delay_distribution(packets.filter(pl.col("slice") == name)) for name in self.slas}
        self.slice_rows = list(self._slice_rows())
        self.run_row = self._run_row()
        self.delay_tables = list(self._delay_tables())
        self.share_table = self._share_table()

    def _slice_rows(self) -> Iterator[dict[str, Any]]:
        for name, sla in self.slas.items():
            kpm = self._slices.filter(pl.col("slice") == name)
            windows = self._windows.filter(pl.col("slice") == name)
            percentiles = metrics.delay_percentiles_ms(self._delays[name], list(PERCENTILES.values()))
            yield {
                **self._key,
                "slice": name,
                "qos": metrics.satisfaction(windows, sla),
                "in_time": metrics.in_time_ratio(kpm) if sla.delay_budget_ms is not None else float("nan"),
                "loss": metrics.loss_ratio(kpm),
                **dict(zip(PERCENTILES, percentiles, strict=True)),
                "goodput_mbps": metrics.kpm_mean(kpm, "x.goodput_kbps", "sum") / 1e3,
                "offered_mbps": metrics.kpm_mean(kpm, "x.offered_kbps", "sum") / 1e3,
                "prb_share": metrics.kpm_mean(kpm, "x.prb_used_ratio", "mean"),
                "power_share": metrics.kpm_mean(kpm, "x.power_used_ratio", "mean"),
                "jain": metrics.fairness(windows, sla),
            }

    def _run_row(self) -> dict[str, Any]:
        rows = self.slice_rows
        used = {column: sum(row[column] for row in rows) for column in ("prb_share", "power_share", "goodput_mbps")}
        efficiency = metrics.management_efficiency(
            [row["qos"] for row in rows],
            [self.slas[row["slice"]].weight for row in rows],
            used["power_share"],
            used["prb_share"],
        )
        return {**self._key, "efficiency": efficiency, **used, "wall_s": float(self.manifest["wall_s"])}

    def _delay_tables(self) -> Iterator[pl.DataFrame]:
        for name, table in self._delays.items():
            yield self._with_key(table.with_columns(pl.lit(name).alias("slice"), pl.col("count").cast(pl.Int64)))

    def _share_table(self) -> pl.DataFrame:
        rows = self._slices.filter(pl.col("name") == "x.prb_used_ratio")
        cells = rows["cell"].n_unique()
        used = rows.group_by("time_s", "slice").agg((pl.col("value").sum() / cells).alias("share"))
        return self._with_key(used.sort("time_s", "slice"))

    def _with_key(self, table: pl.DataFrame) -> pl.DataFrame:
        return table.with_columns(pl.lit(value).alias(axis) for axis, value in self._key.items())
