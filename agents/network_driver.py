# SPDX-License-Identifier: MIT
"""Policies of `agents.network_policy` on many tasks at once, without noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.network_policy import NetworkPolicy, remembered
from agents.rollout import Streams

Single = NDArray[np.float32]


class NetworkDriver:
    """A `Driver`. A recurrent policy's state and last reward go from one wave of an episode per task to the next."""

    def __init__(self, policy: NetworkPolicy, memory: tuple[Any, Single, Single] | None = None) -> None:
        """memory: what such waves have taught, see `branch`."""
        self._policy, self._kept = policy, memory

    def branch(self) -> NetworkDriver:
        """One that knows what this one knows now; what it plays teaches this one nothing."""
        return NetworkDriver(self._policy, self._kept)

    def start(self, shape: tuple[int, int]) -> None:
        """Every episode of a task begins in the task's state."""
        self._actuator = self._policy.actuator.start(shape)
        self._begins = True
        if self._kept is None:
            self._state = self._policy.core.start(shape)
            self._action = np.zeros((*shape, self._policy.actuator.size), np.float32)
            self._reward = np.zeros(shape, np.float32)
            return
        state, action, reward = self._kept
        self._state = None if state is None else type(state)(*(_spread(part, shape) for part in state))
        self._action, self._reward = _spread(action, shape), _spread(reward[..., np.newaxis], shape)[..., 0]

    def decide(self, observation: Single, streams: Streams) -> Single:
        """Actions of the environments."""
        seen = observation
        if self._policy.recurrent:
            seen = np.concatenate([seen, remembered(self._action, self._reward, self._begins)], axis=-1)
        action, self._state = self._policy.core(self._policy.normalise(seen), self._state)
        self._action, self._begins = action.astype(np.float32), False
        controls, self._actuator = self._policy.actuator.apply(self._action, observation, self._actuator)
        return controls

    def observe_reward(self, reward: Single) -> None:
        """Of the last decisions, (tasks, episodes)."""
        self._reward = reward.astype(np.float32)

    def end(self, observation: Single) -> None:
        """Keep what an episode per task taught."""
        if self._policy.recurrent and self._reward.shape[1] == 1:
            self._kept = self._state, self._action, self._reward


def _spread(values: Single, shape: tuple[int, int]) -> Single:
    """(tasks, 1, n) to (tasks, episodes, n)."""
    return np.array(np.broadcast_to(values, (*shape, values.shape[-1])))
