# SPDX-License-Identifier: MIT
"""A Gymnasium vector environment as stable-baselines3 wants one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn


class Sb3VectorEnv(VecEnv):
    """Passes calls on; the end of an episode is told by `terminal_observation` and `TimeLimit.truncated`."""

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        """env: with autoreset in the same step. Raises `ValueError` if it has another mode."""
        if env.metadata.get("autoreset_mode") != AutoresetMode.SAME_STEP:
            raise ValueError("stable-baselines3 needs a vector environment with autoreset_mode SAME_STEP")
        self.env = env
        self.render_mode = env.render_mode
        self._actions: NDArray[Any] | None = None
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> NDArray[Any]:
        """Observations, shape (num_envs, …), under the seeds that `seed()` set last."""
        seeds = None if all(seed is None for seed in self._seeds) else list(self._seeds)
        observations, infos = self.env.reset(seed=seeds)  # type: ignore[arg-type]
        self.reset_infos = self._split(infos)
        self._reset_seeds()
        return np.asarray(observations)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions until `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Observations, rewards, dones, and an info of each."""
        observations, rewards, terminations, truncations, infos = self.env.step(self._actions)
        split = self._split(infos)
        for index, info in enumerate(split):
            info["TimeLimit.truncated"] = bool(truncations[index] and not terminations[index])
            if "final_obs" in info:
                info["terminal_observation"] = info.pop("final_obs")
        return np.asarray(observations), np.asarray(rewards, np.float32), terminations | truncations, split

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of the vector environment, which all share."""
        return [getattr(self.env, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Not for one of several."""
        raise NotImplementedError("sub-environments have no attributes of their own that could be set")

    def env_method(self, method_name: str, *arguments: Any, indices: VecEnvIndices = None, **named: Any) -> list[Any]:
        """Not for one of several."""
        raise NotImplementedError("sub-environments are not called one by one")

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """None is."""
        return [False] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[NDArray[Any] | None]:
        """There is nothing to be seen."""
        return [None] * self.num_envs

    def _split(self, infos: dict[str, Any]) -> list[dict[str, Any]]:
        return [_of(infos, index) for index in range(self.num_envs)]


def _of(infos: dict[str, Any], index: int) -> dict[str, Any]:
    """The info of one, from arrays with masks as Gymnasium batches them."""
    out: dict[str, Any] = {}
    for key in _keys(infos):
        if infos[f"_{key}"][index]:
            out[key] = _of(infos[key], index) if isinstance(infos[key], dict) else infos[key][index]
    return out


def _keys(infos: dict[str, Any]) -> Iterable[str]:
    return [key for key in infos if not key.startswith("_")]
