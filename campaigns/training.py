# SPDX-License-Identifier: MIT
"""Trains an agent on the scenarios of a job."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from agents.checkpoint import save_checkpoint
from agents.trainers import TRAINERS, TrainingJob
from campaigns.model import MAX_SEED, TRAININGS
from campaigns.store import CHECKPOINT, CURVE
from pybridge.envs import SliceEnv
from pybridge.records import write_parquet
from pybridge.scenario import parse_scenario

SEEDS = range(MAX_SEED + 1, 2**31)
"""RngRun of training episodes: disjoint from those of evaluations."""


def train(
    config: dict[str, Any], directory: Path, states: Path, on_progress: Callable[[float], None]
) -> dict[str, str]:
    """Train as a plan's job says and write checkpoint and learning curve into `directory`; versions used come back.

    states: folder for what an interrupted training goes on from, the same for every attempt at a job.
    """
    training = TRAININGS[config["train"]["algorithm"]].model_validate(config["train"])
    scenarios = [parse_scenario(json.dumps(scenario), "job.json") for scenario in config["scenarios"]]
    job = TrainingJob(
        [partial(SliceEnv, scenario) for scenario in scenarios], SEEDS, config["seed"], states, on_progress
    )
    checkpoint, curve = TRAINERS[training.algorithm].train(training.options(), job)
    save_checkpoint(checkpoint, directory / CHECKPOINT)
    write_parquet(pl.DataFrame({"step": curve.steps, "mean_reward": curve.mean_reward}), directory / CURVE)
    versions: dict[str, str] = checkpoint.header["versions"]
    return versions
