# SPDX-License-Identifier: MIT
"""Runs of the real simulation program: same seed, same bits; Python's and C++'s view of a scenario agree."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest

from pybridge.observation import Action, Observation
from pybridge.process import find_binary
from pybridge.program import program_schema
from pybridge.run import RunFailed, RunResult, run
from pybridge.scenario import Scenario, load_scenario, parse_scenario, shipped_scenarios
from pybridge.schema import Levels, Schema, parse_schema
from tests.scenario.scenario_factory import scenario_yaml

pytestmark = pytest.mark.usefixtures("simulation_program")


def tiny(**changes: Any) -> Scenario:
    """One simulated second of 3 UEs in 2 slices."""
    return parse_scenario(scenario_yaml(timing__duration_s=1.0, **changes))


class Hold:
    """Decides what is in force already, at the high level."""

    levels: Levels = "high"

    def reset(self, schema: Schema, scenario: Scenario) -> None:
        self.action = Action(schema, self.levels)

    def act(self, observation: Observation) -> Action:
        return self.action


class HoldBoth(Hold):
    """The same at both levels."""

    levels: Levels = "both"


def digests(result: RunResult, *names: str) -> dict[str, str]:
    """SHA-256 of files of a run."""
    return {name: hashlib.sha256((result.out / name).read_bytes()).hexdigest() for name in names}


def until(look: Callable[[], list[psutil.Process]], deadline_s: float) -> list[psutil.Process]:
    """What `look` returns as soon as that is not empty."""
    end = time.monotonic() + deadline_s
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


TABLES = ("kpm.parquet", "controls.parquet", "packets.parquet")


def test_same_seed_same_bits_another_seed_others(tmp_path: Path) -> None:
    scenario = tiny(recording={"packets": "all", "ues": True})
    first, second, other = (run(scenario, "static", seed, tmp_path / str(n)) for n, seed in enumerate((5, 5, 6)))
    assert digests(first, *TABLES) == digests(second, *TABLES)
    assert digests(first, "kpm.parquet") != digests(other, "kpm.parquet")


@pytest.mark.parametrize("policy", ["Hold", "HoldBoth"])
def test_a_remote_policy_that_changes_nothing_is_the_static_one(tmp_path: Path, policy: str) -> None:
    scenario = tiny(recording={"packets": "all"})
    local = run(scenario, "static", 5, tmp_path / "local")
    remote = run(scenario, f"{__name__}:{policy}", 5, tmp_path / "remote")
    assert digests(local, *TABLES) == digests(remote, *TABLES)


def test_tables_hold_every_period_cell_slice_and_measurement(tmp_path: Path) -> None:
    scenario = tiny(cells={"count": 2}, recording={"packets": "summary", "ues": True})
    result = run(scenario, "proportional", None, tmp_path / "out")
    schema = parse_schema(json.dumps(program_schema(scenario)))
    kpm = result.kpm()
    per_slice, per_ue = kpm.filter(pl.col("ue").is_null()), kpm.filter(pl.col("ue").is_not_null())
    assert per_slice.height == 10 * 2 * 2 * len(schema.slice_kpms)
    assert per_ue.height == 10 * scenario.n_ues * len(schema.ue_kpms)
    assert sorted(set(kpm["time_s"])) == pytest.approx([0.1 * epoch for epoch in range(1, 11)])
    assert result.controls().height == 10 * 2 * 2
    packets = result.packets()
    assert packets is not None
    sent = per_slice.filter(pl.col("name") == "x.packets_sent")["value"].sum()
    assert packets["count"].sum() == sent > 0


def test_no_packets_are_recorded_where_none_are_wanted(tmp_path: Path) -> None:
    assert run(tiny(recording={"packets": "none"}), "max-weight", 1, tmp_path / "out").packets() is None


def test_the_manifest_names_what_it_was_made_of(tmp_path: Path) -> None:
    manifest = run(tiny(), "static", 1, tmp_path / "out").manifest
    assert "3.4" in json.dumps(manifest["program"]["version"])
    assert manifest["program"]["sha256"] == hashlib.sha256(find_binary().read_bytes()).hexdigest()
    assert manifest["ended"] > manifest["started"]


TRAFFIC = [
    {"model": "constant", "rate_mbps": 0.5, "load": {"model": "profile", "points": [[0, 1], [1, 2]]}},
    {"model": "on-off", "rate_mbps": 1, "on_mean_s": 0.1, "off_mean_s": 0.1},
    {"model": "ftp3", "file_bytes": 10_000, "arrival_rate_hz": 2},
    {"model": "periodic", "period_ms": 10, "jitter_ms": 2, "packet_bytes": 32},
    {"model": "poisson", "arrival_rate_hz": 50, "load": {"model": "markov", "states": [[0, 0.1], [2, 0.1]]}},
    {"model": "beta-burst", "burst_period_s": 0.5, "burst_duration_s": 0.2},
]
CHANNELS = [
    {"model": "log-distance"},
    {"model": "constant-loss", "loss_db": 100, "fading": "none"},
    {"model": "constant-sinr", "sinr_db": 15},
]


@pytest.mark.parametrize(
    "changes",
    [{"slices__0__traffic": traffic} for traffic in TRAFFIC]
    + [{"propagation": channel} for channel in CHANNELS]
    + [{"mobility": {"model": "static"}}, {"slices__0__rlc": "am"}, {"cells": {"positions_m": [[0, 0, 25]]}}],
    ids=str,
)
def test_the_program_takes_what_the_model_takes(changes: dict[str, Any]) -> None:
    scenario = tiny(**changes)
    schema = parse_schema(json.dumps(program_schema(scenario)))
    assert tuple(schema.ue_slice) == scenario.ue_slice
    assert (schema.n_cells, schema.n_slices) == (scenario.n_cells, scenario.n_slices)
    assert schema.low_period_ms == scenario.timing.low_period_ms


def test_every_measurement_is_described() -> None:
    schema = program_schema(tiny())
    for kpm in [*schema["slice_kpms"], *schema["ue_kpms"]]:
        assert kpm["unit"]
        assert kpm["type"] in ("CC", "DER", "SI")
        assert kpm["description"]


@pytest.mark.parametrize("name", shipped_scenarios())
def test_the_program_takes_the_shipped_scenarios(name: str) -> None:
    assert len(program_schema(load_scenario(name))["slices"]) == load_scenario(name).n_slices


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), 0),
        (("slices", 0, "ues"), 0),
        (("slices", 0, "policy", "min"), 0.9),
        (("carrier", "bandwidth_prb"), 30),
        (("slices", 0, "traffic", "rate_mbps"), -1),
        (("propagation", "model"), "magic"),
        (("unknown",), 1),
        (("schema_version",), 2),
    ],
)
def test_the_program_refuses_what_the_model_refuses(tmp_path: Path, path: tuple[str | int, ...], value: Any) -> None:
    data = json.loads(tiny().resolved_json())
    here = data
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(data))
    out = tmp_path / "out"
    command = [str(find_binary()), "--scenario", str(file), "--policy", "static", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "bad.json" in done.stderr
    assert str(path[-1]) in done.stderr or str(path[0]) in done.stderr
    assert not out.exists()


def test_an_attribute_that_ns3_lacks_is_named(tmp_path: Path) -> None:
    scenario = tiny(attributes={"ns3::LteEnbRrc::NoSuchThing": "1"})
    with pytest.raises(RunFailed, match="NoSuchThing"):
        run(scenario, "static", 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_attribute_has_its_effect(tmp_path: Path) -> None:
    other = run(tiny(attributes={"ns3::LteAmc::AmcModel": "PiroEW2010"}), "static", 1, tmp_path / "other")
    plain = run(tiny(), "static", 1, tmp_path / "plain")
    assert digests(other, "kpm.parquet") != digests(plain, "kpm.parquet")


def test_a_killed_python_leaves_no_simulation_under_a_built_in_policy(tmp_path: Path) -> None:
    code = (
        "from pybridge.run import run\n"
        "from pybridge.scenario import load_scenario\n"
        "scenario = load_scenario('lte-small', {'timing.duration_s': 600.0})\n"
        f"run(scenario, 'static', 1, {str(tmp_path / 'run')!r})\n"
    )
    python = subprocess.Popen([sys.executable, "-c", code])
    try:
        simulations = until(lambda: psutil.Process(python.pid).children(recursive=True), 30.0)
    finally:
        python.kill()
        python.wait()
    _, alive = psutil.wait_procs(simulations, timeout=5.0)
    assert simulations
    assert not alive
