# SPDX-License-Identifier: MIT
"""One finished evaluation: from its records to rows of tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from campaigns.query import AXES
from results import metrics
from results.metrics import Sla

PERCENTILES = {"delay_p50_ms": 0.5, "delay_p95_ms": 0.95, "delay_p99_ms": 0.99, "delay_p999_ms": 0.999}
RESOURCES = {"x.prb_used_ratio": "prb", "x.compute_used_ratio": "compute", "x.power_used_ratio": "power"}
"""What slices share, and the KPM that says how much of it each used."""

SHARE_POINTS = 500
"""Most points in time that shares are kept at; a longer run is averaged over stretches of equal length."""


class Evaluation:
    """One finished evaluation."""

    def __init__(self, directory: Path, job: dict[str, Any]) -> None:
        self._key = {axis: job[axis] for axis in AXES}
        self.ran = str(job["ran"])
        scenario = json.loads((directory / "scenario.json").read_text(encoding="utf-8"))
        self.manifest: dict[str, Any] = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        self.slas = {entry["name"]: Sla(**entry["sla"]) for entry in scenario["slices"]}
        kpm = pl.read_parquet(directory / "kpm.parquet")
        self._slices = kpm.filter(pl.col("ue").is_null())
        self._windows = metrics.ue_windows(kpm)
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
        ues = self._slices.filter(pl.col("name") == "x.ues").group_by("time_s").agg(pl.col("value").sum())["value"]
        return {
            **self._key,
            "efficiency": efficiency,
            **used,
            "wall_s": float(self.manifest["wall_s"]),
            "simulated_s": float(self._slices["time_s"].to_numpy().max()),
            "ues": round(float(ues.to_numpy().max())) if len(ues) else None,
            "cells": self._slices["cell"].n_unique(),
        }

    def _delay_tables(self) -> Iterator[pl.DataFrame]:
        for name, table in self._delays.items():
            yield self._with_key(table.with_columns(pl.lit(name).alias("slice"), pl.col("count").cast(pl.Int64)))

    def _share_table(self) -> pl.DataFrame:
        rows = self._slices.filter(pl.col("name").is_in(list(RESOURCES)))
        cells = rows["cell"].n_unique()
        resource = pl.col("name").replace_strict(RESOURCES).alias("resource")
        used = rows.group_by("time_s", "slice", resource).agg((pl.col("value").sum() / cells).alias("share"))
        # A long run is averaged over stretches of equal length, named by their end.
        times = used["time_s"].unique().sort()
        stretch = max(1, -(-len(times) // SHARE_POINTS))
        last = [min(len(times), (place // stretch + 1) * stretch) - 1 for place in range(len(times))]
        ends = pl.DataFrame({"time_s": times, "end": times[last]})
        by_end = used.join(ends, on="time_s").group_by(pl.col("end").alias("time_s"), "slice", "resource")
        return self._with_key(by_end.agg(pl.col("share").mean()).sort("time_s", "slice", "resource"))

    def _with_key(self, table: pl.DataFrame) -> pl.DataFrame:
        return table.with_columns(pl.lit(value).alias(axis) for axis, value in self._key.items())
