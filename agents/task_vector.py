# SPDX-License-Identifier: MIT
"""Tasks on many simulations as one environment of stable-baselines3: all play an episode each, then get other tasks.

For RL² (Duan et al. 2016, arXiv:1611.02779) several episodes of one task make a trial: only at its end is an agent told
`done`, so that a recurrent policy keeps its state, and it observes its last action, the reward for it, and a 1 at the
first step of each episode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from agents.actuators import Actuator
from agents.batch import RolloutError
from agents.network_policy import remembered
from agents.network_task import NetworkTask
from agents.rollout import FIRST_SEED, LAST_SEED, VectorEnvironment

Single = NDArray[np.float32]
TaskSampler = Callable[[np.random.Generator, int], Sequence[NetworkTask]]
LARGEST = 100.0
"""Bound of the observation space; observations are within about ±5."""


class TaskVecEnv(VecEnv):
    """Actions are numbers in [-1, 1] that an `Actuator` translates; observations end with what the track tells.

    Which tasks and seeds come follows from `seed` alone. Every `info` at the end of an episode has `episode` (`r` its
    sum of rewards, `l` its length). A number that is not finite, or a lost simulation, raises `RolloutError`.
    """

    def __init__(
        self,
        vector: VectorEnvironment,
        as_task: Callable[[NetworkTask], Any],
        sample_tasks: TaskSampler,
        steps: int,
        actuator: Actuator,
        *,
        episodes: int = 1,
        remember: bool = False,
        seed: int = 0,
    ) -> None:
        """vector: with autoreset disabled; it is not closed here. as_task: as for `agents.rollout.Simulations`.

        steps: of an episode. episodes: of a trial, after which tasks change. remember: observe as RL² does.
        Raises ValueError for numbers below 1.
        """
        if steps < 1 or episodes < 1:
            raise ValueError(f"steps and episodes are at least 1, got {steps} and {episodes}")
        self._vector, self._as_task, self._sample = vector, as_task, sample_tasks
        self._steps, self._episodes, self._remember = steps, episodes, remember
        self._actuator = actuator
        self._stream = np.random.default_rng([seed, 7])
        size = actuator.interface.observation_shape[0] + (actuator.size + 2 if remember else 0)
        self.render_mode = None
        super().__init__(
            vector.num_envs,
            gym.spaces.Box(-LARGEST, LARGEST, (size,), np.float32),
            gym.spaces.Box(-1.0, 1.0, (actuator.size,), np.float32),
        )
        self._actions = np.zeros((self.num_envs, actuator.size), np.float32)
        self._memory = actuator.start((self.num_envs,))
        self._returns = np.zeros(self.num_envs)
        self._step = self._episode = 0

    def reset(self) -> Single:
        """The first observations of a new trial, (num_envs, …)."""
        self._begin_trial()
        self.reset_infos = [{} for _ in range(self.num_envs)]
        return self._seen(np.zeros(self.num_envs, np.float32), begins=True)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions until `step_wait`."""
        self._actions = np.clip(np.asarray(actions, np.float32), -1.0, 1.0)

    def step_wait(self) -> VecEnvStepReturn:
        """Observations, rewards, dones, and an info of each."""
        action, self._memory = self._actuator.apply(self._actions, self._observation, self._memory)
        self._vector.send(action, range(self.num_envs))
        batch = self._vector.recv(min_batch=self.num_envs)
        order = np.argsort(batch.env_ids)
        self._refuse_lost(batch, order)
        self._observe(batch.observations[order])
        reward = np.asarray(batch.rewards[order], np.float32)
        self._check(reward, "reward")
        self._returns += reward
        self._step += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        dones = np.zeros(self.num_envs, bool)
        begins = self._step == self._steps
        if begins:
            dones, infos = self._end_episode(reward)
        return self._seen(reward * ~dones, begins=begins), reward, dones, infos

    def close(self) -> None:
        """The simulations belong to whoever made them."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of this object, which all share."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

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

    def _begin_trial(self) -> None:
        self._tasks = list(self._sample(self._stream, self.num_envs))
        self._shown = np.stack([task.shown for task in self._tasks])
        self._episode = 0
        self._actions = np.zeros_like(self._actions)
        self._begin_episode()

    def _begin_episode(self) -> None:
        runs = [int(run) for run in self._stream.integers(FIRST_SEED, LAST_SEED, size=self.num_envs)]
        options = {"tasks": [self._as_task(task) for task in self._tasks]}
        observation, _ = self._vector.reset(seed=runs, options=options)
        self._observe(np.asarray(observation, np.float32))
        self._memory = self._actuator.start((self.num_envs,))
        self._step, self._returns = 0, np.zeros(self.num_envs)

    def _end_episode(self, reward: Single) -> tuple[NDArray[np.bool_], list[dict[str, Any]]]:
        """Dones and infos; the next episode or trial has begun."""
        infos: list[dict[str, Any]] = [{"episode": {"r": float(r), "l": self._steps, "t": 0.0}} for r in self._returns]
        self._episode += 1
        ends = self._episode == self._episodes
        if ends:
            for info, last in zip(infos, self._seen(reward, begins=False), strict=True):
                info |= {"terminal_observation": last, "TimeLimit.truncated": True}
            self._begin_trial()
        else:
            self._begin_episode()
        return np.full(self.num_envs, ends), infos

    def _observe(self, observation: Single) -> None:
        self._observation = np.hstack([observation, self._shown]).astype(np.float32)
        self._check(self._observation, "observation")

    def _seen(self, reward: Single, *, begins: bool) -> Single:
        if not self._remember:
            return self._observation
        return np.hstack([self._observation, remembered(self._actions, reward, begins)])

    def _refuse_lost(self, batch: Any, order: NDArray[np.intp]) -> None:
        for index in order:
            if reason := batch.infos[index].get("simulation_lost"):
                raise RolloutError(f"simulation {batch.env_ids[index]} was lost: {reason}")

    def _check(self, values: NDArray[np.floating], what: str) -> None:
        finite = np.isfinite(values).reshape(self.num_envs, -1).all(axis=1)
        if not finite.all():
            task = self._tasks[int(np.argmin(finite))]
            raise RolloutError(f"task {task.name}: the {what} of a step is not finite")


@dataclass(frozen=True)
class TaskSource:
    """What trainings of stable-baselines3 play on."""

    vector: VectorEnvironment
    """With autoreset disabled; it stays open."""
    as_task: Callable[[NetworkTask], Any]
    sample_tasks: TaskSampler
    """`TaskDistribution.sample` for many tasks; always the same one for an expert or a start from scratch on it."""
    steps: int
    """Of an episode."""
    actuator: Actuator

    def environment(self, seed: int, *, episodes: int = 1, remember: bool = False) -> TaskVecEnv:
        """See `TaskVecEnv`."""
        parts = (self.vector, self.as_task, self.sample_tasks, self.steps, self.actuator)
        return TaskVecEnv(*parts, episodes=episodes, remember=remember, seed=seed)
