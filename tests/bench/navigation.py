# SPDX-License-Identifier: MIT
"""2-D navigation (MAML, Finn et al. 2017, arXiv:1703.03400, section 5.3) for the meta-learner's rollout interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from agents.batch import Batch
from agents.meta import Seeds
from agents.policies import TaskPolicies

HORIZON = 100
LARGEST_STEP = 0.1
ARRIVED_WITHIN = 0.01


@dataclass(frozen=True)
class Goal:
    """A task: where to go, and how much noise of mean 0 the rewards carry."""

    x: float
    y: float
    noise_std: float = 0.0

    @property
    def family(self) -> str:
        return "noisy" if self.noise_std > 0.0 else "clear"


def sample_goals(stream: np.random.Generator, count: int) -> list[Goal]:
    """Goals uniform in [−0.5, 0.5]²."""
    return [Goal(*map(float, xy)) for xy in stream.uniform(-0.5, 0.5, (count, 2))]


def play(
    tasks: Sequence[Goal], policies: Mapping[str, TaskPolicies], episodes: int, seeds: Seeds, reward_scale: float = 1.0
) -> dict[str, Batch]:
    """All tasks' episodes side by side. The agent starts at the origin and sees its position; the reward is minus the
    distance to the goal, which is not seen; an episode ends within 0.01 of it."""
    [(level, policy)] = policies.items()
    streams = [np.random.default_rng(int(seed)) for seed in seeds]
    goal = np.array([[task.x, task.y] for task in tasks])[:, np.newaxis]
    noise = np.array([task.noise_std for task in tasks])[:, np.newaxis]
    shape = (len(tasks), episodes)
    position = np.zeros((*shape, HORIZON + 1, 2), np.float32)
    action = np.zeros((*shape, HORIZON, 2), np.float32)
    reward = np.zeros((*shape, HORIZON), np.float32)
    terminated, valid = np.zeros((*shape, HORIZON), bool), np.zeros((*shape, HORIZON), bool)
    playing = np.ones(shape, bool)
    for t in range(HORIZON):
        action[:, :, t] = policy.act(position[:, :, t], streams)
        step = LARGEST_STEP * np.clip(action[:, :, t], -1.0, 1.0)
        position[:, :, t + 1] = position[:, :, t] + np.where(playing[..., np.newaxis], step, 0.0)
        distance = np.linalg.norm(position[:, :, t + 1] - goal, axis=-1)
        disturbance = np.stack([stream.standard_normal(episodes) for stream in streams])
        reward[:, :, t] = reward_scale * (noise * disturbance - distance)
        valid[:, :, t] = playing
        terminated[:, :, t] = playing & (distance < ARRIVED_WITHIN)
        playing = playing & ~terminated[:, :, t]
    arrays = (position, action, reward, terminated, valid)
    return {level: Batch(*(torch.from_numpy(array) for array in arrays))}
