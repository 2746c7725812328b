# SPDX-License-Identifier: MIT
"""Metrics on data whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results import metrics
from results.metrics import Sla

RATE = Sla(ue_throughput_mbps=1.0)
DELAY = Sla(delay_budget_ms=10.0, reliability=0.9)


class TestJain:
    def test_equal_shares(self) -> None:
        assert metrics.jain([3.0, 3.0, 3.0]) == pytest.approx(1.0)

    def test_one_takes_all(self) -> None:
        assert metrics.jain([5.0, 0.0, 0.0, 0.0]) == pytest.approx(0.25)

    def test_one_and_three(self) -> None:
        assert metrics.jain([1.0, 3.0]) == pytest.approx(16 / 20)

    def test_nothing_to_compare(self) -> None:
        assert math.isnan(metrics.jain([]))
        assert math.isnan(metrics.jain([0.0, 0.0]))

    @given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=20), st.floats(1e-3, 1e3))
    def test_bounds_and_scale(self, values: list[float], factor: float) -> None:
        index = metrics.jain(values)
        assert 1 / len(values) - 1e-9 <= index <= 1 + 1e-9
        assert metrics.jain(np.array(values) * factor) == pytest.approx(index)


class TestManagementEfficiency:
    def test_all_met_for_free_is_1(self) -> None:
        assert metrics.management_efficiency([1, 1, 1], [1, 2, 3], 0.0, 0.0) == pytest.approx(1.0)

    def test_nothing_met_at_full_cost_is_0(self) -> None:
        assert metrics.management_efficiency([0, 0], [1, 1], 1.0, 1.0) == pytest.approx(0.0)

    def test_known_value(self) -> None:
        # ω = (3/4, 1/4): 0.75 · 0.8 + 0.25 · 0.4 + 0.1 · 0.5 + 0.2 · 0.25 = 0.8, over 1.3.
        value = metrics.management_efficiency([0.8, 0.4], [3, 1], 0.5, 0.75, power_price=0.1, prb_price=0.2)
        assert value == pytest.approx(0.8 / 1.3)

    def test_no_weights_means_equal_weights(self) -> None:
        assert metrics.management_efficiency([1, 0], [0, 0], 1.0, 1.0) == pytest.approx(0.5 / 1.2)


def kpm_rows(values: dict[str, list[float]], ue: int | None = 0, period_s: float = 0.1, cell: int = 0) -> pl.DataFrame:
    """Rows of one UE or slice: a list of values per KPM, one per period."""
    return pl.DataFrame(
        [
            ((i + 1) * period_s, cell, "embb", ue, name, value, "1")
            for name, series in values.items()
            for i, value in enumerate(series)
        ],
        schema=["time_s", "cell", "slice", "ue", "name", "value", "unit"],
        orient="row",
        schema_overrides={"ue": pl.Int64},
    )


def ue_rows(goodput: list[float], ue: int = 0, **options: float) -> pl.DataFrame:
    n = len(goodput)
    flat = {
        "x.offered_kbps": 2000.0,
        "x.packets_delivered": 10.0,
        "x.packets_late": 0.0,
        "x.packets_lost": 0.0,
    } | options
    return kpm_rows({"x.goodput_kbps": goodput, **{name: [value] * n for name, value in flat.items()}}, ue)


class TestWindows:
    def test_rates_are_averaged_and_packets_added(self) -> None:
        windows = metrics.ue_windows(ue_rows([1000.0] * 10 + [0.0] * 5 + [400.0] * 5))
        assert windows["goodput_kbps"].to_list() == pytest.approx([1000.0, 200.0])
        assert windows["delivered"].to_list() == [100.0, 100.0]

    def test_burst_at_the_end_of_a_window_is_owed_in_the_next(self) -> None:
        n = 20
        rows = kpm_rows(
            {
                "x.offered_kbps": [0.0] * 9 + [5000.0] + [0.0] * 10,
                "x.goodput_kbps": [0.0] * 10 + [5000.0] + [0.0] * 9,
                **{f"x.packets_{name}": [0.0] * n for name in ("delivered", "late", "lost")},
            }
        )
        windows = metrics.ue_windows(rows)
        assert windows["offered_kbps"].to_list() == pytest.approx([500.0, 0.0])
        assert windows["owed_kbps"].to_list() == [0.0, 0.0]
        assert metrics.window_verdicts(windows, RATE).to_list() == [None, None]

    def test_burst_within_a_window_is_owed_in_it(self) -> None:
        windows = metrics.ue_windows(ue_rows([0.0] * 10))
        assert windows["owed_kbps"].to_list() == [2000.0]
        assert metrics.window_verdicts(windows, RATE).to_list() == [False]

    def test_unfinished_window_is_left_out(self) -> None:
        assert len(metrics.ue_windows(ue_rows([1.0] * 19))) == 1

    def test_period_of_a_whole_window(self) -> None:
        rows = ue_rows([1.0, 2.0, 3.0]).with_columns(pl.col("time_s") * 10)
        assert metrics.ue_windows(rows)["goodput_kbps"].to_list() == [1.0, 2.0, 3.0]

    def test_windows_are_never_longer_than_asked_for(self) -> None:
        rows = ue_rows([1.0, 2.0]).with_columns(pl.col("time_s") * 6)
        assert metrics.ue_windows(rows)["goodput_kbps"].to_list() == [1.0, 2.0]

    def test_rows_of_several_cells_are_one_ue(self) -> None:
        here = ue_rows([600.0] * 10)
        there = ue_rows([400.0] * 10, **{"x.offered_kbps": 0.0}).with_columns(pl.lit(1).alias("cell"))
        [row] = metrics.ue_windows(pl.concat([here, there.cast(here.schema)])).iter_rows(named=True)
        assert row["goodput_kbps"] == pytest.approx(1000.0)
        assert row["offered_kbps"] == pytest.approx(2000.0)

    def test_table_without_ues(self) -> None:
        with pytest.raises(ValueError, match="ues: true"):
            metrics.ue_windows(kpm_rows({"x.goodput_kbps": [1.0]}, ue=None))


class TestSatisfaction:
    def verdicts(self, sla: Sla, **columns: list[float]) -> list[bool | None]:
        base = {"goodput_kbps": [0.0], "owed_kbps": [0.0], "delivered": [0.0], "late": [0.0], "lost": [0.0]}
        n = len(next(iter(columns.values())))
        frame = pl.DataFrame({name: columns.get(name, value * n) for name, value in base.items()}, strict=False)
        return metrics.window_verdicts(frame, sla).to_list()

    def test_rate_at_the_threshold(self) -> None:
        offered = [2000.0] * 3
        assert self.verdicts(RATE, goodput_kbps=[900.0, 899.9, 2000.0], owed_kbps=offered) == [True, False, True]

    def test_a_ue_that_offers_less_than_its_target_needs_no_more(self) -> None:
        assert self.verdicts(RATE, goodput_kbps=[450.0, 449.0], owed_kbps=[500.0] * 2) == [True, False]

    def test_no_traffic_is_no_verdict(self) -> None:
        assert self.verdicts(RATE, goodput_kbps=[0.0]) == [None]
        assert self.verdicts(DELAY, delivered=[0.0]) == [None]

    def test_delay_at_the_threshold(self) -> None:
        assert self.verdicts(DELAY, delivered=[10.0, 10.0], late=[1.0, 2.0]) == [True, False]

    def test_lost_packets_are_not_in_time(self) -> None:
        assert self.verdicts(DELAY, delivered=[9.0, 8.0], lost=[1.0, 2.0]) == [True, False]

    def test_both_must_be_met(self) -> None:
        both = Sla(ue_throughput_mbps=1.0, delay_budget_ms=10.0, reliability=0.9)
        found = self.verdicts(
            both, goodput_kbps=[1e3, 1e3, 0.0], owed_kbps=[1e3] * 3, delivered=[10.0] * 3, late=[0.0, 5.0, 0.0]
        )
        assert found == [True, False, False]

    def test_no_sla_is_always_met(self) -> None:
        assert self.verdicts(Sla(), goodput_kbps=[0.0, 1.0]) == [True, True]

    def test_part_of_windows_with_traffic(self) -> None:
        frame = pl.DataFrame(
            {
                "goodput_kbps": [1e3, 0.0, 0.0, 1e3],
                "owed_kbps": [1e3, 1e3, 0.0, 1e3],
                "delivered": 0,
                "late": 0,
                "lost": 0,
            }
        )
        assert metrics.satisfaction(frame, RATE) == pytest.approx(2 / 3)

    def test_slice_without_traffic_is_satisfied(self) -> None:
        frame = pl.DataFrame({"goodput_kbps": [0.0], "owed_kbps": [0.0], "delivered": [0], "late": [0], "lost": [0]})
        assert metrics.satisfaction(frame, RATE) == 1.0
        assert metrics.satisfaction(frame, DELAY) == 1.0

    def test_nothing_to_judge_by(self) -> None:
        frame = metrics.ue_windows(ue_rows([1e3] * 9))
        assert math.isnan(metrics.satisfaction(frame, RATE))


def fairness(sla: Sla, goodput_kbps: list[float], offered_kbps: list[float]) -> float:
    windows = {"ue": range(len(goodput_kbps)), "goodput_kbps": goodput_kbps, "offered_kbps": offered_kbps}
    return metrics.fairness(pl.DataFrame(windows), sla)


def test_fairness_is_relative_to_what_ues_asked_for() -> None:
    assert fairness(Sla(), [100.0, 300.0], [100.0, 300.0]) == pytest.approx(1.0)
    assert fairness(Sla(), [100.0, 300.0], [200.0, 400.0]) == pytest.approx(metrics.jain([0.5, 0.75]))


def test_fairness_does_not_count_more_than_the_target() -> None:
    assert fairness(RATE, [1000.0, 3000.0], [1000.0, 3000.0]) == pytest.approx(1.0)
    assert fairness(RATE, [500.0, 3000.0], [3000.0, 3000.0]) == pytest.approx(metrics.jain([0.5, 1.0]))


def test_fairness_leaves_out_ues_that_asked_for_nothing() -> None:
    assert fairness(RATE, [0.0, 1000.0], [0.0, 1000.0]) == pytest.approx(1.0)


def bins(counts: dict[int, int]) -> pl.DataFrame:
    """A packet summary: upper end of a bin in ns to count."""
    return pl.DataFrame({"slice": "embb", "delay_upper_ns": list(counts), "count": list(counts.values())})


MS = 1_000_000


class TestDelays:
    def test_percentiles_of_a_summary(self) -> None:
        table = metrics.delay_distribution(bins({1 * MS: 50, 2 * MS: 40, 5 * MS: 9, 9 * MS: 1}))
        assert metrics.delay_percentiles_ms(table, [0.5, 0.51, 0.9, 0.99, 0.999]) == [1.0, 2.0, 2.0, 5.0, 9.0]

    def test_packets_that_never_arrived_are_infinitely_late(self) -> None:
        table = metrics.delay_distribution(bins({1 * MS: 90, -1: 10}))
        assert metrics.delay_percentiles_ms(table, [0.9, 0.91]) == [1.0, math.inf]

    def test_packets_on_their_way_do_not_count(self) -> None:
        table = metrics.delay_distribution(bins({1 * MS: 90, -2: 10}))
        assert table["count"].sum() == 90

    def test_single_packets_and_summary_agree(self) -> None:
        single = pl.DataFrame({"delay_ns": [MS, MS, 3 * MS, -1, -1], "fate": ["delivered"] * 3 + ["lost", "pending"]})
        summary = metrics.delay_distribution(bins({1 * MS: 2, 3 * MS: 1, -1: 1, -2: 1}))
        assert metrics.delay_distribution(single).rows() == summary.rows()

    def test_no_packets(self) -> None:
        assert math.isnan(metrics.delay_percentiles_ms(metrics.delay_distribution(bins({1 * MS: 0})), [0.5])[0])

    def test_ccdf_ends_at_the_part_that_never_arrived(self) -> None:
        one = metrics.delay_distribution(bins({1 * MS: 4, 2 * MS: 4}))
        other = metrics.delay_distribution(bins({2 * MS: 6, 8 * MS: 4, -1: 2}))
        curve = metrics.delay_ccdf([one, other])
        assert curve["delay_ms"].to_list() == [1.0, 2.0, 8.0]
        assert curve["later"].to_list() == pytest.approx([0.8, 0.3, 0.1])

    def test_ccdf_without_an_arrival(self) -> None:
        assert metrics.delay_ccdf([metrics.delay_distribution(bins({-1: 3}))]).is_empty()


class TestKpms:
    def test_in_time_and_loss(self) -> None:
        kpm = kpm_rows(
            {
                "x.packets_delivered": [40.0, 50.0],
                "x.packets_late": [10.0, 5.0],
                "x.packets_dropped": [5.0, 0.0],
                "x.packets_lost": [0.0, 5.0],
            },
            ue=None,
        )
        assert metrics.in_time_ratio(kpm) == pytest.approx(0.75)
        assert metrics.loss_ratio(kpm) == pytest.approx(0.1)

    def test_no_packets(self) -> None:
        empty = kpm_rows({"x.packets_delivered": [0.0]}, ue=None)
        assert math.isnan(metrics.in_time_ratio(empty))
        assert math.isnan(metrics.loss_ratio(empty))

    def test_rates_add_over_cells_and_ratios_are_averaged(self) -> None:
        kpm = pl.concat([kpm_rows({"x.a": [1.0, 3.0]}, ue=None), kpm_rows({"x.a": [5.0, 5.0]}, ue=None, cell=1)])
        assert metrics.kpm_mean(kpm, "x.a", "sum") == pytest.approx(7.0)
        assert metrics.kpm_mean(kpm, "x.a", "mean") == pytest.approx(3.5)

    def test_kpm_that_is_not_there(self) -> None:
        assert math.isnan(metrics.kpm_mean(kpm_rows({"x.a": [1.0]}), "x.b", "sum"))


def test_no_gain_over_nothing() -> None:
    assert all(math.isnan(gain) for gain in metrics.relative_gain({"static": 0.0, "ours": 0.6}, "static").values())


def test_relative_gain() -> None:
    gains = metrics.relative_gain({"static": 0.5, "ours": 0.6}, "static")
    assert gains == {"static": 0.0, "ours": pytest.approx(20.0)}
