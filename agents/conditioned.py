# SPDX-License-Identifier: MIT
"""A context vector made of what a task is: z = context + E·u.

u is what the track hides (operator weights, prices), or what is believed of it: `agents.reward_model` infers it from
rewards, in training as in use. `context` is a parameter, for inner gradient steps as of CAVIA (Zintgraf et al. 2019,
arXiv:1810.03642). A latent per task that rollouts condition on is after MAESN (Gupta et al. 2018, arXiv:1802.07245) and
PEARL (Rakelly et al. 2019, arXiv:1903.08254).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.distributions import ActionDistribution
from agents.nets import CONTEXT_SIZE, Actor, Critic, MlpCritic


class _Encoder(nn.Module):
    def __init__(self, task_inputs: int, context: int, reads: str = "task") -> None:
        super().__init__()
        self.linear = nn.Linear(task_inputs, context, bias=False)
        self._reads = reads

    def forward(self, observation: dict[str, Tensor], context: Tensor) -> Tensor:
        z = context + self.linear(observation[self._reads])
        return torch.cat([observation["x"], z], -1)


class ConditionedActor(Actor):
    """An actor over [x | z]. Observation: `x` (..., inputs), `task` (..., task_inputs).

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


class ConditionedCritic(Critic):
    """A critic over [x | z], with a z of its own; observations as for `ConditionedActor`."""

    def __init__(
        self, critic: MlpCritic, task_inputs: int, *, context: int = CONTEXT_SIZE, reads: str = "task"
    ) -> None:
        """critic: takes inputs + `context` numbers, and no context of its own.

        reads: part of the observation that z is made of. A critic is used in training alone, so it may be one that the
        actor does not see (Pinto et al. 2018, arXiv:1710.06542).
        """
        super().__init__()
        self.context = nn.Parameter(torch.zeros(context))
        self.critic = critic
        self.encoder = _Encoder(task_inputs, context, reads)

    def features(self, observation: dict[str, Tensor]) -> Tensor:
        return self.critic.features(self.encoder(observation, self.context))

    def value(self, features: Tensor) -> Tensor:
        return self.critic.value(features)
