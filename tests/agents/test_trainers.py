# SPDX-License-Identifier: MIT
"""The registry of trainers, as campaigns use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from agents.checkpoint import load_checkpoint
from agents.trainers import TRAINERS
from campaigns.model import TRAININGS
from campaigns.training import train
from pybridge.scenario import load_scenario
from tests.agents.test_meta_hrl import RANGES


def test_planning_loads_no_pytorch() -> None:
    code = "import sys, campaigns.plan; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


def test_every_trainer_has_a_model_with_its_defaults() -> None:
    assert TRAININGS.keys() == TRAINERS.keys()
    meta = TRAININGS["meta-hrl"].model_validate({"algorithm": "meta-hrl", "budget": 0.5})
    assert meta.options() == TRAINERS["meta-hrl"].options(budget=0.5)
    # Half of 44 + 10 iterations of 16 pairs of episodes, and of 3 of 8 tasks × 8 (1.5 is 2); 50 decisions each.
    assert meta.options().env_steps(50) == (27 * 32 + 2 * 64) * 50
    # Both variants have the same budget.
    options = TRAINERS["meta-hrl"].options
    assert {options(variant=variant).env_steps(50) for variant in ("ours", "paper")} == {96_000}
    assert TRAININGS["ppo"].model_validate({"algorithm": "ppo", "steps": 100}).options().env_steps(50) == 100


@pytest.mark.usefixtures("simulation_program")
@pytest.mark.parametrize("algorithm", ["ppo", "meta-hrl"])
def test_a_job_ends_in_a_checkpoint_and_a_curve(tmp_path: Path, algorithm: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "ppo": {"steps": 8, "rollout_steps": 4, "minibatch": 2, "epochs": 1},
        # One iteration of the joint stage, none before it.
        "meta-hrl": {"budget": 0.004, "iterations": 200, "low_level": False},
    }
    scenario = load_scenario("nr-small", {"timing.duration_s": 0.4, "timing.warm_up_s": 0.1})
    config = {
        "train": {"algorithm": algorithm, **options[algorithm]},
        "scenarios": [json.loads(json.dumps(scenario.model_dump(mode="json")))],
        "seed": 1,
        "tasks": RANGES,
    }
    progress: list[float] = []
    results = tmp_path / "results"
    results.mkdir()
    train(config, results, tmp_path / "states", progress.append)
    assert load_checkpoint(results / "checkpoint").header["algorithm"] == algorithm
    assert pl.read_parquet(results / "learning_curve.parquet").height >= 1
    assert progress[-1] == 1.0
    told = pl.read_parquet(results / "training.parquet")
    assert told.columns == ["step", "iteration", "name", "value"]
    files = {"checkpoint", "learning_curve.parquet", "training.parquet"}
    if algorithm == "meta-hrl":
        files |= {"tasks.yaml"}
        assert set(told.filter(pl.col("name").str.starts_with("weight/"))["iteration"]) == {1}
        assert told.filter(pl.col("name").str.starts_with("td_variance/"))["value"].min() > 0.0
        assert not told["name"].str.starts_with("speed/").any()
    assert {path.name for path in results.iterdir()} == files
