# SPDX-License-Identifier: MIT
"""A network of no simulation: what a task rewards is closeness of the environment's action to one that it hides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.actuators import Actuator, Kind
from agents.rules import Interface
from agents.task_vector import TaskSource

STEPS = 5


@dataclass(frozen=True)
class ToyTask:
    """Reward: 1 − 4 × the mean squared distance of the action's first numbers to `best`."""

    best: float
    name: str = "toy"

    @property
    def shown(self) -> NDArray[np.float32]:
        return np.zeros(0, np.float32)


class Ready(NamedTuple):
    """As `pybridge.envs.vector_env.Batch`."""

    env_ids: NDArray[np.int64]
    observations: NDArray[np.float32]
    rewards: NDArray[np.float64]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]
    infos: tuple[dict[str, Any], ...]


class ToyVector:
    """As `SliceVectorEnv` with autoreset disabled, for a cell of three slices; ready in reverse order."""

    def __init__(self, num_envs: int, fault: str = "") -> None:
        """fault: "nan-observation", "nan-reward" or "lost", at the third step."""
        self.num_envs, self._fault = num_envs, fault
        self.tasks: list[ToyTask] = []
        self.seeds: list[list[int]] = []
        self.actions: list[NDArray[np.float32]] = []

    @property
    def envs(self) -> list[Any]:
        return [SimpleNamespace(state=SimpleNamespace(schema=None))] * self.num_envs

    def reset(self, *, seed: Sequence[int], options: dict[str, Any]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Idle sub-environments, which `options["reset_mask"]` leaves out, are the last ones."""
        self.tasks = [task for task in options["tasks"] if task is not None]
        self.seeds.append(list(seed))
        self._streams = [np.random.default_rng(s) for s in seed]
        self._step = 0
        return self._observe(), {}

    def send(self, actions: NDArray[np.float32], env_ids: Iterable[int]) -> None:
        assert list(env_ids) == list(range(len(self.tasks)))
        assert ((actions >= 0.0) & (actions <= 1.0)).all()
        assert self._step < STEPS
        self.actions.append(actions)

    def recv(self, min_batch: int = 1) -> Ready:
        self._step += 1
        best = np.array([[task.best] for task in self.tasks])
        reward = 1.0 - 4.0 * np.square(self.actions[-1][:, :4] - best).mean(axis=1)
        count = len(self.tasks)
        observation = self._observe()[:count]
        infos: list[dict[str, Any]] = [{"qos": np.ones(3)} for _ in range(count)]
        if self._step == 3 and self._fault:
            observation[1] *= np.nan if self._fault == "nan-observation" else 1.0
            reward[1] *= np.nan if self._fault == "nan-reward" else 1.0
            infos[1] |= {"simulation_lost": "killed by signal 9"} if self._fault == "lost" else {}
        back = np.arange(count)[::-1]
        no = np.zeros(count, bool)
        return Ready(back, observation[back], reward[back], no, no, tuple(infos[i] for i in back))

    def _observe(self) -> NDArray[np.float32]:
        seen = np.full((self.num_envs, 60), 0.5, np.float32)
        seen[:, 6:9] = [stream.uniform(0.0, 1.0, 3) for stream in self._streams]
        return seen


def toy_source(
    num_envs: int = 4, kind: Kind = "scores", best: Sequence[float] = (0.8,), fault: str = ""
) -> tuple[TaskSource, ToyVector]:
    """Tasks whose best action is one of `best`."""
    vector = ToyVector(num_envs, fault)

    def sample(stream: np.random.Generator, count: int) -> list[ToyTask]:
        return [ToyTask(float(b)) for b in stream.choice(best, size=count)]

    actuator = Actuator(kind, Interface(1, 3, "capped"))
    return TaskSource(vector, lambda task: task, sample, STEPS, actuator), vector  # type: ignore[arg-type]
