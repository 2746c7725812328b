# SPDX-License-Identifier: MIT
"""Generalised advantages against sums written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.gae import estimate_advantages, fitted_values, standardise

GAMMA, LAMBDA = 0.9, 0.8


def by_definition(reward: list[float], value: list[float], ended: bool) -> list[float]:
    """Σ_l (γλ)^l δ_{t+l} over the steps that were played."""
    last = len(reward) - 1
    delta = [r + GAMMA * (0.0 if ended and t == last else value[t + 1]) - value[t] for t, r in enumerate(reward)]
    return [sum((GAMMA * LAMBDA) ** (k - t) * delta[k] for k in range(t, last + 1)) for t in range(last + 1)]


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("length", [1, 3, 5])
def test_matches_the_definition_whatever_stands_in_the_padding(ended: bool, length: int) -> None:
    stream = torch.Generator().manual_seed(length)
    reward, value = torch.randn(5, generator=stream), torch.randn(6, generator=stream)
    valid = torch.arange(5) < length
    terminated = (torch.arange(5) == length - 1) & ended
    expected = torch.tensor(by_definition(reward[:length].tolist(), value[: length + 1].tolist(), ended))
    for padding in (0.0, 1e6):
        r, v = torch.where(valid, reward, padding), value.clone()
        v[length + 1 :] = padding
        result = estimate_advantages(r, v, terminated, valid, GAMMA, LAMBDA)
        torch.testing.assert_close(result.advantage[:length], expected)
        torch.testing.assert_close(result.target[:length], expected + value[:length])
        for part in result:
            assert torch.count_nonzero(part[length:]) == 0


def test_lambda_one_gives_the_discounted_return() -> None:
    reward = torch.tensor([1.0, 2.0, 4.0])
    value = torch.tensor([3.0, -1.0, 7.0, 10.0])
    nothing = torch.zeros(3, dtype=torch.bool)
    target = estimate_advantages(reward, value, nothing, ~nothing, 0.5, 1.0).target
    torch.testing.assert_close(target, torch.tensor([1 + 1 + 1 + 1.25, 2 + 2 + 2.5, 4 + 5.0]))


def test_standardised_per_task_over_played_steps() -> None:
    advantage = (
        torch.randn((3, 4, 10), generator=torch.Generator().manual_seed(0))
        * torch.tensor([1.0, 10.0, 100.0])[:, None, None]
        + 5.0
    )
    played = torch.rand((3, 4, 10), generator=torch.Generator().manual_seed(1)) < 0.7
    result = standardise(advantage, played)
    for task in range(3):
        values = result[task][played[task]]
        assert values.mean().item() == pytest.approx(0.0, abs=1e-5)
        assert values.std(correction=0).item() == pytest.approx(1.0, abs=1e-4)
        assert torch.count_nonzero(result[task][~played[task]]) == 0


def test_equal_advantages_become_zero_not_nan() -> None:
    result = standardise(torch.full((1, 2, 3), 4.0), torch.ones((1, 2, 3), dtype=torch.bool))
    torch.testing.assert_close(result, torch.zeros(1, 2, 3))


def test_fitted_values_are_those_of_each_task_by_itself() -> None:
    """A reward of 1 or 3 per step, by task, whatever is observed: values are what is left of it; padding is nothing."""
    steps, gamma = 30, 0.9
    valid = torch.ones(2, 4, steps, dtype=torch.bool)
    valid[1, :, 20:] = False
    reward = torch.tensor([1.0, 3.0])[:, None, None].expand(2, 4, steps).clone()
    reward[~valid] = 1e6
    observation = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 4, steps + 1, 2))).float()
    values = fitted_values(observation, reward, valid, gamma)
    assert values.shape == (2, 4, steps + 1)
    assert (values[..., -1] == 0.0).all()
    for task, length in ((0, 30), (1, 20)):
        left = (1.0 - gamma ** (length - torch.arange(length))) / (1.0 - gamma) * reward[task, 0, 0]
        assert torch.allclose(values[task, :, :length], left.expand(4, length), atol=0.1 * float(left[0]))
