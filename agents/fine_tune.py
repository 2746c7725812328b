# SPDX-License-Identifier: MIT
"""Multi-task PPO, then fine-tuned: gradient steps on a task's episodes, the baseline most likely to erase a claim.

A policy of `agents.vector_ppo`, trained on all tasks, takes plain policy-gradient steps on all parameters of its actor:
θ' = θ + α·∇ mean [π_θ/stop(π_θ)]·Â, advantages by GAE with the trained critic, standardised. α is chosen on validation
tasks (`agents.adapters`; METHOD.md 2b: 0.1 hurt a plain PPO's first step, 0.03 helped). All tasks are adapted beside
each other, each on its own episodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad, vmap

from agents.checkpoint import Checkpoint, CheckpointError
from agents.gae import estimate_advantages, standardise
from agents.judging import PLAYED, Curve, curve_of, episode_seeds, judge
from agents.network_policy import NetworkPolicy
from agents.network_task import NetworkTask
from agents.rollout import Simulations, Streams
from agents.rule_tuning import AT

Single = NDArray[np.float32]
Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class FineTuneConfig:
    """How a policy is fine-tuned."""

    step_size: float = 0.03
    """α."""
    episodes_per_step: int = 4
    """At points of the curve in between, the policy is as after the last whole step."""
    gamma: float = 0.95
    gae_lambda: float = 0.95
    judging: int = 2
    """Episodes without noise per task and point of the curve, which nothing is learned from."""


@dataclass(frozen=True)
class FineTuned:
    """What fine-tuning B tasks gave."""

    curve: Curve
    parameters: Mapping[str, NDArray[Any]]
    """Of the actors, with a leading axis of tasks."""

    def checkpoint(self, shared: Checkpoint, task: int) -> Checkpoint:
        """The policy of one task."""
        own = {name: np.ascontiguousarray(values[task]) for name, values in self.parameters.items()}
        training = {**shared.header["training"], "fine_tuned_episodes": len(self.curve.played)}
        return Checkpoint(shared.tensors | own, shared.header | {"training": training})


class _Driver:
    """Every task's own actor; keeps what it saw and did."""

    def __init__(self, policy: NetworkPolicy, parameters: Parameters, *, explore: bool) -> None:
        self._policy, self._parameters, self._explore = policy, parameters, explore
        self.seen: list[Single] = []
        self.actions: list[Single] = []

    def start(self, shape: tuple[int, int]) -> None:
        self._memory = self._policy.actuator.start(shape)
        self.seen, self.actions = [], []

    def decide(self, observation: Single, streams: Streams) -> Single:
        x = self._policy.normalise(observation)
        with torch.no_grad():
            action = vmap(_mean)(self._parameters, torch.from_numpy(x)).numpy()
        if self._explore:
            std = self._parameters["actor.log_std"].exp().numpy()
            noise = [stream.standard_normal(action.shape[1:], np.float32) for stream in streams]
            action = action + std[:, np.newaxis] * np.stack(noise)
        self.seen.append(x)
        self.actions.append(action)
        controls, self._memory = self._policy.actuator.apply(action, observation, self._memory)
        return controls

    def end(self, observation: Single) -> None:
        self.seen.append(self._policy.normalise(observation))


def fine_tune(
    checkpoint: Checkpoint,
    tasks: Sequence[NetworkTask],
    simulations: Simulations,
    config: FineTuneConfig,
    seed: int,
    at: Sequence[int] = AT,
) -> FineTuned:
    """Fine-tune to each task and judge after each number of episodes in `at`, rising.

    Raises CheckpointError if the checkpoint is not of `agents.vector_ppo`, RolloutError as `Simulations.play`.
    """
    torch.set_num_threads(1)
    if checkpoint.header.get("algorithm") != "vector-ppo":
        raise CheckpointError(f"fine-tuning takes a vector-ppo, got {checkpoint.header.get('algorithm')!r}")
    policy = NetworkPolicy(checkpoint)
    names = [name for name in checkpoint.tensors if name.startswith("actor.")]
    shared = {name: torch.from_numpy(checkpoint.tensors[name].copy()) for name in names}
    parameters = {name: value.expand(len(tasks), *value.shape).clone() for name, value in shared.items()}
    judged, each = [], config.episodes_per_step
    played: list[Single] = []

    def play(episodes: int) -> tuple[_Driver, Single]:
        driver = _Driver(policy, parameters, explore=True)
        reward = _play(simulations, tasks, driver, episodes, seed, len(played))
        played.extend(reward.mean(axis=2).T)
        return driver, reward

    for point in at:
        while len(played) + each <= point:
            parameters = _step(parameters, checkpoint, *play(each), config)
        judged.append(judge(simulations, tasks, _Driver(policy, parameters, explore=False), config.judging, seed))
    if len(played) < at[-1]:
        play(at[-1] - len(played))
    curve = curve_of(at, judged, played, len(tasks))
    return FineTuned(curve, {name: value.numpy() for name, value in parameters.items()})


def _play(
    simulations: Simulations, tasks: Sequence[NetworkTask], driver: _Driver, episodes: int, seed: int, spent: int
) -> Single:
    """Rewards, (tasks, episodes, T). As many waves as it takes; the driver has kept those of all of them."""
    at_once = max(1, simulations.vector.num_envs // len(tasks))
    rewards, seen, actions = [], [], []
    for begin in range(0, episodes, at_once):
        count, seeds = min(at_once, episodes - begin), episode_seeds(seed, PLAYED, spent + begin, tasks)
        wave = simulations.play(tasks, driver, count, seeds, [None] * len(tasks))
        rewards.append(wave.reward)
        seen.append(np.stack(driver.seen, axis=2))
        actions.append(np.stack(driver.actions, axis=2))
    driver.seen, driver.actions = [np.concatenate(seen, axis=1)], [np.concatenate(actions, axis=1)]
    return np.concatenate(rewards, axis=1)


def _step(
    parameters: Parameters, checkpoint: Checkpoint, driver: _Driver, reward: Single, config: FineTuneConfig
) -> Parameters:
    """θ' of every task."""
    x, action = torch.from_numpy(driver.seen[0]), torch.from_numpy(driver.actions[0])
    critic = {name: torch.from_numpy(value) for name, value in checkpoint.tensors.items() if name.startswith("critic.")}
    with torch.no_grad():
        value = _layers(critic, "critic", x)[..., 0]
    valid = torch.ones(reward.shape, dtype=torch.bool)
    scaled = torch.from_numpy(reward / checkpoint.tensors["reward.std"].astype(np.float32))
    estimate = estimate_advantages(scaled, value, ~valid, valid, config.gamma, config.gae_lambda)
    advantage = standardise(estimate.advantage, valid)
    gradient = vmap(grad(_objective))(parameters, x[:, :, :-1], action, advantage)
    return {name: (value + config.step_size * gradient[name]).detach() for name, value in parameters.items()}


def _objective(parameters: Parameters, x: Tensor, action: Tensor, advantage: Tensor) -> Tensor:
    """J_LVC (ProMP, Rothfuss et al. 2019, arXiv:1810.06784, section 5) of one task."""
    z = (action - _mean(parameters, x)) * torch.exp(-parameters["actor.log_std"])
    log_prob = (-0.5 * z.square() - parameters["actor.log_std"]).sum(-1)
    return (torch.exp(log_prob - log_prob.detach()) * advantage).mean()


def _mean(parameters: Parameters, x: Tensor) -> Tensor:
    return _layers(parameters, "actor", x)


def _layers(parameters: Parameters, prefix: str, x: Tensor) -> Tensor:
    """Linear layers with tanh between them."""
    last = max(int(name.split(".")[1]) for name in parameters if name.endswith(".bias"))
    for index in range(last + 1):
        x = x @ parameters[f"{prefix}.{index}.weight"].T + parameters[f"{prefix}.{index}.bias"]
        x = torch.tanh(x) if index < last else x
    return x
