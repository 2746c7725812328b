# SPDX-License-Identifier: MIT
"""Whatever is wrong with a scenario is said in a line that names file, line and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pybridge.scenario import ScenarioError, load_scenario
from tests.scenario.scenario_factory import scenario_yaml

# changes to a valid scenario, key that must be named, words that must be said
BAD_VALUES: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown key at the top": ({"sliices": []}, "sliices", "did you mean `slices`"),
    "unknown key deep inside": ({"slices__0__policy__minn": 0.1}, "slices[0].policy.minn", "did you mean `min`"),
    "unknown key like no other": ({"carrier": {"zzz": 1}}, "carrier.zzz", "bandwidth_prb, dl_earfcn"),
    "wrong unit": ({"slices__0__traffic__rate_kbps": 5}, "slices[0].traffic.rate_kbps", "`rate_mbps` (unit: mbps)"),
    "no unit": ({"timing__duration": 5}, "timing.duration", "`duration_s` (unit: s)"),
    "wrong unit of power": ({"carrier__tx_power_w": 5}, "carrier.tx_power_w", "`tx_power_dbm` (unit: dbm)"),
    "required key missing": ({"slices__0__five_qi": ...}, "slices[0].five_qi", "is required"),
    "name missing": ({"name": ...}, "name", "is required"),
    "bad name": ({"name": "My Cell"}, "name", "[a-z0-9-]{1,64}"),
    "sum of minima over 100 %": ({"slices__0__policy__min": 0.8}, "slices", "0.8 + 0.3 = 1.1"),
    "dedicated above min": ({"slices__1__policy__dedicated": 0.4}, "slices[1].policy.dedicated", "at most min"),
    "min above max": ({"slices__0__policy__max": 0.2}, "slices[0].policy.min", "at most max"),
    "ratio in percent": ({"slices__0__policy__min": 50}, "slices[0].policy.min", "at least 0 and at most 1, got 50"),
    "zero UEs": ({"slices__0__ues": 0}, "slices[0].ues", "at least 1"),
    "half a UE": ({"slices__0__ues": 1.5}, "slices[0].ues", "whole number, got 1.5"),
    "number as text": ({"slices__0__ues": "two"}, "slices[0].ues", "whole number, got 'two'"),
    "boolean as number": ({"seed": True}, "seed", "whole number, got True"),
    "negative load": ({"slices__0__traffic__load": {"factor": -1}}, "slices[0].traffic.load.factor", "at least 0"),
    "zero rate": ({"slices__0__traffic__rate_mbps": 0}, "slices[0].traffic.rate_mbps", "above 0"),
    "infinite rate": ({"slices__0__traffic__rate_mbps": float("inf")}, "slices[0].traffic.rate_mbps", "finite"),
    "not a number": ({"carrier__tx_power_dbm": float("nan")}, "carrier.tx_power_dbm", "finite"),
    "bandwidth that LTE lacks": ({"carrier__bandwidth_prb": 30}, "carrier.bandwidth_prb", "6, 15, 25, 50, 75, 100"),
    "EARFCN in no band": ({"carrier__dl_earfcn": 5500}, "carrier.dl_earfcn", "no FDD band"),
    "another RAN": ({"ran": "5g"}, "ran", "must be one of lte, nr"),
    "traffic model that does not exist": (
        {"slices__0__traffic__model": "constnat"},
        "slices[0].traffic.model",
        "`constant`",
    ),
    "no traffic model": ({"slices__0__traffic__model": ...}, "slices[0].traffic", "needs a key `model`"),
    "key of another traffic model": (
        {"slices__0__traffic__period_ms": 5},
        "slices[0].traffic.period_ms",
        "is no key here",
    ),
    "key that the traffic model needs": (
        {"slices__1__traffic__period_ms": ...},
        "slices[1].traffic.period_ms",
        "is required",
    ),
    "jitter above the period": ({"slices__1__traffic__jitter_ms": 6}, "slices[1].traffic.jitter_ms", "period_ms (5)"),
    "packet too large": ({"slices__0__traffic__packet_bytes": 9000}, "slices[0].traffic.packet_bytes", "at most 1400"),
    "profile without points": (
        {"slices__0__traffic__load": {"model": "profile"}},
        "slices[0].traffic.load.points",
        "is required by `model: profile`",
    ),
    "profile that goes back in time": (
        {"slices__0__traffic__load": {"model": "profile", "points": [[0, 1], [2, 1], [1, 1]]}},
        "slices[0].traffic.load.points",
        "strictly increasing",
    ),
    "one Markov state": (
        {"slices__0__traffic__load": {"model": "markov", "states": [[1, 1]]}},
        "slices[0].traffic.load.states",
        "at least 2",
    ),
    "burst longer than its period": (
        {"slices__0__traffic": {"model": "beta-burst", "burst_period_s": 1, "burst_duration_s": 2}},
        "slices[0].traffic.burst_duration_s",
        "burst_period_s (1)",
    ),
    "loss without its model": ({"propagation__loss_db": 90}, "propagation.loss_db", "`model: constant-loss`"),
    "model without its loss": ({"propagation__model": "constant-loss"}, "propagation.loss_db", "is required"),
    "fading of a constant SINR": (
        {"propagation": {"model": "constant-sinr", "sinr_db": 10, "fading": "jakes"}},
        "propagation.fading",
        "`none`",
    ),
    "speed of the static": (
        {"mobility": {"model": "static", "speed_mps": [1, 2]}},
        "mobility.speed_mps",
        "random-walk",
    ),
    "speeds the wrong way round": ({"mobility__speed_mps": [9, 2]}, "mobility.speed_mps", "[lowest, highest]"),
    "periods that do not nest": ({"timing__high_period_ms": 105}, "timing.high_period_ms", "multiple of low_period_ms"),
    "duration with a rest": ({"timing__duration_s": 5.05}, "timing.duration_s", "multiple of high_period_ms"),
    "negative duration": ({"timing__duration_s": -1}, "timing.duration_s", "above 0"),
    "seed out of range": ({"seed": 2**32}, "seed", "at most 4294967295"),
    "no slices": ({"slices": []}, "slices", "at least 1"),
    "two slices of a name": ({"slices__1__name": "embb"}, "slices[1].name", "slices[0]"),
    "more UEs than LTE takes": ({"slices__0__ues": 320}, "slices", "`ran: nr`"),
    "5QI that does not exist": ({"slices__0__five_qi": 11}, "slices[0].five_qi", "TS 23.501"),
    "positions that are not enough": (
        {"slices__0__positions_m": [[0, 0, 1.5]]},
        "slices[0].positions_m",
        "2 UEs x 1 cells = 2, got 1",
    ),
    "cells that disagree": ({"cells": {"count": 3, "positions_m": [[0, 0, 25]]}}, "cells.count", "leave count out"),
    "position in a plane": ({"cells": {"positions_m": [[0, 0]]}}, "cells.positions_m[0][2]", "is required"),
    "reliability of what": ({"slices__0__sla": {"reliability": 0.9}}, "slices[0].sla.reliability", "delay_budget_ms"),
    "reliability in percent": ({"slices__1__sla__reliability": 99}, "slices[1].sla.reliability", "below 1"),
    "attribute without a class": ({"attributes": {"foo": 1}}, "attributes.foo", "ns3::"),
    "control character": ({"description": "a\x7fb"}, "description", "U+007F"),
    "NR key on LTE": ({"carrier__numerology": 1}, "carrier.numerology", "belongs to `ran: nr`, but `ran` is `lte`"),
    "NR section on LTE": ({"harq": {"processes": 8}}, "harq", "belongs to `ran: nr`, but `ran` is `lte`"),
    "NR channel on LTE": ({"propagation__model": "uma"}, "propagation.model", "`uma` belongs to `ran: nr`"),
    "LTE key on NR": (
        {"ran": "nr", "carrier__dl_earfcn": 100},
        "carrier.dl_earfcn",
        "belongs to `ran: lte`, but `ran` is `nr`",
    ),
    "LTE channel on NR": (
        {"ran": "nr", "propagation__model": "cost231"},
        "propagation.model",
        "`cost231` belongs to `ran: lte`",
    ),
    "LTE fading on NR": ({"ran": "nr", "propagation__fading": "jakes"}, "propagation.fading", "belongs to `ran: lte`"),
    "bandwidth that NR lacks": ({"ran": "nr", "carrier__bandwidth_mhz": 7}, "carrier.bandwidth_mhz", "5, 10, 15, 20"),
    "numerology of another range": ({"ran": "nr", "carrier__numerology": 3}, "carrier.numerology", "0, 1, 2 in FR1"),
    "between the frequency ranges": ({"ran": "nr", "carrier__frequency_ghz": 12.0}, "carrier.frequency_ghz", "FR2"),
    "frequency in Hz": ({"ran": "nr", "carrier__frequency_hz": 1}, "carrier.frequency_hz", "`frequency_ghz`"),
    "slots without downlink": ({"ran": "nr", "carrier__slot_pattern": "UU"}, "carrier.slot_pattern", "downlink slot"),
    "slots of another kind": ({"ran": "nr", "carrier__slot_pattern": "DXU"}, "carrier.slot_pattern", "[DSU]"),
    "too many symbols": ({"ran": "nr", "carrier__data_symbols": 14}, "carrier.data_symbols", "the slot's 14"),
    "special above data": (
        {"ran": "nr", "carrier": {"data_symbols": 8, "special_symbols": 9}},
        "carrier.special_symbols",
        "at most data_symbols (8)",
    ),
    "no HARQ process": ({"ran": "nr", "harq": {"processes": 0}}, "harq.processes", "at least 1"),
    "report period zero": ({"ran": "nr", "csi": {"period_slots": 0}}, "csi.period_slots", "at least 1"),
    "acknowledged mode on NR": ({"ran": "nr", "slices__0__rlc": "am"}, "slices[0].rlc", "must be `um`"),
    "5QI that LTE lacks": ({"slices__0__five_qi": 10}, "slices[0].five_qi", "belongs to `ran: nr`"),
    "QCI that NR lacks": ({"ran": "nr", "slices__0__five_qi": 75}, "slices[0].five_qi", "belongs to `ran: lte`"),
    "core that NR lacks": ({"ran": "nr", "core": "epc"}, "core", "must be one of none, epc-like"),
    "delay without a core": ({"ran": "nr", "core_delay_ms": 1.0}, "core_delay_ms", "belongs to `core: epc-like`"),
    "delay below zero": (
        {"ran": "nr", "core": "epc-like", "core_delay_ms": -1.0},
        "core_delay_ms",
        "at least 0",
    ),
    "line of sight of a constant loss": (
        {"ran": "nr", "propagation": {"model": "constant-loss", "loss_db": 100, "line_of_sight": "always"}},
        "propagation.line_of_sight",
        "`model: uma | umi | rma | inh`",
    ),
    "delay spread of no fading": (
        {"ran": "nr", "propagation": {"fading": "none", "delay_spread_ns": 100}},
        "propagation.delay_spread_ns",
        "other than `none`",
    ),
    "RMa above its range": (
        {
            "ran": "nr",
            "propagation__model": "rma",
            "carrier": {"frequency_ghz": 38.0, "numerology": 3, "bandwidth_mhz": 100},
        },
        "propagation.model",
        "30 GHz",
    ),
    "a list for a mapping": ({"timing": [1]}, "timing", "mapping"),
    "a number for a list": ({"slices": 3}, "slices", "must be a list"),
}


@pytest.mark.parametrize(("changes", "key", "words"), BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_a_bad_value_is_named(tmp_path: Path, changes: dict[str, Any], key: str, words: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(scenario_yaml(**changes))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert [problem.key for problem in caught.value.problems] == [key]
    message = str(caught.value)
    assert message.startswith(f"{path}:")
    assert words in message
    assert "\n" not in message


BAD_FILES = {
    "not YAML": (b"name: [a", "is not valid YAML"),
    "tabs": (b"name: a\n\tseed: 1\n", "is not valid YAML"),
    "empty": (b"", "must hold keys and values"),
    "a list": (b"- a\n", "must hold keys and values"),
    "two documents": (b"name: a\n---\nname: b\n", "is not valid YAML"),
    "not UTF-8": (b"name: \xff\xfe\n", "is not UTF-8"),
    "a key twice": (b"name: a\nseed: 1\nseed: 2\n", "seed: stands twice, on line 2 already"),
    "an object": (b"name: !!python/object/apply:os.system ['true']\n", "has the tag"),
    "a file that contains itself": (b"name: &a [*a]\n", "nested too deeply"),
    "an integer without end": (b"seed: " + b"9" * 5000 + b"\n", "too many digits"),
}


@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert str(caught.value).startswith(f"{path}:")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_aliases_cannot_blow_up(tmp_path: Path) -> None:
    bomb = ["name: bomb", "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(bomb))
    with pytest.raises(ScenarioError, match="more than 200000 values"):
        load_scenario(path)


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(f"# a comment\n\n{scenario_yaml(seed=0)}carrier:\n  bandwidth_prb: 30\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    lines = path.read_text().splitlines()
    for problem in caught.value.problems:
        assert problem.line is not None
        assert lines[problem.line - 1].strip().startswith(problem.key.rpartition(".")[2])
    assert {problem.key for problem in caught.value.problems} == {"seed", "carrier.bandwidth_prb"}


def test_every_problem_has_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(scenario_yaml(seed=0, slices__0__ues=0, slices__1__rule="fifo"))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert len(str(caught.value).splitlines()) == len(caught.value.problems) == 3


@pytest.mark.parametrize("name", ["nowhere.yaml", "no-such-scenario"])
def test_a_missing_file_is_named(name: str) -> None:
    with pytest.raises(ScenarioError, match=f"{name}: no such file, nor a shipped scenario"):
        load_scenario(name)


def test_a_directory_is_no_scenario(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="is a directory"):
        load_scenario(tmp_path)


OVERRIDES = {
    "unknown key": ({"slices.embb.uess": 3}, "--set: slices[0].uess: is no key here; did you mean `ues`?"),
    "unknown slice": ({"slices.mmtc.ues": 3}, "--set: slices: has no entry `mmtc`; it has embb, urllc"),
    "index too large": ({"slices.7.ues": 3}, "has no entry `7`"),
    "through a number": ({"name.x": 3}, "name has no keys"),
    "empty key": ({"a..b": 3}, "is no key path"),
    "out of range": ({"seed": 0}, "--set: seed: must be at least 1 and at most 4294967295, got 0"),
}


@pytest.mark.parametrize(("overrides", "words"), OVERRIDES.values(), ids=OVERRIDES.keys())
def test_a_bad_override_is_named(tmp_path: Path, overrides: dict[str, Any], words: str) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(scenario_yaml())
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, overrides)
    assert words in str(caught.value)
