# SPDX-License-Identifier: MIT
"""The search finds known optima, spends what it is given, and never loses its place."""

from __future__ import annotations

import numpy as np
import pytest

from agents.latent_search import CrossEntropySearch, SearchConfig


def quadratic(target: np.ndarray, noise: float, seed: int):  # type: ignore[no-untyped-def]
    stream = np.random.default_rng(seed)

    def evaluate(z: np.ndarray, episode: int) -> float:
        return float(-np.sum((z - target) ** 2) + noise * stream.standard_normal())

    return evaluate


def search(evaluate, start: np.ndarray, episodes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[no-untyped-def]
    """The recommendation at the end, (d,), and the candidates in the order played, (episodes, d)."""
    method = CrossEntropySearch(start, np.ones(len(start)), SearchConfig(), np.random.default_rng(seed))
    candidates = []
    for episode in range(episodes):
        candidates.append(method.ask())
        method.tell(evaluate(candidates[-1], episode))
    return method.recommend(), np.array(candidates)


def closed(dimension: int, episodes: int, noise: float) -> float:
    """Part of the distance from the start that is gone, mean over 30 targets."""
    parts = []
    for seed in range(30):
        target = np.random.default_rng([seed, 1]).standard_normal(dimension)
        best, _ = search(quadratic(target, noise, seed), np.zeros(dimension), episodes, seed)
        parts.append(1.0 - np.sum((best - target) ** 2) / np.sum(target**2))
    return float(np.mean(parts))


def test_finds_the_optimum_of_a_quadratic() -> None:
    assert closed(dimension=3, episodes=200, noise=0.0) > 0.98


def test_gains_within_eight_noisy_episodes_and_more_within_forty() -> None:
    eight, forty = closed(3, 8, noise=0.3), closed(3, 40, noise=0.3)
    assert eight > 0.2
    assert forty > 0.75


def test_first_candidate_is_the_mean_and_one_episode_loses_nothing() -> None:
    mean = np.array([1.0, -2.0])
    best, candidates = search(quadratic(np.zeros(2), 0.0, 0), mean, 1, 0)
    np.testing.assert_array_equal(candidates, [mean])
    np.testing.assert_allclose(best, mean)


def test_asks_the_same_until_told_and_takes_only_finite_values() -> None:
    method = CrossEntropySearch(np.zeros(2), np.ones(2), SearchConfig(), np.random.default_rng(0))
    with pytest.raises(ValueError, match="ask"):
        method.tell(1.0)
    np.testing.assert_array_equal(method.ask(), method.ask())
    with pytest.raises(ValueError, match="finite"):
        method.tell(float("nan"))
    method.tell(1.0)
    assert not np.array_equal(method.ask(), np.zeros(2))


def test_same_stream_same_candidates() -> None:
    def run(seed: int) -> np.ndarray:
        return search(quadratic(np.ones(4), 0.1, 0), np.zeros(4), 30, seed)[1]

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


def test_spread_stays_above_its_floor() -> None:
    method = CrossEntropySearch(
        np.zeros(2), np.array([1.0, 10.0]), SearchConfig(smallest_std=0.05), np.random.default_rng(0)
    )
    for _ in range(800):
        method.tell(-float(np.sum(method.ask() ** 2)))
    assert (method.std >= [0.05, 0.5]).all()


@pytest.mark.parametrize("config", [SearchConfig(population=1, elite=1), SearchConfig(elite=0), SearchConfig(elite=9)])
def test_bad_sizes_are_refused(config: SearchConfig) -> None:
    with pytest.raises(ValueError, match="elite"):
        CrossEntropySearch(np.zeros(2), np.ones(2), config, np.random.default_rng(0))
    with pytest.raises(ValueError, match="std is positive"):
        CrossEntropySearch(np.zeros(2), np.zeros(2), SearchConfig(), np.random.default_rng(0))
