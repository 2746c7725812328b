# SPDX-License-Identifier: MIT
"""Plans: how many jobs, what they need, and when an id changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.model import MAX_SEED, Campaign, CampaignError, load_campaign, shipped_campaigns
from campaigns.plan import KINDS, Code, Job, plan, remaining_s, ways_to_the_end_s
from campaigns.training import SEEDS
from tests.campaigns.conftest import CAMPAIGN


def ids(jobs: list[Job]) -> list[str]:
    return [job.id for job in jobs]


def test_counts(tiny: Campaign, code: Code) -> None:
    jobs = plan(tiny, code)
    assert sum(job.kind == "train" for job in jobs) == 2  # one per seed, over all sizes and mixes
    assert sum(job.kind == "evaluate" for job in jobs) == 3 * 2 * 2 * 2
    assert len(set(ids(jobs))) == len(jobs)


def test_same_campaign_gives_the_same_plan(write: Callable[[str], Path], code: Code) -> None:
    first, second = (plan(load_campaign(write(CAMPAIGN)), code) for _ in range(2))
    assert first == second


def test_evaluations_of_a_trained_method_need_the_training_of_their_seed(tiny: Campaign, code: Code) -> None:
    jobs = {job.id: job for job in plan(tiny, code)}
    for job in jobs.values():
        if job.labels["method"] == "ppo" and job.kind == "evaluate":
            [need] = job.needs
            assert jobs[need].kind == "train"
            assert jobs[need].labels["seed"] == job.labels["seed"]
            assert job.config["policy"] == need
        else:
            assert job.needs == ()


def test_every_method_meets_the_same_scenarios(tiny: Campaign, code: Code) -> None:
    seen: dict[str, list[object]] = {}
    for job in plan(tiny, code):
        if job.kind == "evaluate":
            seen.setdefault(job.labels["method"], []).append(job.config["scenario"])
    assert seen["static"] == seen["proportional"] == seen["ppo"]


def test_axes_reach_the_scenario(tiny: Campaign, code: Code) -> None:
    [job] = [
        job
        for job in plan(tiny, code)
        if job.labels
        == {"kind": "evaluate", "method": "static", "ran": "lte", "size": "large", "mix": "heavy", "seed": 2}
    ]
    embb, urllc = job.config["scenario"]["slices"]
    assert embb["ues"] == 4
    assert urllc["traffic"]["load"]["factor"] == 2.0
    assert job.config["scenario"]["seed"] == 2
    assert job.config["scenario"]["timing"]["duration_s"] == 3.0


def test_ids_change_with_what_a_run_depends_on_and_with_nothing_else(tiny: Campaign, code: Code) -> None:
    before = plan(tiny, code)
    other_agents = plan(tiny, replace(code, agents="b" * 64))
    for old, new in zip(before, other_agents, strict=True):
        assert (old.id == new.id) == (old.labels["method"] != "ppo")
    for changed in (replace(code, simulator="t" * 64), replace(code, pybridge="q" * 64)):
        assert not set(ids(before)) & set(ids(plan(tiny, changed)))
    other_training = plan(tiny, replace(code, campaigns="d" * 64))
    other_library = plan(tiny, replace(code, libraries="numpy 3, torch 2"))
    for old, trained, computed in zip(before, other_training, other_library, strict=True):
        assert (old.id == trained.id) == (old.labels["method"] != "ppo")
        assert (old.id == computed.id) == (old.labels["method"] != "ppo")
    relabelled = tiny.model_copy(update={"description": "other words", "workers": 1})
    assert ids(plan(relabelled, code)) == ids(before)


POLICY = """\
class Mine:
    def reset(self, schema, scenario): pass
    def act(self, observation): return None
"""


def test_edited_policy_is_another_run(
    write: Callable[[str], Path], code: Code, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "policy_that_is_edited.py"
    text = CAMPAIGN.replace("policy: proportional", "policy: policy_that_is_edited:Mine")
    campaign = load_campaign(write(text))
    module.write_text(POLICY)
    before = plan(campaign, code)
    module.write_text(POLICY + "# edited\n")
    for old, new in zip(before, plan(campaign, code), strict=True):
        assert (old.id == new.id) == (old.labels["method"] != "proportional")


def test_edited_tasks_are_another_training(write: Callable[[str], Path], code: Code, tmp_path: Path) -> None:
    tasks = tmp_path / "tasks.yaml"
    tasks.write_text("base: nr-small\nvary: {slices.embb.ues: {integer: [2, 7]}}\n")
    rule = f"  - {{name: rule, train: {{algorithm: rule, tasks: {tasks}}}}}\nbaseline"
    campaign = load_campaign(write(CAMPAIGN.replace("baseline", rule, 1)))
    before = plan(campaign, code)
    tasks.write_text("base: nr-small\nvary: {slices.embb.ues: {integer: [2, 8]}}\n")
    for old, new in zip(before, plan(campaign, code), strict=True):
        assert (old.id == new.id) == (old.labels["method"] != "rule")


def test_policies_that_cannot_be_found_are_named_with_their_keys(write: Callable[[str], Path], code: Code) -> None:
    text = CAMPAIGN.replace("policy: static", "policy: statc").replace("policy: proportional", "policy: no_module:X")
    with pytest.raises(CampaignError) as caught:
        plan(load_campaign(write(text)), code, "mine.yaml")
    first, second = str(caught.value).splitlines()
    assert first.startswith("mine.yaml: methods[0].policy: policy `statc`: neither built in (static, proportional,")
    assert second.startswith("mine.yaml: methods[1].policy: policy `no_module:X`: No module named")
    assert caught.value.exit_code == 2


def test_one_more_seed_keeps_the_other_runs(tiny: Campaign, code: Code) -> None:
    more = plan(tiny.model_copy(update={"seeds": (1, 2, 3)}), code)
    assert set(ids(plan(tiny, code))) < set(ids(more))


def test_trainings_never_see_an_evaluation_seed() -> None:
    assert SEEDS.start > MAX_SEED
    assert SEEDS.stop - 1 < 2**32  # RngRun has 32 bits


def test_override_of_an_unknown_slice_names_size_and_mix(write: Callable[[str], Path], code: Code) -> None:
    campaign = load_campaign(write(CAMPAIGN.replace("slices.embb.ues: 4", "slices.video.ues: 4")))
    with pytest.raises(CampaignError, match=r"RAN lte, size large, mix even: slices: has no entry `video`"):
        plan(campaign, code)


def test_override_out_of_range_names_size_and_mix(write: Callable[[str], Path], code: Code) -> None:
    campaign = load_campaign(write(CAMPAIGN.replace("slices.embb.ues: 4", "slices.embb.ues: 0")))
    with pytest.raises(CampaignError, match=r"size large, mix even: slices\[0\]\.ues: must be at least 1"):
        plan(campaign, code)


def test_evaluations_record_what_reports_need(tiny: Campaign, code: Code) -> None:
    for job in plan(tiny, code):
        if job.kind == "evaluate":
            assert job.config["scenario"]["recording"] == {"packets": "summary", "ues": True}
        else:
            assert all(task["recording"] == {"packets": "none", "ues": False} for task in job.config["scenarios"])


def test_evaluation_without_packets_is_refused(write: Callable[[str], Path], code: Code) -> None:
    campaign = load_campaign(write(CAMPAIGN + "set: {recording.packets: none}\n"))
    with pytest.raises(CampaignError, match=r"campaign tiny: recording\.packets: evaluations need packet delays"):
        plan(campaign, code)


def test_missing_scenario(write: Callable[[str], Path], code: Code) -> None:
    campaign = load_campaign(write(CAMPAIGN.replace("cell.yaml", "nowhere.yaml")))
    with pytest.raises(CampaignError, match=r"nowhere\.yaml: no such file"):
        plan(campaign, code)


TASKS = """\
base: nr-small
set: {timing.duration_s: 1.0}
vary: {slices.embb.ues: {integer: [2, 7]}}
"""
ADAPTING = """\
  - {name: dpp, train: {algorithm: rule, tasks: tasks.yaml}}
  - {name: dpp-retuned, trained_as: dpp, adapt: retune}
  - {name: ours, train: {algorithm: meta-hrl, tasks: tasks.yaml}, rule_from: dpp}
adaptation: {tasks: tasks.yaml, tracks: [hidden, told], held_out: 2, episodes: [0, 4]}
"""


class TestAdapting:
    @pytest.fixture
    def campaign(self, write: Callable[[str], Path], tmp_path: Path) -> Campaign:
        (tmp_path / "tasks.yaml").write_text(TASKS)
        return load_campaign(write(CAMPAIGN.replace("baseline: static\n", ADAPTING)))

    def test_counts(self, campaign: Campaign, code: Code) -> None:
        """A training per track; ppo is not trained on tasks; what another method trained has no evaluations."""
        jobs = plan(campaign, code)
        counts: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        for job in jobs:
            method = job.labels["method"]
            counts[job.kind][method] = counts[job.kind].get(method, 0) + 1
        assert counts["train"] == {"dpp": 4, "ppo": 2, "ours": 4}
        assert counts["adapt"] == {"static": 4, "proportional": 4, "dpp": 4, "dpp-retuned": 4, "ours": 4}
        assert counts["evaluate"] == dict.fromkeys(["static", "proportional", "ppo", "dpp", "ours"], 8)
        assert len(set(ids(jobs))) == len(jobs)

    def test_chain_from_rule_to_training_to_adaptation_of_the_same_seed_and_track(
        self, campaign: Campaign, code: Code
    ) -> None:
        jobs = plan(campaign, code)
        by_id = {job.id: job for job in jobs}
        order = {job.id: place for place, job in enumerate(jobs)}
        for job in jobs:
            for need in job.needs:
                assert order[need] < order[job.id]
                assert by_id[need].labels["seed"] == job.labels["seed"]
                if job.kind != "evaluate":
                    assert by_id[need].labels["track"] == job.labels["track"]
            if job.labels["method"] == "ours":
                owner = "dpp" if job.kind == "train" else "ours"
                assert [by_id[need].labels["method"] for need in job.needs] == [owner]
        of_evaluations = {
            by_id[need].labels.get("track") for job in jobs if job.kind == "evaluate" for need in job.needs
        }
        assert of_evaluations == {"hidden", None}

    def test_every_method_meets_the_same_tasks_points_and_seeds(self, campaign: Campaign, code: Code) -> None:
        seen: dict[str, list[object]] = {}
        for job in plan(campaign, code):
            if job.kind == "adapt":
                met = [job.config[key] for key in ("tasks", "base", "adaptation", "seed")]
                seen.setdefault(job.labels["method"], []).append(met)
        first, *others = seen.values()
        assert all(met == first for met in others)

    def test_ids_follow_what_tasks_are_and_not_where_they_lie(
        self, campaign: Campaign, code: Code, write: Callable[[str], Path], tmp_path: Path
    ) -> None:
        before = plan(campaign, code)
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "tasks.yaml").rename(tmp_path / "elsewhere" / "tasks.yaml")
        text = CAMPAIGN.replace("baseline: static\n", ADAPTING.replace("tasks.yaml", "elsewhere/tasks.yaml"))
        assert ids(plan(load_campaign(write(text)), code)) == ids(before)

    def test_another_judging_is_another_adaptation_of_the_same_training(self, campaign: Campaign, code: Code) -> None:
        assert campaign.adaptation is not None
        adaptation = campaign.adaptation.model_copy(update={"judging": 3})
        after = plan(campaign.model_copy(update={"adaptation": adaptation}), code)
        for old, new in zip(plan(campaign, code), after, strict=True):
            assert (old.id == new.id) == (old.kind != "adapt")

    def test_rule_of_another_track_is_refused(self, write: Callable[[str], Path], code: Code, tmp_path: Path) -> None:
        (tmp_path / "tasks.yaml").write_text(TASKS)
        other = ADAPTING.replace("algorithm: rule, ", "algorithm: rule, track: told, ")
        campaign = load_campaign(write(CAMPAIGN.replace("baseline: static\n", other)))
        with pytest.raises(CampaignError, match=r"campaign tiny: methods: dpp is not trained on the track hidden"):
            plan(campaign, code)


@pytest.mark.parametrize("name", shipped_campaigns())
def test_shipped_campaigns_can_be_planned(name: str, code: Code) -> None:
    jobs = plan(load_campaign(name), code, name)
    assert {job.kind for job in jobs} == set(KINDS)
    assert all(job.cost_s > 0.0 for job in jobs)


class TestRemaining:
    def job(self, name: str, cost_s: float, *needs: str) -> Job:
        return Job(name, {"kind": "evaluate"}, {}, needs, cost_s)

    def test_nothing_left(self) -> None:
        assert remaining_s([], 2) == 0

    def test_two_workers_halve_independent_work(self) -> None:
        assert remaining_s([self.job(str(i), 3.0) for i in range(4)], 2) == 6.0

    def test_what_others_wait_for_goes_first(self) -> None:
        jobs = [self.job("a", 3.0), self.job("b", 1.0), self.job("c", 3.0, "b"), self.job("d", 1.0, "c")]
        assert remaining_s(jobs, 2) == 5.0
        assert ways_to_the_end_s(jobs) == {"a": 3.0, "b": 5.0, "c": 4.0, "d": 1.0}

    def test_chain_cannot_be_shortened(self) -> None:
        assert remaining_s([self.job("a", 5.0), self.job("b", 2.0, "a")], 8) == 7.0
