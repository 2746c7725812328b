# SPDX-License-Identifier: MIT
"""Inference on data whose answer is known beforehand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from results import statistics as s
from results.statistics import AdaptationTime

REACHED = [AdaptationTime(10.0, True), AdaptationTime(20.0, True), AdaptationTime(30.0, True)]


class TestIqm:
    def test_is_the_mean_of_the_middle_half(self) -> None:
        scores = np.arange(8.0).reshape(4, 2)
        assert s.iqm(scores).value == pytest.approx(3.5)
        scores[3, 1] = 1e6
        assert s.iqm(scores).value == pytest.approx(3.5)

    def test_interval_covers_the_truth_about_as_often_as_it_says(self) -> None:
        generator = np.random.default_rng(1)
        hits = [s.iqm(generator.normal(5.0, 1.0, (10, 5))).contains(5.0) for _ in range(20)]
        assert sum(hits) >= 15  # P(fewer | 0.95) < 0.1 %, with room for the bootstrap's bias in small samples

    def test_same_scores_same_interval_and_global_generator_untouched(self) -> None:
        scores = np.random.default_rng(2).normal(size=(5, 4))
        np.random.seed(7)
        expected = np.random.random()
        np.random.seed(7)
        first = s.iqm(scores)
        assert np.random.random() == expected
        assert s.iqm(scores) == first

    def test_one_seed_has_no_interval(self) -> None:
        estimate = s.iqm([[1.0, 2.0, 3.0, 4.0]])
        assert estimate.value == pytest.approx(2.5)
        assert np.isnan([estimate.low, estimate.high]).all()


class TestProbabilityOfImprovement:
    def test_known_values(self) -> None:
        low, high = np.zeros((3, 2)), np.ones((3, 2))
        assert s.probability_of_improvement(high, low).value == 1.0
        assert s.probability_of_improvement(low, high).value == 0.0
        assert s.probability_of_improvement(low, low).value == 0.5
        assert s.probability_of_improvement([[1.0], [3.0]], [[2.0], [2.0]]).value == 0.5


def test_performance_profile_is_the_part_above() -> None:
    scores = np.array([[0.1, 0.4], [0.6, 0.9]])
    profile, low, high = s.performance_profile(scores, [0.0, 0.5, 0.95])
    assert profile == pytest.approx([1.0, 0.5, 0.0])
    assert (low <= profile).all()
    assert (high >= profile).all()


class TestGain:
    def test_constant_gain_is_certain(self) -> None:
        baseline = np.random.default_rng(3).uniform(0.4, 0.6, (6, 4))
        found = s.gain(baseline + 0.1, baseline)
        assert (found.absolute.value, found.absolute.low, found.absolute.high) == pytest.approx((0.1, 0.1, 0.1))
        assert found.percent.value == pytest.approx(10.0 / baseline.mean())

    def test_p_value_is_that_of_all_sign_flips(self) -> None:
        differences = np.array([0.3, 0.1, -0.2, 0.4, 0.25])
        means = [abs(np.mean(differences * signs)) for signs in itertools.product([1, -1], repeat=5)]
        by_hand = np.mean(np.array(means) >= abs(differences.mean()) - 1e-12)
        found = s.gain(1.0 + differences[:, np.newaxis], np.ones((5, 1)))
        assert found.p_value == pytest.approx(by_hand)

    def test_five_seeds_cannot_be_significant_at_five_percent(self) -> None:
        assert s.gain(np.full((5, 3), 2.0), np.ones((5, 3))).p_value == pytest.approx(2.0 / 2**5)

    def test_seeds_are_resampled_whole(self) -> None:
        """A seed effect common to a thousand tasks does not shrink with the number of tasks."""
        effect = np.random.default_rng(4).normal(0.0, 1.0, (8, 1))
        wide = s.gain(1.0 + effect + np.zeros((8, 1000)), np.ones((8, 1000))).absolute
        narrow = s.gain(1.0 + effect, np.ones((8, 1))).absolute
        assert (wide.low, wide.high) == pytest.approx((narrow.low, narrow.high))

    def test_interval_under_no_gain_holds_zero_about_as_often_as_it_says(self) -> None:
        generator = np.random.default_rng(5)
        hits = [
            s.gain(generator.normal(1.0, 0.1, (10, 3)), generator.normal(1.0, 0.1, (10, 3))).absolute.contains(0.0)
            for _ in range(30)
        ]
        assert sum(hits) >= 23

    def test_one_seed_has_a_value_and_no_verdict(self) -> None:
        found = s.gain([[2.0]], [[1.0]])
        assert found.absolute.value == 1.0
        assert np.isnan([found.absolute.low, found.p_value]).all()

    def test_unpaired_scores_and_nan_are_refused(self) -> None:
        with pytest.raises(ValueError, match="paired by seed and task"):
            s.gain(np.ones((3, 2)), np.ones((2, 2)))
        with pytest.raises(ValueError, match="NaN"):
            s.gain([[np.nan]], [[1.0]])
        with pytest.raises(ValueError, match="matrix"):
            s.gain([1.0], [1.0])


class TestHolm:
    def test_worked_example(self) -> None:
        adjusted = s.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
        assert adjusted == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})

    def test_unknown_ones_do_not_count(self) -> None:
        adjusted = s.holm({"a": 0.02, "b": float("nan")})
        assert adjusted["a"] == pytest.approx(0.02)
        assert np.isnan(adjusted["b"])

    @given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
    def test_never_smaller_and_in_the_same_order(self, values: list[float]) -> None:
        adjusted = list(s.holm({str(index): value for index, value in enumerate(values)}).values())
        assert all(a >= p - 1e-12 for a, p in zip(adjusted, values, strict=True))
        order = np.argsort(values, kind="stable")
        assert (np.diff(np.array(adjusted)[order]) >= -1e-12).all()


class TestAdaptation:
    def test_time_is_read_off_between_two_points(self) -> None:
        found = s.adaptation_time([0, 100, 200], [0.5, 0.6, 0.8], static=0.5, reference=0.8)
        assert found.reached
        assert found.steps == pytest.approx(100 + 100 * (0.77 - 0.6) / 0.2)

    def test_at_once_and_never(self) -> None:
        assert s.adaptation_time([0, 100], [0.9, 0.9], 0.5, 0.8) == AdaptationTime(0.0, True)
        assert s.adaptation_time([0, 100], [0.5, 0.6], 0.5, 0.8) == AdaptationTime(100.0, False)
        with pytest.raises(ValueError, match="at least one point"):
            s.adaptation_time([], [], 0.5, 0.8)

    def test_restricted_mean_without_censoring_is_the_mean(self) -> None:
        assert s.restricted_mean(REACHED, 100.0) == pytest.approx(20.0)
        assert s.restricted_mean(REACHED, 25.0) == pytest.approx((10 + 20 + 25) / 3)

    def test_restricted_mean_with_censoring(self) -> None:
        # Survival 2/3 from 10 on, and nobody left at risk is known to have ended before 30.
        times = [AdaptationTime(10.0, True), AdaptationTime(30.0, False), AdaptationTime(30.0, False)]
        assert s.restricted_mean(times, 30.0) == pytest.approx(10.0 + 20.0 * 2 / 3)
        # One lost at 15: of two at risk at 20 one ends, so survival is 2/3 · 1/2 there (Kaplan-Meier by hand).
        times = [AdaptationTime(t, r) for t, r in [(10.0, True), (15.0, False), (20.0, True), (30.0, False)]]
        assert s.restricted_mean(times, 30.0) == pytest.approx(10.0 + 10.0 * 3 / 4 + 10.0 * 3 / 8)
        assert s.restricted_mean([AdaptationTime(30.0, False)] * 3, 30.0) == pytest.approx(30.0)

    def test_forty_percent_faster(self) -> None:
        ours = [[AdaptationTime(0.6 * time.steps, True)] for time in REACHED]
        theirs = [[time] for time in REACHED]
        found = s.faster_adaptation(ours, theirs, 100.0)
        assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.4, 0.4))
        with pytest.raises(ValueError, match="seed by seed"):
            s.faster_adaptation(ours, theirs[:2], 100.0)

    def test_curve_mean(self) -> None:
        assert s.curve_mean([0, 1, 3], [0.0, 1.0, 1.0]) == pytest.approx(2.5 / 3)
        assert s.curve_mean([5], [0.25]) == 0.25


class TestRegretSlope:
    @pytest.mark.parametrize("power", [0.5, 0.75, 1.0])
    def test_recovers_a_power_law(self, power: float) -> None:
        regret = np.arange(1, 2001.0) ** power
        utility = 1.0 - np.diff(regret, prepend=0.0)
        found = s.regret_slope(np.tile(utility, (4, 1)), 1.0)
        assert found.value == pytest.approx(power, abs=0.01)
        assert found.low == pytest.approx(found.high)

    def test_nothing_to_fit_is_nan(self) -> None:
        assert np.isnan(s.regret_slope(np.full((3, 50), 2.0), 1.0).value)


def test_gap_closed() -> None:
    assert s.reference_gap_closed(0.65, 0.5, 0.8) == pytest.approx(0.5)
    assert np.isnan(s.reference_gap_closed(0.65, 0.5, 0.519))


def test_three_hundred_thousand_packets_certify_one_in_a_hundred_thousand() -> None:
    assert s.miss_ratio_bound(0, 300_000) == pytest.approx(1e-5, rel=0.01)
    assert s.miss_ratio_bound(0, 299_000) > 1e-5
    assert s.miss_ratio_bound(5, 5) == 1.0
    with pytest.raises(ValueError, match="k"):
        s.miss_ratio_bound(6, 5)


@settings(max_examples=10, deadline=None)
@given(arrays(np.float64, (4, 3), elements=st.floats(0.0, 1.0)))
def test_intervals_hold_their_values(scores: np.ndarray) -> None:
    baseline = np.full_like(scores, 0.5)
    for estimate in (s.gain(scores, baseline).absolute, s.iqm(scores)):
        assert estimate.low - 1e-9 <= estimate.value <= estimate.high + 1e-9
