# SPDX-License-Identifier: MIT
"""The command `slicebridge`: help, plug-ins, one clear line for every mistake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from pybridge.cli import main
from pybridge.errors import SliceBridgeError
from pybridge.scenario import scenario_json_schema
from tests.run.fake_program import KPMS, UE_KPMS
from tests.scenario.scenario_factory import scenario_yaml

FAKE_PROGRAM = Path(__file__).parents[1] / "run" / "fake_program.py"

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs `slicebridge` in an empty directory with a stand-in for the simulation program and `tiny.yaml`."""
    monkeypatch.setenv("SLICEBRIDGE_BIN", str(_program(tmp_path)))
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "tiny.yaml").write_text(scenario_yaml(timing__duration_s=0.5))
    monkeypatch.chdir(folder)
    return lambda *arguments: CliRunner().invoke(main, list(arguments), prog_name="slicebridge")


def _program(folder: Path) -> Path:
    wrapper = folder / "ran-slicing"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE_PROGRAM} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def _plugins(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    entries = [EntryPoint(name, value, "slicebridge.commands") for name, value in values.items()]
    monkeypatch.setattr("pybridge.cli.plugins.entry_points", lambda group: entries)


@click.command()
@click.argument("kind")
def plugin(kind: str) -> None:
    """A command of another package."""
    if kind == "ours":
        raise SliceBridgeError("the first line\nthe second line")
    if kind == "interrupt":
        raise KeyboardInterrupt
    click.echo(f"plugin {kind}")


not_a_command = 3


def test_run_writes_the_directory(invoke: Invoke) -> None:
    result = invoke("run", "--scenario", "tiny.yaml", "--policy", "proportional", "--seed", "4", "--out", "runs/a")
    assert result.exit_code == 0, result.output
    assert "0.5 s simulated" in result.stderr
    assert json.loads(Path("runs/a/manifest.json").read_text())["seed"] == 4


def test_set_changes_keys(invoke: Invoke) -> None:
    traffic = "{model: poisson, arrival_rate_hz: 1e2}"
    changes = ["slices.embb.ues=5", "timing.duration_s=0.2", f"slices.embb.traffic={traffic}", "description=no: 3"]
    arguments = [part for change in changes[:3] for part in ("--set", change)]
    result = invoke("run", "--scenario", "tiny.yaml", "--out", "a", *arguments)
    assert result.exit_code == 0, result.output
    written = json.loads(Path("a/scenario.json").read_text())
    assert written["slices"][0]["ues"] == 5
    assert written["slices"][0]["traffic"]["arrival_rate_hz"] == 100.0
    assert written["timing"]["duration_s"] == 0.2


MISTAKES: dict[str, tuple[list[str], str]] = {
    "no scenario": (["--out", "a"], "Missing option '--scenario'"),
    "no out": (["--scenario", "tiny.yaml"], "Missing option '--out'"),
    "no such scenario": (["--scenario", "nowhere.yaml", "--out", "a"], "nowhere.yaml: no such file"),
    "bad scenario": (["--scenario", "bad.yaml", "--out", "a"], "bad.yaml:1: name: must match"),
    "seed zero": (["--scenario", "tiny.yaml", "--out", "a", "--seed", "0"], "'--seed': 0 is not in the range"),
    "seed text": (["--scenario", "tiny.yaml", "--out", "a", "--seed", "x"], "'x' is not a valid integer"),
    "unknown option": (["--scenario", "tiny.yaml", "--out", "a", "--policies", "x"], "No such option"),
    "unknown policy": (["--scenario", "tiny.yaml", "--out", "a", "--policy", "statik"], "did you mean `static`?"),
    "unknown module": (["--scenario", "tiny.yaml", "--out", "a", "--policy", "nix:Nix"], "No module named 'nix'"),
    "set without value": (["--scenario", "tiny.yaml", "--out", "a", "--set", "seed"], "is not KEY=VALUE"),
    "set to what is no YAML": (["--scenario", "tiny.yaml", "--out", "a", "--set", "seed=[1"], "is not valid YAML"),
    "set of an unknown key": (["--scenario", "tiny.yaml", "--out", "a", "--set", "sede=1"], "did you mean `seed`?"),
    "out is taken": (["--scenario", "tiny.yaml", "--out", "taken"], "taken: exists and is not an empty directory"),
    "out is a file": (["--scenario", "tiny.yaml", "--out", "tiny.yaml"], "exists and is not an empty directory"),
    "out below a file": (["--scenario", "tiny.yaml", "--out", "tiny.yaml/a"], "tiny.yaml/a: cannot be made"),
}


@pytest.mark.parametrize(("arguments", "words"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_clear_line(invoke: Invoke, arguments: list[str], words: str) -> None:
    Path("bad.yaml").write_text(scenario_yaml(name="No Name"))
    Path("taken").mkdir()
    Path("taken/mine").write_text("mine")
    before = sorted(Path().rglob("*"))
    result = invoke("run", *arguments)
    assert result.exit_code == 2 or (result.exit_code == 1 and "policy" in result.stderr)
    assert words in result.stderr
    assert "Traceback" not in result.output
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("Usage:", "Try ")) and line]
    assert len(lines) == 1
    assert sorted(Path().rglob("*")) == before


def test_a_missing_program_is_named_with_the_remedy(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLICEBRIDGE_BIN", "/nowhere/ran-slicing")
    for arguments in (["run", "--scenario", "tiny.yaml", "--out", "a"], ["schema", "kpm", "--scenario", "tiny.yaml"]):
        result = invoke(*arguments)
        assert result.exit_code == 2
        assert "/nowhere/ran-slicing" in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["tiny.yaml"]


def test_a_failed_simulation_says_why_and_where(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAULT", "fail")
    result = invoke("run", "--scenario", "tiny.yaml", "--out", "a")
    assert result.exit_code == 5
    assert "exit code 5" in result.stderr
    assert "the sky is falling" in result.stderr
    assert "a.failed/log.txt" in result.stderr
    assert Path("a.failed/log.txt").exists()
    assert not Path("a").exists()


@pytest.mark.parametrize("arguments", [[], ["run"], ["schema"], ["schema", "kpm"], ["schema", "scenario"]])
def test_help_has_examples(invoke: Invoke, arguments: list[str]) -> None:
    result = invoke(*arguments, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.output


def test_version(invoke: Invoke) -> None:
    import pybridge

    assert invoke("--version").output == f"slicebridge, version {pybridge.__version__}\n"


def test_schema_kpm_comes_from_the_program(invoke: Invoke) -> None:
    table = invoke("schema", "kpm", "--scenario", "tiny.yaml")
    assert table.exit_code == 0, table.output
    names = [line.split()[0] for line in table.output.splitlines()[1:]]
    assert names == [item["name"] for item in [*KPMS, *UE_KPMS]]
    described = json.loads(invoke("schema", "kpm", "--scenario", "tiny.yaml", "--format", "json").output)
    assert described == {"slice_kpms": KPMS, "ue_kpms": UE_KPMS}


def test_schema_scenario_lists_every_key(invoke: Invoke) -> None:
    table = invoke("schema", "scenario").output
    for key in ("timing.low_period_ms", "slices[].policy.dedicated", "slices[].traffic(poisson).arrival_rate_hz"):
        assert key in table
    described = json.loads(invoke("schema", "scenario", "--format", "json").output)
    assert described == json.loads(json.dumps(scenario_json_schema()))
    for model in ("LteScenario", "NrScenario"):
        assert described["$defs"][model]["additionalProperties"] is False


def test_plugins_run_and_broken_ones_do_no_harm(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    _plugins(
        monkeypatch,
        good=f"{__name__}:plugin",
        gone="no_such_package.cli:main",
        lacking=f"{__name__}:nothing",
        strange=f"{__name__}:not_a_command",
    )
    assert invoke("good", "works").output == "plugin works\n"
    listed = invoke("--help")
    assert listed.exit_code == 0
    for name in ("good", "gone", "lacking", "strange", "run", "schema"):
        assert f"\n  {name} " in listed.output
    for name, words in (("gone", "No module named"), ("lacking", "AttributeError"), ("strange", "no click command")):
        result = invoke(name, "--any", "thing")
        assert result.exit_code == 1
        assert f"command `{name}` is not available" in result.stderr
        assert words in result.stderr
    assert invoke("schema", "scenario").exit_code == 0


def test_errors_of_ours_are_shown_and_interrupts_end_with_130(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    _plugins(monkeypatch, good=f"{__name__}:plugin")
    ours = invoke("good", "ours")
    assert (ours.exit_code, ours.stderr) == (1, "slicebridge: the first line\nthe second line\n")
    interrupted = invoke("good", "interrupt")
    assert (interrupted.exit_code, interrupted.stderr) == (130, "slicebridge: interrupted\n")


def test_an_unknown_command_is_named(invoke: Invoke) -> None:
    result = invoke("rnu")
    assert result.exit_code == 2
    assert "No such command 'rnu'" in result.stderr


def _ended(pid: int) -> bool:
    """True if no process has this id, or only a dead one that nobody has reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_process_and_no_directory(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "tiny.yaml").write_text(scenario_yaml())
    mark = tmp_path / "mark"
    environment: dict[str, Any] = {**os.environ, "FAKE_FAULT": "hang", "FAKE_MARK": str(mark)}
    environment |= {"SLICEBRIDGE_BIN": str(_program(tmp_path)), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "pybridge", "run", "--scenario", "tiny.yaml", "--out", "runs/a"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as child:
        deadline = time.monotonic() + 60
        while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(number)
        _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert said == "slicebridge: interrupted\n"
    assert list((tmp_path / "runs").iterdir()) == []
    while not _ended(int(mark.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _ended(int(mark.read_text()))
