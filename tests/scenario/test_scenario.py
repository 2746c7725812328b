# SPDX-License-Identifier: MIT
"""What a scenario means: defaults, round trips, canonical JSON, overrides, YAML's scalars."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pybridge.scenario import LteScenario, load_scenario, parse_scenario, shipped_scenarios
from pybridge.scenario.reference import scenario_reference
from tests.scenario.scenario_factory import scenario_data, scenario_yaml

FINITE = {"allow_nan": False, "allow_infinity": False}
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Cs", "Zl", "Zp"], include_characters="\n\t"),
    max_size=50,
)
SHARE = st.floats(0, 1, **FINITE)


@st.composite
def loads(draw: st.DrawFn) -> dict[str, Any]:
    """Any load."""
    factor = st.floats(0, 100, **FINITE)
    kind = draw(st.sampled_from(["constant", "profile", "markov"]))
    if kind == "constant":
        return {"model": kind, "factor": draw(factor)}
    if kind == "profile":
        times = sorted(draw(st.sets(st.floats(0, 1e4, **FINITE), min_size=1, max_size=5)))
        return {"model": kind, "points": [[time, draw(factor)] for time in times]}
    states = st.tuples(factor, st.floats(1e-3, 1e3, **FINITE)).map(list)
    return {"model": kind, "states": draw(st.lists(states, min_size=2, max_size=5))}


@st.composite
def traffics(draw: st.DrawFn) -> dict[str, Any]:
    """Any traffic of any model."""
    rate = st.floats(1e-3, 1e3, **FINITE)
    burst_s = draw(st.floats(1e-2, 100, **FINITE))
    own: dict[str, dict[str, Any]] = {
        "constant": {"rate_mbps": draw(rate)},
        "on-off": {"rate_mbps": draw(rate), "on_mean_s": draw(rate), "off_mean_s": draw(rate)},
        "ftp3": {"file_bytes": draw(st.integers(1, 10**9)), "arrival_rate_hz": draw(rate)},
        "periodic": {"period_ms": burst_s, "jitter_ms": burst_s * draw(SHARE)},
        "poisson": {"arrival_rate_hz": draw(rate)},
        "beta-burst": {"burst_period_s": burst_s, "burst_duration_s": burst_s},
    }
    model = draw(st.sampled_from(sorted(own)))
    return {"model": model, "packet_bytes": draw(st.integers(32, 1400)), "load": draw(loads()), **own[model]}


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """Data of any valid scenario."""
    count = draw(st.integers(1, 3))
    slices = []
    for index in range(count):
        least = draw(SHARE) / count
        slices.append(
            {
                "name": f"slice-{index}",
                "s_nssai": {"sst": draw(st.integers(0, 255)), "sd": draw(st.none() | st.integers(0, 2**24 - 1))},
                "five_qi": draw(st.sampled_from([1, 9, 69, 79, 82, 90])),
                "rule": draw(st.sampled_from(["rr", "pf", "max-cqi", "m-lwdf"])),
                "ues": draw(st.integers(1, 40)),
                "policy": {"dedicated": least * draw(SHARE), "min": least, "max": max(least, draw(SHARE))},
                "sla": {"delay_budget_ms": 10.5, "reliability": draw(st.none() | st.floats(0.01, 0.99))},
                "traffic": draw(traffics()),
            }
        )
    low_ms = draw(st.integers(1, 100))
    high_ms = low_ms * draw(st.integers(1, 20))
    return {
        "name": draw(st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True)),
        "description": draw(TEXT),
        "seed": draw(st.integers(1, 2**32 - 1)),
        "timing": {"low_period_ms": low_ms, "high_period_ms": high_ms, "duration_s": 3 * high_ms / 1000},
        "carrier": {"bandwidth_prb": draw(st.sampled_from([6, 15, 25, 50, 75, 100]))},
        "cells": {"count": draw(st.integers(1, 19)), "handover": draw(st.booleans())},
        "slices": slices,
        "attributes": {"ns3::LteEnbPhy::NoiseFigure": draw(st.integers(-5, 5) | st.booleans() | TEXT)},
    }


@settings(max_examples=60, deadline=None)
@given(scenarios())
def test_resolved_json_and_yaml_read_back_to_the_same_scenario(data: dict[str, Any]) -> None:
    scenario = parse_scenario(json.dumps(data))
    resolved = scenario.resolved_json()
    assert parse_scenario(resolved) == scenario
    assert parse_scenario(resolved).resolved_json() == resolved
    assert parse_scenario(scenario.to_yaml()) == scenario
    assert len(scenario.ue_slice) == scenario.n_ues


@settings(max_examples=30, deadline=None)
@given(scenarios(), st.integers(1, 2**32 - 1))
def test_with_seed_changes_the_seed_alone(data: dict[str, Any], seed: int) -> None:
    scenario = parse_scenario(json.dumps(data))
    other = scenario.with_seed(seed)
    assert other.seed == seed
    assert other.with_seed(scenario.seed) == scenario
    assert (other.content_hash() == scenario.content_hash()) == (seed == scenario.seed)


def test_defaults_are_filled_in() -> None:
    resolved = json.loads(parse_scenario(scenario_yaml()).resolved_json())
    assert resolved["schema_version"] == 1
    assert resolved["timing"] == {"low_period_ms": 10, "high_period_ms": 100, "warm_up_s": 0.5, "duration_s": 5.0}
    assert resolved["du"] == {"compute_bps": 200e6, "compute_overhead_bytes": 40, "queue_packets": 2000}
    assert resolved["mobility"] == {"model": "random-walk", "speed_mps": [10.0, 20.0], "height_m": 1.5}
    assert resolved["slices"][0]["policy"] == {"dedicated": 0.0, "min": 0.5, "max": 1.0}


def test_resolved_traffic_has_the_keys_of_its_model_alone() -> None:
    resolved = json.loads(parse_scenario(scenario_yaml()).resolved_json())
    constant, periodic = (item["traffic"] for item in resolved["slices"])
    assert set(constant) == {"model", "packet_bytes", "load", "rate_mbps"}
    assert set(periodic) == {"model", "packet_bytes", "load", "period_ms", "jitter_ms"}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("cost231", {"exponent": None, "reference_loss_db": None, "fading": "jakes"}),
        ("log-distance", {"exponent": 3.5, "reference_loss_db": 46.7, "fading": "jakes"}),
        ("constant-sinr", {"sinr_db": 12.0, "exponent": None, "fading": "none"}),
        ("constant-loss", {"loss_db": 100.0, "sinr_db": None, "fading": "jakes"}),
    ],
)
def test_defaults_follow_the_propagation_model(model: str, expected: dict[str, Any]) -> None:
    given_keys: dict[str, Any] = {"constant-sinr": {"sinr_db": 12}, "constant-loss": {"loss_db": 100}}.get(model, {})
    scenario = parse_scenario(scenario_yaml(propagation={"model": model, **given_keys}))
    assert expected.items() <= scenario.propagation.model_dump().items()


def test_null_is_the_same_as_nothing() -> None:
    plain = parse_scenario(scenario_yaml())
    nulls = scenario_yaml(timing=None, carrier={"tx_power_dbm": None}, mobility={"model": None}, cells={"count": None})
    assert parse_scenario(nulls) == plain


def test_canonical_json_does_not_depend_on_order_or_notation() -> None:
    data = scenario_data(du={"compute_bps": 2e8})
    turned = dict(reversed(list(data.items())))
    text = json.dumps(turned).replace("200000000.0", "200.0e6")
    assert parse_scenario(text).resolved_json() == parse_scenario(json.dumps(data)).resolved_json()


@pytest.mark.parametrize(
    ("text", "value"), [("200.0e6", 200e6), ("1e3", 1e3), ("+5", 5.0), (".5", 0.5), ("0100", 100.0), ("1E-1", 0.1)]
)
def test_numbers_are_those_of_yaml_1_2(text: str, value: float) -> None:
    scenario = parse_scenario(scenario_yaml() + f"du: {{compute_bps: {text}}}\n")
    assert scenario.du.compute_bps == value


@pytest.mark.parametrize("word", ["no", "on", "yes", "off", "y"])
def test_words_are_words(word: str) -> None:
    assert parse_scenario(scenario_yaml(name=...) + f"name: {word}\n").name == word


def test_ues_are_numbered_slice_by_slice() -> None:
    scenario = parse_scenario(scenario_yaml(cells={"count": 2}))
    assert scenario.ue_slice == (0, 0, 0, 0, 1, 1)
    assert (scenario.n_cells, scenario.n_slices, scenario.ues_per_cell, scenario.n_ues) == (2, 2, 3, 6)


def test_positions_give_the_count_of_cells() -> None:
    positions = [[0, 0, 25], [500, 0, 25]]
    scenario = parse_scenario(scenario_yaml(cells={"positions_m": positions}))
    assert scenario.n_cells == 2
    assert json.loads(scenario.resolved_json())["cells"]["positions_m"] == positions


def test_lte_takes_320_ues_in_a_cell() -> None:
    assert parse_scenario(scenario_yaml(slices__0__ues=319)).ues_per_cell == 320


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (40, "40"), (2.5, "2.5"), ("7ms", "7ms")])
def test_attributes_become_text(value: Any, text: str) -> None:
    scenario = parse_scenario(scenario_yaml(attributes={"ns3::LteEnbRrc::SrsPeriodicity": value}))
    assert scenario.attributes == {"ns3::LteEnbRrc::SrsPeriodicity": text}


def test_overrides_reach_every_place(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(scenario_yaml())
    overrides = {
        "seed": 9,
        "carrier.bandwidth_prb": 50,
        "slices.urllc.ues": 4,
        "slices.0.rule": "rr",
        "slices.embb.traffic": {"model": "poisson", "arrival_rate_hz": 3},
        "attributes.ns3::LteEnbPhy::NoiseFigure": 4,
    }
    scenario = load_scenario(path, overrides)
    assert (scenario.seed, scenario.carrier.bandwidth_prb) == (9, 50)
    assert (scenario.slices[1].ues, scenario.slices[0].rule) == (4, "rr")
    assert scenario.slices[0].traffic.model == "poisson"
    assert scenario.attributes == {"ns3::LteEnbPhy::NoiseFigure": "4"}


@pytest.mark.parametrize(("deeper_last", "factor"), [(True, 2.0), (False, 1.0)])
def test_overrides_leave_the_values_of_their_caller_alone(tmp_path: Path, deeper_last: bool, factor: float) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(scenario_yaml())
    traffic = {"model": "poisson", "arrival_rate_hz": 3.0, "load": {"model": "constant", "factor": 1.0}}
    before = copy.deepcopy(traffic)
    whole, deeper = {"slices.embb.traffic": traffic}, {"slices.embb.traffic.load.factor": 2.0}
    scenario = load_scenario(path, {**whole, **deeper} if deeper_last else {**deeper, **whole})
    assert json.loads(scenario.resolved_json())["slices"][0]["traffic"]["load"]["factor"] == factor
    assert traffic == before


def test_a_scenario_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        parse_scenario(scenario_yaml()).seed = 2  # type: ignore[misc]


@pytest.mark.parametrize("seed", [0, 2**32, -1])
def test_with_seed_refuses_what_ns3_has_not(seed: int) -> None:
    with pytest.raises(ValidationError):
        parse_scenario(scenario_yaml()).with_seed(seed)


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenarios_are_valid_and_named_like_their_file(name: str) -> None:
    assert load_scenario(name).name == name


def _paths(value: Any, prefix: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path for key, inner in value.items() for path in _paths(inner, f"{prefix}.{key}" if prefix else key)}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {path for inner in value for path in _paths(inner, f"{prefix}[]")}
    return {prefix}


@pytest.mark.parametrize("ran", ["lte", "nr"])
def test_the_reference_lists_the_keys_of_a_resolved_scenario(ran: str) -> None:
    resolved = json.loads(parse_scenario(scenario_yaml(ran=ran)).resolved_json())
    documented = {row.key for row in scenario_reference()}
    for tag in ("(constant)", "(periodic)", f"({ran})"):
        documented = {key.replace(tag, "") for key in documented}
    assert _paths(resolved) - documented == set()
    assert all(row.description for row in scenario_reference())


def test_the_contract_names_the_same_keys() -> None:
    text = (Path(__file__).parents[2] / "docs" / "scenario-contract.yaml").read_text()
    text = text.replace("exponent: 3.5 ", "exponent: null").replace(
        "reference_loss_db: 46.7 ", "reference_loss_db: null"
    )
    contract = parse_scenario(text, "contract")
    defaults = LteScenario.model_validate({"name": "lte-urban", "slices": contract.model_dump()["slices"]})
    assert contract == defaults


def test_the_contract_of_nr_names_the_same_keys() -> None:
    text = (Path(__file__).parents[2] / "docs" / "scenario-contract-nr.yaml").read_text()
    own = yaml.safe_load(text)
    defaults = parse_scenario(scenario_yaml(ran="nr"))
    assert parse_scenario(scenario_yaml(**own)) == defaults
    resolved = json.loads(defaults.resolved_json())
    assert _paths({key: resolved[key] for key in own}) == _paths(own)
    of_lte = json.loads(parse_scenario(scenario_yaml()).resolved_json())
    assert set(resolved) - set(of_lte) == {"harq", "csi", "core", "core_delay_ms"}


def test_a_core_has_a_delay_and_no_core_has_none() -> None:
    for keys, delay_ms in (({"core": "epc-like"}, 0.0), ({"core": "epc-like", "core_delay_ms": 7}, 7.0), ({}, None)):
        assert json.loads(parse_scenario(scenario_yaml(ran="nr", **keys)).resolved_json())["core_delay_ms"] == delay_ms
