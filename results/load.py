# SPDX-License-Identifier: MIT
"""From a campaign's directory to the tables that figures and reports are made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from campaigns.query import AXES
from campaigns.store import CURVE, Store
from pybridge.errors import SliceBridgeError
from results.axes import CampaignAxes, axes_of
from results.evaluation import PERCENTILES, Evaluation
from results.metrics import Sla

T = TypeVar("T")

ADAPTATION, PLAYED, TRAINING = "adaptation.parquet", "played.parquet", "training.parquet"
"""Files of adaptations (judged points; episodes that were learned from) and of trainings (the learner's scalars)."""

_KEY: dict[str, Any] = {axis: pl.Int64 if axis == "seed" else pl.String for axis in AXES}
_PLACE: dict[str, Any] = {"method": pl.String, "track": pl.String, "seed": pl.Int64}
_FLOATS = ("qos", "in_time", "loss", *PERCENTILES, "goodput_mbps", "offered_mbps", "prb_share", "power_share", "jain")
SCHEMAS: dict[str, dict[str, Any]] = {
    "slices": _KEY | {"slice": pl.String} | dict.fromkeys(_FLOATS, pl.Float64),
    "runs": _KEY
    | dict.fromkeys(("efficiency", "prb_share", "power_share", "goodput_mbps", "wall_s", "simulated_s"), pl.Float64)
    | {"ues": pl.Int64, "cells": pl.Int64},
    "delays": {"delay_ms": pl.Float64, "count": pl.Int64, "slice": pl.String} | _KEY,
    "shares": {"time_s": pl.Float64, "slice": pl.String, "resource": pl.String, "share": pl.Float64} | _KEY,
    CURVE: _PLACE | {"step": pl.Int64, "mean_reward": pl.Float64},
    TRAINING: _PLACE | {"step": pl.Int64, "iteration": pl.Int64, "name": pl.String, "value": pl.Float64},
    ADAPTATION: _PLACE
    | {"task": pl.String, "size": pl.String, "cells": pl.Int64, "ues": pl.Int64, "episodes": pl.Int64}
    | {"env_steps": pl.Int64, "reward": pl.Float64, "utility": pl.Float64},
    PLAYED: _PLACE
    | {"task": pl.String, "episode": pl.Int64, "env_steps": pl.Int64, "reward": pl.Float64, "utility": pl.Float64},
}
"""Columns of the tables, which they have also where there is no row."""


class ResultsError(SliceBridgeError):
    """A campaign's results cannot be read."""


@dataclass(frozen=True, eq=False)
class CampaignResults:
    """Everything that a report needs, as tables keyed by method, ran, size, mix, seed (and slice)."""

    root: Path
    name: str
    description: dict[str, Any]
    axes: CampaignAxes
    slas: dict[str, dict[str, Sla]]
    """By RAN and slice."""
    plan: pl.DataFrame
    """A row per planned run: id, kind, method, done, wall_s (null if it is not done)."""
    unusable: list[str]
    """Finished runs that cannot be read, each with why."""
    slices: pl.DataFrame
    """Per evaluation and slice: qos, in_time, loss, delay percentiles, goodput_mbps, offered_mbps, prb_share, jain."""
    runs: pl.DataFrame
    """Per evaluation: efficiency (U), goodput_mbps, prb_share, power_share, wall_s, simulated_s, ues, cells."""
    delays: pl.DataFrame
    """Per evaluation, slice and delay_ms: count of packets."""
    shares: pl.DataFrame
    """Per evaluation, time_s, slice and resource (prb, compute, power): share of what the cells have."""
    curves: pl.DataFrame
    """Of trainings: method, track, seed, step, mean_reward."""
    training: pl.DataFrame
    """Of trainings, long: method, track, seed, step, iteration, name, value."""
    adaptation: pl.DataFrame
    """Judged points: method, track, seed, task, size, cells, ues, episodes, env_steps, reward, utility, qos_SLICE."""
    played: pl.DataFrame
    """Episodes that were learned from: method, track, seed, task, episode, env_steps, reward, utility."""
    manifests: list[dict[str, Any]]
    """Of the finished runs."""

    @property
    def jobs(self) -> int:
        """Planned runs."""
        return len(self.plan)

    @property
    def missing(self) -> list[str]:
        """Ids of planned runs that have not finished."""
        return list(self.plan.filter(~pl.col("done"))["id"])


def load_campaign_results(root: Path) -> CampaignResults:
    """Read all finished runs of a campaign; those that cannot be read are named in `unusable`, and the rest is there.

    Raises ResultsError if there is no campaign, or its campaign.json lacks something.
    """
    path = root / "campaign.json"
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{root}: no campaign is here ({error})") from error
    try:
        name, description, jobs = recorded["name"], recorded["campaign"], recorded["jobs"]
        reader = _Reader(Store(root), jobs)
        evaluations = reader.read("evaluate", Evaluation)
        slices = list(evaluations[0].slas) if evaluations else []
        axes = axes_of(description, slices)
    except (LookupError, TypeError, AttributeError) as error:
        raise ResultsError(f"{path}: cannot be used: {type(error).__name__}: {error}") from error
    return CampaignResults(
        root=root,
        name=name,
        description=description,
        axes=axes,
        slas={run.ran: run.slas for run in reversed(evaluations)},
        slices=pl.DataFrame([row for run in evaluations for row in run.slice_rows], schema=SCHEMAS["slices"]),
        runs=pl.DataFrame([run.run_row for run in evaluations], schema=SCHEMAS["runs"]),
        delays=_together("delays", [table for run in evaluations for table in run.delay_tables]),
        shares=_together("shares", [run.share_table for run in evaluations]),
        curves=reader.tables("train", CURVE),
        training=reader.tables("train", TRAINING, required=False),
        adaptation=reader.tables("adapt", ADAPTATION),
        played=reader.tables("adapt", PLAYED, required=False),
        # Read last, when all that cannot be used is known.
        plan=reader.plan(),
        manifests=list(reader.manifests.values()),
        unusable=reader.unusable,
    )


class _Reader:
    """Reads what has finished, and remembers what cannot be read."""

    def __init__(self, store: Store, jobs: Sequence[dict[str, Any]]) -> None:
        self._store, self._jobs = store, jobs
        self.unusable: list[str] = []
        self.manifests: dict[str, dict[str, Any]] = {}
        for job in jobs:
            if store.is_done(job["id"]):
                text = (store.run_directory(job["id"]) / "manifest.json").read_text(encoding="utf-8")
                self.manifests[job["id"]] = json.loads(text)

    def read(self, kind: str, function: Callable[[Path, dict[str, Any]], T]) -> list[T]:
        """What a function makes of each finished run of a kind."""
        made = []
        for job in self._jobs:
            if job["kind"] == kind and job["id"] in self.manifests:
                directory = self._store.run_directory(job["id"])
                try:
                    made.append(function(directory, job))
                except (OSError, pl.exceptions.PolarsError, LookupError, TypeError, ValueError) as error:
                    self.unusable.append(f"runs/{job['id']}: {type(error).__name__}: {error}")
        return made

    def tables(self, kind: str, file: str, *, required: bool = True) -> pl.DataFrame:
        """One file of all finished runs of a kind, below each other; of older runs it may not be there."""

        def table(directory: Path, job: dict[str, Any]) -> pl.DataFrame:
            if not required and not (directory / file).is_file():
                return pl.DataFrame(schema=SCHEMAS[file])
            place = {name: job.get(name) for name in _PLACE}
            columns = [pl.lit(value, _PLACE[name]).alias(name) for name, value in place.items()]
            found = pl.read_parquet(directory / file).with_columns(columns)
            further = [name for name in found.columns if name.startswith("qos_")]
            return found.select(*(pl.col(name).cast(kind) for name, kind in SCHEMAS[file].items()), *further)

        return _together(file, self.read(kind, table))

    def plan(self) -> pl.DataFrame:
        """See CampaignResults."""
        rows = []
        for job in self._jobs:
            manifest = self.manifests.get(job["id"])
            wall_s = None if manifest is None else float(manifest.get("wall_s") or 0.0)
            rows.append((job["id"], job["kind"], job.get("method"), manifest is not None, wall_s))
        schema = {"id": pl.String, "kind": pl.String, "method": pl.String, "done": pl.Boolean, "wall_s": pl.Float64}
        return pl.DataFrame(rows, schema=schema, orient="row")


def _together(name: str, tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Tables below each other, in the columns of the schema and what some of them have besides."""
    return pl.concat([pl.DataFrame(schema=SCHEMAS[name]), *tables], how="diagonal_relaxed")
