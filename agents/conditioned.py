# SPDX-License-Identifier: MIT
"""A context vector that training reads from the task's own parameters: it makes the space of z to search in later.

z = context + E·u, u being what the task is made of (operator weights, price, …) and hidden from the policy in use.
While training, u is given: that is privileged information, and whoever reports results has to say so. In use u = 0, and
z is searched for by episodes (`agents.latent_search`) or adapted by gradient. After MAESN (Gupta et al. 2018,
arXiv:1802.07245), whose latent is per task too, though learned without u; METHOD.md 2b says why search is by episodes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.distributions import ActionDistribution
from agents.nets import CONTEXT_SIZE, Actor, Critic, MlpCritic


class ContextPrior(NamedTuple):
    """Where z lies for the tasks of training, float64: where a search begins."""

    mean: NDArray[np.float64]
    """(Z,)."""
    std: NDArray[np.float64]
    """(Z,)."""


class _Encoder(nn.Module):
    def __init__(self, task_inputs: int, context: int) -> None:
        super().__init__()
        self.linear = nn.Linear(task_inputs, context, bias=False)

    def forward(self, observation: dict[str, Tensor], context: Tensor) -> Tensor:
        z = context + self.linear(observation["task"])
        return torch.cat([observation["x"], z], -1)


class ConditionedActor(Actor):
    """An actor over [x | z]. Observation: `x` (..., inputs), `task` (..., task_inputs), zeros where it is hidden.

    Names to adapt: ("context", "actor.head").
    """

    def __init__(self, actor: Actor, task_inputs: int, *, context: int = CONTEXT_SIZE) -> None:
        """actor: takes inputs + `context` numbers, and no context of its own (`context=0`)."""
        super().__init__()
        self.context = nn.Parameter(torch.zeros(context))
        self.actor = actor
        self.encoder = _Encoder(task_inputs, context)

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        result: Tensor = self.actor(self.encoder(observation, self.context))
        return result

    def distribution(self, parameters: Tensor) -> ActionDistribution:
        return self.actor.distribution(parameters)

    def prior(self, tasks: Tensor, smallest_std: float = 1e-3) -> ContextPrior:
        """Of z over `tasks`, (B, task_inputs): the training tasks. `smallest_std` keeps the search alive everywhere."""
        with torch.no_grad():
            z = (self.context + self.encoder.linear(tasks)).double().numpy()
        return ContextPrior(z.mean(axis=0), np.maximum(z.std(axis=0), smallest_std))

    def with_context(self, z: NDArray[np.floating]) -> dict[str, Tensor]:
        """Parameters with this z, (Z,), for observations in which the task is hidden."""
        values = {name: parameter.detach().clone() for name, parameter in self.named_parameters()}
        return values | {"context": torch.from_numpy(np.asarray(z, np.float32).copy())}


class ConditionedCritic(Critic):
    """A critic over [x | z], with a z of its own; observations as for `ConditionedActor`."""

    def __init__(self, critic: MlpCritic, task_inputs: int, *, context: int = CONTEXT_SIZE) -> None:
        """critic: takes inputs + `context` numbers, and no context of its own."""
        super().__init__()
        self.context = nn.Parameter(torch.zeros(context))
        self.critic = critic
        self.encoder = _Encoder(task_inputs, context)

    def features(self, observation: dict[str, Tensor]) -> Tensor:
        return self.critic.features(self.encoder(observation, self.context))

    def value(self, features: Tensor) -> Tensor:
        return self.critic.value(features)
