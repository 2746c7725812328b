# SPDX-License-Identifier: MIT
"""What `SliceEnv` computes from tables is what the stated formulas give, number by number."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pybridge.envs.features import DEFAULT_SLICE_FEATURES, Feature
from pybridge.envs.qos import NetworkSatisfaction, network_satisfaction
from pybridge.envs.reward import SlaReward
from pybridge.envs.shares import ShareMap, shares_from_scores
from pybridge.envs.slice_view import SliceView
from pybridge.errors import ActionError
from pybridge.observation import COMPUTE, MIN, POWER, Observation
from pybridge.schema import Schema, parse_schema
from pybridge.wire import Header, MessageType
from tests.link.fake_simulation import make_schema
from tests.link.scenario import TestScenario

LIKELY = st.sampled_from([0.0, 1.0, 9.0, 10.0, 100.0, 999.0, 1000.0])
NUMBERS = st.one_of(LIKELY, st.floats(2.0**-10, 1e9, width=32))
FEATURES = (Feature("x.offered_kbps", 10.0, "log"), Feature("x.ues", 3.0), *DEFAULT_SLICE_FEATURES)


def schema(ues: tuple[int, int, int] = (1, 1, 1), cells: int = 2) -> Schema:
    """Slices embb (1 Mbit/s), urllc (10 ms, 0.99), mmtc (none)."""
    scenario = json.loads(TestScenario(cells=cells).resolved_json())
    for item, count in zip(scenario["slices"], ues, strict=True):
        item["ues"] = count
    return parse_schema(json.dumps(make_schema(scenario)))


def observation(network: Schema, body: Any) -> Observation:
    """Of levels "high", from as many floats as a body has."""
    dtype = network.state_dtype("high")
    flat = np.resize(np.asarray(body, dtype=np.float32), dtype.itemsize // 4)
    return Observation(network, "high", Header(MessageType.STATE), flat, dtype)


PACKETS = [f"x.packets_{fate}" for fate in ("delivered", "late", "dropped", "lost")]
BODIES = hnp.arrays(np.float32, 97, elements=NUMBERS)


@given(hnp.arrays(np.float32, 97, elements=st.floats(width=32)))
def test_inputs_are_the_stated_formula_whatever_comes(body: np.ndarray) -> None:
    network = schema()
    state = observation(network, body)
    seen = SliceView(FEATURES, network)(state)
    assert seen.shape == (2, 3, SliceView.n_inputs(FEATURES))
    assert seen.dtype == np.float32
    for column, feature in enumerate(FEATURES):
        values = np.nan_to_num(state.kpm(feature.kpm).astype(np.float64), nan=0.0).clip(0.0)
        curved = np.log1p(values) / np.log1p(feature.scale) if feature.curve == "log" else values / feature.scale
        assert np.allclose(seen[..., column], curved.clip(0.0, 1.0), rtol=1e-5, atol=1e-30)
    shares = np.nan_to_num(state.projected[..., (MIN, COMPUTE, POWER)], nan=0.0).clip(0.0, 1.0)
    assert np.array_equal(seen[..., len(FEATURES) : len(FEATURES) + 3], shares)
    rate = np.log1p(1e3) / np.log1p(1e6)
    budget, nines = np.log1p(10.0) / np.log1p(1e4), 2.0 / 6.0
    sla = [[rate, 0, 0, 0.5], [0, budget, nines, 0.25], [0, 0, 0, 0.25]]
    assert np.allclose(seen[..., -4:], sla, atol=1e-7)


def test_inputs_of_two_observations_do_not_share_memory() -> None:
    network = schema()
    view = SliceView(FEATURES, network)
    first = view(observation(network, np.zeros(97)))
    before = first.copy()
    view(observation(network, np.ones(97)))
    assert np.array_equal(first, before)


@given(BODIES, st.sampled_from([(1, 1, 1), (3, 0, 2), (0, 0, 0), (0, 4, 0)]), st.integers(1, 3))
def test_satisfaction_from_tables_is_that_of_the_formulas(body: np.ndarray, ues: Any, cells: int) -> None:
    network = schema(ues, cells)
    state = observation(network, body)
    delivered, late, *others = (network.slice_kpm_index[name] for name in PACKETS)
    changed = state.slice_high
    changed[..., [delivered, late, *others]] = np.floor(changed[..., [delivered, late, *others]])
    changed[..., late] = np.minimum(changed[..., late], changed[..., delivered])
    plain, fast = network_satisfaction(state), NetworkSatisfaction(network)(state)
    assert np.array_equal(fast.hard, plain.hard)
    assert np.allclose(fast.smooth, plain.smooth, rtol=0.0, atol=1e-12)
    assert (fast.smooth <= 1.0).all()
    reward = SlaReward(power_price=0.3, prb_price=0.2)
    expected = float(np.mean(reward.of_cells(state, plain.smooth[np.newaxis, :])))
    assert reward(state, fast) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(hnp.arrays(np.float32, 18, elements=st.floats(-2.0, 2.0, width=32)))
def test_shares_from_the_map_are_those_of_the_formula(action: np.ndarray) -> None:
    scores = np.clip(action.reshape(2, 3, 3), 0.0, 1.0)
    assert np.allclose(ShareMap(2, 3, 0.1)(action), shares_from_scores(scores, 0.1), rtol=1e-14)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_actions_that_are_not_finite_or_of_another_shape_are_refused(bad: float) -> None:
    action = np.full(18, 0.5, dtype=np.float32)
    with pytest.raises(ActionError, match="shape"):
        ShareMap(2, 3, 0.1)(action[1:])
    action[7] = bad
    with pytest.raises(ActionError, match="finite"):
        ShareMap(2, 3, 0.1)(action)


def test_a_floor_that_leaves_nothing_to_share_gives_equal_shares() -> None:
    assert np.allclose(ShareMap(1, 3, 1 / 3)(np.arange(9.0)), 1 / 3)
