# SPDX-License-Identifier: MIT
"""A trained Meta-HRL policy in use: the high level decides here, the low level inside the simulation."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from agents.checkpoint import Checkpoint, CheckpointError
from agents.high_level import torch_inputs
from agents.low_level import low_policy
from agents.meta_hrl import KNOWN, from_checkpoint
from agents.slice_inputs import INPUTS_PER_SLICE
from pybridge.envs.shares import Controls
from pybridge.low_policy import LowPolicy

Single = NDArray[np.float32]


class MetaHrlPolicy:
    """An `ArrayPolicy` of pybridge: deterministic, as it was trained or as it was adapted to a task.

    What the track hides is hidden here too: operator weights in the observation are overwritten by equal ones, and the
    policy goes by what was inferred when it was adapted; before that, by the mean over training tasks. On the told
    track prices are those of the task that the checkpoint was adapted to; without one, the middle of training's.
    """

    controls: Controls = "capped"

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Raises CheckpointError if the checkpoint is of another kind or lacks a tensor."""
        learner = from_checkpoint(checkpoint)
        self._controls, self._network = learner.controls, learner.network
        self._actor = learner.high.actor()
        self.low_policy: LowPolicy | None = None
        if learner.low is not None:
            self.low_policy = low_policy(learner.low.actor(), explore=False)
        if learner.config.variant == "ours" and KNOWN not in checkpoint.tensors:
            raise CheckpointError(f"tensor {KNOWN} is missing")
        features = checkpoint.tensors.get(KNOWN, np.zeros(self._controls.task_inputs))
        if features.shape != (self._controls.task_inputs,) or not np.isfinite(features).all():
            raise CheckpointError(f"tensor {KNOWN} is not {self._controls.task_inputs} finite numbers")
        self._task = features.astype(np.float32)
        self._shown = self._task[:0]
        if self._network.told:
            self._shown, self._task[-1] = self._task[-3:-1].copy(), 0.0
        self._observed = (self._network.cells * self._network.slices * INPUTS_PER_SLICE,)
        self._weights = np.arange(INPUTS_PER_SLICE - 1, self._observed[0], INPUTS_PER_SLICE)
        self.reset()

    def reset(self) -> None:
        """An episode begins."""
        self._memory = self._controls.start(())

    def act(self, observation: NDArray[np.floating[Any]]) -> Single:
        """Action of `SliceEnv(controls="capped")`. Raises CheckpointError for another shape, or a NaN."""
        if observation.shape != self._observed:
            raise CheckpointError(
                f"policy was trained on observations of shape {self._observed}, got {observation.shape}"
            )
        if not np.isfinite(observation).all():
            raise CheckpointError(f"observation {int(np.argmin(np.isfinite(observation)))} is not finite")
        seen_by_all = observation.astype(np.float32)
        if not self._network.told:
            seen_by_all[self._weights] = 1.0 / self._network.slices
        else:
            weights = seen_by_all[self._weights[: self._network.slices]]
            self._task[: self._network.slices] = self._network.slices * weights - 1.0
        seen = self._controls.see(np.concatenate([seen_by_all, self._shown]), self._task, self._memory)
        self._memory = seen.memory
        with torch.no_grad():
            raw = self._actor(self._controls.observation(torch_inputs(seen.inputs)))
            action = self._actor.distribution(raw).mode().numpy().astype(np.float32)
        return self._controls.controls(action, seen)

    def check_spaces(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        """Raises CheckpointError, naming both shapes, unless the spaces are those trained on."""
        actions = (self._network.cells * (4 * self._network.slices + 1),)
        for name, space, shape in (
            ("observation", observation_space, self._observed),
            ("action", action_space, actions),
        ):
            if space.shape != shape:
                raise CheckpointError(f"policy was trained with an {name} of shape {shape}, here it is {space.shape}")
