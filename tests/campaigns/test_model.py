# SPDX-License-Identifier: MIT
"""Campaign files: what is valid, and one clear line for each kind of mistake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.model import CampaignError, load_campaign, shipped_campaigns
from tests.campaigns.conftest import CAMPAIGN, CELL

Write = Callable[[str], Path]


def test_reads_all_keys(write: Write) -> None:
    campaign = load_campaign(write(CAMPAIGN))
    assert [method.name for method in campaign.methods] == ["static", "proportional", "ppo"]
    assert campaign.seeds == (1, 2)
    assert campaign.sizes[1].set == {"slices.embb.ues": 4}
    assert campaign.baseline_name == "static"


def test_scenario_is_found_beside_the_campaign_file(write: Write, tmp_path: Path) -> None:
    (tmp_path / "here.yaml").write_text("name: x\n")
    path = write(CAMPAIGN.replace(str(CELL), "here.yaml"))
    assert load_campaign(path).rans[0].scenario == str(tmp_path / "here.yaml")


@pytest.mark.parametrize("name", shipped_campaigns())
def test_shipped_campaigns_are_valid(name: str) -> None:
    assert load_campaign(name).name == name


BAD = {
    "syntax": ("name: tiny", "name: [tiny", r"campaign\.yaml:\d+: is not valid YAML"),
    "unknown key": ("seeds:", "sedes: [1]\nseeds:", r"campaign\.yaml:\d+: sedes: is no key here; did you mean `seeds`"),
    "missing key": ("evaluation: {duration_s: 3.0}", "", r"evaluation: is required"),
    "no methods": ("methods:\n", "methods: []\nmethods_: \n", r"methods: must have at least 1"),
    "bad name": ("name: tiny", "name: ../etc", r"name: must match"),
    "negative duration": ("duration_s: 3.0", "duration_s: -1", r"evaluation\.duration_s: must be at least 1"),
    "no whole window": (
        "duration_s: 3.0",
        "duration_s: 0.9",
        r"evaluation\.duration_s: must be at least 1 and at most 100000, got 0\.9",
    ),
    "unit": ("duration_s: 3.0", "duration_ms: 3000", r"did you mean `duration_s` \(unit: s\)"),
    "seed of trainings": ("seeds: [1, 2]", "seeds: [1000000]", r"seeds\[0\]: must be at most 999999"),
    "seed as text": ("seeds: [1, 2]", 'seeds: ["1"]', r"seeds\[0\]: must be a whole number, got '1'"),
    "seed twice": ("seeds: [1, 2]", "seeds: [2, 2]", r"seeds\[1\]: 2 stands twice"),
    "method twice": ("name: proportional", "name: static", r"methods\[1\]\.name: 'static' stands twice"),
    "no kind": ("policy: proportional", "label: x", r"methods\[1\]\.policy: exactly one of policy, train"),
    "both kinds": ("name: ppo, ", "name: ppo, policy: static, ", r"methods\[2\]\.policy: exactly one of"),
    "minibatch": ("minibatch: 25", "minibatch: 33", r"methods\[2\]\.train\.minibatch: must divide rollout_steps"),
    "baseline": ("baseline: static", "baseline: x", r"baseline: must be one of static, proportional, ppo; got 'x'"),
    "contradictory axes": (
        "name: even",
        "name: even, set: {slices.embb.ues: 3}",
        r"mixes\[0\]\.set: slices\.embb\.ues",
    ),
    "one key on two axes": (
        "name: lte, ",
        "name: lte, set: {slices.embb.ues: 2}, ",
        r"sizes\[0\]\.set: slices\.embb\.ues is set by `lte` of rans too; one axis per key",
    ),
    "claimant": ("baseline: static", "baseline: static\nclaimant: x", r"claimant: must be one of static, prop"),
    "reference": ("baseline: static", "reference: [static, x]", r"reference\[1\]: must be one of .*; got 'x'"),
    "rule of nobody": (
        "algorithm: ppo, steps: 100, rollout_steps: 50, minibatch: 25, episode_s: 1.0}",
        "algorithm: meta-hrl}, rule_from: static",
        r"methods\[2\]\.rule_from: must be a method trained by `rule`, its rule dpp \(there is none\); got 'static'",
    ),
    "rule that is not drift-plus-penalty": (
        "algorithm: ppo, steps: 100, rollout_steps: 50, minibatch: 25, episode_s: 1.0}",
        "algorithm: rule, rule: sla-static}}\n  - {name: ours, train: {algorithm: meta-hrl}, rule_from: ppo",
        r"methods\[3\]\.rule_from: must be a method trained by `rule`, its rule dpp \(there is none\); got 'ppo'",
    ),
    "rule under what has none": (
        "name: ppo, ",
        "name: ppo, rule_from: static, ",
        r"methods\[2\]\.rule_from: only a training that is a residual",
    ),
    "trained as what is not trained": (
        "policy: proportional",
        "trained_as: static",
        r"methods\[1\]\.trained_as: must be a method that is trained \(ppo\); got 'static'",
    ),
    "adapted without the stage": (
        "policy: static",
        "policy: static, adapt: none",
        r"methods\[0\]\.adapt: needs the campaign's `adaptation`",
    ),
    "episodes not from 0": (
        "workers: 2",
        "workers: 2\nadaptation: {episodes: [1, 2]}",
        r"episodes: must ascend from 0",
    ),
    "episodes fall": ("workers: 2", "workers: 2\nadaptation: {episodes: [0, 2, 2]}", r"adaptation\.episodes: must asc"),
    "sizes overlap": (
        "workers: 2",
        "workers: 2\nadaptation: {sizes: [{name: a, max_ues: 5}, {name: b, max_ues: 3}, {name: c}]}",
        r"adaptation\.sizes: max_ues must ascend, and only the last is without",
    ),
    "no such track": ("workers: 2", "workers: 2\nadaptation: {tracks: [seen]}", r"tracks\[0\]: must be"),
    "nothing to train on": ("name: lte, ", "name: lte, train: false, ", r"rans: none is for training .* but ppo must"),
    "unknown algorithm": ("algorithm: ppo", "algorithm: dqn", r"methods\[2\]\.train\.algorithm: must be"),
    "option of another algorithm": ("algorithm: ppo", "algorithm: meta-hrl", r"methods\[2\]\.train\.steps: is no key"),
    "option out of range": (
        "algorithm: ppo",
        "algorithm: meta-hrl, budget: -1",
        r"methods\[2\]\.train\.budget: must be above 0",
    ),
    "include of nothing": ("name: tiny", "name: tiny\ninclude: no-such", r"no-such: no such file, nor a shipped"),
    "include of a list": ("name: tiny", "name: tiny\ninclude: [a]", r"campaign\.yaml:2: include: must be a text"),
    "include of itself": ("name: tiny", "name: tiny\ninclude: campaign.yaml", r"include: campaign.yaml includes this"),
    "zero workers": ("workers: 2", "workers: 0", r"workers: must be at least 1"),
    "key twice": ("workers: 2", "workers: 2\nworkers: 3", r"workers: stands twice"),
}


@pytest.mark.parametrize(("old", "new", "message"), BAD.values(), ids=BAD)
def test_bad_campaign_is_one_clear_line(write: Write, old: str, new: str, message: str) -> None:
    assert old in CAMPAIGN
    with pytest.raises(CampaignError, match=message) as caught:
        load_campaign(write(CAMPAIGN.replace(old, new, 1)))
    assert "campaign.yaml" in str(caught.value).splitlines()[0] or "no-such" in str(caught.value)
    assert caught.value.exit_code == 2


def test_no_such_campaign_names_those_there_are() -> None:
    with pytest.raises(CampaignError, match=r"no-such: no such file, nor a shipped campaign \(.*paper-small"):
        load_campaign("no-such")


def test_directory_is_no_campaign(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="is a directory"):
        load_campaign(tmp_path)


def test_binary_is_no_campaign(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CampaignError, match="is not UTF-8 text"):
        load_campaign(tmp_path / "c.yaml")


def test_included_campaign_gives_what_is_left_out(write: Write, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(CAMPAIGN + "set: {du.queue_packets: 100, du.compute_bps: 1.0e8}\n")
    path = write("name: more\ninclude: base.yaml\nseeds: [3]\nset: {du.queue_packets: 50}\n")
    campaign = load_campaign(path)
    assert (campaign.name, campaign.seeds) == ("more", (3,))
    assert [method.name for method in campaign.methods] == ["static", "proportional", "ppo"]
    assert campaign.set == {"du.queue_packets": 50, "du.compute_bps": 1.0e8}


def test_overrides_of_the_command_line_go_last(write: Write) -> None:
    campaign = load_campaign(
        write(CAMPAIGN), {"seeds": [5], "evaluation.duration_s": 7.0, "methods.ppo.train.steps": 50}
    )
    assert campaign.seeds == (5,)
    assert campaign.evaluation.duration_s == 7.0
    assert campaign.methods[2].train is not None
    assert campaign.methods[2].train.steps == 50
    with pytest.raises(CampaignError, match="has no entry `dqn`"):
        load_campaign(write(CAMPAIGN), {"methods.dqn.train.steps": 50})


def test_way_to_adapt_that_does_not_fit_is_named_with_those_that_do(write: Write) -> None:
    text = CAMPAIGN.replace("policy: static", "policy: static, adapt: retune") + "adaptation: {}\n"
    with pytest.raises(CampaignError, match=r"methods\[0\]\.adapt: must be one of none; got 'retune'"):
        load_campaign(write(text))


def test_tasks_are_found_beside_the_campaign_file(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of a campaign that is included, wherever the command runs."""
    monkeypatch.chdir("/")
    (tmp_path / "mine.yaml").write_text("base: nr-small\n")
    rule = "  - {name: rule, train: {algorithm: rule, tasks: mine.yaml}}\nbaseline"
    text = CAMPAIGN.replace("baseline", rule, 1) + "adaptation: {tasks: mine.yaml}\n"
    campaign = load_campaign(write(text))
    assert campaign.adaptation is not None
    assert campaign.adaptation.tasks == str(tmp_path / "mine.yaml")
    assert campaign.methods[-1].train is not None
    assert campaign.methods[-1].train.ranges().vary == {}
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "more.yaml").write_text("name: more\ninclude: ../campaign.yaml\n")
    included = load_campaign(tmp_path / "deeper" / "more.yaml")
    assert included.adaptation is not None
    assert Path(str(included.adaptation.tasks)).resolve() == tmp_path / "mine.yaml"
