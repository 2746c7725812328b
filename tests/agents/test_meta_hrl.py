# SPDX-License-Identifier: MIT
"""Training on real NR cells: killed at any point it ends with the same bits; and what it leaves is used and adapted."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from agents.adapt_command import adapt_command
from agents.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from agents.dpp import default_parameters
from agents.load import load_policy
from agents.meta_hrl import from_checkpoint
from agents.meta_hrl_config import MetaHrlConfig
from agents.network_task import TaskRanges
from agents.rules import Interface, rule_checkpoint
from agents.train import _config, train_into
from agents.training_state import load_training_state
from pybridge.run import run

RANGES: dict[str, Any] = {
    "set": {"timing.duration_s": 0.4, "timing.warm_up_s": 0.1, "recording.packets": "none", "slices.mmtc.ues": 4},
    "vary": {"slices.embb.ues": {"integer": [2, 4]}},
}
SMALL: dict[str, Any] = {
    "rule_iterations": 2,
    "pairs": 2,
    "low_iterations": 1,
    "iterations": 3,
    "tasks": 2,
    "support_episodes": 1,
    "query_episodes": 1,
    "simulations": 4,
    "epochs": 2,
    "low_epochs": 1,
    "save_every": 1,
}
SCENARIO = """
name: adapt-test
ran: nr
timing: {duration_s: 1.0, warm_up_s: 0.1}
slices:
  - {name: embb, s_nssai: {sst: 1}, five_qi: 9, ues: 2, policy: {min: 0.34}, sla: {ue_throughput_mbps: 2.0},
     traffic: {model: constant, rate_mbps: 2.0}}
  - {name: urllc, s_nssai: {sst: 2}, five_qi: 82, ues: 2, policy: {min: 0.3}, sla: {delay_budget_ms: 10.0, weight: 3.0},
     traffic: {model: periodic, period_ms: 5.0, packet_bytes: 255}}
  - {name: mmtc, s_nssai: {sst: 3}, five_qi: 9, ues: 3, policy: {min: 0.33}, sla: {delay_budget_ms: 500.0},
     traffic: {model: poisson, arrival_rate_hz: 10.0, packet_bytes: 128}}
"""

pytestmark = pytest.mark.usefixtures("simulation_program")


def small(variant: str = "ours", **changes: Any) -> MetaHrlConfig:
    """A few seconds of training."""
    return MetaHrlConfig(variant=variant, **(SMALL | changes))  # type: ignore[arg-type]


def ranges(**changes: Any) -> TaskRanges:
    """Tiny tasks."""
    return TaskRanges.model_validate(RANGES | changes)


@pytest.fixture(scope="module", params=["ours", "paper"])
def trained(request: Any, simulation_program: Any, tmp_path_factory: Any) -> Path:
    """A finished training of each variant."""
    directory: Path = tmp_path_factory.mktemp(request.param)
    train_into(directory, ranges(), small(request.param), seed=1)
    return directory


def bits(directory: Path) -> dict[str, bytes]:
    """Of the checkpoint's tensors."""
    return {name: tensor.tobytes() for name, tensor in load_checkpoint(directory / "checkpoint").tensors.items()}


@pytest.mark.slow
def test_a_training_that_is_killed_again_and_again_ends_with_the_same_bits(trained: Path, tmp_path: Path) -> None:
    variant = load_checkpoint(trained / "checkpoint").header["architecture"]["config"]["variant"]
    (tmp_path / "tasks.yaml").write_text(yaml.safe_dump(RANGES))
    options = [f"--set={key}={value}" for key, value in SMALL.items()]
    command = [sys.executable, "-m", "agents.train", "--tasks", str(tmp_path / "tasks.yaml"), "--variant", variant]
    command += [*options, "--seed", "1", "--out", str(tmp_path / "out")]
    moments = random.Random(4)
    for _ in range(3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wanted = len(list((tmp_path / "out").glob("states/*/iteration-*"))) + 1
        deadline = time.monotonic() + 120.0
        while process.poll() is None and time.monotonic() < deadline:
            if len(list((tmp_path / "out").glob("states/*/iteration-*"))) >= min(wanted, 2):
                break
            time.sleep(0.02)
        time.sleep(moments.uniform(0.0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, timeout=300, stderr=subprocess.DEVNULL)
    assert bits(tmp_path / "out") == bits(trained)
    curve = pl.read_parquet(tmp_path / "out" / "curve.parquet")
    assert curve.filter(pl.col("stage") == "joint")["iteration"].to_list() == [1, 2, 3]


def test_states_of_another_training_are_refused_and_stay(trained: Path) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    variant = load_checkpoint(trained / "checkpoint").header["architecture"]["config"]["variant"]
    with pytest.raises(CheckpointError, match="another training"):
        train_into(trained, ranges(), small(variant, learning_rate=0.5), seed=1)
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


def test_adapting_writes_a_policy_that_runs_with_its_low_level_inside(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "cell.yaml").write_text(SCENARIO)
    arguments = [str(trained / "checkpoint"), "--scenario", str(tmp_path / "cell.yaml"), "--episodes", "2"]
    results = []
    for name in ("first", "again"):
        out = CliRunner().invoke(adapt_command, [*arguments, "--out", str(tmp_path / name)], catch_exceptions=False)
        assert out.exit_code == 0, out.output
        results.append(load_checkpoint(tmp_path / name))
    assert all(np.array_equal(results[0].tensors[name], results[1].tensors[name]) for name in results[0].tensors)
    curve = pl.read_parquet(tmp_path / "first" / "curve.parquet")
    assert curve["episodes"].to_list() == [0, 1, 2]
    assert curve["utility"].is_between(0.0, 1.0).all()
    assert results[0].header["adaptation"]["task"]["weights"] == pytest.approx([0.2, 0.6, 0.2])
    ran = run(str(tmp_path / "cell.yaml"), str(tmp_path / "first"), 1, tmp_path / "run")
    assert ran.controls().height > 0
    assert load_policy(tmp_path / "first").low_policy is not None


def test_adapting_overwrites_nothing_and_says_what_does_not_fit(trained: Path, tmp_path: Path) -> None:
    from pybridge.errors import SliceBridgeError

    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("precious")
    checkpoint, slow, rule = str(trained / "checkpoint"), tmp_path / "slow.yaml", tmp_path / "rule"
    slow.write_text(SCENARIO.replace("warm_up_s: 0.1", "warm_up_s: 0.2, high_period_ms: 200"))
    (tmp_path / "file").write_text("no directory")
    save_checkpoint(rule_checkpoint("dpp", default_parameters(3), Interface(1, 3, "capped"), {}), rule)
    for arguments, said in (
        ([checkpoint, "--scenario", "nr-small", "--out", str(tmp_path / "taken")], "exists"),
        ([checkpoint, "--scenario", "nr-urban-7cell", "--out", str(tmp_path / "new")], "7 cells"),
        ([str(tmp_path), "--scenario", "nr-small", "--out", str(tmp_path / "new")], "not a checkpoint"),
        ([str(tmp_path / "file"), "--scenario", "nr-small", "--out", str(tmp_path / "new")], "file: not a checkpoint"),
        ([checkpoint, "--scenario", str(slow), "--out", str(tmp_path / "new")], "high_period_ms is 200, .* for 100"),
        ([str(rule), "--scenario", "nr-small", "--out", str(tmp_path / "new")], "rule: algorithm is 'dpp', expected"),
    ):
        with pytest.raises(SliceBridgeError, match=said):
            CliRunner().invoke(adapt_command, arguments, catch_exceptions=False)
    assert (tmp_path / "taken" / "mine.txt").read_text() == "precious"
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".*"))


def test_checkpoints_that_were_tampered_with_are_refused(trained: Path, tmp_path: Path) -> None:
    good = load_checkpoint(trained / "checkpoint")
    name = next(name for name in good.tensors if name.startswith("high.actor."))
    save_checkpoint(replace(good, tensors=good.tensors | {name: good.tensors[name] * np.nan}), tmp_path / "nan")
    with pytest.raises(CheckpointError, match=f"tensor {name} has numbers that are not finite"):
        load_checkpoint(tmp_path / "nan")
    smaller = replace(good, tensors=good.tensors | {name: np.zeros(3, np.float32)})
    other = replace(good, header=good.header | {"algorithm": "sorcery"})
    for bad, said in ((smaller, "shape"), (other, "sorcery")):
        with pytest.raises(CheckpointError, match=said):
            from_checkpoint(bad)
    save_checkpoint(replace(good, header={k: v for k, v in good.header.items() if k != "format"}), tmp_path)
    with (tmp_path / "policy.safetensors").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff")
    with pytest.raises(CheckpointError, match="damaged"):
        load_policy(tmp_path)


def test_a_loaded_level_learns_from_rewards_as_it_did_before(trained: Path, tmp_path: Path) -> None:
    """Advantages are taken of scaled rewards; without their scale a step would go elsewhere."""
    learner = from_checkpoint(load_checkpoint(trained / "checkpoint"))
    state = load_training_state(trained / "states" / "joint")
    assert state is not None
    for name, level in learner.levels.items():
        assert level.scale.state() == state[2]["levels"][name]["reward_scale"]
        assert level.scale.std != 1.0
    good = load_checkpoint(trained / "checkpoint")
    without = {name: tensor for name, tensor in good.tensors.items() if name != "high.reward.scale"}
    for tensors in (without, without | {"high.reward.scale": np.zeros(2)}):
        with pytest.raises(CheckpointError, match=r"reward\.scale is missing or not count, mean, squares"):
            from_checkpoint(replace(good, tensors=tensors))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("weights=pape", "--set weights=pape: Input should be 'default', 'uniform', 'paper', 'inverse' or 'robust'"),
        ("variant=Ours", "--set variant=Ours: Input should be 'ours' or 'paper'"),
        ("pairs=2.5", "--set pairs=2.5: Input should be a valid integer"),
        ("learning_rate=.nan", "--set learning_rate=nan: Input should be a finite number"),
        ("budget=.inf", "--set budget=inf: Input should be a finite number"),
        ("first_order=perhaps", "--set first_order=perhaps: Input should be a valid boolean"),
        ("low_learning_rate=-1", "low_learning_rate is positive, got -1"),
        ("rule=[1,x]", "--set rule=[1, 'x']: Input should be a valid number"),
        ("rule=[1,2]", "rule: 3 slices take 8 or 12 parameters, got 2"),
        ("rule=[1,", "--set rule=[1,: not a YAML value"),
        ("adapt=true", "adapt is false for ours"),
        ("speed=9", "no key 'speed'; there are adapt, budget"),
        ("speed", "--set speed: write KEY=VALUE"),
    ],
)
def test_a_training_says_which_setting_is_wrong_and_starts_nothing(option: str, said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agents.train", "--set", option, "--out", str(tmp_path / "out")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert said in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out" / "states").exists()


def test_learning_rates_may_be_written_with_an_exponent() -> None:
    """YAML 1.1 takes 1e-3 for text."""
    assert _config({"learning_rate": "1e-3"}).learning_rate == 1e-3


def test_running_a_finished_training_again_changes_nothing_of_it(trained: Path) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file() and "tfevents" not in path.name}
    variant = load_checkpoint(trained / "checkpoint").header["architecture"]["config"]["variant"]
    train_into(trained, ranges(), small(variant), seed=1)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("bad", [{"iterations": -1}, {"budget": 0.0}, {"simulations": 1}, {"low_iterations": -1}])
def test_numbers_that_make_no_training_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        small(**bad)
