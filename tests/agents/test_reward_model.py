# SPDX-License-Identifier: MIT
"""Inferring what an operator wants: the regressors are the reward's own, and the belief finds what made the rewards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from agents.high_level import ResidualControls
from agents.inner import InnerConfig
from agents.level import Level, LevelConfig
from agents.network import simulation_task, vector_factory
from agents.network_task import NetworkTask, TaskDistribution, TaskRanges
from agents.reward_model import Beliefs, RewardPosterior, reward_parameters, reward_terms
from agents.rollout import PolicyDriver, Simulations, revealed

STEPS = 10
RANGES = TaskRanges(
    set={"timing.duration_s": STEPS * 0.1, "timing.warm_up_s": 0.2, "recording.packets": "none"},
)


def tasks(count: int) -> list[NetworkTask]:
    """Training tasks on one small cell, which differ in what their operators want."""
    return TaskDistribution(RANGES).tasks("train", count)


@pytest.fixture(scope="module")
def simulations(simulation_program: Any) -> Iterator[Simulations]:
    """Four at once."""
    with vector_factory(tasks(1)[0])(4) as vector:
        yield Simulations(vector, simulation_task, STEPS)


def test_rewards_of_a_real_cell_are_linear_in_their_terms(simulations: Simulations) -> None:
    """Exactly, but for the rate SLA of eMBB, whose UEs are not observed one by one: its weight bounds the error."""
    torch.manual_seed(1)
    controls = ResidualControls(1, 3, 60, 6)
    level = Level(*controls.networks(), LevelConfig(inner=InnerConfig(adapted=("context",))))
    driver = PolicyDriver(controls, level.policies(level.shared(4)), tasks(4), explore=True)
    wave = simulations.play(tasks(4), driver, 1, [1, 2, 3, 4], [None] * 4)
    terms = reward_terms(driver.observations(), 1, 3)
    assert terms.shape == (4, 1, STEPS, 6)
    assert (terms[..., :3] >= 0.0).all()
    assert (terms[..., :3] <= 1.0).all()
    parameters = reward_parameters(tasks(4))
    missing = wave.reward - np.einsum("beti,bi->bet", terms, parameters)
    of_embb = parameters[:, :1, np.newaxis]
    assert (np.abs(missing) <= of_embb + 1e-5).all()
    assert np.abs(missing / of_embb).mean() < 0.1
    assert missing.std() < 0.1 * wave.reward.std()


def test_the_belief_starts_at_the_training_tasks_and_ends_at_the_truth() -> None:
    stream = np.random.default_rng(3)
    prior = reward_parameters(tasks(300))
    truth = reward_parameters(tasks(301))[-1]
    belief = RewardPosterior(prior)
    assert belief.mean == pytest.approx(prior.mean(axis=0))
    errors = [np.abs(belief.mean - truth).max()]
    for _ in range(3):
        terms = np.concatenate([stream.uniform(size=(200, 3)), -stream.uniform(size=(200, 3))], 1)
        belief.add(terms, terms @ truth + 0.03 * stream.standard_normal(200))
        errors.append(np.abs(belief.mean - truth).max())
    assert errors[0] > 0.1
    assert errors[-1] < 0.02


def test_what_rewards_do_not_show_stays_as_it_was_believed() -> None:
    """Satisfaction that never varies says nothing of who is worth what, but that weights sum to 1 and prices count."""
    prior = reward_parameters(tasks(300))
    truth = reward_parameters(tasks(301))[-1]
    belief = RewardPosterior(prior)
    used = np.random.default_rng(1).uniform(size=(200, 2))
    terms = np.concatenate([np.ones((200, 3)), -used, np.zeros((200, 1))], 1)
    belief.add(terms, terms @ truth)
    assert belief.mean[:3].sum() == pytest.approx(1.0, abs=1e-3)
    assert belief.mean[3:5] == pytest.approx(truth[3:5], abs=0.02)
    assert belief.mean[0] - belief.mean[1] == pytest.approx(prior[:, 0].mean() - prior[:, 1].mean(), abs=0.1)


def test_beliefs_become_features_of_tasks_and_those_of_the_truth_in_the_end() -> None:
    some, prior = tasks(20), reward_parameters(tasks(300))
    beliefs = Beliefs(some, prior)
    before = beliefs.features()
    assert before.shape == (20, 6)
    assert np.abs(before[:, :5]).max() < 0.2  # equal weights, mean prices
    assert before[:, 5] == pytest.approx(1.0)  # nothing but doubt
    stream = np.random.default_rng(2)
    terms = np.concatenate([stream.uniform(size=(20, 500, 3)), -stream.uniform(size=(20, 500, 3))], -1)
    beliefs.add(terms, np.einsum("btp,bp->bt", terms, reward_parameters(some)))
    assert np.abs(beliefs.features() - revealed(some))[:, :3].max() < 0.1
    assert np.abs(beliefs.features() - revealed(some))[:, 3:5].mean() < 0.1
    assert (beliefs.features()[:, 5] < 0.02).all()
    assert (revealed(some)[:, 5] == 0.0).all()


def test_what_is_believed_stays_within_what_training_tasks_are() -> None:
    prior = reward_parameters(tasks(300))
    beliefs = Beliefs(tasks(1), prior)
    terms = np.random.default_rng(4).uniform(size=(1, 900, 6))
    beliefs.add(terms, terms @ np.array([-0.5, 0.5, 1.0, 9.0, -9.0, 0.1]))
    features = beliefs.features()[0]
    weights = (features[:3] + 1.0) / 3.0
    assert weights.sum() == pytest.approx(1.0, abs=1e-5)
    assert (weights >= 0.0).all()
    assert np.abs(features[3:]).max() < 2.5
    with pytest.raises(ValueError, match="finite"):
        RewardPosterior(prior).add(np.ones((2, 6)), np.array([0.0, np.nan]))
