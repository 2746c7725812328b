# SPDX-License-Identifier: MIT
"""The arithmetic between policies and the wire, without any simulation."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pybridge.envs.features import Feature, FeatureScaler
from pybridge.envs.qos import UeRates, delay_satisfaction, rate_satisfaction, smooth
from pybridge.envs.seeding import EpisodeSeeds
from pybridge.envs.shares import CappedMap, check_share_floor, shares_from_scores
from pybridge.envs.ue_slots import UeSlots
from pybridge.errors import ActionError, SchemaError
from pybridge.schema import Schema, parse_schema
from tests.link.fake_simulation import make_schema
from tests.link.scenario import TestScenario

SCORES = hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 8)), elements=st.floats(0, 1, width=32))


def schema(cells: int = 2) -> Schema:
    """That of the fake simulation: slices embb (1 Mbit/s), urllc (10 ms, 0.99), mmtc (none); a UE per cell each."""
    return parse_schema(json.dumps(make_schema(json.loads(TestScenario(cells=cells).resolved_json()))))


@given(SCORES)
def test_shares_sum_to_one_and_respect_the_floor(scores: np.ndarray) -> None:
    floor = 0.5 / scores.shape[-1]
    shares = shares_from_scores(scores, floor)
    assert np.allclose(shares.sum(axis=-1), 1.0, atol=1e-12)
    assert (shares >= floor - 1e-12).all()
    as_sent = shares.astype(np.float32)
    assert (as_sent.sum(axis=-1, dtype=np.float64) <= 1.0 + 1e-6).all()


def test_shares_are_proportional_above_the_floor() -> None:
    assert np.allclose(shares_from_scores([1.0, 3.0], 0.0), [0.25, 0.75])
    assert np.allclose(shares_from_scores([1.0, 3.0], 0.1), [0.3, 0.7])
    assert np.allclose(shares_from_scores([0.0, 0.0], 0.1), [0.5, 0.5])


def capped(prb: list[float], compute: list[float], cap: list[float], power: list[float]) -> np.ndarray:
    """min, compute, power, max of one cell and two slices, floor 0.1."""
    shares = CappedMap(1, 2, 0.1)(np.array([*prb, *compute, *cap, *power]))[0]
    return np.asarray(shares)


def test_a_spare_and_caps_leave_prbs_unused() -> None:
    least, compute, power, most = capped([0.5, 0.5, 1.0], [0.25, 0.75], [0.0, 0.5], [0.5, 0.5])
    assert np.allclose(least, [0.3, 0.3])
    assert np.allclose(compute, [0.3, 0.7])
    assert np.allclose(most, [0.3, 0.65])
    assert np.allclose(power, least)


def test_power_levels_make_prbs_stronger_or_weaker_within_the_budget() -> None:
    least, _, power, _ = capped([0.5, 0.5, 1.0], [1.0, 1.0], [1.0, 1.0], [0.0, 0.75])
    assert np.allclose(power / least, [0.25, 2.0])
    assert capped([1.0, 1.0, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0])[2].sum() == pytest.approx(1.0)


@given(hnp.arrays(np.float64, 26, elements=st.floats(-1.0, 2.0)))
def test_any_action_with_caps_is_allowed(action: np.ndarray) -> None:
    least, compute, power, most = np.moveaxis(CappedMap(2, 3, 0.05)(action), 1, 0)
    assert (least >= 0.05 - 1e-12).all()
    assert (most >= least).all()
    assert (most <= 1.0 + 1e-12).all()
    assert (least.sum(axis=1) <= 1.0 + 1e-12).all()
    assert np.allclose(compute.sum(axis=1), 1.0)
    assert (power.sum(axis=1) <= 1.0 + 1e-12).all()


@pytest.mark.parametrize("scores", [[np.nan, 1.0], [np.inf, 1.0], [-0.1, 1.0]])
def test_bad_scores_are_refused(scores: list[float]) -> None:
    with pytest.raises(ActionError):
        shares_from_scores(scores, 0.0)


@pytest.mark.parametrize("floor", [-0.1, 0.34, float("nan")])
def test_a_floor_that_not_all_slices_can_have_is_refused(floor: float) -> None:
    with pytest.raises(ValueError, match="share_floor"):
        check_share_floor(floor, 3)


@given(hnp.arrays(np.int32, 6, elements=st.integers(-1, 1)))
def test_slots_hold_every_served_ue_once_and_give_it_back(ue_cell: np.ndarray) -> None:
    network = schema()
    slots = UeSlots(network, ue_cell, 2)
    ues, mask = slots.ues(), slots.mask()
    assert np.array_equal(ues >= 0, mask == 1)
    assert sorted(ues[ues >= 0]) == sorted(np.flatnonzero(ue_cell >= 0))
    for group, slot in np.argwhere(ues >= 0):
        ue = ues[group, slot]
        assert divmod(int(group), 3) == (ue_cell[ue], network.ue_slice[ue])
    values = np.arange(1, 7, dtype=np.float32)[:, np.newaxis]
    back = np.zeros(6, dtype=np.float32)
    slots.unpad(slots.pad(values)[..., 0], back)
    assert np.array_equal(back, np.where(ue_cell >= 0, values[:, 0], 0.0))
    assert (slots.pad(values)[ues < 0] == 0.0).all()


def test_features_are_scaled_clipped_and_named() -> None:
    scaler = FeatureScaler([Feature("b", 10.0), Feature("a", 99.0, "log")], {"a": 0, "b": 1})
    out = scaler(np.array([[9.0, 5.0], [np.nan, np.nan], [1e9, -3.0]], dtype=np.float32))
    assert np.allclose(out, [[0.5, 0.5], [0.0, 0.0], [0.0, 1.0]])
    with pytest.raises(SchemaError, match="nonsense"):
        FeatureScaler([Feature("nonsense", 1.0)], {"a": 0})


def test_rate_satisfaction_of_known_cases() -> None:
    # embb (1 Mbit/s): UE 0 gets all that it offers, UE 1 half of its target; the other slices have no rate SLA.
    rates = UeRates(np.array([300.0, 500.0, 0.0, 0.0, 0.0, 0.0]), np.array([300.0, 4000.0, 9.0, 9.0, 9.0, 9.0]))
    network = schema()
    result = rate_satisfaction(network, rates, network.ue_slice.astype(np.intp), 3)
    assert np.allclose(result.hard, [0.5, 1.0, 1.0])
    assert np.allclose(result.smooth, [(1.0 + smooth(np.array([0.5]))[0]) / 2, 1.0, 1.0])
    nobody = rate_satisfaction(network, rates, np.full(6, -1, dtype=np.intp), 3)
    assert np.allclose(nobody.hard, 1.0)


def test_a_ue_that_offers_nothing_is_satisfied() -> None:
    network = schema()
    result = rate_satisfaction(network, UeRates(np.zeros(6), np.zeros(6)), network.ue_slice.astype(np.intp), 3)
    assert np.allclose(result.hard, 1.0)


def test_delay_satisfaction_of_known_cases() -> None:
    network = schema()
    none, good, bad = [0.0] * 4, [100.0, 1.0, 0.0, 0.0], [100.0, 1.0, 0.0, 1.0]
    packets = np.array([[bad, good, bad], [none, bad, none], [none, none, none]])
    result = delay_satisfaction(network, packets)
    assert np.allclose(result.hard, [[1, 1, 1], [1, 0, 1], [1, 1, 1]])
    assert result.smooth[1, 1] < 1.0


def test_smooth_satisfaction_has_the_stated_values() -> None:
    assert np.allclose(smooth(np.array([1.0, 2.0, 0.9, 0.5])), [1.0, 1.0, 0.83, 0.054], atol=2e-3)
    assert (np.diff(smooth(np.linspace(0.0, 1.0, 50))) > 0.0).all()


def test_seeds_are_honoured_and_determine_what_follows() -> None:
    seeds = EpisodeSeeds(42)
    first = [seeds.next(None) for _ in range(4)]
    assert first[0] == 42
    assert len(set(first)) == 4
    again = EpisodeSeeds(42)
    assert [again.next(None) for _ in range(4)] == first
    assert seeds.next(7) == 7
    after = [seeds.next(None) for _ in range(3)]
    seeds.next(7)
    assert [seeds.next(None) for _ in range(3)] == after
    assert [EpisodeSeeds(1).next(seed) for seed in (0, 1, 2**32 - 1, 2**32)] == [2**32 - 1, 1, 2**32 - 1, 1]
    with pytest.raises(ValueError, match="negative"):
        seeds.next(-1)
