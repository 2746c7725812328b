# SPDX-License-Identifier: MIT
"""The mean of a Gaussian policy with tanh layers, evaluated in NumPy: running a trained policy needs no PyTorch."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.checkpoint import Checkpoint, CheckpointError
from agents.normalise import Normaliser

ALGORITHMS = ("ppo",)


class MlpPolicy:
    """A deterministic policy: the Gaussian's mean, clipped to [-1, 1] and mapped linearly to the action space."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Raises CheckpointError if the checkpoint is of another kind or lacks a tensor."""
        header, tensors = checkpoint.header, checkpoint.tensors
        if header.get("algorithm") not in ALGORITHMS:
            raise CheckpointError(f"algorithm {header.get('algorithm')!r} is unknown, allowed: {', '.join(ALGORITHMS)}")
        try:
            layers = len(header["architecture"]["hidden"])
            self._layers = [(tensors[f"actor.{i}.weight"], tensors[f"actor.{i}.bias"]) for i in range(layers + 1)]
            self._low, self._high = tensors["action.low"], tensors["action.high"]
            self._observation_shape = tuple(header["observation_space"]["shape"])
            self._normaliser = Normaliser(
                tensors["observation.mean"],
                tensors["observation.variance"],
                float(header["normalisation"]["epsilon"]),
                float(header["normalisation"]["clip"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"checkpoint is incomplete: {error}") from error

    def act(self, observation: NDArray[np.floating]) -> NDArray[np.float32]:
        """Action for one observation of the trained shape; float32, the action space's shape.

        Raises CheckpointError for an observation of another shape, or one that is not finite.
        """
        if observation.shape != self._observation_shape:
            raise CheckpointError(
                f"policy was trained on observations of shape {self._observation_shape}, got {observation.shape}"
            )
        if not np.isfinite(observation).all():
            raise CheckpointError(f"observation {int(np.argmin(np.isfinite(observation).ravel()))} is not finite")
        hidden = self._normaliser(observation).ravel()
        for weight, bias in self._layers[:-1]:
            hidden = np.tanh(weight @ hidden + bias)
        weight, bias = self._layers[-1]
        mean = np.clip((weight @ hidden + bias).reshape(self._low.shape), -1.0, 1.0)
        action: NDArray[np.float32] = (self._low + (self._high - self._low) * (mean + 1.0) / 2.0).astype(np.float32)
        return action

    def check_spaces(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        """Raises CheckpointError, naming both shapes, unless the spaces are the ones trained on."""
        for name, space, shape in (
            ("observation", observation_space, self._observation_shape),
            ("action", action_space, self._low.shape),
        ):
            if space.shape != shape:
                raise CheckpointError(f"policy was trained with an {name} of shape {shape}, here it is {space.shape}")
