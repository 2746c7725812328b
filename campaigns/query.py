# SPDX-License-Identifier: MIT
"""A campaign's results as polars tables, so that nobody who reads them walks directories."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from campaigns.store import Store, StoreError

AXES = ("method", "ran", "size", "mix", "seed")
"""Columns that tell a run's place in the campaign."""

_INDEX = {
    "id": pl.String, "kind": pl.String, "method": pl.String, "ran": pl.String, "size": pl.String, "mix": pl.String,
    "track": pl.String, "seed": pl.Int64, "state": pl.String, "cost_s": pl.Float64,
}  # fmt: skip


def runs(root: Path) -> pl.DataFrame:
    """A row per planned run: id, kind, method, ran, size, mix, track, seed, state, cost_s.

    state: done, failed, running or missing. Raises StoreError if no campaign is at `root`.
    """
    store = Store(root)
    under_way = store.under_way()
    rows = [{name: job.get(name) for name in _INDEX} for job in store.read_plan()["jobs"]]
    for row in rows:
        row["state"] = _state(store, str(row["id"]), under_way)
    return pl.DataFrame(rows, schema=_INDEX)


def _state(store: Store, job_id: str, under_way: set[str]) -> str:
    if store.is_done(job_id):
        return "done"
    if job_id in under_way:
        return "running"
    return "failed" if store.has_failed(job_id) else "missing"


def scan(root: Path, file: str, where: pl.Expr | None = None) -> pl.LazyFrame:
    """One Parquet file of all finished runs, with `id`, `track` and the columns of `AXES` beside its own.

    file: kpm.parquet, controls.parquet, packets.parquet, learning_curve.parquet, training.parquet, adaptation.parquet
    (whose `size` is a task's) or played.parquet, see docs/records.md. where: which runs,
    over the columns of `runs`, e.g. `pl.col("method") == "ppo"`. Raises StoreError if no chosen run has that file.
    """
    chosen = runs(root).filter(pl.col("state") == "done")
    if where is not None:
        chosen = chosen.filter(where)
    store = Store(root)
    paths = {str(store.run_directory(job_id) / file): job_id for job_id in chosen["id"]}
    paths = {path: job_id for path, job_id in paths.items() if Path(path).is_file()}
    if not paths:
        raise StoreError(f"{root}: no finished run that was asked for has a {file}")
    ids = pl.LazyFrame({"path": list(paths), "id": list(paths.values())})
    own = pl.read_parquet_schema(next(iter(paths)))
    axes = [axis for axis in (*AXES, "track") if axis not in own]
    keys = ids.join(chosen.lazy().select("id", *axes), on="id")
    return pl.scan_parquet(list(paths), include_file_paths="path").join(keys, on="path").drop("path")


def manifests(root: Path, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Manifests of finished runs. Raises StoreError naming one that cannot be read."""
    found = []
    for job_id in ids:
        path = Store(root).run_directory(job_id) / "manifest.json"
        try:
            found.append(dict(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as error:
            raise StoreError(f"{path}: cannot be read: {error}") from error
    return found
