# SPDX-License-Identifier: MIT
"""A policy of one cell in every cell of a network, each with a memory of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from pybridge.envs.shares import Controls
from pybridge.low_policy import LowPolicy

if TYPE_CHECKING:
    from agents.meta_policy import MetaHrlPolicy
    from agents.network_policy import NetworkPolicy
    from agents.rules import RulePolicy

    CellPolicy: TypeAlias = MetaHrlPolicy | NetworkPolicy | RulePolicy


class PerCellPolicy:
    """An `ArrayPolicy` of pybridge. Cells decide apart from each other; on one cell it is the policy itself.

    Observations and actions of a network are those of its cells, one after the other (`pybridge.SliceEnv`).
    """

    controls: Controls = "capped"

    def __init__(self, make: Callable[[], CellPolicy], observed: int, actions: int) -> None:
        """make: makes the policy, with a fresh memory. observed, actions: numbers of one cell's."""
        self._make, self._observed, self._actions = make, observed, actions
        self.cells = [make()]
        self.low_policy: LowPolicy | None = getattr(self.cells[0], "low_policy", None)

    def check_spaces(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        """Takes as many cells as the spaces are for. Raises CheckpointError unless they are for whole cells of its."""
        count = max(1, (observation_space.shape or (0,))[0] // self._observed)
        if observation_space.shape != (count * self._observed,) or action_space.shape != (count * self._actions,):
            self.cells[0].check_spaces(observation_space, action_space)
        self.cells += [self._make() for _ in range(count - len(self.cells))]

    def act(self, observation: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Action of SliceEnv. Raises CheckpointError for an observation of another shape or with a NaN in it."""
        if len(self.cells) == 1:
            return self.cells[0].act(observation)
        parts = np.split(observation, len(self.cells))
        return np.concatenate([policy.act(part) for policy, part in zip(self.cells, parts, strict=True)])

    def reset(self) -> None:
        """An episode begins."""
        for policy in self.cells:
            policy.reset()

    def observe_reward(self, reward: float) -> None:
        """The network's, told to every cell."""
        for policy in self.cells:
            getattr(policy, "observe_reward", lambda _: None)(reward)
