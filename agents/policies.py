# SPDX-License-Identifier: MIT
"""Policies of many tasks evaluated at once, for rollouts."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, vmap

from agents.distributions import ActionDistribution
from agents.nets import Actor


class TaskPolicies:
    """B tasks, each with parameters of its own for one architecture."""

    def __init__(self, actor: Actor, parameters: dict[str, Tensor]) -> None:
        """parameters: every tensor has a leading axis of B."""
        self._actor = actor
        self._parameters = {name: value.detach() for name, value in parameters.items()}
        # Expanded, not copied: all tasks have the same parameters, and a plain call costs less than half of a vmap.
        shared = all(value.stride(0) == 0 for value in self._parameters.values())
        self._shared = {name: value[0] for name, value in self._parameters.items()} if shared else None

    def distribution(self, observation: Any) -> ActionDistribution:
        """observation: (B, M, inputs), or a dictionary of such, M of each task. Distributions of shape (B, M, ...)."""
        with torch.no_grad():
            if self._shared is not None:
                raw = functional_call(self._actor, self._shared, (observation,))
            else:
                raw = vmap(lambda p, x: functional_call(self._actor, p, (x,)))(self._parameters, observation)
        return self._actor.distribution(raw)

    def act(self, observation: NDArray[np.float32], streams: Sequence[np.random.Generator]) -> NDArray[np.float32]:
        """(B, M, inputs) to (B, M, actions); task i draws from `streams[i]`, for its M rows at once."""
        return self.distribution(torch.from_numpy(observation)).sample(streams)

    def mode(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, M, inputs) to (B, M, actions), deterministic."""
        result: NDArray[np.float32] = self.distribution(torch.from_numpy(observation)).mode().numpy()
        return result

    def actor(self, task: int) -> Actor:
        """A copy of the network with one task's parameters, for instance to export it."""
        actor = copy.deepcopy(self._actor)
        actor.load_state_dict({name: value[task] for name, value in self._parameters.items()})
        return actor

    def actors(self, tasks: int) -> Iterator[Actor]:
        """The first so many tasks' networks one after the other, in one copy that the next of them overwrites."""
        actor = copy.deepcopy(self._actor)
        for task in range(tasks):
            actor.load_state_dict({name: value[task] for name, value in self._parameters.items()})
            yield actor
