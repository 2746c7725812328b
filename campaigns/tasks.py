# SPDX-License-Identifier: MIT
"""From a campaign's axes to resolved scenarios."""

from __future__ import annotations

from typing import Any

from campaigns.model import Campaign, CampaignError, Ran, Variant
from pybridge.scenario import Problem, Scenario, ScenarioError, load_scenario


def resolve(campaign: Campaign, ran: Ran, size: Variant, mix: Variant, last: dict[str, Any]) -> Scenario:
    """The scenario of one RAN, size and mix; later overrides win: campaign, RAN, size, mix, `last`.

    Raises CampaignError that names the three if the overrides do not make a valid scenario.
    """
    overrides = campaign.set | ran.set | size.set | mix.set | last
    try:
        return load_scenario(ran.scenario, overrides)
    except ScenarioError as error:
        where = f"campaign {campaign.name}, RAN {ran.name}, size {size.name}, mix {mix.name}"
        problems = [
            Problem(where, None, problem.key, problem.message) if problem.origin == "--set" else problem
            for problem in error.problems
        ]
        raise CampaignError(problems) from None


def evaluation_scenario(campaign: Campaign, ran: Ran, size: Variant, mix: Variant) -> Scenario:
    """What a method is judged on, under the first seed; UEs are recorded, since satisfaction is judged UE by UE.

    Raises CampaignError, see `resolve`, and if packets would not be recorded.
    """
    last = {
        "seed": campaign.seeds[0],
        "timing.duration_s": ran.duration_s or campaign.evaluation.duration_s,
        "recording.ues": True,
    }
    scenario = resolve(campaign, ran, size, mix, last)
    if scenario.recording.packets == "none":
        message = "evaluations need packet delays; must be summary or all, got 'none'"
        raise CampaignError([Problem(f"campaign {campaign.name}", None, "recording.packets", message)])
    return scenario


def training_scenarios(campaign: Campaign, episode_s: float) -> list[Scenario]:
    """What a learner meets, in short episodes: all sizes and mixes of the RANs for training. Raises CampaignError."""
    last = {"timing.duration_s": episode_s, "recording.packets": "none", "recording.ues": False}
    return [
        resolve(campaign, ran, size, mix, last)
        for ran in campaign.rans
        if ran.train
        for size in campaign.sizes
        for mix in campaign.mixes
    ]
