# SPDX-License-Identifier: MIT
"""What is learned from a packed sample is what is learned from all of its places."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import vmap

from agents.inner import InnerConfig, Parameters, Sample, adapt_critic, critic_loss, initial_step_sizes
from agents.nets import Actor, Critic, GaussianActor, SetActor, SetCritic
from agents.outer import outer_loss, task_objective
from agents.packing import packed

B, N, T, UES, UE_INPUTS, GROUP_INPUTS = 3, 2, 4, 5, 3, 7


def sample_of(actor: SetActor, presence: float) -> Sample:
    """Task 2 has more UEs than the others; absent places hold rubbish; the last step of all was not played."""
    torch.manual_seed(1)
    present = (torch.rand(B, N, T, UES) < torch.tensor([0.2, 0.4, 1.0]).view(B, 1, 1, 1) * presence).float()
    ue = torch.where(present.unsqueeze(-1) > 0, torch.rand(B, N, T, UES, UE_INPUTS), torch.nan)
    observation = {"ue": ue, "group": torch.rand(B, N, T, GROUP_INPUTS), "present": present}
    valid = torch.ones(B, N, T, dtype=torch.bool)
    valid[..., -1] = False
    behaviour = actor(observation).detach() + 0.1
    action = behaviour[..., :2] + torch.randn(B, N, T, UES, 2)
    decided = actor.decided(observation, valid)
    return Sample(observation, action, torch.randn(B, N, T), torch.randn(B, N, T), valid, decided, behaviour)


def losses(actor: Actor, critic: Critic, sample: Sample) -> tuple[Tensor, Tensor]:
    """As `agents.level` has them, the sample being support and query."""
    theta, phi = dict(actor.named_parameters()), dict(critic.named_parameters())
    inner = InnerConfig()
    alpha, alpha_v = (initial_step_sizes(module, inner.adapted, 0.5) for module in (actor, critic))
    terms = vmap(lambda data: task_objective(actor, theta, alpha, data, data, inner, 0.2))(sample)

    def of_critic(data: Sample) -> Tensor:
        adapted: Parameters = adapt_critic(critic, phi, alpha_v, data, inner)
        return critic_loss(critic, adapted, data)

    return outer_loss(terms, torch.tensor([0.5, 1.0, 1.5]), 0.1, 0.01), vmap(of_critic)(sample).mean()


@pytest.mark.parametrize("presence", [0.0, 0.5, 1.0])
def test_losses_and_meta_gradients_are_those_of_all_places(presence: float) -> None:
    torch.manual_seed(0)
    actor, critic = SetActor(UE_INPUTS, GROUP_INPUTS), SetCritic(UE_INPUTS, GROUP_INPUTS)
    sample = sample_of(actor, presence)
    assert packed(sample).action.shape[1] == max(1, int(sample.decided.sum((1, 2, 3)).max()))
    parameters = [*actor.parameters(), *critic.parameters()]
    found = []
    for one in (sample, packed(sample)):
        loss = losses(actor, critic, one)
        found.append((loss, torch.autograd.grad(sum(loss, torch.zeros(())), parameters)))
    torch.testing.assert_close(found[1], found[0], atol=1e-6, rtol=1e-4)


def test_samples_of_other_policies_stay() -> None:
    valid = torch.ones(1, 2, 3, dtype=torch.bool)
    observation = torch.zeros(1, 2, 3, 4)
    actor = GaussianActor(4, 2)
    sample = Sample(observation, torch.zeros(1, 2, 3, 2), *[torch.zeros(1, 2, 3)] * 2, valid, valid, actor(observation))
    assert packed(sample) is sample
