# SPDX-License-Identifier: MIT
"""NR scenarios through Python: environments, runs, and every channel model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pybridge.envs import RanParallelEnv, SliceEnv
from pybridge.program import program_schema
from pybridge.run import run
from pybridge.scenario import Scenario, load_scenario, parse_scenario
from pybridge.schema import parse_schema
from tests.envs.conformance import check_parallel_env, check_slice_env, slice_trajectory
from tests.scenario.scenario_factory import scenario_yaml

pytestmark = pytest.mark.usefixtures("simulation_program")


def small() -> Scenario:
    """The shipped nr-small, two seconds of it."""
    return load_scenario("nr-small", {"timing.duration_s": 2.0})


def test_environments_conform_on_nr_small() -> None:
    check_slice_env(lambda: SliceEnv(small()))
    check_parallel_env(lambda: RanParallelEnv(small()))


def test_same_seed_same_bits_another_seed_others() -> None:
    env = SliceEnv(small())
    try:
        first, second, other = (slice_trajectory(env, seed) for seed in (5, 5, 6))
    finally:
        env.close()
    assert first[0] == second[0]
    assert all(str(a) == str(b) for a, b in zip(first, second, strict=True))
    assert first[0] != other[0]


@pytest.mark.parametrize("policy", ["static", "proportional", "max-weight"])
def test_every_packet_is_accounted_for(tmp_path: Path, policy: str) -> None:
    kpm = run(small(), policy, 1, tmp_path / "out").kpm().filter(pl.col("ue").is_null())
    total = dict(kpm.group_by("name").agg(pl.col("value").sum()).iter_rows())
    last = kpm.filter(pl.col("time_s") == kpm["time_s"].max(), pl.col("name") == "x.packets_queued")["value"].sum()
    settled = total["x.packets_delivered"] + total["x.packets_dropped"] + total["x.packets_lost"]
    queued_at_the_start = settled + last - total["x.packets_sent"]
    assert total["x.packets_sent"] > 1000
    assert 0 <= queued_at_the_start <= 500


CHANGES: list[dict[str, Any]] = [
    *({"propagation": {"model": model}} for model in ("uma", "umi", "rma", "inh")),
    {"propagation": {"model": "constant-loss", "loss_db": 110, "fading": "tdl-e"}},
    {"propagation": {"model": "constant-sinr", "sinr_db": 15}},
    {"propagation": {"line_of_sight": "never", "shadowing": False, "fading": "tdl-a", "delay_spread_ns": 300}},
    {"carrier": {"numerology": 0, "bandwidth_mhz": 50}},
    {"carrier": {"numerology": 3, "bandwidth_mhz": 400, "frequency_ghz": 28.0, "slot_pattern": "DDDSU"}},
    {"carrier": {"rbg_size_prb": 51, "mcs_table": 2, "data_symbols": 7, "control_symbols": 3}},
    {"harq": {"processes": 1, "transmissions": 1, "n0_slots": 0, "n2_slots": 0, "decode_us": 0}},
    {"csi": {"period_slots": 1, "delay_slots": 0, "outer_loop_step_db": 0}},
    {"cells": {"count": 3}, "slices__0__rule": "max-cqi"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_the_program_takes_and_runs_what_the_model_takes(tmp_path: Path, changes: dict[str, Any]) -> None:
    scenario = parse_scenario(scenario_yaml(ran="nr", timing__duration_s=0.5, **changes))
    schema = parse_schema(json.dumps(program_schema(scenario)))
    assert tuple(schema.ue_slice) == scenario.ue_slice
    kpm = run(scenario, "static", 1, tmp_path / "out").kpm()
    assert kpm.filter(pl.col("name") == "x.packets_delivered")["value"].sum() > 0
    assert kpm.filter(pl.col("name") == "RRU.PrbUsedDl")["value"].sum() > 0
