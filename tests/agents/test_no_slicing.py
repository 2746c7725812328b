# SPDX-License-Identifier: MIT
"""A cell without slices, on a real NR cell: nothing guaranteed, all PRBs equally strong, compute where the load is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from pybridge.run import run
from pybridge.scenario import load_scenario


def test_nothing_is_guaranteed_and_power_is_even(tmp_path: Path, simulation_program: Any) -> None:
    scenario = load_scenario("nr-small", {"timing.duration_s": 0.6, "timing.warm_up_s": 0.1})
    finished = run(scenario, "agents.no_slicing:NoSlicing", 1, tmp_path / "run")
    means = finished.kpm().filter(pl.col("ue").is_null()).group_by("slice", "name").agg(pl.col("value").mean())
    table = {(row["slice"], row["name"]): row["value"] for row in means.iter_rows(named=True)}
    for name in ("embb", "urllc", "mmtc"):
        assert table[name, "x.prb_used_ratio"] > 0.0
        density = table[name, "x.power_used_ratio"] / table[name, "x.prb_used_ratio"]
        assert abs(density - 1.0) < 1e-3
    decided = finished.controls().filter(pl.col("time_s") > 0.15)
    assert (decided["projected_min"] == 0.0).all()
    assert (decided["projected_max"] == 1.0).all()
    assert (
        decided.group_by("time_s").agg(pl.col("projected_compute").sum())["projected_compute"] - 1.0
    ).abs().max() < 1e-5
