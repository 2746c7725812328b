# SPDX-License-Identifier: MIT
"""Episodes of many tasks at once, on a vector environment.

All simulations of a wave step together: every one is answered, then all are waited for. So what is computed at once
depends on the tasks and the number of simulations alone, every task draws from a random stream of its own, and bits do
not depend on which simulation happens to be fast.

The environment is a `SliceVectorEnv` with controls "capped" and autoreset disabled, or whatever answers as one
(`VectorEnvironment`); who makes it also says how a `NetworkTask` becomes a task of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from agents.batch import Batch, RolloutError
from agents.controls import action_of_logits
from agents.high_level import HighControls, Seen, stack_steps, torch_inputs
from agents.low_level import Trajectory, low_batch, low_policies
from agents.network_task import NetworkTask
from agents.policies import TaskPolicies
from agents.reward_model import Beliefs, reward_terms
from agents.rules import Rule
from agents.slice_inputs import as_if_told, read_slice_inputs
from pybridge.low_policy import LowPolicy
from pybridge.schema import Schema

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Streams = Sequence[np.random.Generator]

FIRST_SEED, LAST_SEED = 1_000_000, 2**31 - 1
"""RngRun of episodes here: none that a campaign evaluates under (it has up to 999,999)."""
ATTEMPTS = 3
"""At a wave of which a simulation was lost; the next one has the same bits, had nothing been lost."""


class VectorEnvironment(Protocol):
    """What is asked of the simulations; `pybridge.SliceVectorEnv` says more."""

    num_envs: int

    @property
    def envs(self) -> Sequence[Any]:
        """Sub-environments, whose `state.schema` says what their numbers are."""

    def reset(self, *, seed: Sequence[int | None], options: dict[str, Any]) -> tuple[Single, dict[str, Any]]: ...

    def send(self, actions: Single, env_ids: Sequence[int]) -> None: ...

    def recv(self, min_batch: int = 1) -> Any: ...

    def close(self) -> None: ...


@dataclass
class Clock:
    """Where wall time goes, in seconds; `link` is the learner's own processor time spent on messages."""

    simulation: float = 0.0
    link: float = 0.0
    inference: float = 0.0
    env_steps: int = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """For the environments."""
        wall, own = time.perf_counter(), time.process_time()
        yield
        spent, link = time.perf_counter() - wall, time.process_time() - own
        self.link += min(link, spent)
        self.simulation += max(0.0, spent - link)

    @contextmanager
    def inferring(self) -> Iterator[None]:
        """Policies, and batches made of what they did."""
        wall = time.perf_counter()
        yield
        self.inference += time.perf_counter() - wall


class Driver(Protocol):
    """Decides for a wave: arrays with leading axes (tasks, episodes). Observations end with `NetworkTask.shown`.

    A method `observe_reward(reward)`, if there is one, is told what each decision gave, (tasks, episodes).
    """

    def start(self, shape: tuple[int, int]) -> None:
        """A wave begins."""

    def decide(self, observation: Single, streams: Streams) -> Single:
        """Actions of the environments, in [0, 1]."""

    def end(self, observation: Single) -> None:
        """The last observation of the wave."""


@dataclass
class Wave:
    """What episodes gave, apart from what a driver kept."""

    reward: NDArray[np.float32]
    """(tasks, episodes, T)."""
    qos: NDArray[np.float32]
    """(tasks, episodes, T, slices): hard satisfaction."""
    windows: list[list[Trajectory]] = field(default_factory=list)
    """Of each episode, task by task: consecutive high-level periods that were recorded."""
    schemas: list[Schema] = field(default_factory=list)
    """Of each episode."""


class _Lost(Exception):
    """A simulation was lost in a wave."""


class Simulations:
    """Plays waves of episodes of `steps` high-level periods."""

    def __init__(
        self,
        vector: VectorEnvironment,
        as_task: Callable[[NetworkTask], Any],
        steps: int,
        window: int = 2,
        clock: Clock | None = None,
    ) -> None:
        """as_task: a fresh task of the vector environment, for one sub-environment alone.

        window: high-level periods of each episode whose low-level trajectories are kept; they begin anywhere in it.
        """
        self.vector, self._as_task = vector, as_task
        self.steps, self._window = steps, window
        self.clock = Clock() if clock is None else clock

    def play(
        self,
        tasks: Sequence[NetworkTask],
        driver: Driver,
        episodes: int,
        seeds: Sequence[int],
        low: Sequence[LowPolicy | None],
    ) -> Wave:
        """`episodes` of each task. seeds: one per task; low: its low-level policy.

        Raises RolloutError if there are more episodes than simulations, if an observation or reward is not finite, or
        if simulations are lost again and again.
        """
        if len(tasks) * episodes > self.vector.num_envs:
            raise RolloutError(f"{len(tasks)} tasks × {episodes} episodes on {self.vector.num_envs} simulations")
        for attempt in range(ATTEMPTS):
            try:
                return self._wave(tasks, driver, episodes, seeds, low)
            except _Lost as error:
                if attempt == ATTEMPTS - 1:
                    raise RolloutError(f"simulations were lost in {ATTEMPTS} attempts: {error}") from error
        raise AssertionError("unreachable")

    def _wave(
        self,
        tasks: Sequence[NetworkTask],
        driver: Driver,
        episodes: int,
        seeds: Sequence[int],
        low: Sequence[LowPolicy | None],
    ) -> Wave:
        lead, count = (len(tasks), episodes), len(tasks) * episodes
        streams = [np.random.default_rng([int(seed), episodes]) for seed in seeds]
        first = [int(stream.integers(max(1, self.steps - self._window + 1))) for stream in streams]
        driver.start(lead)
        shown = np.repeat(np.stack([task.shown for task in tasks]), episodes, axis=0)
        observation = self._reset(tasks, episodes, seeds, low)
        tell = getattr(driver, "observe_reward", None)
        rewards, qos, windows = [], [], [[] for _ in range(count)]  # type: ignore[var-annotated]
        for step in range(self.steps):
            _refuse_nan(observation, tasks, episodes, step)
            with self.clock.inferring():
                action = driver.decide(np.hstack([observation, shown]).reshape(*lead, -1), streams)
            with self.clock.waiting():
                self.vector.send(action.reshape(count, -1), range(count))
                observation, reward, infos = self._receive(count)
            _refuse_nan(reward[:, np.newaxis], tasks, episodes, step, "a reward")
            self.clock.env_steps += count
            rewards.append(reward)
            if tell is not None:
                tell(np.asarray(reward, np.float32).reshape(lead))
            qos.append(np.stack([info["qos"] for info in infos]))
            for index, info in enumerate(infos):
                begin = first[index // episodes]
                if "low_level" in info and begin <= step < begin + self._window:
                    windows[index].append({name: np.array(part) for name, part in info["low_level"].items()})
        _refuse_nan(observation, tasks, episodes, self.steps)
        driver.end(np.hstack([observation, shown]).reshape(*lead, -1))
        schemas = [self.vector.envs[index].state.schema for index in range(count)]
        total = np.stack(rewards, -1).astype(np.float32).reshape(*lead, -1)
        satisfied = np.stack(qos, 1).astype(np.float32).reshape(*lead, self.steps, -1)
        return Wave(total, satisfied, windows, schemas)

    def _reset(
        self, tasks: Sequence[NetworkTask], episodes: int, seeds: Sequence[int], low: Sequence[LowPolicy | None]
    ) -> Single:
        idle = self.vector.num_envs - len(tasks) * episodes
        mask = np.arange(self.vector.num_envs) < len(tasks) * episodes
        runs: list[int | None] = []
        for seed in seeds:
            words = np.random.SeedSequence([int(seed), 1]).generate_state(episodes, np.uint64)
            runs += [FIRST_SEED + int(word % (LAST_SEED - FIRST_SEED)) for word in words]
        with self.clock.waiting():
            options = {
                "tasks": [self._as_task(task) for task in tasks for _ in range(episodes)] + [None] * idle,
                "low_policies": [policy for policy in low for _ in range(episodes)] + [None] * idle,
                "reset_mask": mask,
            }
            observation, _ = self.vector.reset(seed=[*runs, *[None] * idle], options=options)
        return np.asarray(observation, np.float32)[mask]

    def _receive(self, count: int) -> tuple[Single, NDArray[np.float64], list[dict[str, Any]]]:
        """In the order of sub-environments. Raises _Lost."""
        batch = self.vector.recv(min_batch=count)
        order = np.argsort(batch.env_ids)
        infos = [batch.infos[index] for index in order]
        lost = [info["simulation_lost"] for info in infos if "simulation_lost" in info]
        if lost:
            raise _Lost(lost[0])
        return batch.observations[order], batch.rewards[order], infos


def _refuse_nan(
    values: NDArray[np.floating], tasks: Sequence[NetworkTask], episodes: int, step: int, what: str = "an observation"
) -> None:
    finite = np.isfinite(values).all(axis=-1)
    if not finite.all():
        task = tasks[int(np.argmin(finite)) // episodes]
        raise RolloutError(f"task {task.name}: {what} of step {step} is not finite")


def revealed(tasks: Sequence[NetworkTask]) -> Single:
    """(tasks, features): what tasks are, without doubt, for `believed`. On the hidden track it is privileged."""
    return np.stack([np.append(task.features, np.float32(0.0)) for task in tasks])


class PolicyDriver:
    """High-level networks, one task's parameters each; keeps what it saw and did."""

    def __init__(
        self,
        controls: HighControls,
        policies: TaskPolicies,
        tasks: Sequence[NetworkTask],
        *,
        explore: bool,
        believed: Single | None = None,
    ) -> None:
        """explore: actions are drawn; else they are the modes.

        believed: (tasks, features), what the networks are shown of features that the track hides; None: nothing but
            doubt.
        """
        self._controls, self._policies, self._explore = controls, policies, explore
        self._truth = revealed(tasks)
        told = np.array([[task.track == "told"] for task in tasks])
        nothing = np.eye(1, self._truth.shape[-1], self._truth.shape[-1] - 1, dtype=np.float32)
        self._task = np.where(told, self._truth, nothing if believed is None else believed)
        self._seen: list[dict[str, Single]] = []
        self._actions: list[Single] = []

    def start(self, shape: tuple[int, int]) -> None:
        self._memory = self._controls.start(shape)
        self._seen, self._actions = [], []

    def decide(self, observation: Single, streams: Streams) -> Single:
        seen = self._see(observation)
        distribution = self._policies.distribution(self._controls.observation(torch_inputs(seen.inputs)))
        action = distribution.sample(streams) if self._explore else distribution.mode().numpy().astype(np.float32)
        self._actions.append(action)
        return self._controls.controls(action, seen)

    def end(self, observation: Single) -> None:
        self._see(observation)

    def batch(self, reward: NDArray[np.float32]) -> Batch:
        """Of the wave that ended. reward: (tasks, episodes, T)."""
        played = torch.ones(reward.shape, dtype=torch.bool)
        observation = self._controls.observation(stack_steps(self._seen))
        action = torch.from_numpy(np.stack(self._actions, axis=2))
        return Batch(observation, action, torch.from_numpy(reward), torch.zeros_like(played), played)

    def observations(self) -> Single:
        """Of the wave that ended, as the track shows them, (tasks, episodes, T + 1, numbers)."""
        return np.stack([inputs["x"][..., : self._controls.observed] for inputs in self._seen], axis=2)

    def _see(self, observation: Single) -> Seen:
        episodes = observation.shape[1]
        task, truth = (np.repeat(one[:, np.newaxis], episodes, axis=1) for one in (self._task, self._truth))
        seen = self._controls.see(observation, task, self._memory)
        self._memory = seen.memory
        self._seen.append(seen.inputs | {"truth": truth})
        return seen


class RuleDriver:
    """A rule of `agents.rules`, its PRBs lent and every PRB as strong as the rule says."""

    def __init__(self, rule: Rule, cells: int, slices: int, believed: Single | None = None) -> None:
        """believed: (tasks, features), what the rule takes weights and prices for; None: as the track shows them."""
        self._rule, self._shape, self._believed = rule, (cells, slices), believed

    def start(self, shape: tuple[int, int]) -> None:
        self._state = self._rule.start((*shape, *self._shape))

    def decide(self, observation: Single, streams: Streams) -> Single:
        inputs = read_slice_inputs(observation, *self._shape)
        if self._believed is not None:
            inputs = as_if_told(inputs, np.repeat(self._believed[:, np.newaxis], observation.shape[1], axis=1))
        logits, self._state = self._rule.decide(inputs, self._state)
        return action_of_logits(logits, "capped")

    def end(self, observation: Single) -> None:
        pass


class RandomDriver:
    """Random shares and caps, new at every step: what low-level policies are pre-trained under."""

    def __init__(self, cells: int, slices: int) -> None:
        self._cells, self._slices = cells, slices

    def start(self, shape: tuple[int, int]) -> None:
        self._shape = shape

    def decide(self, observation: Single, streams: Streams) -> Single:
        size = (self._shape[1], self._cells * (4 * self._slices + 1))
        return np.stack([stream.random(size, dtype=np.float32) for stream in streams])

    def end(self, observation: Single) -> None:
        pass


class NetworkRollout:
    """The rollout function of `agents.meta.MetaLearner`: batches of the levels that have policies.

    Without policies of the high level, shares are random; without those of the low level, UEs are left to the
    scenario's scheduling rules. More episodes than simulations are played in several waves.
    """

    def __init__(self, simulations: Simulations, controls: HighControls, prior: Array | None = None) -> None:
        """prior: `reward_parameters` of training tasks, to infer with what tasks hide as in use (`agents.adaptation`):
        the first wave is played by what is believed beforehand, each later one by what those before it showed. None:
        nothing is inferred.
        """
        self.simulations, self.controls, self._prior = simulations, controls, prior

    def __call__(
        self,
        tasks: Sequence[NetworkTask],
        policies: Mapping[str, TaskPolicies],
        episodes: int,
        seeds: Sequence[int] | NDArray[np.uint64],
    ) -> dict[str, Batch]:
        """Raises RolloutError, see `Simulations.play`."""
        at_once = max(1, self.simulations.vector.num_envs // len(tasks))
        beliefs = None if self._prior is None else Beliefs(tasks, self._prior)
        parts: list[dict[str, Batch]] = []
        for begin in range(0, episodes, at_once):
            of_wave = [int(np.random.SeedSequence([int(s), begin]).generate_state(1, np.uint64)[0]) for s in seeds]
            parts.append(self._wave(tasks, policies, min(at_once, episodes - begin), of_wave, beliefs))
        return {name: _joined([part[name] for part in parts]) for name in parts[0]}

    def _wave(
        self,
        tasks: Sequence[NetworkTask],
        policies: Mapping[str, TaskPolicies],
        episodes: int,
        seeds: list[int],
        beliefs: Beliefs | None,
    ) -> dict[str, Batch]:
        clock, controls = self.simulations.clock, self.controls
        high, low = policies.get("high"), policies.get("low")
        chosen = None
        if high is not None:
            believed = None if beliefs is None else beliefs.features()
            chosen = PolicyDriver(controls, high, tasks, explore=True, believed=believed)
        driver: Driver = chosen or RandomDriver(controls.cells, controls.slices)
        with clock.inferring():
            inside = low_policies(low, len(tasks), explore=True) if low is not None else [None] * len(tasks)
        wave = self.simulations.play(tasks, driver, episodes, seeds, inside)
        with clock.inferring():
            batches = {} if chosen is None else {"high": chosen.batch(wave.reward)}
            if low is not None:
                batches["low"] = low_batch(wave.windows, wave.schemas, tasks)
            if chosen is not None and beliefs is not None:
                beliefs.add(reward_terms(chosen.observations(), controls.cells, controls.slices), wave.reward)
        return {name: batches[name] for name in policies}


def _joined(parts: Sequence[Batch]) -> Batch:
    """One after the other along the axis of trajectories; UEs are padded to the most."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0].observation, dict) and "present" in parts[0].observation:
        parts = _same_width(parts)
    observations = [part.observation for part in parts]
    if isinstance(observations[0], dict):
        joined: Any = {name: torch.cat([one[name] for one in observations], 1) for name in observations[0]}
    else:
        joined = torch.cat(observations, 1)
    return Batch(joined, *(torch.cat(tensors, 1) for tensors in zip(*(part[1:] for part in parts), strict=True)))


def _same_width(parts: Sequence[Batch]) -> list[Batch]:
    width = max(part.observation["present"].shape[-1] for part in parts)
    out = []
    for part in parts:
        more = width - part.observation["present"].shape[-1]
        pad_ues = torch.nn.functional.pad
        observation = part.observation | {
            "ue": pad_ues(part.observation["ue"], (0, 0, 0, more)),
            "present": pad_ues(part.observation["present"], (0, more)),
        }
        out.append(part._replace(observation=observation, action=pad_ues(part.action, (0, 0, 0, more))))
    return out
