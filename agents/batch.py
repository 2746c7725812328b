# SPDX-License-Identifier: MIT
"""What a rollout hands to a learner: padded trajectories of one level, for a whole batch of tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pybridge.errors import SliceBridgeError


class RolloutError(SliceBridgeError):
    """An environment returned what cannot be learned from; nothing was learned from it."""


class Batch(NamedTuple):
    """Trajectories of B tasks, N per task, T steps at most; a group of UEs is one trajectory of the low level.

    All tensors start with (B, N). What stands in steps that were not played is never read, but must be finite.
    """

    observation: Any
    """(B, N, T + 1, ...), or a dictionary of such; the entry after a trajectory's last step is where it ended."""
    action: Tensor
    """(B, N, T, actions), of set policies (B, N, T, UEs, 2) before the tanh."""
    reward: Tensor
    """(B, N, T), as the environment gave it."""
    terminated: Tensor
    """(B, N, T), boolean: the step ended the episode for good. At a time limit it is False, and V(s_T) counts."""
    valid: Tensor
    """(B, N, T), boolean: the step was played. True first, then False."""

    @property
    def returns(self) -> Tensor:
        """(B,): mean over trajectories of the undiscounted sum of rewards."""
        return torch.where(self.valid, self.reward, 0.0).sum(-1).mean(-1)


def map_observation(function: Callable[[Tensor], Tensor], observation: Any) -> Any:
    """Apply `function` to the tensor, or to each tensor of the dictionary."""
    if isinstance(observation, dict):
        return {name: function(tensor) for name, tensor in observation.items()}
    return function(observation)


def check_batch(batch: Batch, who: str) -> None:
    """Raise RolloutError, naming the task and the trajectory, if anything is NaN or infinite.

    who: what the batch is of, for the message. NaN is allowed in actions, where no decision was taken.
    """
    parts = {"reward": torch.where(batch.valid, batch.reward, 0.0)}
    named = batch.observation if isinstance(batch.observation, dict) else {"": batch.observation}
    parts |= {f"observation {name}".strip(): tensor for name, tensor in named.items()}
    for what, tensor in parts.items():
        finite = torch.isfinite(tensor)
        if not finite.all():
            at = torch.nonzero(~finite)[0].tolist()
            raise RolloutError(f"{who}: {what} of task {at[0]}, trajectory {at[1]}, step {at[2]} is not finite")
