# SPDX-License-Identifier: MIT
"""Evolution strategies find known optima, whatever noise the two of a pair share."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.evolution import EvolutionStrategy

Array = NDArray[np.float64]
BEST = np.array([0.6, -0.9, 0.3, 1.2, 0.0, -0.4])
SCALE = np.array([1.0, 1.0, 1.0, 3.0, 1.0, 1.0])


def value(candidates: Array, luck: Array) -> Array:
    """A bowl around `BEST`, (2, pairs); luck: of each pair, (pairs,)."""
    return -np.square((candidates - BEST) / SCALE).sum(axis=-1) + luck


def learn(strategy: EvolutionStrategy, iterations: range, luck: float = 5.0) -> None:
    for iteration in iterations:
        stream = np.random.default_rng([7, iteration])
        candidates = strategy.ask(16, stream)
        strategy.tell(value(candidates, luck * stream.standard_normal(16)))


def test_the_optimum_is_found_though_luck_is_a_hundred_times_what_a_step_changes() -> None:
    strategy = EvolutionStrategy(np.zeros(6), SCALE, 150)
    learn(strategy, range(150))
    np.testing.assert_allclose(strategy.mean / SCALE, BEST / SCALE, atol=0.1)


def test_luck_that_a_pair_shares_changes_nothing() -> None:
    lucky, plain = (EvolutionStrategy(np.zeros(6), SCALE, 150) for _ in range(2))
    learn(lucky, range(20))
    learn(plain, range(20), luck=0.0)
    np.testing.assert_allclose(lucky.mean, plain.mean, atol=1e-9)


def test_pairs_are_mirrored_and_as_far_away_as_parameters_scale() -> None:
    strategy = EvolutionStrategy(np.arange(6.0), SCALE, 10)
    there, back = strategy.ask(2000, np.random.default_rng(1))
    np.testing.assert_allclose(there + back, 2.0 * np.tile(np.arange(6.0), (2000, 1)))
    np.testing.assert_allclose(there.std(axis=0), 0.3 * SCALE, rtol=0.1)


def test_one_task_that_hangs_on_everything_does_not_lead() -> None:
    """A pair a thousand times as sensitive as the others counts three times at most."""
    strategy = EvolutionStrategy(np.zeros(6), np.ones(6), 10)
    candidates = strategy.ask(16, np.random.default_rng(1))
    values = np.zeros((2, 16))
    values[0] = candidates[0, :, 0] / np.abs(candidates[0, :, 0])
    values[1] = -values[0]
    values[:, 0] *= -1000.0
    strategy.tell(values)
    assert strategy.mean[0] > 0.0


def test_going_on_from_a_state_gives_the_same_bits() -> None:
    whole = EvolutionStrategy(np.zeros(6), SCALE, 20)
    learn(whole, range(20))
    first = EvolutionStrategy(np.zeros(6), SCALE, 20)
    learn(first, range(8))
    second = EvolutionStrategy(np.zeros(6), SCALE, 20)
    second.load_state(first.state())
    learn(second, range(8, 20))
    assert second.mean.tobytes() == whole.mean.tobytes()


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.full((2, 4), np.nan)])
def test_values_of_something_else_are_refused(values: Array) -> None:
    strategy = EvolutionStrategy(np.zeros(6), SCALE, 20)
    strategy.ask(4, np.random.default_rng(1))
    with pytest.raises(ValueError, match="finite values of the pairs"):
        strategy.tell(values)
    assert (strategy.mean == 0.0).all()


def test_vectors_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        EvolutionStrategy(np.zeros(3), np.ones(2), 1)
    with pytest.raises(ValueError, match="positive"):
        EvolutionStrategy(np.zeros(2), np.array([1.0, 0.0]), 1)
