# SPDX-License-Identifier: MIT
"""Baselines by name, on real NR cells for a few steps, and their checkpoints under `slicebridge run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import train_baselines
from agents.baseline_options import NetworkOptions, Rl2Options, RuleOptions
from agents.checkpoint import save_checkpoint
from agents.trainers import TrainingJob
from pybridge.run import run
from pybridge.scenario import load_scenario

TASKS = """
base: nr-small
set: {timing.duration_s: 0.4, timing.warm_up_s: 0.1, recording.packets: none, recording.ues: false}
vary: {slices.embb.ues: {integer: [2, 5]}}
"""
NETWORK: dict[str, Any] = {"steps": 16, "simulations": 2}
CASES: dict[str, tuple[str, Any]] = {
    "dpp": ("run_rule", RuleOptions(generations=1, tasks_per_generation=1, population=2, simulations=2)),
    "ppo": ("run_vector_ppo", NetworkOptions(**NETWORK)),
    "ppo of one task, told": ("run_vector_ppo", NetworkOptions(**NETWORK, task=3, track="told")),
    "sac": ("run_sac", NetworkOptions(**NETWORK, actions="scores")),
    "ddpg": ("run_ddpg", NetworkOptions(**NETWORK, rule=(0.5,) * 8)),
    "rl2": ("run_rl2", Rl2Options(**NETWORK, episodes=2)),
}


@pytest.mark.parametrize("name", CASES)
def test_trains_and_runs(name: str, tmp_path: Path, simulation_program: Any) -> None:
    function, options = CASES[name]
    file = tmp_path / "tasks.yaml"
    file.write_text(TASKS)
    seen: list[float] = []
    job = TrainingJob((), range(1), 1, tmp_path / "states", seen.append)
    options = type(options)(**{**vars(options), "tasks": str(file)})
    checkpoint, curve = getattr(train_baselines, function)(options, job)
    assert seen[-1] == 1.0
    assert curve.steps
    assert np.isfinite(curve.mean_reward).all()
    save_checkpoint(checkpoint, tmp_path / "policy")
    scenario = load_scenario("nr-small", {"timing.duration_s": 0.4, "timing.warm_up_s": 0.1})
    finished = run(scenario, str(tmp_path / "policy"), 1, tmp_path / "run")
    assert finished.controls()["time_s"].n_unique() == 4
