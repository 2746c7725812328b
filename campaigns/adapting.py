# SPDX-License-Identifier: MIT
"""Adapts a method to held-out tasks as a job says, and judges it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from agents.adapters import ADAPTERS, VALIDATION_TASKS, AdaptJob
from agents.checkpoint import load_checkpoint
from agents.judging import Curve
from agents.network import reward_of, scenario_of, simulation_task, vector_factory
from agents.network_task import NetworkTask, TaskDistribution, TaskRanges
from agents.rollout import Driver, Simulations, Wave
from campaigns.model import Adaptation
from campaigns.store import ADAPTATION, PLAYED
from pybridge.low_policy import LowPolicy
from pybridge.records import write_parquet

TASKS_AT_ONCE = 8
EPISODES_AT_ONCE = 4
"""Of each task. Simulations at once are part of what bits depend on, so they are the same for every method."""


def adapt(
    config: dict[str, Any], directory: Path, checkpoint: Path | None, on_progress: Callable[[float], None]
) -> None:
    """Adapt as a plan's job says and write adaptation.parquet and played.parquet into `directory`.

    checkpoint: of what was trained; without one the job's `policy` is built in.
    """
    settings = Adaptation.model_validate(config["adaptation"])
    tasks = TaskDistribution(TaskRanges.model_validate(config["tasks"]))
    held_out = tasks.tasks("test", settings.held_out)
    adapter = ADAPTERS[config["adapt"]]
    points = adapter.points(settings.episodes)
    trained = None if checkpoint is None else load_checkpoint(checkpoint)
    groups = [held_out[begin : begin + TASKS_AT_ONCE] for begin in range(0, len(held_out), TASKS_AT_ONCE)]
    total = adapter.episodes(len(held_out), settings.episodes, settings.judging)
    curves = []
    with vector_factory(held_out[0])(TASKS_AT_ONCE * EPISODES_AT_ONCE) as vector:
        steps = scenario_of(held_out[0]).timing.n_high_epochs
        simulations = _Counting(vector, steps, lambda episodes: on_progress(min(1.0, episodes / total)))
        policy = None if trained else str(config["policy"])
        validation = tasks.tasks("validation", VALIDATION_TASKS)
        job = AdaptJob(validation, points, settings.judging, config["seed"], simulations, policy, trained)
        step_size = adapter.choose(job) if adapter.chooses else None
        for group in groups:
            curves.append(adapter.adapt(replace(job, tasks=group, step_size=step_size)))
    on_progress(1.0)
    pairs = list(zip(groups, curves, strict=True))
    judged = pl.concat(_judged(group, curve, settings, steps) for group, curve in pairs)
    write_parquet(judged.with_columns(step_size=pl.lit(step_size, pl.Float64)), directory / ADAPTATION)
    write_parquet(pl.concat(_played(group, curve, steps) for group, curve in pairs), directory / PLAYED)


class _Counting(Simulations):
    """Tells how many episodes have been played."""

    def __init__(self, vector: Any, steps: int, on_episodes: Callable[[int], None]) -> None:
        super().__init__(vector, simulation_task, steps)
        self._on_episodes = on_episodes

    def play(
        self,
        tasks: Sequence[NetworkTask],
        driver: Driver,
        episodes: int,
        seeds: Sequence[int],
        low: Sequence[LowPolicy | None],
    ) -> Wave:
        wave = super().play(tasks, driver, episodes, seeds, low)
        self._on_episodes(self.clock.env_steps // self.steps)
        return wave


def _judged(tasks: Sequence[NetworkTask], curve: Curve, settings: Adaptation, steps: int) -> pl.DataFrame:
    """A row per task and point."""
    rows = []
    for index, task in enumerate(tasks):
        scenario, utility = scenario_of(task), reward_of(task).utility
        cells = scenario.cells.count
        ues = cells * sum(entry.ues for entry in scenario.slices)
        place = {"task": task.name, "size": settings.size_of(ues), "cells": cells, "ues": ues}
        for point, spent in enumerate(curve.episodes):
            reward = float(curve.reward[point, index])
            qos = {f"qos_{entry.name}": float(curve.qos[point, index, k]) for k, entry in enumerate(scenario.slices)}
            numbers = {"episodes": spent, "env_steps": spent * steps, "reward": reward, "utility": utility(reward)}
            rows.append(place | numbers | qos)
    return pl.DataFrame(rows)


def _played(tasks: Sequence[NetworkTask], curve: Curve, steps: int) -> pl.DataFrame:
    """A row per task and episode."""
    schema = {
        "task": pl.String, "episode": pl.Int64, "env_steps": pl.Int64, "reward": pl.Float64, "utility": pl.Float64,
    }  # fmt: skip
    rows = [
        (task.name, episode + 1, (episode + 1) * steps, float(reward), reward_of(task).utility(float(reward)))
        for index, task in enumerate(tasks)
        for episode, reward in enumerate(np.asarray(curve.played[:, index]))
    ]
    return pl.DataFrame(rows, schema, orient="row")
