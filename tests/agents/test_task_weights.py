# SPDX-License-Identifier: MIT
"""Task weights: what they must not react to, and what they must (METHOD.md 3)."""

from __future__ import annotations

import numpy as np
import pytest

from agents.reward_scale import RewardScale
from agents.task_weights import TaskWeightConfig, TaskWeights, predictable_variance, robust_weights, strength

B, EPISODES, T, FEATURES = 8, 4, 50, 64
ITERATIONS = 100


def data(seed: int, noise_std: np.ndarray, learnable_std: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """TD errors with a part that the features predict and one that nothing does, per task."""
    stream = np.random.default_rng(seed)
    features = np.tanh(stream.standard_normal((B, EPISODES, T, FEATURES)))
    direction = np.random.default_rng(0).standard_normal(FEATURES)
    learnable = features @ direction / np.linalg.norm(direction)
    learnable = learnable / learnable.std() * learnable_std[:, None, None]
    td_error = learnable + stream.standard_normal((B, EPISODES, T)) * noise_std[:, None, None]
    return td_error, features, np.ones((B, EPISODES, T), bool)


HALF = np.arange(B) % 2 == 1
FAMILIES = ["odd" if odd else "even" for odd in HALF]


def share_of_half(mode: str, noise_std: np.ndarray, learnable_std: np.ndarray, families: list[str]) -> float:
    """Part of the weight on the odd tasks, mean over the iterations at full λ."""
    weights = TaskWeights(TaskWeightConfig(mode=mode), ITERATIONS)  # type: ignore[arg-type]
    shares = []
    for iteration in range(60):
        w = weights(iteration, families, *data(iteration, noise_std, learnable_std))
        assert w.mean() == pytest.approx(1.0)
        if iteration >= 20:
            shares.append(w[HALF].sum() / w.sum())
    return float(np.mean(shares))


@pytest.mark.parametrize("families", [FAMILIES, [str(i) for i in range(B)]])
def test_noise_on_half_of_the_tasks_keeps_their_share(families: list[str]) -> None:
    noise = np.where(HALF, 1.0, 0.1)
    learnable = np.full(B, 0.1)
    assert 0.3 <= share_of_half("robust", noise, learnable, families) <= 0.7
    # What this guards against: raw variance hands nearly everything to the noise.
    assert share_of_half("paper", noise, learnable, families) > 0.9
    assert share_of_half("inverse", noise, learnable, families) < 0.1


@pytest.mark.parametrize("families", [FAMILIES, [str(i) for i in range(B)]])
def test_learnable_error_on_half_of_the_tasks_raises_their_share(families: list[str]) -> None:
    learnable = np.where(HALF, 0.5, 0.05)
    assert share_of_half("robust", np.full(B, 0.3), learnable, families) >= 0.55


@pytest.mark.parametrize("mode", ["uniform", "paper", "inverse", "robust"])
def test_rewards_ten_times_as_large_change_no_weight(mode: str) -> None:
    """Rewards are scaled by their running standard deviation, and what is linear in them with them."""
    rewards = np.random.default_rng(1).normal(0.3, 2.0, (5, 400))
    results = []
    for factor in (1.0, 10.0):
        scale = RewardScale()
        weights = TaskWeights(TaskWeightConfig(mode=mode), ITERATIONS)  # type: ignore[arg-type]
        history = []
        for iteration in range(20, 25):
            scale.update(factor * rewards[iteration - 20])
            td_error, features, valid = data(iteration, np.where(HALF, 1.0, 0.2), np.linspace(0.1, 0.6, B))
            history.append(weights(iteration, FAMILIES, factor * td_error / scale.std, features, valid))
        results.append(np.array(history))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-9)
    assert mode == "uniform" or np.ptp(results[0]) > 0.1


def test_predictable_variance_is_that_of_the_predictable_part() -> None:
    zeros, ones = np.zeros(B), np.ones(B)
    td_error, features, valid = data(3, zeros, ones)
    assert predictable_variance(td_error[0], features[0], valid[0], ridge=1e-3) == pytest.approx(1.0, abs=0.15)
    td_error, features, valid = data(3, ones, zeros)
    assert predictable_variance(td_error[0], features[0], valid[0], ridge=0.1) < 0.15
    assert predictable_variance(td_error[0][:1], features[0][:1], valid[0][:1], ridge=0.1) == 0.0


def test_padding_does_not_count() -> None:
    td_error, features, valid = data(3, np.full(B, 0.5), np.ones(B))
    valid[:, :, 40:] = False
    reference = predictable_variance(td_error[0], features[0], valid[0], ridge=0.1)
    td_error[:, :, 40:], features[:, :, 40:] = 1e6, -1e6
    assert predictable_variance(td_error[0], features[0], valid[0], ridge=0.1) == reference


def test_strength_rises_over_20_iterations_and_falls_in_the_last_fifth() -> None:
    config = TaskWeightConfig()
    assert [strength(config, i, 200) for i in (0, 10, 20, 160, 180, 200)] == pytest.approx([0, 0.25, 0.5, 0.5, 0.25, 0])


def test_without_strength_weights_are_uniform() -> None:
    np.testing.assert_array_equal(robust_weights(np.arange(8.0), 0.0, TaskWeightConfig()), np.ones(8))


def test_weights_are_clipped_and_of_mean_one() -> None:
    scores = np.array([0.0] * 7 + [100.0])
    weights = robust_weights(scores, 0.5, TaskWeightConfig())
    assert weights.mean() == pytest.approx(1.0)
    assert weights.max() / weights.min() <= 4.0 + 1e-9
    assert weights.argmax() == 7


def test_too_few_effective_tasks_fall_back_to_uniform() -> None:
    wide = TaskWeightConfig(smallest=0.0, largest=100.0, largest_score=20.0)
    scores = np.array([0.0, 0.1, -0.1, 0.0, 0.1, -0.1, 0.0, 9.0])
    np.testing.assert_array_equal(robust_weights(scores, 1.0, wide), np.ones(8))
    assert np.ptp(robust_weights(scores, 0.3, wide)) > 0.0


def test_moving_average_is_per_family_and_survives_a_restart() -> None:
    def weigh(restart: bool) -> np.ndarray:
        weights = TaskWeights(TaskWeightConfig(), ITERATIONS)
        for iteration in range(30, 36):
            w = weights(iteration, FAMILIES, *data(iteration, np.full(B, 0.3), np.where(HALF, 0.5, 0.2)))
            if restart:
                state = weights.state()
                weights = TaskWeights(TaskWeightConfig(), ITERATIONS)
                weights.load_state(state)
        return w

    result = weigh(restart=True)
    np.testing.assert_array_equal(result, weigh(restart=False))
    for family in set(FAMILIES):
        assert len({value for value, name in zip(result, FAMILIES, strict=True) if name == family}) == 1


def test_reward_scale_is_the_standard_deviation_of_all_rewards() -> None:
    rewards = np.random.default_rng(0).normal(5.0, 3.0, 1000)
    scale = RewardScale()
    assert scale.std == 1.0
    for part in np.split(rewards, [10, 500, 501]):
        scale.update(part)
    assert scale.std == pytest.approx(rewards.std())
    again = RewardScale()
    again.load_state(scale.state())
    assert again.std == scale.std


@pytest.mark.parametrize("mode", ["uniform", "paper", "inverse", "robust"])
def test_weights_and_variances_of_families_are_told(mode: str) -> None:
    weights = TaskWeights(TaskWeightConfig(mode=mode), ITERATIONS)  # type: ignore[arg-type]
    td_error, features, valid = data(0, np.where(HALF, 1.0, 0.1), np.zeros(B))
    w = weights(0, FAMILIES, td_error, features, valid)
    told = weights.scalars
    assert set(told) == {f"{what}/{family}" for what in ("weight", "td_variance") for family in ("odd", "even")}
    assert told["weight/odd"] == pytest.approx(w[HALF].mean())
    assert told["td_variance/odd"] == pytest.approx(np.mean([td_error[i].var() for i in np.flatnonzero(HALF)]))
