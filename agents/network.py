# SPDX-License-Identifier: MIT
"""Where learners meet simulations: the only module here that makes environments and scenarios."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from agents.network_task import NetworkTask, TaskRanges, log_moments
from pybridge.envs import SlaReward, SliceVectorEnv
from pybridge.envs.reward import normalised_weights
from pybridge.scenario import Scenario, load_scenario
from pybridge.task import Task

MakeVector = Callable[[int], AbstractContextManager[Any]]


def vector_factory(task: NetworkTask, program: Sequence[str | Path] | None = None) -> MakeVector:
    """Makes vector environments of so many simulations; any task with as many cells and slices is one for them."""

    def make(num_envs: int) -> SliceVectorEnv:
        scenario = scenario_of(task)
        return SliceVectorEnv(
            scenario, num_envs, controls="capped", autoreset_mode=AutoresetMode.DISABLED, program=program
        )

    return make


def simulation_task(task: NetworkTask) -> Task:
    """A task for one sub-environment: its reward remembers the last period."""
    return Task(scenario_of(task), reward_of(task))


def scenario_task(
    source: str, ranges: TaskRanges, power_price: float, prb_price: float, episode_steps: int
) -> NetworkTask:
    """A scenario file, or a shipped one, as a task: its weights, these prices, episodes of so many periods.

    ranges: those that the policy was trained on. Raises `pybridge.ScenarioError`.
    """
    scenario = load_scenario(source)
    weights = normalised_weights(np.array([entry.sla.weight for entry in scenario.slices], np.float64))
    short = {
        "timing.duration_s": episode_steps * scenario.timing.high_period_ms / 1000,
        "recording.packets": "none",
        "recording.ues": False,
    }
    at = (log_moments(ranges.power_price), log_moments(ranges.prb_price))
    own = tuple(float(weight) for weight in weights)
    name, price = Path(source).stem, ranges.reconfiguration_price
    return NetworkTask(name, source, short, own, power_price, prb_price, price, ranges.track, at)


def reward_of(task: NetworkTask) -> SlaReward:
    """r_H with the task's weights and prices; `utility` is its U."""
    return SlaReward(task.power_price, task.prb_price, task.reconfiguration_price, task.weights)


def scenario_of(task: NetworkTask) -> Scenario:
    """The scenario; on the told track with the weights in its SLAs, where every policy sees them.

    Raises `pybridge.ScenarioError` if the overrides make none, or the base has another number of slices.
    """
    items = tuple((key, repr(value)) for key, value in task.overrides.items())
    return _scenario(_Key((task.base, items, task.weights, task.track), task))


class _Key:
    """A task for a cache: overrides may hold lists, which cannot be hashed."""

    def __init__(self, identity: tuple[Any, ...], task: NetworkTask) -> None:
        self.identity, self.task = identity, task

    def __hash__(self) -> int:
        return hash(self.identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.identity == other.identity


@lru_cache(maxsize=256)
def _scenario(key: _Key) -> Scenario:
    task = key.task
    weights = {
        f"slices.{index}.sla.weight": float(weight) if task.track == "told" else 1.0
        for index, weight in enumerate(task.weights)
    }
    return load_scenario(task.base, {**task.overrides, **weights})
