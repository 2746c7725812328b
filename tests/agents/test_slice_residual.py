# SPDX-License-Identifier: MIT
"""The residual that slices share: nothing where it is zero, the same for every slice, and what doubt does to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from agents import dpp, slice_residual
from agents.slice_inputs import SliceInputs

Array = NDArray[np.float64]
LEAD = (4, 2)
RULE, WHOLE = slice_residual.sizes(3)
SHARED = slice_residual.ROWS * len(slice_residual.FEATURES)
OWN = slice_residual.ROWS * 3


def seen(stream: np.random.Generator, doubt: float = 0.0) -> SliceInputs:
    """Of (tasks, episodes, one cell, three slices)."""
    fields: dict[str, Any] = {
        name: stream.uniform(0.0, 1.0, (*LEAD, 1, 3)) for name in SliceInputs.__dataclass_fields__
    }
    weight = stream.dirichlet(np.ones(3), LEAD)[:, :, np.newaxis]
    fields |= {"log_prices": stream.normal(size=(*LEAD, 2)), "doubt": np.full(LEAD, doubt), "weight": weight}
    fields["target_kbps"] = np.broadcast_to([5000.0, 0.0, 0.0], (*LEAD, 1, 3))
    return SliceInputs(**fields)


def decide(inputs: SliceInputs, parameters: Array) -> Array:
    """Of the first period, (4, 2, 1, 4, 3)."""
    state = dpp.update_state(inputs, dpp.start_state(inputs.offered_kbps.shape))
    return slice_residual.decide(inputs, state, parameters)


def parameters(stream: np.random.Generator, std: float = 0.3) -> Array:
    """Somewhere around the rule."""
    whole = slice_residual.with_residual(dpp.default_parameters(3, told=True), 3)
    whole[:RULE] += stream.normal(0.0, std, RULE)
    whole[RULE:] += stream.normal(0.0, std, WHOLE - RULE)
    return whole


def test_without_a_residual_or_with_one_of_zero_the_rule_decides() -> None:
    inputs = seen(np.random.default_rng(1))
    rule = parameters(np.random.default_rng(2))[:RULE]
    state = dpp.update_state(inputs, dpp.start_state(inputs.offered_kbps.shape))
    expected = dpp.dpp_logits(inputs, state, rule)
    np.testing.assert_array_equal(decide(inputs, rule), expected)
    np.testing.assert_array_equal(decide(inputs, slice_residual.with_residual(rule, 3)), expected)


@given(st.permutations(range(3)), st.integers(0, 1000))
def test_slices_in_another_order_get_the_same(order: list[int], seed: int) -> None:
    """With what is a slice's own in that order, too."""
    stream = np.random.default_rng(seed)
    inputs, theta = seen(stream, doubt=0.5), parameters(stream)
    fixed = ("log_prices", "doubt")
    turned = {name: getattr(inputs, name)[..., order] for name in SliceInputs.__dataclass_fields__ if name not in fixed}
    own = theta.copy()
    own[:3] = theta[:3][order]
    own[RULE + SHARED :] = theta[RULE + SHARED :].reshape(2, 4, 3)[..., order].ravel()
    np.testing.assert_allclose(
        decide(replace(inputs, **turned), own), decide(inputs, theta)[..., order], rtol=1e-9, atol=1e-9
    )


def test_doubt_adds_what_is_for_doubt_alone() -> None:
    theta = slice_residual.with_residual(dpp.default_parameters(3, told=True), 3)
    theta[-OWN:] = 0.5
    certain, doubtful = (decide(seen(np.random.default_rng(1), doubt), theta) for doubt in (0.0, 1.0))
    np.testing.assert_array_equal(certain, decide(seen(np.random.default_rng(1)), theta[:RULE]))
    expected = 3.0 * np.tanh(0.5 / 3.0) * slice_residual.SCALE
    np.testing.assert_allclose(doubtful - certain, np.broadcast_to(expected[:, np.newaxis], certain.shape))


@given(arrays(np.float64, WHOLE - RULE, elements=st.floats(-1e6, 1e6)))
def test_no_residual_goes_further_than_the_largest(residual: Array) -> None:
    inputs = seen(np.random.default_rng(3), doubt=1.0)
    rule = dpp.default_parameters(3, told=True)
    added = decide(inputs, np.concatenate([rule, residual])) - decide(inputs, rule)
    assert (np.abs(added) <= slice_residual.LARGEST * slice_residual.SCALE[:, np.newaxis] + 1e-9).all()


def test_every_task_may_have_parameters_of_its_own() -> None:
    inputs = seen(np.random.default_rng(1), doubt=0.3)
    several = np.stack([parameters(np.random.default_rng(k)) for k in range(4)])
    together = decide(inputs, several[:, np.newaxis])
    for task in range(4):
        np.testing.assert_allclose(together[task], decide(inputs, several[task])[task])


def test_what_costs_more_than_it_is_worth_can_be_left() -> None:
    """Where PRBs are dear, a residual by weight and price takes from slices that are worth little; no head-room can."""
    theta = slice_residual.with_residual(dpp.default_parameters(3, told=True), 3)
    by_price = slice_residual.FEATURES.index("log_weight_by_prb_price")
    theta[RULE + by_price] = 1.0
    inputs = seen(np.random.default_rng(4))
    inputs = replace(inputs, weight=np.broadcast_to([0.9, 0.09, 0.01], inputs.weight.shape))
    cheap, dear = (
        decide(replace(inputs, log_prices=np.full((*LEAD, 2), price)), theta)[..., dpp.GUARANTEE, :]
        for price in (0.0, 1.5)
    )
    assert (dear[..., 2] - cheap[..., 2] < dear[..., 0] - cheap[..., 0] - 2.0).all()


def test_another_number_of_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match=f"take {RULE} or {WHOLE} parameters, got {WHOLE - 1}"):
        decide(seen(np.random.default_rng(1)), np.zeros(WHOLE - 1))
