# SPDX-License-Identifier: MIT
"""Episodes that adaptation is judged by, and curves of it: the same for every method.

The seeds of an episode follow from the campaign's seed, what the episode is for, its number, and the task's name. So
every method is judged on the same traffic and channels (common random numbers), whatever tasks stand beside a task.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.rollout import Driver, Simulations
from pybridge.low_policy import LowPolicy

Single = NDArray[np.float32]
PLAYED, JUDGED = 11, 12
"""What episodes are for: to adapt by, or to judge by."""


class Judged(NamedTuple):
    """Means over judging episodes and steps."""

    reward: Single
    """(tasks,)."""
    qos: Single
    """(tasks, slices): hard satisfaction, in [0, 1]."""


@dataclass(frozen=True)
class Curve:
    """How tasks went while a policy adapted to them."""

    episodes: tuple[int, ...]
    """So many had been spent when it was judged."""
    reward: Single
    """(points, tasks): mean reward per step of judging episodes, which it does not learn from."""
    qos: Single
    """(points, tasks, slices): hard satisfaction in them."""
    played: Single
    """(episodes, tasks): mean reward per step of the episodes that were spent."""


def episode_seeds(seed: int, phase: int, number: int, tasks: Sequence[Any]) -> list[int]:
    """One per task, by its `name`. phase: `PLAYED` or `JUDGED`. number: of the episodes spent before."""
    return [_word([seed, phase, number, zlib.crc32(task.name.encode())]) for task in tasks]


def judge(
    simulations: Simulations,
    tasks: Sequence[Any],
    driver: Driver,
    episodes: int,
    seed: int,
    low: Sequence[LowPolicy | None] | None = None,
) -> Judged:
    """Play without noise, in as many waves as it takes. low: the tasks' low-level policies. Raises RolloutError."""
    at_once = max(1, simulations.vector.num_envs // len(tasks))
    waves = [
        simulations.play(
            tasks,
            driver,
            min(at_once, episodes - begin),
            episode_seeds(seed, JUDGED, begin, tasks),
            low or [None] * len(tasks),
        )
        for begin in range(0, episodes, at_once)
    ]
    reward = np.concatenate([wave.reward for wave in waves], axis=1)
    qos = np.concatenate([wave.qos for wave in waves], axis=1)
    return Judged(reward.mean(axis=(1, 2)), qos.mean(axis=(1, 2)))


def curve_of(points: Sequence[int], judged: Sequence[Judged], played: Sequence[Single], tasks: int) -> Curve:
    """judged: of each point. played: of each episode, (tasks,)."""
    return Curve(
        tuple(points),
        np.stack([one.reward for one in judged]),
        np.stack([one.qos for one in judged]),
        np.array(played, np.float32).reshape(-1, tasks),
    )


def _word(key: list[int]) -> int:
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
