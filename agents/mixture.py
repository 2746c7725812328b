# SPDX-License-Identifier: MIT
"""One Gymnasium environment out of several tasks, a task per episode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
EnvFactory = Callable[[], gym.Env[Array, Array]]


class TaskMixture(gym.Env[Array, Array]):
    """Plays the tasks in shuffled rounds: each occurs once per round, so that short trainings are balanced.

    All tasks have the same spaces. Every episode gets a seed of its own from `seeds`, drawn by this environment's
    random stream: `reset(seed=s)` fixes the order of tasks and all the episodes' seeds that follow.
    """

    def __init__(self, tasks: Sequence[EnvFactory], seeds: range) -> None:
        """Builds the tasks' environments. Raises ValueError without tasks, or if their spaces differ."""
        if not tasks:
            raise ValueError("a mixture needs at least one task")
        self._tasks: list[gym.Env[Array, Array]] = []
        self._seeds = seeds
        self._round: list[int] = []
        try:
            for build in tasks:
                self._tasks.append(build())
            first = self._tasks[0]
            for index, task in enumerate(self._tasks):
                if (task.observation_space, task.action_space) != (first.observation_space, first.action_space):
                    raise ValueError(f"spaces of task {index} are not those of task 0")
        except BaseException:
            self.close()
            raise
        self.observation_space = first.observation_space
        self.action_space = first.action_space
        self._current = first

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin an episode of the next task; `info["task"]` is its index."""
        super().reset(seed=seed)
        if seed is not None or not self._round:
            self._round = [int(index) for index in self.np_random.permutation(len(self._tasks))]
        task = self._round.pop()
        self._current = self._tasks[task]
        episode_seed = int(self._seeds[int(self.np_random.integers(len(self._seeds)))])
        observation, info = self._current.reset(seed=episode_seed, options=options)
        return observation, info | {"task": task}

    def step(self, action: Array) -> tuple[Array, SupportsFloat, bool, bool, dict[str, Any]]:
        """One step of the current task."""
        return self._current.step(action)

    def close(self) -> None:
        """Close all tasks, even if closing one of them fails."""
        errors = []
        for task in self._tasks:
            try:
                task.close()
            except Exception as error:  # closing the others matters more
                errors.append(error)
        if errors:
            raise errors[0]
