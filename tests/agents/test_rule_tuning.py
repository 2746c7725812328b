# SPDX-License-Identifier: MIT
"""Tuning finds known optima: of all tasks on average, and of each task by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.latent_search import CrossEntropySearch, SearchConfig
from agents.remembered import Remembered
from agents.rule_tuning import AT, RetuneConfig, TuneConfig, retune, search_std, start_parameters, tune
from agents.rules import Interface

Array = NDArray[np.float64]
BEST = np.array([1.0, -0.5, 0.3, 2.0, -0.5, 0.2, 0.4, -0.6])
INTERFACE = Interface(1, 3)


class Bowl:
    """A task is where its optimum lies; rewards are noisy, the same for the same seed and task."""

    def __init__(self, noise: float) -> None:
        self.noise = noise
        self.calls: list[list[int]] = []

    def __call__(self, tasks: Sequence[Array], parameters: Array, seeds: Sequence[int]) -> Array:
        self.calls.append(list(seeds))
        luck = np.array([np.random.default_rng(seed).normal() for seed in seeds])
        scale = search_std("dpp", INTERFACE, 1.0)
        return -np.square((parameters - np.array(tasks)) / scale).mean(axis=1) + self.noise * luck


def seeds(tasks: int) -> Callable[[int], Sequence[int]]:
    """Of episodes, by their number."""
    return lambda episode: range(100 * episode, 100 * episode + tasks)


def sample(stream: np.random.Generator, count: int) -> list[Array]:
    return [BEST + stream.normal(0.0, 0.3, 8) for _ in range(count)]


def test_tuning_finds_what_is_best_on_average() -> None:
    config = TuneConfig(generations=30, tasks=4, std=0.7)
    checkpoint, curve = tune(Bowl(0.1), sample, INTERFACE, config, seed=1)
    scale = search_std("dpp", INTERFACE, 1.0)
    error = np.square((checkpoint.tensors["parameters"] - BEST) / scale).mean()
    start = np.square((start_parameters("dpp", 3, told=False) - BEST) / scale).mean()
    assert error < 0.05 < start
    assert np.mean(curve.mean_reward[-5:]) > np.mean(curve.mean_reward[:5])
    assert curve.steps == [16 * 4 * (g + 1) for g in range(30)]
    assert checkpoint.header["training"]["episodes"] == 16 * 4 * 30


def test_candidates_of_a_generation_meet_the_same_tasks_and_seeds() -> None:
    bowl = Bowl(0.0)
    tune(bowl, sample, INTERFACE, TuneConfig(generations=2, tasks=3), seed=1)
    for seeds in bowl.calls:
        assert len(set(seeds)) == 3
        assert seeds == seeds[:3] * 16
    assert bowl.calls[0] != bowl.calls[1]


def test_the_same_seed_gives_the_same_bits() -> None:
    def parameters(seed: int) -> bytes:
        checkpoint, _ = tune(Bowl(0.1), sample, INTERFACE, TuneConfig(generations=3, tasks=2), seed)
        return checkpoint.tensors["parameters"].tobytes()

    assert parameters(3) == parameters(3)
    assert parameters(3) != parameters(4)


def test_tuning_anew_improves_every_task_by_its_own_episodes() -> None:
    tasks = sample(np.random.default_rng(5), 20)
    bowl = Bowl(0.02)
    found = retune(bowl, tasks, BEST, INTERFACE, RetuneConfig(), 1, seeds(20))
    assert tuple(found.parameters) == AT
    assert found.values.shape == (20, 40)
    gap = {n: -Bowl(0.0)(tasks, theta, range(20)) for n, theta in found.parameters.items()}
    np.testing.assert_array_equal(found.parameters[0], np.tile(BEST, (20, 1)))
    assert gap[8].mean() < 0.9 * gap[0].mean()
    assert gap[40].mean() < 0.5 * gap[0].mean()
    assert len(bowl.calls) == 40


def test_tasks_are_tuned_as_if_each_were_alone() -> None:
    """Their random streams do not depend on what the others get."""
    tasks = sample(np.random.default_rng(5), 3)
    first = retune(Bowl(0.0), tasks, BEST, INTERFACE, RetuneConfig(), 1, seeds(3))
    other = retune(Bowl(0.0), [tasks[0], *tasks[:2]], BEST, INTERFACE, RetuneConfig(), 1, seeds(3))
    np.testing.assert_array_equal(first.parameters[40][0], other.parameters[40][0])


def test_a_reward_that_is_not_finite_is_refused() -> None:
    def broken(tasks: Sequence[Array], parameters: Array, seeds: Sequence[int]) -> Array:
        return np.full(len(tasks), np.nan)

    with pytest.raises(ValueError, match="finite"):
        tune(broken, sample, INTERFACE, TuneConfig(generations=1), seed=1)
    with pytest.raises(ValueError, match="finite"):
        retune(broken, [BEST], BEST, INTERFACE, RetuneConfig(), 1, seeds(1))


def test_a_population_at_once_is_what_asking_one_by_one_gives() -> None:
    def make() -> CrossEntropySearch:
        return CrossEntropySearch(np.zeros(2), np.ones(2), SearchConfig(population=5), np.random.default_rng(1))

    single, at_once = make(), make()
    for _ in range(3):
        asked = []
        for _ in range(5):
            asked.append(single.ask())
            single.tell(-float(np.square(asked[-1] - 1.0).sum()))
        population = at_once.ask_population()
        np.testing.assert_array_equal(population, np.array(asked))
        at_once.tell_population(-np.square(population - 1.0).sum(axis=1))
        np.testing.assert_array_equal(single.mean, at_once.mean)
    with pytest.raises(ValueError, match="each candidate"):
        at_once.tell_population(np.zeros(3))


def test_an_interrupted_tuning_plays_only_what_it_had_not_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    config = TuneConfig(generations=4, tasks=2)
    undisturbed, curve = tune(Bowl(0.1), sample, INTERFACE, config, seed=1)

    class Killed(Bowl):
        def __call__(self, tasks: Sequence[Array], parameters: Array, seeds: Sequence[int]) -> Array:
            if len(self.calls) == 2:
                raise KeyboardInterrupt
            return super().__call__(tasks, parameters, seeds)

    with pytest.raises(KeyboardInterrupt):
        tune(Remembered(Killed(0.1), tmp_path), sample, INTERFACE, config, seed=1)
    (tmp_path / "played-000001.npz").write_bytes(b"damaged")
    bowl = Bowl(0.1)
    resumed, again = tune(Remembered(bowl, tmp_path), sample, INTERFACE, config, seed=1)
    assert len(bowl.calls) == 3
    assert resumed.tensors["parameters"].tobytes() == undisturbed.tensors["parameters"].tobytes()
    assert (again.mean_reward, again.scalars) == (curve.mean_reward, curve.scalars)


def test_what_another_tuning_has_played_is_not_taken(tmp_path: Path) -> None:
    tune(Remembered(Bowl(0.1), tmp_path), sample, INTERFACE, TuneConfig(generations=1, tasks=2), seed=2)
    bowl = Bowl(0.1)
    tune(Remembered(bowl, tmp_path), sample, INTERFACE, TuneConfig(generations=1, tasks=2), seed=1)
    assert len(bowl.calls) == 1
