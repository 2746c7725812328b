# SPDX-License-Identifier: MIT
"""Adapting a trained policy to tasks by episodes, and judging it after so many of them.

* `ours`: the context z is searched for, one candidate per episode, without action noise (`agents.latent_search`), in
  the space that z spans over training tasks; then the best guess is used.
* `paper`: inner gradient steps on both levels (METHOD.md 2), on `EPISODES_PER_STEP` episodes each.

Every task is alone: what the policy learns of it comes from its own episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from agents.conditioned import ConditionedActor
from agents.judging import PLAYED, Curve, Judged, curve_of, episode_seeds
from agents.judging import judge as judge_driver
from agents.latent_search import CrossEntropySearch, SearchConfig
from agents.level import TaskParameters
from agents.low_level import low_policies
from agents.meta_hrl import MetaHrl
from agents.network_task import NetworkTask
from agents.rollout import NetworkRollout, PolicyDriver, Simulations
from pybridge.low_policy import LowPolicy

EPISODES_PER_STEP = 4
_NEGLIGIBLE = 1e-3
"""Directions of z in which training tasks vary less than this part of the largest are not searched."""

Array = NDArray[np.float64]
LevelParameters = dict[str, TaskParameters]


@dataclass(frozen=True)
class Adapted:
    """What adapting gave."""

    curve: Curve
    parameters: LevelParameters
    """By level; every tensor has a leading axis of tasks."""


class LatentSpace:
    """z = mean + directions·c, c ~ N(0, 1) over training tasks: the coordinates that are searched."""

    def __init__(self, z: Array) -> None:
        """z: (tasks, Z), of training tasks."""
        self.mean = z.mean(axis=0)
        _, spread, rows = np.linalg.svd((z - self.mean) / np.sqrt(max(1, len(z))), full_matrices=False)
        kept = spread > max(_NEGLIGIBLE * spread[0], 1e-9)
        self._directions = spread[kept, np.newaxis] * rows[kept]

    @property
    def dimensions(self) -> int:
        """Coordinates; 0 if z is the same for all training tasks."""
        return len(self._directions)

    def z(self, coordinates: Array) -> Array:
        """(..., dimensions) to (..., Z)."""
        result: Array = self.mean + coordinates @ self._directions
        return result


def judge(
    learner: MetaHrl,
    tasks: Sequence[NetworkTask],
    parameters: LevelParameters,
    simulations: Simulations,
    episodes: int,
    seed: int,
) -> Judged:
    """Play without noise. The same seed meets the same traffic and channels, whatever the policy."""
    driver, low = _policies(learner, tasks, parameters)
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
    search: SearchConfig | None = None,
) -> Adapted:
    """Adapt, and judge after each number of episodes in `points` (rising; 0 is before any).

    prior: (tasks, Z) of a checkpoint's `prior.z`; needed by `ours`. judging: episodes per task and point.
    At most as many tasks as there are simulations. Raises ValueError for other points; RolloutError.
    """
    if not points or list(points) != sorted(set(points)) or points[0] < 0:
        raise ValueError(f"points are rising numbers of episodes, got {list(points)}")
    if learner.config.variant == "ours":
        if prior is None:
            raise ValueError("the search for z needs the prior of its checkpoint")
        return _search(learner, tasks, simulations, points, prior, judging, seed, search or SearchConfig())
    return _descend(learner, tasks, simulations, points, judging, seed)


def _search(
    learner: MetaHrl,
    tasks: Sequence[NetworkTask],
    simulations: Simulations,
    points: Sequence[int],
    prior: Array,
    judging: int,
    seed: int,
    config: SearchConfig,
) -> Adapted:
    space = LatentSpace(prior.astype(np.float64))
    size = max(1, space.dimensions)
    streams = [np.random.default_rng([seed, number]) for number in range(len(tasks))]
    searches = [CrossEntropySearch(np.zeros(size), np.ones(size), config, stream) for stream in streams]
    judged, played = [], []

    def parameters(coordinates: list[Array]) -> LevelParameters:
        z = space.z(np.stack(coordinates)[:, : space.dimensions])
        return _with_context(learner, z)

    for episode in range(points[-1] + 1):
        if episode in points:
            best = parameters([search.recommend() for search in searches])
            judged.append(judge(learner, tasks, best, simulations, judging, seed))
        if episode < points[-1]:
            candidates = parameters([search.ask() for search in searches])
            # Every episode meets traffic and channels of its own, as in a network that runs.
            driver, low = _policies(learner, tasks, candidates)
            wave = simulations.play(tasks, driver, 1, episode_seeds(seed, PLAYED, episode, tasks), low)
            played.append(wave.reward.mean(axis=(1, 2)))
            for search, value in zip(searches, played[-1], strict=True):
                search.tell(float(value))
    return Adapted(curve_of(points, judged, played, len(tasks)), best)


def _descend(
    learner: MetaHrl,
    tasks: Sequence[NetworkTask],
    simulations: Simulations,
    points: Sequence[int],
    judging: int,
    seed: int,
) -> Adapted:
    rollout = NetworkRollout(simulations, learner.controls)
    levels = {"high": learner.high} | ({} if learner.low is None else {"low": learner.low})
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
    learner: MetaHrl, tasks: Sequence[NetworkTask], parameters: LevelParameters
) -> tuple[PolicyDriver, list[LowPolicy | None]]:
    """Both levels without noise, for a wave."""
    high = learner.high.policies(parameters["high"])
    driver = PolicyDriver(learner.controls, high, tasks, explore=False, reveal=False)
    if learner.low is None:
        return driver, [None] * len(tasks)
    return driver, [*low_policies(learner.low.policies(parameters["low"]), len(tasks), explore=False)]


def _with_context(learner: MetaHrl, z: Array) -> LevelParameters:
    """Shared parameters with each task's z, (tasks, Z)."""
    shared = learner.high.shared(len(z))
    contexts = {"context": torch.from_numpy(z.astype(np.float32))}
    parameters = {"high": TaskParameters(shared.actor | contexts, shared.critic)}
    return parameters if learner.low is None else parameters | {"low": learner.low.shared(len(z))}


def prior_of(learner: MetaHrl, tensors: dict[str, NDArray[np.floating]]) -> Array | None:
    """(tasks, Z): `prior.z` of a checkpoint, where the policy has a context that is searched for."""
    if not isinstance(learner.high.actor(), ConditionedActor):
        return None
    prior: Array = tensors["prior.z"].astype(np.float64)
    return prior
