# SPDX-License-Identifier: MIT
"""Problems of the literature with known answers, short; tests/bench/long_learn.py runs them at full length."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tests.bench import bandits, sinusoid


@pytest.mark.parametrize(
    ("arms", "pulls", "total"), [(2, 10, 6.0218), (5, 10, 6.6600), (10, 10, 6.7140), (1, 4, 2.0), (2, 1, 0.5)]
)
def test_bayes_optimal_totals_of_bandits(arms: int, pulls: int, total: float) -> None:
    assert bandits.bayes_optimal(arms, pulls) == pytest.approx(total, abs=5e-5)


def test_bandit_is_a_gymnasium_environment_and_pays_by_its_arms() -> None:
    check_env(bandits.BanditTask(3, 10), skip_render_check=True)
    task = bandits.BanditTask(2, 1000)
    task.reset(seed=4)
    rewards = {arm: [task.step(np.int64(arm))[1] for _ in range(400)] for arm in (0, 1)}
    for arm, values in rewards.items():
        assert np.mean(values) == pytest.approx(task._p[arm], abs=0.08)


@pytest.mark.slow
def test_rl2_learns_to_explore_and_exploit_within_an_episode() -> None:
    """Pulling at random gives 5.0 of 10, as does any policy that forgets; the best possible is 6.02."""
    learner = bandits.train(2, 10, steps=40_000, seed=0)
    total = bandits.mean_total(learner, 2, 10, episodes=4000, seed=1)
    assert 5.5 < total < 6.02 + 4 * 3.0 / 4000**0.5


@pytest.mark.slow
def test_meta_learned_sinusoids_adapt_in_one_step_where_pretrained_ones_cannot() -> None:
    """3,000 of 30,000 iterations, of which the first 1,500 hardly move, so small are the weights at the start;
    pre-training stays at about 2.4 however long it runs."""
    models = {meta: sinusoid.train(3000, seed=1, meta=meta) for meta in (True, False)}
    one, ten = (sinusoid.errors_after(models[True], steps, shots=10, seed=9).mean() for steps in (1, 10))
    assert ten < one
    assert one < 0.75 * sinusoid.errors_after(models[False], 1, shots=10, seed=9).mean()
