# SPDX-License-Identifier: MIT
"""Trains an agent on the scenarios of a job."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from agents.checkpoint import save_checkpoint
from agents.mixture import EnvFactory, TaskMixture
from agents.sb3 import PpoConfig, train_ppo
from campaigns.model import MAX_SEED, PpoTraining
from campaigns.store import CHECKPOINT, CURVE
from pybridge.envs import SliceEnv
from pybridge.records import write_parquet
from pybridge.scenario import Scenario, parse_scenario

SEEDS = range(MAX_SEED + 1, 2**31)
"""RngRun of training episodes: disjoint from those of evaluations."""


def train(config: dict[str, Any], directory: Path, on_progress: Callable[[float], None]) -> dict[str, str]:
    """Train as a plan's job says and write checkpoint and learning curve into `directory`; versions used come back."""
    training = PpoTraining.model_validate(config["train"])
    scenarios = [parse_scenario(json.dumps(scenario), "job.json") for scenario in config["scenarios"]]
    ppo = PpoConfig(**training.model_dump(exclude={"algorithm", "episode_s"}))
    checkpoint, curve = train_ppo(partial(_mixture, scenarios), ppo, config["seed"], on_progress)
    save_checkpoint(checkpoint, directory / CHECKPOINT)
    write_parquet(pl.DataFrame({"step": curve.steps, "mean_reward": curve.mean_reward}), directory / CURVE)
    versions: dict[str, str] = checkpoint.header["versions"]
    return versions


def _mixture(scenarios: Sequence[Scenario]) -> TaskMixture:
    tasks: list[EnvFactory] = [partial(SliceEnv, scenario) for scenario in scenarios]
    return TaskMixture(tasks, SEEDS)
