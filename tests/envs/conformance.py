# SPDX-License-Identifier: MIT
"""What every environment must pass, on whatever simulation."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.utils.env_checker import check_env as gymnasium_check_env
from pettingzoo.test import parallel_api_test
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from pybridge.envs.parallel_env import RanParallelEnv
from pybridge.envs.slice_env import SliceEnv


def check_slice_env(make: Callable[[], SliceEnv]) -> None:
    """The checkers of Gymnasium and of Stable-Baselines3."""
    env = make()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # The action is a Box of scores in [0, 1] on purpose, and an environment made by hand has no spec.
            for harmless in (".*symmetric and normalized.*", ".*spec.*", ".*alternative render modes.*"):
                warnings.filterwarnings("ignore", message=harmless)
            gymnasium_check_env(env)
            sb3_check_env(env)
    finally:
        env.close()


def check_parallel_env(make: Callable[[], RanParallelEnv], cycles: int = 60) -> None:
    """The checker of PettingZoo."""
    env = make()
    try:
        parallel_api_test(env, num_cycles=cycles)
    finally:
        env.close()


def slice_trajectory(env: SliceEnv, seed: int | None) -> list[Any]:
    """Observation, reward and info of every step under fixed actions."""
    random = np.random.default_rng(3)
    observation, info = env.reset(seed=seed)
    trajectory: list[Any] = [observation.tobytes(), info]
    truncated = False
    while not truncated:
        action = random.random(env.action_space.shape, dtype=np.float32)
        observation, reward, terminated, truncated, info = env.step(action)
        assert not terminated
        trajectory += [observation.tobytes(), reward, info["time_s"], info["qos"].tobytes(), env.state.body.tobytes()]
    return trajectory


def parallel_trajectory(env: RanParallelEnv, seed: int | None) -> list[Any]:
    """Raw state and rewards of every step under fixed actions."""
    random = np.random.default_rng(3)
    env.reset(seed=seed)
    trajectory: list[Any] = [env.network_state.body.tobytes()]
    while env.agents:
        actions = {agent: random.random(env.action_space(agent).shape, dtype=np.float32) for agent in env.agents}
        rewards = env.step(actions)[1]
        trajectory += [rewards, env.network_state.body.tobytes()]
    return trajectory
