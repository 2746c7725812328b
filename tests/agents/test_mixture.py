# SPDX-License-Identifier: MIT
"""A mixture of tasks is balanced, seeded, and gives its tasks back."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from agents.mixture import TaskMixture

SEEDS = range(1000, 2000)


class Recorded(gym.Env[np.ndarray, np.ndarray]):
    """Remembers the seeds that it was reset with."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, fail_at_close: bool = False) -> None:
        self.seeds: list[int | None] = []
        self.closed = False
        self.fail_at_close = fail_at_close
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.steps = 0
        return self.np_random.uniform(-1, 1, 2).astype(np.float32), {}

    def step(self, action: np.ndarray) -> Any:
        self.steps += 1
        return self.np_random.uniform(-1, 1, 2).astype(np.float32), 0.0, False, self.steps == 5, {}

    def close(self) -> None:
        self.closed = True
        if self.fail_at_close:
            raise RuntimeError("stuck")


def mixture(count: int) -> tuple[TaskMixture, list[Recorded]]:
    tasks = [Recorded() for _ in range(count)]
    return TaskMixture([lambda task=task: task for task in tasks], SEEDS), tasks


def test_is_a_gymnasium_environment() -> None:
    check_env(mixture(3)[0], skip_render_check=True)


def test_every_round_has_each_task_once() -> None:
    environment, tasks = mixture(4)
    order = [environment.reset(seed=1)[1]["task"]] + [environment.reset()[1]["task"] for _ in range(11)]
    for start in (0, 4, 8):
        assert sorted(order[start : start + 4]) == [0, 1, 2, 3]
    assert [len(task.seeds) for task in tasks] == [3, 3, 3, 3]


def test_episode_seeds_differ_and_come_from_the_range() -> None:
    environment, tasks = mixture(2)
    environment.reset(seed=1)
    for _ in range(9):
        environment.reset()
    seeds = [seed for task in tasks for seed in task.seeds]
    assert all(seed in SEEDS for seed in seeds)
    assert len(set(seeds)) > 5


def test_seed_fixes_order_and_episode_seeds() -> None:
    def trajectory(seed: int) -> list[Any]:
        environment, tasks = mixture(3)
        order = [environment.reset(seed=seed)[1]["task"]] + [environment.reset()[1]["task"] for _ in range(8)]
        return [order, [task.seeds for task in tasks]]

    assert trajectory(5) == trajectory(5)
    assert trajectory(5) != trajectory(6)


def test_close_closes_all_even_if_one_fails() -> None:
    tasks = [Recorded(fail_at_close=True), Recorded()]
    environment = TaskMixture([lambda task=task: task for task in tasks], SEEDS)
    with pytest.raises(RuntimeError, match="stuck"):
        environment.close()
    assert all(task.closed for task in tasks)


def test_tasks_of_different_spaces_are_refused_and_closed() -> None:
    odd = Recorded()
    odd.action_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    first = Recorded()
    with pytest.raises(ValueError, match="spaces of task 1"):
        TaskMixture([lambda: first, lambda: odd], SEEDS)
    assert first.closed
    assert odd.closed


def test_no_tasks() -> None:
    with pytest.raises(ValueError, match="at least one task"):
        TaskMixture([], SEEDS)
