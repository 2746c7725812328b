# SPDX-License-Identifier: MIT
"""Trains an agent on the scenarios of a job."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from agents.checkpoint import load_checkpoint, save_checkpoint
from agents.trainers import TRAINERS, TrainingJob
from campaigns.model import MAX_SEED, TRAININGS
from campaigns.store import CHECKPOINT, CURVE, SCALARS, TASKS
from pybridge.envs import SliceEnv
from pybridge.records import write_parquet
from pybridge.scenario import parse_scenario

SCALARS_SCHEMA = {"step": pl.Int64, "iteration": pl.Int64, "name": pl.String, "value": pl.Float64}

SEEDS = range(MAX_SEED + 1, 2**31)
"""RngRun of training episodes: disjoint from those of evaluations."""


def train(
    config: dict[str, Any],
    directory: Path,
    states: Path,
    on_progress: Callable[[float], None],
    rule: Path | None = None,
) -> None:
    """Train as a plan's job says and write what comes of it into `directory`.

    states: folder for what an interrupted training goes on from, the same for every attempt at a job.
    rule: the tuned rule's checkpoint that it begins at, where the job names one.
    """
    training = TRAININGS[config["train"]["algorithm"]].model_validate(config["train"])
    options: Any = training.options()
    if training.on_tasks:
        options = replace(options, tasks=str(_write_tasks(config["tasks"], directory)))
    if rule is not None:
        parameters = load_checkpoint(rule).tensors["parameters"]
        options = replace(options, rule=tuple(float(number) for number in parameters))
    scenarios = [parse_scenario(json.dumps(scenario), "job.json") for scenario in config["scenarios"]]
    job = TrainingJob(
        [partial(SliceEnv, scenario) for scenario in scenarios], SEEDS, config["seed"], states, on_progress
    )
    checkpoint, curve = TRAINERS[training.algorithm].train(options, job)
    save_checkpoint(checkpoint, directory / CHECKPOINT)
    write_parquet(pl.DataFrame({"step": curve.steps, "mean_reward": curve.mean_reward}), directory / CURVE)
    write_parquet(pl.DataFrame(curve.scalars, SCALARS_SCHEMA, orient="row"), directory / SCALARS)


def _write_tasks(ranges: dict[str, Any], directory: Path) -> Path:
    """What tasks are drawn from, as the plan read it: the campaign's file may be another by now, or elsewhere."""
    file = directory / TASKS
    file.write_text(yaml.safe_dump(ranges, sort_keys=True), encoding="utf-8")
    return file
