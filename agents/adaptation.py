# SPDX-License-Identifier: MIT
"""Adapting a trained policy to tasks by episodes, and judging it after so many of them.

* `ours`: weights and prices are inferred from rewards (`agents.reward_model`) and shown to networks and rule, as they
  were in training; nothing of the policy changes, and it acts without noise. Where they are told, nothing is left to
  adapt to.
* `paper`: inner gradient steps on both levels (METHOD.md 2), on `EPISODES_PER_STEP` episodes each; at points in between
  the policy is as after the last whole step. Trained without them (HRL without meta), it has to be given their size.

Every task is alone: what the policy learns of it comes from its own episodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.batch import Batch
from agents.checkpoint import CheckpointError
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
    step_size: float | None = None,
) -> Adapted:
    """Adapt, and judge after each number of episodes in `points` (rising; 0 is before any).

    prior: `agents.meta_hrl.PRIOR` of a checkpoint; needed by `ours`. judging: episodes per task and point.
    step_size: in place of the trained ones of `paper`. At most as many tasks as there are simulations. Raises
    ValueError for other points; RolloutError; CheckpointError if the learner has no way to adapt.
    """
    if not points or list(points) != sorted(set(points)) or points[0] < 0:
        raise ValueError(f"points are rising numbers of episodes, got {list(points)}")
    if learner.config.variant == "ours":
        if prior is None:
            raise ValueError("inferring weights and prices needs the prior of its checkpoint")
        if step_size:
            raise CheckpointError("ours infers, and takes no gradient steps")
        return _infer(learner, tasks, simulations, points, prior, judging, seed)
    if step_size is not None:
        for level in learner.levels.values():
            level.use_step_size(step_size)
    elif not learner.config.inner_steps:
        raise CheckpointError("trained without inner steps (adapt: false), so the size of its steps has to be chosen")
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
    judged, step = [], 0
    played: list[Single] = []

    def play(episodes: int) -> Mapping[str, Batch]:
        policies = {name: level.policies(parameters[name]) for name, level in levels.items()}
        batches = rollout(tasks, policies, episodes, episode_seeds(seed, PLAYED, len(played), tasks))
        played.extend(batches["high"].reward.mean(-1).T.numpy())
        return batches

    for point in points:
        while len(played) + EPISODES_PER_STEP <= point:
            batches = play(EPISODES_PER_STEP)
            parameters = {
                name: level.adapt(parameters[name], level.sample(batches[name], parameters[name]), step)
                for name, level in levels.items()
            }
            step += 1
        judged.append(judge(learner, tasks, parameters, simulations, judging, seed))
    if len(played) < points[-1]:
        play(points[-1] - len(played))
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
