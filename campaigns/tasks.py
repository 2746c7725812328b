# SPDX-License-Identifier: MIT
"""From a campaign's axes to resolved scenarios."""

from __future__ import annotations

from typing import Any

from campaigns.model import Campaign, CampaignError, Variant
from pybridge.scenario import Problem, Scenario, ScenarioError, load_scenario


def resolve(campaign: Campaign, size: Variant, mix: Variant, last: dict[str, Any]) -> Scenario:
    """The scenario of one size and mix; later overrides win: campaign, size, mix, `last`.

    Raises CampaignError that names size and mix if the overrides do not make a valid scenario.
    """
    overrides = campaign.set | size.set | mix.set | last
    try:
        return load_scenario(campaign.scenario, overrides)
    except ScenarioError as error:
        where = f"campaign {campaign.name}, size {size.name}, mix {mix.name}"
        problems = [
            Problem(where, None, problem.key, problem.message) if problem.origin == "--set" else problem
            for problem in error.problems
        ]
        raise CampaignError(problems) from None


def evaluation_scenario(campaign: Campaign, size: Variant, mix: Variant, seed: int) -> Scenario:
    """What a method is judged on; UEs are recorded, since satisfaction is judged UE by UE.

    Raises CampaignError, see `resolve`, and if packets would not be recorded.
    """
    last = {"seed": seed, "timing.duration_s": campaign.evaluation.duration_s, "recording.ues": True}
    scenario = resolve(campaign, size, mix, last)
    if scenario.recording.packets == "none":
        message = "evaluations need packet delays; must be summary or all, got 'none'"
        raise CampaignError([Problem(f"campaign {campaign.name}", None, "recording.packets", message)])
    return scenario


def training_scenarios(campaign: Campaign, episode_s: float) -> list[Scenario]:
    """What a learner meets: all sizes and mixes, size by size, in short episodes. Raises CampaignError."""
    last = {"timing.duration_s": episode_s, "recording.packets": "none", "recording.ues": False}
    return [resolve(campaign, size, mix, last) for size in campaign.sizes for mix in campaign.mixes]
