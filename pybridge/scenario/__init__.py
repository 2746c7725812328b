# SPDX-License-Identifier: MIT
"""Scenarios: typed, validated, one canonical JSON for the simulation. Keys: docs/scenario-contract.yaml."""

from pybridge.scenario.errors import Problem, ScenarioError
from pybridge.scenario.load import load_scenario, parse_scenario, shipped_scenarios
from pybridge.scenario.model import LteScenario, NrScenario, Scenario, scenario_json_schema
from pybridge.scenario.slices import FIVE_QIS, Slice

__all__ = [
    "FIVE_QIS",
    "LteScenario",
    "NrScenario",
    "Problem",
    "Scenario",
    "ScenarioError",
    "Slice",
    "load_scenario",
    "parse_scenario",
    "scenario_json_schema",
    "shipped_scenarios",
]
