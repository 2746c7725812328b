# SPDX-License-Identifier: MIT
"""The outer objective: clipping per decision, weights, penalty; and the known optimum on the simplex."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.distributions import DiagonalGaussian
from agents.inner import InnerConfig, Sample, initial_step_sizes
from agents.nets import GaussianActor, SimplexActor
from agents.outer import (
    TaskObjective,
    clipped_objective,
    next_kl_coefficient,
    outer_loss,
    task_objective,
    unadapted_objective,
)

CLIP = 0.2


def shifted(ratio: torch.Tensor) -> tuple[DiagonalGaussian, Sample, DiagonalGaussian]:
    """Distributions whose densities at the action 0 have these ratios."""
    shape = (*ratio.shape, 1)
    old = DiagonalGaussian(torch.zeros(shape), torch.zeros(shape))
    new = DiagonalGaussian(torch.zeros(shape), -ratio.log().unsqueeze(-1))
    ones = torch.ones(ratio.shape)
    sample = Sample(ones, torch.zeros(shape), ones, ones, ones > 0, ones > 0, ones)
    return new, sample, old


@pytest.mark.parametrize(
    ("ratio", "advantage", "expected"),
    [(1.0, 2.0, 2.0), (1.5, 2.0, 2.4), (0.5, 2.0, 1.0), (1.5, -2.0, -3.0), (0.5, -2.0, -1.6), (1.1, -2.0, -2.2)],
)
def test_clips_only_where_it_lowers_the_objective(ratio: float, advantage: float, expected: float) -> None:
    new, sample, old = shifted(torch.tensor([[ratio]]))
    sample = sample._replace(advantage=torch.tensor([[advantage]]))
    assert clipped_objective(new, sample, old, CLIP).item() == pytest.approx(expected)


def test_ratios_of_a_set_policy_are_clipped_per_ue() -> None:
    """Ratios 1.5 and 1/1.5 of two UEs multiply to 1: clipped jointly, nothing would be."""
    new, sample, old = shifted(torch.tensor([[[1.5, 1 / 1.5]]]))
    sample = sample._replace(advantage=torch.ones(1, 1))
    assert clipped_objective(new, sample, old, CLIP).item() == pytest.approx((1.2 + 1 / 1.5) / 2)


def test_decisions_that_were_not_taken_do_not_count() -> None:
    new, sample, old = shifted(torch.tensor([[[1.1, 9.0]]]))
    sample = sample._replace(advantage=torch.ones(1, 1), decided=torch.tensor([[[True, False]]]))
    assert clipped_objective(new, sample, old, CLIP).item() == pytest.approx(1.1)


def test_loss_weights_tasks_and_charges_kl() -> None:
    terms = TaskObjective(torch.tensor([1.0, 3.0]), torch.tensor([10.0, 0.0]), torch.tensor([2.0, 4.0]))
    loss = outer_loss(terms, torch.tensor([0.5, 1.5]), kl_coefficient=0.01, entropy_coefficient=0.1)
    assert loss.item() == pytest.approx(-((0.5 * (1.0 - 0.1) + 1.5 * 3.0) / 2 + 0.1 * 3.0))


def test_kl_coefficient_follows_its_target() -> None:
    assert next_kl_coefficient(1.0, kl=0.016, target=0.01) == 2.0
    assert next_kl_coefficient(1.0, kl=0.006, target=0.01) == 0.5
    assert next_kl_coefficient(1.0, kl=0.012, target=0.01) == 1.0


def test_right_after_sampling_the_objective_is_the_mean_advantage_and_the_kl_zero() -> None:
    torch.manual_seed(0)
    actor = GaussianActor(4, 2, context=3, gain=0.5)
    observation = torch.randn(3, 5, 4)
    valid = torch.ones((3, 5), dtype=torch.bool)
    sample = Sample(
        observation,
        torch.randn(3, 5, 2),
        torch.randn(3, 5),
        torch.randn(3, 5),
        valid,
        valid,
        actor(observation).detach(),
    )
    theta = dict(actor.named_parameters())
    terms = unadapted_objective(actor, theta, sample, CLIP)
    assert terms.clipped.item() == pytest.approx(sample.advantage.mean().item(), abs=1e-6)
    assert terms.kl.item() == pytest.approx(0.0, abs=1e-7)
    # With a step size of nearly nothing, adapting is not adapting.
    sizes = initial_step_sizes(actor, ("context", "head"), 1e-12)
    adapted = task_objective(actor, theta, sizes, sample, sample, InnerConfig(), CLIP)
    for one, other in zip(terms, adapted, strict=True):
        torch.testing.assert_close(one, other)


def test_shares_converge_to_the_known_optimum_of_the_simplex() -> None:
    """maximise E Σ ω_k log a_k: a = ω / Σω. Policy gradient on samples, the mode judged (METHOD.md 3)."""
    torch.manual_seed(1)
    omega = torch.tensor([3.0, 1.0, 1.0, 0.5])
    actor = SimplexActor(1, [4], hidden=(16,), context=0, concentration=200.0)
    theta = dict(actor.named_parameters())
    optimiser = torch.optim.Adam([p for name, p in theta.items() if name != "head_concentration"], lr=0.01)
    stream = [np.random.default_rng(0)]
    observation = torch.ones(1, 256, 1)
    valid = torch.ones((1, 256), dtype=torch.bool)
    for _ in range(300):
        behaviour = actor(observation).detach()
        action = torch.from_numpy(actor.distribution(behaviour).sample(stream))
        reward = (omega * action.log()).sum(-1)
        advantage = (reward - reward.mean()) / reward.std()
        sample = Sample(observation, action, advantage, advantage, valid, valid, behaviour)
        optimiser.zero_grad()
        (-unadapted_objective(actor, theta, sample, CLIP).clipped).backward()
        optimiser.step()
    mode = actor.distribution(actor(observation)).mode()[0, 0]
    torch.testing.assert_close(mode, omega / omega.sum(), atol=0.02, rtol=0.0)
