# SPDX-License-Identifier: MIT
"""Adapting a trained policy to tasks by episodes, and judging it after so many of them.

* `ours`: weights and prices are inferred from rewards (`agents.reward_model`) and shown to networks and rule, as they
  were in training; nothing of the policy changes, and it acts without noise. Where they are told, nothing is left to
  adapt to.
* `paper`: inner gradient steps on both levels (METHOD.md 2), on `EPISODES_PER_STEP` episodes each.

Every task is alone: what the policy learns of it comes from its own episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.judging import PLAYED, Curve, Judged, curve_of, episode_seeds
from agents.judging import judge as judge_driver
from agents.level import TaskParameters
from agents.low_level import low_policies
from agents.meta_hrl import MetaHrl
from agents.network_task import NetworkTask
from agents.reward_model import Beliefs, reward_terms
from agents.rollout import NetworkRollout, PolicyDriver, Simulations
from pybridge.low_policy import LowPolicy

EPISODES_PER_STEP = 4

Array = NDArray[np.float64]
Single = NDArray[np.float32]
LevelParameters = dict[str, TaskParameters]


@dataclass(frozen=True)
class Adapted:
    """What adapting gave."""

    curve: Curve
    parameters: LevelParameters
    """By level; every tensor has a leading axis of tasks."""
    believed: Single | None = None
    """(tasks, features): what networks are shown in the place of `NetworkTask.features` where these are hidden."""


def judge(
    learner: MetaHrl,
    tasks: Sequence[NetworkTask],
    parameters: LevelParameters,
    simulations: Simulations,
    episodes: int,
    seed: int,
    believed: Single | None = None,
) -> Judged:
    """Play without noise. The same seed meets the same traffic and channels, whatever the policy.

    believed: see `Adapted`.
    """
    driver, low = _policies(learner, tasks, parameters, believed)
    return judge_driver(simulations, tasks, driver, episodes, seed, low)


def adapt(
    learner: MetaHrl,
    tasks: Sequence[NetworkTask],
    simulations: Simulations,
    points: Sequence[int],
    *,
    prior: Array | None = None,
    judging: int = 2,
    seed: int = 0,
) -> Adapted:
    """Adapt, and judge after each number of episodes in `points` (rising; 0 is before any).

    prior: `agents.meta_hrl.PRIOR` of a checkpoint; needed by `ours`. judging: episodes per task and point.
    At most as many tasks as there are simulations. Raises ValueError for other points; RolloutError.
    """
    if not points or list(points) != sorted(set(points)) or points[0] < 0:
        raise ValueError(f"points are rising numbers of episodes, got {list(points)}")
    if learner.config.variant == "ours":
        if prior is None:
            raise ValueError("inferring weights and prices needs the prior of its checkpoint")
        return _infer(learner, tasks, simulations, points, prior, judging, seed)
    return _descend(learner, tasks, simulations, points, judging, seed)


def _infer(
    learner: MetaHrl,
    tasks: Sequence[NetworkTask],
    simulations: Simulations,
    points: Sequence[int],
    prior: Array,
    judging: int,
    seed: int,
) -> Adapted:
    parameters = {name: level.shared(len(tasks)) for name, level in learner.levels.items()}
    beliefs = Beliefs(tasks, prior)
    judged, played = [], []
    for episode in range(points[-1] + 1):
        believed = beliefs.features()
        if episode in points:
            judged.append(judge(learner, tasks, parameters, simulations, judging, seed, believed))
        if episode < points[-1]:
            # Every episode meets traffic and channels of its own, as in a network that runs.
            driver, low = _policies(learner, tasks, parameters, believed)
            wave = simulations.play(tasks, driver, 1, episode_seeds(seed, PLAYED, episode, tasks), low)
            played.append(wave.reward.mean(axis=(1, 2)))
            terms = reward_terms(driver.observations(), learner.network.cells, learner.network.slices)
            beliefs.add(terms, wave.reward)
    return Adapted(curve_of(points, judged, played, len(tasks)), parameters, believed)


def _descend(
    learner: MetaHrl,
    tasks: Sequence[NetworkTask],
    simulations: Simulations,
    points: Sequence[int],
    judging: int,
    seed: int,
) -> Adapted:
    rollout = NetworkRollout(simulations, learner.controls)
    levels = learner.levels
    parameters = {name: level.shared(len(tasks)) for name, level in levels.items()}
    judged, played, spent, step = [], [], 0, 0
    for point in points:
        while spent < point:
            episodes = min(EPISODES_PER_STEP, point - spent)
            policies = {name: level.policies(parameters[name]) for name, level in levels.items()}
            batches = rollout(tasks, policies, episodes, episode_seeds(seed, PLAYED, spent, tasks))
            played += list(batches["high"].reward.mean(-1).T.numpy())
            parameters = {
                name: level.adapt(parameters[name], level.sample(batches[name], parameters[name]), step)
                for name, level in levels.items()
            }
            spent, step = spent + episodes, step + 1
        judged.append(judge(learner, tasks, parameters, simulations, judging, seed))
    return Adapted(curve_of(points, judged, played, len(tasks)), parameters)


def _policies(
    learner: MetaHrl, tasks: Sequence[NetworkTask], parameters: LevelParameters, believed: Single | None
) -> tuple[PolicyDriver, list[LowPolicy | None]]:
    """Both levels without noise, for a wave."""
    high = learner.high.policies(parameters["high"])
    driver = PolicyDriver(learner.controls, high, tasks, explore=False, believed=believed)
    if learner.low is None:
        return driver, [None] * len(tasks)
    return driver, [*low_policies(learner.low.policies(parameters["low"]), len(tasks), explore=False)]
