# SPDX-License-Identifier: MIT
"""The meta-learner: ProMP over one or more levels, on whatever a rollout function plays (METHOD.md 2).

It knows no environment. The same code learns 2-D navigation (one level) and the network (two).

Randomness is counted, not carried: the seed of any rollout is a function of (training seed, iteration, phase), so a
resumed training needs no generator's state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from agents.batch import Batch, check_batch
from agents.checkpoint import CheckpointError
from agents.inner import Sample
from agents.level import Level, TaskParameters
from agents.policies import TaskPolicies
from agents.task_weights import TaskWeightConfig, TaskWeights
from agents.training_state import Arrays

Seeds = NDArray[np.uint64]
SUPPORT, QUERY, TASKS = 0, 1, 2


class Task(Protocol):
    """What the learner asks of a task; all else is between the sampler and the rollout function."""

    @property
    def family(self) -> str:
        """Tasks of one family share a moving average of their weight."""


TaskT = TypeVar("TaskT", bound=Task)
TaskT_contra = TypeVar("TaskT_contra", bound=Task, contravariant=True)
TaskSampler = Callable[[np.random.Generator, int], Sequence[TaskT]]
"""Draws that many tasks from the generator."""


class Rollout(Protocol[TaskT_contra]):
    """Plays episodes."""

    def __call__(
        self, tasks: Sequence[TaskT_contra], policies: Mapping[str, TaskPolicies], episodes: int, seeds: Seeds
    ) -> Mapping[str, Batch]:
        """Play `episodes` of each task under that task's policy of each level.

        seeds: (B,), one per task; together with the arguments they fix every bit of the result.
        Returns a batch per level in `policies`, its first axis in the order of `tasks`.
        """


@dataclass(frozen=True)
class MetaConfig:
    """How the levels are trained together; defaults are METHOD's starting values."""

    iterations: int = 200
    tasks: int = 8
    """B, per iteration."""
    support_episodes: int = 4
    query_episodes: int = 4
    adapt: bool = True
    """False: no inner step, all episodes are query episodes; this is multi-task PPO."""
    weights: TaskWeightConfig = field(default_factory=TaskWeightConfig)
    seed: int = 0


@dataclass(frozen=True)
class Adaptation:
    """What adapting to B tasks gave."""

    returns: NDArray[np.float64]
    """(steps + 1, B): mean undiscounted return of each task's first level before the first and after every step."""
    parameters: Mapping[str, TaskParameters]
    """After the last step, by level."""


class MetaLearner(Generic[TaskT]):
    """Trains levels. The first level's TD errors weight the tasks for all of them."""

    def __init__(self, levels: Mapping[str, Level], config: MetaConfig) -> None:
        """levels: by the names under which rollouts return their batches. Raises ValueError if there are none."""
        if not levels:
            raise ValueError("a learner needs at least one level")
        torch.set_num_threads(1)
        self.levels = dict(levels)
        self.config = config
        self.iteration = 0
        self._weights = TaskWeights(config.weights, config.iterations)

    def iterate(self, sample_tasks: TaskSampler[TaskT], rollout: Rollout[TaskT]) -> dict[str, float]:
        """One iteration: play, adapt, play adapted, update. Returns scalars by "level/name".

        Raises RolloutError, before anything is learned from it, if the environments gave a number that is not finite;
        FloatingPointError if a loss is not. Then go on from the last state on disk.
        """
        config = self.config
        tasks = sample_tasks(np.random.default_rng([config.seed, self.iteration, TASKS]), config.tasks)
        parameters = {name: level.shared(len(tasks)) for name, level in self.levels.items()}
        scalars: dict[str, float] = {}
        support: dict[str, Sample] | None = None
        episodes = config.support_episodes + config.query_episodes
        if config.adapt:
            before = self._play(tasks, parameters, rollout, config.support_episodes, SUPPORT)
            self._scale(before)
            support = self._samples(before, parameters)
            parameters = {name: level.adapt(parameters[name], support[name]) for name, level in self.levels.items()}
            scalars |= {f"{name}/return_before": float(batch.returns.mean()) for name, batch in before.items()}
            episodes = config.query_episodes
        after = self._play(tasks, parameters, rollout, episodes, QUERY)
        self._scale(after)
        scalars |= {f"{name}/return": float(batch.returns.mean()) for name, batch in after.items()}
        scalars |= self._update(tasks, support, after, parameters)
        self.iteration += 1
        return scalars

    def adapt(
        self, tasks: Sequence[TaskT], rollout: Rollout[TaskT], steps: int, episodes: int, seed: int
    ) -> Adaptation:
        """Adapt to tasks by `steps` inner steps on `episodes` each; nothing shared changes.

        seed: of the rollouts; the same one gives other policies the same random numbers.
        """
        parameters = {name: level.shared(len(tasks)) for name, level in self.levels.items()}
        returns = []
        for step in range(steps + 1):
            batches = rollout(tasks, self._policies(parameters), episodes, _seeds(seed, step, SUPPORT, len(tasks)))
            _check(batches, f"adaptation step {step}")
            returns.append(next(iter(batches.values())).returns.double().numpy())
            if step < steps:
                samples = self._samples(batches, parameters)
                parameters = {
                    name: level.adapt(parameters[name], samples[name], step) for name, level in self.levels.items()
                }
        return Adaptation(np.stack(returns), parameters)

    def _play(
        self,
        tasks: Sequence[TaskT],
        parameters: Mapping[str, TaskParameters],
        rollout: Rollout[TaskT],
        episodes: int,
        phase: int,
    ) -> Mapping[str, Batch]:
        seeds = _seeds(self.config.seed, self.iteration, phase, len(tasks))
        batches = rollout(tasks, self._policies(parameters), episodes, seeds)
        _check(batches, f"iteration {self.iteration}")
        return batches

    def _policies(self, parameters: Mapping[str, TaskParameters]) -> dict[str, TaskPolicies]:
        return {name: level.policies(parameters[name]) for name, level in self.levels.items()}

    def _scale(self, batches: Mapping[str, Batch]) -> None:
        for name, level in self.levels.items():
            level.scale.update(batches[name].reward[batches[name].valid].numpy())

    def _samples(self, batches: Mapping[str, Batch], parameters: Mapping[str, TaskParameters]) -> dict[str, Sample]:
        return {name: level.sample(batches[name], parameters[name]) for name, level in self.levels.items()}

    def _update(
        self,
        tasks: Sequence[TaskT],
        support: dict[str, Sample] | None,
        after: Mapping[str, Batch],
        parameters: Mapping[str, TaskParameters],
    ) -> dict[str, float]:
        first = next(iter(self.levels))
        inputs = self.levels[first].weight_inputs(after[first])
        weights = self._weights(self.iteration, [task.family for task in tasks], *inputs)
        together = support is None  # else every task has a policy of its own
        query = {
            name: level.sample(after[name], parameters[name], together=together) for name, level in self.levels.items()
        }
        scalars = {"weights/min": float(weights.min()), "weights/max": float(weights.max())} | self._weights.scalars
        for name, level in self.levels.items():
            of_support = None if support is None else support[name]
            update = level.update(of_support, query[name], torch.from_numpy(weights).float())
            scalars |= {f"{name}/{key}": value for key, value in update.items()}
        return scalars

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """For `agents.training_state.save_training_state`."""
        arrays: Arrays = {}
        levels: dict[str, Any] = {}
        for name, level in self.levels.items():
            tensors, levels[name] = level.state()
            arrays |= {f"{name}.{key}": tensor for key, tensor in tensors.items()}
        return arrays, {"levels": levels, "weights": self._weights.state(), "config": self._config()}

    def load_state(self, iteration: int, arrays: Arrays, rest: dict[str, Any]) -> None:
        """Go on from `state()` after `iteration` iterations. Raises CheckpointError if the configuration is another."""
        if rest.get("config") != self._config():
            raise CheckpointError("the training state is of another configuration; use another directory")
        for name, level in self.levels.items():
            prefix = f"{name}."
            own = {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
            level.load_state(own, rest["levels"][name])
        self._weights.load_state(rest["weights"])
        self.iteration = iteration

    def _config(self) -> dict[str, Any]:
        """As JSON gives it back: lists, not tuples."""
        configs = {"meta": asdict(self.config)} | {name: asdict(level.config) for name, level in self.levels.items()}
        return {name: _jsonable(config) for name, config in configs.items()}


def _seeds(seed: int, iteration: int, phase: int, tasks: int) -> Seeds:
    return np.random.SeedSequence([seed, iteration, phase]).generate_state(tasks, np.uint64).astype(np.uint64)


def _check(batches: Mapping[str, Batch], when: str) -> None:
    for name, batch in batches.items():
        check_batch(batch, f"{when}, level {name}")


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(entry) for key, entry in value.items()}
    return [_jsonable(entry) for entry in value] if isinstance(value, tuple) else value
