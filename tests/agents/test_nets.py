# SPDX-License-Identifier: MIT
"""Networks and distributions: invariances, known optima, agreement with references of others."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Beta, Dirichlet, Normal, kl_divergence

from agents.distributions import DiagonalGaussian, DirichletBeta
from agents.nets import GaussianActor, MlpCritic, SetActor, SetCritic, SimplexActor
from pybridge.envs.features import Feature
from pybridge.low_policy import LowPolicy

UE_INPUTS, GROUP_INPUTS = 3, 7


def set_observation(ues: int, seed: int) -> dict[str, torch.Tensor]:
    stream = torch.Generator().manual_seed(seed)
    return {
        "ue": torch.rand((2, ues, UE_INPUTS), generator=stream),
        "group": torch.rand((2, GROUP_INPUTS), generator=stream),
        "present": torch.ones(2, ues),
    }


def trained_like(module: torch.nn.Module, seed: int = 0) -> None:
    """Parameters of the size that training gives them, so that no output is near zero by construction."""
    stream = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            fan_in = parameter.shape[-1] if parameter.dim() == 2 else 4
            parameter.copy_(torch.randn(parameter.shape, generator=stream) / fan_in**0.5)


@pytest.fixture(scope="module")
def set_networks() -> tuple[SetActor, SetCritic]:
    networks = SetActor(UE_INPUTS, GROUP_INPUTS), SetCritic(UE_INPUTS, GROUP_INPUTS)
    for network in networks:
        trained_like(network)
    return networks


@settings(deadline=None, max_examples=25)
@given(ues=st.integers(1, 30), seed=st.integers(0, 2**31))
def test_order_of_ues_changes_nothing(set_networks: tuple[SetActor, SetCritic], ues: int, seed: int) -> None:
    actor, critic = set_networks
    observation = set_observation(ues, seed)
    order = torch.randperm(ues, generator=torch.Generator().manual_seed(seed))
    permuted = observation | {"ue": observation["ue"][:, order]}
    with torch.no_grad():
        torch.testing.assert_close(actor(permuted), actor(observation)[:, order], atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(critic(permuted), critic(observation), atol=1e-6, rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(ues=st.integers(0, 30), padding=st.integers(1, 20), seed=st.integers(0, 2**31))
def test_padding_changes_nothing_whatever_stands_in_it(
    set_networks: tuple[SetActor, SetCritic], ues: int, padding: int, seed: int
) -> None:
    actor, critic = set_networks
    observation = set_observation(ues, seed)
    rubbish = torch.full((2, padding, UE_INPUTS), torch.nan)
    padded = observation | {
        "ue": torch.cat([observation["ue"], rubbish], 1),
        "present": torch.cat([observation["present"], torch.zeros(2, padding)], 1),
    }
    with torch.no_grad():
        if ues:
            torch.testing.assert_close(actor(padded)[:, :ues], actor(observation), atol=1e-6, rtol=1e-6)
            torch.testing.assert_close(critic(padded), critic(observation), atol=1e-6, rtol=1e-6)
        assert torch.isfinite(critic(padded)).all()


def test_padding_reaches_no_gradient(set_networks: tuple[SetActor, SetCritic]) -> None:
    actor, _ = set_networks
    observation = set_observation(3, 0)
    observation["ue"][:, 2] = torch.nan
    observation["present"][:, 2] = 0.0
    actor.zero_grad()
    actor(observation)[:, :2].sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in actor.parameters() if p.grad is not None)


def test_groups_of_different_sizes_are_told_apart(set_networks: tuple[SetActor, SetCritic]) -> None:
    """log(1 + N) is an input: mean and maximum alone could not tell one UE from two equal ones."""
    _, critic = set_networks
    one = set_observation(1, 5)
    two = one | {"ue": one["ue"].repeat(1, 2, 1), "present": torch.ones(2, 2)}
    assert (critic(one) - critic(two)).abs().min() > 1e-3


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_export_is_the_policy_that_the_simulation_evaluates(activation: str) -> None:
    """Against LowPolicy.act, the reference of what C++ computes, in double precision as there.

    One slice in one cell, UEs 1 and 4 without data.
    """
    kpms = {"x.buffer_bytes": 0, "x.cqi": 1, "x.offered_kbps": 2}
    schema = SimpleNamespace(
        ue_kpm_index=kpms,
        slice_kpm_index={"x.ues": 0},
        n_cells=1,
        slices=[SimpleNamespace(sst=2)],
        ue_slice=np.zeros(6),
    )
    actor = SetActor(UE_INPUTS, GROUP_INPUTS, activation=activation)
    trained_like(actor, seed=3)
    policy = LowPolicy(
        features=[Feature(name, 1.0) for name in kpms], slice_features=[Feature("x.ues", 10.0)], **actor.export()
    )
    stream = np.random.default_rng(0)
    ue = stream.uniform(0.1, 1.0, (6, 3)).astype(np.float32)
    ue[[1, 4], 0] = 0.0
    share = stream.uniform(0.1, 0.9, (1, 1, 3)).astype(np.float32)
    acted = policy.act(schema, ue, np.zeros(6, np.int32), np.array([[[4.0]]], np.float32), share)  # type: ignore[arg-type]
    group = np.concatenate([[0.4, 0.0, 1.0, 0.0], share[0, 0]])
    observation = {
        "ue": torch.from_numpy(ue),
        "group": torch.from_numpy(group.astype(np.float32)),
        "present": torch.from_numpy((ue[:, 0] > 0).astype(np.float32)),
    }
    observation = {name: tensor.double() for name, tensor in observation.items()}
    mean = actor.double().distribution(actor(observation)).mode().detach().numpy()
    decided = actor.decided(observation, torch.tensor(True)).numpy()
    assert decided.tolist() == [True, False, True, True, False, True]
    np.testing.assert_allclose(mean[decided], acted.raw[decided], rtol=0.0, atol=1e-6)


def test_log_probability_entropy_and_kl_are_those_of_torch() -> None:
    stream = torch.Generator().manual_seed(0)
    alpha, other = (1.0 + 5.0 * torch.rand((2, 7, 4), generator=stream)).double()
    pairs, other_pairs = (1.0 + 5.0 * torch.rand((2, 7, 2, 2), generator=stream)).double()
    ours, theirs = DirichletBeta((alpha,), pairs), DirichletBeta((other,), other_pairs)
    dirichlet, beta = Dirichlet(alpha), Beta(pairs[..., 0], pairs[..., 1])
    point, fraction = dirichlet.sample(), beta.sample()
    action = torch.cat([point, fraction], -1)
    torch.testing.assert_close(ours.log_prob(action), dirichlet.log_prob(point) + beta.log_prob(fraction).sum(-1))
    torch.testing.assert_close(ours.entropy(), dirichlet.entropy() + beta.entropy().sum(-1))
    expected = kl_divergence(dirichlet, Dirichlet(other))
    expected += kl_divergence(beta, Beta(other_pairs[..., 0], other_pairs[..., 1])).sum(-1)
    torch.testing.assert_close(ours.kl_to(theirs), expected)

    mean, log_std = torch.randn((2, 5, 3), generator=stream)
    gaussian, reference = DiagonalGaussian(mean, log_std), Normal(mean, log_std.exp())
    shifted = DiagonalGaussian(mean + 0.3, log_std - 0.2)
    x = reference.sample()
    torch.testing.assert_close(gaussian.log_prob(x), reference.log_prob(x).sum(-1))
    torch.testing.assert_close(gaussian.entropy(), reference.entropy().sum(-1))
    expected = kl_divergence(reference, Normal(mean + 0.3, (log_std - 0.2).exp())).sum(-1)
    torch.testing.assert_close(gaussian.kl_to(shifted), expected)
    with pytest.raises(TypeError, match="DirichletBeta"):
        gaussian.kl_to(ours)  # type: ignore[arg-type]


def test_mode_of_shares_is_the_softmax_and_samples_lie_on_the_simplex_around_it() -> None:
    actor = SimplexActor(5, [4, 3], fractions=1, concentration=50.0)
    trained_like(actor)
    with torch.no_grad():
        actor.head_concentration.fill_(50.0)
    observation = torch.rand(1, 5)
    logits = actor.head(actor.trunk(torch.cat([observation, actor.context.expand(1, -1)], -1)))
    expected = [torch.softmax(part, -1) for part in torch.split(logits, [4, 3, 2], -1)]
    distribution = actor.distribution(actor(observation))
    expected_action = torch.cat([expected[0], expected[1], expected[2][:, :1]], -1)
    torch.testing.assert_close(distribution.mode(), expected_action)
    stream = np.random.default_rng(0)
    samples = np.array([distribution.sample([stream])[0] for _ in range(4000)])
    np.testing.assert_allclose(samples[:, :4].sum(1), 1.0, atol=1e-6)
    np.testing.assert_allclose(samples[:, 4:7].sum(1), 1.0, atol=1e-6)
    assert (samples > 0.0).all()
    assert (samples < 1.0).all()
    alpha = distribution.simplices[0][0].detach().numpy()
    np.testing.assert_allclose(samples[:, :4].mean(0), alpha / alpha.sum(), atol=0.01)


def test_a_row_is_sampled_from_its_own_stream_alone() -> None:
    """Batching must not change bits: row 1 is the same beside other rows."""
    for actor in (SimplexActor(5, [4], fractions=2), GaussianActor(5, 3)):
        observation = torch.rand(3, 5)
        together = actor.distribution(actor(observation)).sample([np.random.default_rng(s) for s in (1, 2, 3)])
        alone = actor.distribution(actor(observation)[1:2]).sample([np.random.default_rng(2)])
        np.testing.assert_array_equal(together[1], alone[0])
    with pytest.raises(ValueError, match="3 rows need as many streams"):
        actor.distribution(actor(observation)).sample([np.random.default_rng(0)])


def test_residual_starts_as_exactly_nothing() -> None:
    actor = GaussianActor(5, 3, gain=0.0)
    assert torch.count_nonzero(actor.distribution(actor(torch.rand(10, 5))).mode()) == 0


def test_critic_is_linear_in_its_features() -> None:
    critic = MlpCritic(5)
    trained_like(critic)
    x = critic.features(torch.rand(10, 5))
    assert x.shape == (10, 64)
    bias = critic.value(torch.zeros(64))
    torch.testing.assert_close(critic.value(2.0 * x) - bias, 2.0 * (critic.value(x) - bias), atol=1e-5, rtol=1e-5)
