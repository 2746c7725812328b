# SPDX-License-Identifier: MIT
"""Verdicts on campaigns of made-up adaptations, whose truth is known."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from results import adaptation, catalogue
from results.claims import Claim, Comparison, Verdict, claims, of_gain, of_slope
from results.load import CampaignResults, load_campaign_results
from results.report import write_report
from results.statistics import Estimate
from tests.results import made_adaptation
from tests.results.made_adaptation import USUAL, Curve, Made

Load = Callable[[Made], CampaignResults]
NAN = float("nan")


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes a campaign and reads it."""

    def made(campaign: Made) -> CampaignResults:
        made_adaptation.write(tmp_path / "made-up", campaign)
        return load_campaign_results(tmp_path / "made-up")

    return made


def by_name(results: CampaignResults) -> dict[str, Claim]:
    return {claim.name: claim for claim in claims(results)}


def against(claim: Claim, baseline: str, aspect: str = "") -> Comparison:
    return next(one for one in claim.comparisons if one.baseline == baseline and aspect in one.aspect)


def curves(**changed: Curve) -> dict[str, Curve]:
    return {**USUAL, **{name.replace("_", "-"): curve for name, curve in changed.items()}}


def test_clear_gain_is_reproduced(load: Load) -> None:
    found = by_name(load(Made()))
    efficiency = found["efficiency"]
    assert efficiency.verdict is Verdict.REPRODUCED, efficiency.why
    multi_task = against(efficiency, "multi-task")
    assert multi_task.estimate.value == pytest.approx(100 * (0.6 / 0.5 - 1), abs=1.0)
    assert multi_task.estimate.low < multi_task.estimate.value < multi_task.estimate.high
    assert multi_task.p_holm < 0.05
    assert (multi_task.n_seeds, multi_task.n_tasks) == (10, 20)
    assert against(efficiency, "dpp-retuned").verdict is Verdict.PARTLY, "16 % only, yet a rule need only be beaten"
    assert found["quality"].verdict is Verdict.REPRODUCED
    assert found["regret"].verdict is Verdict.REPRODUCED
    assert found["consistency"].verdict is Verdict.UNKNOWN
    assert "no evaluation" in found["consistency"].why


def test_gain_below_the_papers_is_partly(load: Load) -> None:
    efficiency = by_name(load(Made(curves(meta_hrl=Curve(0.50, 0.55, 0.6)))))["efficiency"]
    assert efficiency.verdict is Verdict.PARTLY
    assert "19.8 % lies above the interval" in against(efficiency, "multi-task").why


def test_no_gain_is_not_reproduced(load: Load) -> None:
    same = Curve(0.46, 0.50, 0.2)
    level = dict.fromkeys(("dpp-retuned", "ppo", "multi-task", "rl2", "meta-hrl"), same) | {"dpp": Curve(0.5, 0.5)}
    found = by_name(load(Made({**USUAL, **level})))
    assert found["efficiency"].verdict is Verdict.NOT
    assert "does not beat" in found["efficiency"].why
    assert found["quality"].verdict is not Verdict.REPRODUCED


def test_negative_is_not_reproduced(load: Load) -> None:
    found = by_name(load(Made(curves(meta_hrl=Curve(0.40, 0.44, 0.2)))))
    assert found["efficiency"].verdict is Verdict.NOT
    assert against(found["efficiency"], "multi-task").estimate.high < 0.0
    assert against(found["efficiency"], "multi-task").why.startswith("worse")


def test_a_rule_that_is_not_beaten_forbids_reproduced(load: Load) -> None:
    efficiency = by_name(load(Made(curves(dpp_retuned=Curve(0.48, 0.62, 0.3)))))["efficiency"]
    assert efficiency.verdict is Verdict.PARTLY
    assert "does not beat dpp-retuned" in efficiency.why


def test_a_required_baseline_that_is_missing_forbids_reproduced(load: Load) -> None:
    without = {name: curve for name, curve in USUAL.items() if name != "dpp-retuned"}
    efficiency = by_name(load(Made(without)))["efficiency"]
    assert efficiency.verdict is Verdict.UNKNOWN
    assert "the campaign has no dpp-retuned" in efficiency.why


@pytest.mark.parametrize(("made", "why"), [(Made(seeds=9), "9 training seeds"), (Made(tasks=8), "8 held-out tasks")])
def test_too_few_cannot_be_told(load: Load, made: Made, why: str) -> None:
    found = by_name(load(made))
    for name in ("efficiency", "adaptation", "quality", "regret"):
        assert found[name].verdict is Verdict.UNKNOWN, name
        assert why in found[name].why, name
    assert not any(one.estimate.value != one.estimate.value for one in found["efficiency"].comparisons)


def test_one_seed_has_values_and_no_interval(load: Load) -> None:
    results = load(Made(seeds=1))
    claim = by_name(results)["efficiency"]
    assert claim.verdict is Verdict.UNKNOWN
    assert against(claim, "rl2").estimate.value > 10.0
    assert catalogue.data_of(results, "gains")["difference_low"].is_nan().all()


class TestAdaptationTime:
    def test_faster_and_more_so_as_the_network_grows(self, load: Load) -> None:
        ends = dict.fromkeys(("ppo", "multi-task", "rl2", "meta-hrl"), 0.6)
        made = {name: replace(USUAL[name], start=0.45, end=end, rate=0.3) for name, end in ends.items()}
        rates = dict.fromkeys(("ppo", "multi-task", "rl2"), 0.2)
        claim = by_name(load(Made({**USUAL, **made, "meta-hrl": Curve(0.45, 0.6, 0.35)}, large_rates=rates)))[
            "adaptation"
        ]
        assert claim.verdict is Verdict.REPRODUCED, claim.why
        small, large = (against(claim, "multi-task", size).estimate for size in ("up to 30", "above 30"))
        assert 0.0 < small.value < large.value

    def test_what_nobody_reaches_is_censored_and_cannot_be_told(self, load: Load) -> None:
        # All end far below the expert, who is the reference.
        results = load(Made(curves(dpp=Curve(0.9, 0.9))))
        results.description["reference"] = ["dpp"]
        claim = by_name(results)["adaptation"]
        assert claim.verdict is Verdict.UNKNOWN
        assert "censored" in against(claim, "multi-task").why
        table = adaptation.times(results, "meta-hrl").filter(pl.col("baseline") == "multi-task")
        assert table["steps"].to_list() == [800.0, 800.0]
        assert table["reached"].to_list() == [0.0, 0.0]

    def test_a_censored_baseline_counts_as_the_whole_curve(self, load: Load) -> None:
        claim = by_name(load(Made()))["adaptation"]
        assert against(claim, "ppo", "above 30").verdict is Verdict.REPRODUCED
        assert "0 % of the baseline's" in against(claim, "ppo", "above 30").why


@pytest.mark.parametrize(
    ("percent", "p_holm", "verdict"),
    [
        (Estimate(20.0, 15.0, 25.0), 0.01, Verdict.REPRODUCED),
        (Estimate(30.0, 25.0, 35.0), 0.01, Verdict.REPRODUCED),
        (Estimate(10.0, 5.0, 15.0), 0.01, Verdict.PARTLY),
        (Estimate(10.0, 1.0, 15.0), 0.20, Verdict.NOT),
        (Estimate(1.0, -5.0, 7.0), 0.70, Verdict.NOT),
        (Estimate(-9.0, -12.0, -5.0), 0.01, Verdict.NOT),
        (Estimate(9.0, -12.0, 30.0), 0.40, Verdict.UNKNOWN),
        (Estimate(20.0, NAN, NAN), NAN, Verdict.UNKNOWN),
    ],
)
def test_verdict_on_a_gain(percent: Estimate, p_holm: float, verdict: Verdict) -> None:
    assert of_gain(percent, p_holm, 10, 20)[0] is verdict
    assert of_gain(percent, p_holm, 9, 20)[0] is Verdict.UNKNOWN
    assert of_gain(percent, p_holm, 10, 19)[0] is Verdict.UNKNOWN


def test_verdict_on_regret() -> None:
    assert of_slope(Estimate(0.6, 0.5, 0.7), 10, 20)[0] is Verdict.REPRODUCED
    assert of_slope(Estimate(0.9, 0.8, 1.1), 10, 20)[0] is Verdict.UNKNOWN
    assert of_slope(Estimate(1.1, 1.0, 1.2), 10, 20)[0] is Verdict.NOT


def test_gap_part_of_the_best_is_one_and_of_static_none(load: Load) -> None:
    table = catalogue.data_of(load(Made()), "adapted")
    part = dict(table.select("method", "gap_part").iter_rows())
    assert part["static"] == pytest.approx(0.0)
    assert part["meta-hrl"] == pytest.approx(1.0, abs=0.02)
    assert 0.4 < part["rl2"] < 0.6


def test_methods_that_do_not_adapt_are_level(load: Load) -> None:
    results = load(Made(seeds=2, tasks=4))
    level = catalogue.data_of(results, "adaptation").filter(pl.col("method") == "dpp")
    assert level["episodes"].unique().to_list() == list(made_adaptation.EPISODES)
    assert level.group_by("size").agg(pl.col("value").n_unique())["value"].to_list() == [1, 1]
    regret = catalogue.data_of(results, "regret").filter(pl.col("method") == "dpp")
    assert regret["slope"][0] == pytest.approx(1.0)


def test_half_finished_adaptations_compare_what_is_shared(load: Load) -> None:
    results = load(Made(seeds=3, tasks=4, trainings=True))
    for name in ("adapt-rl2-hidden-s1", "adapt-meta-hrl-hidden-s3", "train-ppo-s2"):
        shutil.rmtree(results.root / "runs" / name)
    shutil.rmtree(results.root / "runs" / "adapt-multi-task-hidden-s1")
    (results.root / "runs" / "adapt-hrl-hidden-s1" / "adaptation.parquet").write_bytes(b"PAR1")
    text = write_report(results.root)
    assert "4 of 48 runs are missing" in text
    assert "runs/adapt-hrl-hidden-s1: " in text
    gains = catalogue.data_of(load_campaign_results(results.root), "gains")
    assert dict(gains.select("baseline", "n_seeds").iter_rows()) == {
        "static": 2, "dpp": 2, "dpp-retuned": 2, "ppo": 2, "multi-task": 1, "rl2": 1, "hrl": 1, "meta-hrl-paper": 2,
    }  # fmt: skip


def test_without_a_claimant_nothing_can_be_told(load: Load) -> None:
    results = load(Made({name: USUAL[name] for name in ("static", "dpp", "ppo")}, seeds=2, tasks=4))
    del results.description["claimant"]
    assert {claim.verdict for claim in claims(results)} == {Verdict.UNKNOWN}
    assert all("names no `claimant`" in claim.why for claim in claims(results))


def test_all_figures_of_adaptation_are_filled(load: Load) -> None:
    results = load(Made(seeds=2, tasks=4, tracks=("hidden", "told"), trainings=True))
    for name in (
        "gains",
        "adaptation",
        "adaptation_time",
        "regret",
        "ablations",
        "learning",
        "task_weights",
        "td_variance",
    ):
        figure = catalogue.draw(results, name)
        text = figure._supxlabel.get_text()  # type: ignore[attr-defined]
        assert "n\u00a0=" in text, name
        assert "interval" in text, name


def test_points_of_their_own_hold_until_the_next_and_experts_are_no_rivals(load: Load) -> None:
    results = load(Made(seeds=2, tasks=4))
    for path in results.root.glob("runs/adapt-*/adaptation.parquet"):
        table = pl.read_parquet(path)
        if "adapt-multi-task" in str(path):  # steps take four episodes each
            table = table.filter(~pl.col("episodes").is_in([1, 2]))
        if "adapt-ppo" in str(path):  # an expert, given 400
            late = table.filter(pl.col("episodes") == 16).with_columns(pl.lit(400, pl.Int64).alias("episodes"))
            table = pl.concat([table.filter(pl.col("episodes") == 0), late.with_columns(pl.lit(0.9).alias("utility"))])
        table.write_parquet(path)
    results = load_campaign_results(results.root)
    results.description["reference"] = ["ppo"]
    [track] = adaptation.tracks(results)
    assert list(track.episodes) == list(made_adaptation.EPISODES)
    assert "ppo" not in track.utility
    assert track.reference.tolist() == [0.9] * 4
    multi_task = track.utility["multi-task"][0, 0]
    assert multi_task[0] == multi_task[1] == multi_task[2] < multi_task[3]
