# SPDX-License-Identifier: MIT
"""A trained actor with what its numbers mean for the network: policies of all baselines that are networks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.actor_cores import Core, LstmCore, MlpCore
from agents.actuators import Actuator
from agents.checkpoint import Checkpoint, CheckpointError
from agents.normalise import Normaliser
from agents.rules import PRICES, Interface
from agents.slice_inputs import N_PRICES
from pybridge.envs.shares import Controls

ALGORITHMS = ("vector-ppo", "sac", "ddpg", "rl2")
CLIP_OBSERVATION = 10.0
NORMALISATION_EPSILON = 1e-8

Single = NDArray[np.float32]


def remembered(action: Single, reward: Single, begins: bool) -> Single:
    """What RL² observes besides: last action (..., A), its reward (...,), 1 at an episode's start; (..., A + 2)."""
    flag = np.full(reward.shape, float(begins), np.float32)
    return np.concatenate([action, reward[..., np.newaxis], flag[..., np.newaxis]], -1).astype(np.float32)


def network_checkpoint(
    algorithm: str,
    tensors: dict[str, NDArray[Any]],
    architecture: dict[str, Any],
    actuator: Actuator,
    training: dict[str, Any],
) -> Checkpoint:
    """A policy as a checkpoint.

    tensors: `actor.*`, `lstm.*`, `observation.mean`, `observation.variance`, float32 or float64.
    architecture: `layers`, `activation`, `output`, and whether it is `recurrent`.
    """
    header = {
        "algorithm": algorithm,
        "architecture": architecture,
        "actuator": {"kind": actuator.kind, "interface": asdict(actuator.interface)},
        "observation_space": {"shape": list(actuator.interface.environment_shape)},
        "action_space": {"shape": list(actuator.interface.action_shape)},
        "normalisation": {"epsilon": NORMALISATION_EPSILON, "clip": CLIP_OBSERVATION},
        "training": training,
    }
    return Checkpoint(tensors | {"rule.parameters": actuator.theta}, header)


class NetworkPolicy:
    """An `ArrayPolicy` of pybridge, deterministic.

    A recurrent one remembers across `reset`, since what it learned of a task is its state: `forget` clears that. It is
    told rewards by `observe_reward`.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Raises CheckpointError if the checkpoint is of another kind or lacks something."""
        header, tensors = checkpoint.header, checkpoint.tensors
        if header.get("algorithm") not in ALGORITHMS:
            raise CheckpointError(f"algorithm {header.get('algorithm')!r} is unknown, allowed: {', '.join(ALGORITHMS)}")
        try:
            architecture = header["architecture"]
            kind = LstmCore if architecture["recurrent"] else MlpCore
            shape = int(architecture["layers"]), architecture["activation"], architecture["output"]
            self.core: Core = kind(tensors, *shape)
            self.recurrent = bool(architecture["recurrent"])
            interface = Interface(**header["actuator"]["interface"])
            self.actuator = Actuator(header["actuator"]["kind"], interface, tensors["rule.parameters"])
            self._prices = tensors.get(PRICES, np.zeros(N_PRICES))
            self.normalise = Normaliser(
                tensors["observation.mean"],
                tensors["observation.variance"],
                float(header["normalisation"]["epsilon"]),
                float(header["normalisation"]["clip"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"checkpoint is incomplete: {error}") from error
        self.forget()

    def forget(self) -> None:
        """Another task begins."""
        self._state = self.core.start(())
        self._action, self._reward = np.zeros(self.actuator.size, np.float32), np.zeros((), np.float32)
        self.reset()

    def reset(self) -> None:
        """An episode begins."""
        self._memory, self._begins = self.actuator.start(()), True

    def observe_reward(self, reward: float) -> None:
        """What the last action gave. Raises CheckpointError if it is not finite."""
        if not np.isfinite(reward):
            raise CheckpointError("a reward is not finite")
        self._reward = np.float32(reward) * np.ones((), np.float32)

    def act(self, observation: NDArray[np.floating]) -> Single:
        """Action of SliceEnv. Raises CheckpointError for an observation of another shape or with a NaN in it."""
        shown = self.actuator.interface.see(observation, self._prices)
        seen = shown
        if self.recurrent:
            seen = np.concatenate([seen, remembered(self._action, self._reward, self._begins)])
        action, self._state = self.core(self.normalise(seen), self._state)
        self._action, self._begins = action.astype(np.float32), False
        controls, self._memory = self.actuator.apply(self._action, shown, self._memory)
        return controls

    @property
    def controls(self) -> Controls:
        """Of the environment."""
        return self.actuator.interface.controls

    def check_spaces(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        """Raises CheckpointError, naming both shapes, unless the spaces are the ones trained on."""
        self.actuator.interface.check_spaces(observation_space, action_space)
