# SPDX-License-Identifier: MIT
"""The inner step: derivatives with known values, and who takes part in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.func import grad, hessian

from agents.inner import (
    InnerConfig,
    Sample,
    adapt_actor,
    adapt_critic,
    critic_loss,
    gradient_step,
    initial_step_sizes,
    lvc_objective,
)
from agents.nets import Actor, GaussianActor, MlpCritic

N, T = 3, 5


def random_sample(actor: Actor, inputs: int, actions: int, seed: int = 0) -> Sample:
    stream = torch.Generator().manual_seed(seed)
    observation = torch.randn((N, T, inputs), generator=stream)
    valid = torch.ones((N, T), dtype=torch.bool)
    return Sample(
        observation,
        torch.randn((N, T, actions), generator=stream),
        torch.randn((N, T), generator=stream),
        torch.randn((N, T), generator=stream),
        valid,
        valid,
        actor(observation).detach(),
    )


class Score(Actor):
    """log π = 2θ whatever happens: the smallest policy with a known second derivative."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = torch.nn.Parameter(torch.tensor(0.3))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        return 2.0 * self.theta.expand(*observation.shape[:-1], 1)

    def distribution(self, parameters: torch.Tensor):  # type: ignore[no-untyped-def]
        class Fixed:
            def log_prob(self, action: torch.Tensor) -> torch.Tensor:
                return parameters[..., 0]

        return Fixed()


def test_second_derivative_of_lvc_is_4_where_that_of_log_pi_is_0() -> None:
    actor = Score()
    ones = torch.ones(N, T)
    valid = ones > 0
    sample = Sample(torch.zeros(N, T, 1), torch.zeros(N, T, 1), ones, ones, valid, valid, ones)
    theta = torch.tensor(0.3)

    def lvc(value: torch.Tensor) -> torch.Tensor:
        return lvc_objective(actor, {"theta": value}, sample)

    def log_pi(value: torch.Tensor) -> torch.Tensor:
        return 2.0 * value

    assert lvc(theta).item() == pytest.approx(1.0)
    assert grad(lvc)(theta).item() == pytest.approx(2.0)
    assert hessian(lvc)(theta).item() == pytest.approx(4.0)
    assert hessian(log_pi)(theta).item() == 0.0


def test_meta_gradient_through_vmap_sees_the_second_derivative_and_first_order_does_not() -> None:
    actor = Score()
    ones = torch.ones(2, N, T)
    valid = ones > 0
    samples = Sample(torch.zeros(2, N, T, 1), torch.zeros(2, N, T, 1), ones, ones, valid, valid, ones)
    theta, log_alpha = torch.tensor(0.3, requires_grad=True), torch.tensor(0.1).log()

    def slope(first_order: bool) -> float:
        config = InnerConfig(adapted=("theta",), first_order=first_order)

        def one(sample: Sample) -> torch.Tensor:
            return adapt_actor(actor, {"theta": theta}, {"theta": log_alpha}, sample, config)["theta"]

        return float(torch.autograd.grad(torch.vmap(one)(samples).mean(), theta)[0])

    # θ' = θ + α·2, whose derivative with respect to θ is 1 + α·4, or 1 if the gradient is a constant.
    assert slope(first_order=False) == pytest.approx(1.4)
    assert slope(first_order=True) == pytest.approx(1.0)


def test_gradient_of_lvc_is_the_policy_gradient() -> None:
    actor = GaussianActor(4, 2, context=3).double()
    sample = Sample(*(x.double() if x.is_floating_point() else x for x in random_sample(actor.float(), 4, 2)))
    actor = actor.double()
    parameters = {name: p.detach() for name, p in actor.named_parameters()}

    def plain(theta: dict[str, torch.Tensor]) -> torch.Tensor:
        raw = torch.func.functional_call(actor, theta, (sample.observation,))
        return (actor.distribution(raw).log_prob(sample.action) * sample.advantage).mean()

    expected, found = grad(plain)(parameters), grad(lambda p: lvc_objective(actor, p, sample))(parameters)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


def test_only_context_and_head_move_and_by_their_own_step_sizes() -> None:
    actor = GaussianActor(4, 2, context=3, gain=0.5)
    parameters = {name: p.detach() for name, p in actor.named_parameters()}
    config = InnerConfig(step_size=0.1)
    sizes = initial_step_sizes(actor, config.adapted, config.step_size)
    assert set(sizes) == {"context", "head.weight", "head.bias", "head_log_std"}
    sample = random_sample(actor, 4, 2)
    gradient = grad(lambda p: lvc_objective(actor, p, sample))(parameters)
    sizes["head.bias"] = torch.tensor(0.5).log()
    adapted = adapt_actor(actor, parameters, sizes, sample, config)
    for name, value in parameters.items():
        alpha = sizes[name].exp() if name in sizes else 0.0
        torch.testing.assert_close(adapted[name], value + alpha * gradient[name])
        assert torch.equal(adapted[name], value) == (name not in sizes), name


def test_steps_after_the_first_are_half_as_long() -> None:
    actor = GaussianActor(4, 2, context=3, gain=0.5)
    parameters = {name: p.detach() for name, p in actor.named_parameters()}
    config = InnerConfig()
    sizes = initial_step_sizes(actor, config.adapted, config.step_size)
    sample = random_sample(actor, 4, 2)
    first, later = (adapt_actor(actor, parameters, sizes, sample, config, step) for step in (0, 1))
    for name in sizes:
        torch.testing.assert_close(first[name] - parameters[name], 2.0 * (later[name] - parameters[name]))


def test_critic_steps_downhill() -> None:
    critic = MlpCritic(4, context=3)
    parameters = {name: p.detach() for name, p in critic.named_parameters()}
    config = InnerConfig(critic_step_size=0.01)
    sizes = initial_step_sizes(critic, config.adapted, config.critic_step_size)
    sample = random_sample(GaussianActor(4, 2), 4, 2)
    adapted = adapt_critic(critic, parameters, sizes, sample, config)
    assert critic_loss(critic, adapted, sample) < critic_loss(critic, parameters, sample)


def test_steps_that_were_not_played_teach_nothing() -> None:
    actor = GaussianActor(4, 2, context=3, gain=0.5)
    parameters = {name: p.detach() for name, p in actor.named_parameters()}
    sample = random_sample(actor, 4, 2)
    valid = sample.valid.clone()
    valid[:, 3:] = False
    cut = replace_fields(sample, valid, 1.0)
    disturbed = replace_fields(sample, valid, 100.0)
    assert torch.equal(lvc_objective(actor, parameters, cut), lvc_objective(actor, parameters, disturbed))
    critic = MlpCritic(4, context=3)
    phi = dict(critic.named_parameters())
    assert torch.equal(critic_loss(critic, phi, cut), critic_loss(critic, phi, disturbed))


def replace_fields(sample: Sample, valid: torch.Tensor, padding: float) -> Sample:
    steps = torch.where(valid, 1.0, padding)
    return sample._replace(
        observation=sample.observation * steps.unsqueeze(-1),
        advantage=sample.advantage * steps,
        target=sample.target * steps,
        valid=valid,
        decided=valid,
    )


def test_unknown_names_and_step_sizes_are_refused() -> None:
    actor = GaussianActor(4, 2)
    with pytest.raises(ValueError, match=r"no parameter begins with 'tail'; there are: context"):
        initial_step_sizes(actor, ("context", "tail"), 0.1)
    with pytest.raises(ValueError, match="positive"):
        initial_step_sizes(actor, ("context",), replace(InnerConfig(), step_size=0.0).step_size)


def test_gradient_step_climbs_a_parabola_to_its_top() -> None:
    start = {"x": torch.tensor([3.0]), "fixed": torch.tensor([2.0])}
    there = gradient_step(lambda p: -0.5 * ((p["x"] - p["fixed"]) ** 2).sum(), start, {"x": torch.tensor(1.0)})
    assert there["x"].item() == pytest.approx(2.0)
    assert there["fixed"].item() == 2.0
