# SPDX-License-Identifier: MIT
"""What README shows is what works: its scenario, its agent, its learner, its commands, its links."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pybridge.cli import main
from pybridge.run import run
from pybridge.scenario import load_scenario, shipped_scenarios

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def snippet(name: str) -> str:
    """The fenced block whose first line is the comment `# name`."""
    found = re.search(rf"```\w+\n(# {re.escape(name)}\n.*?)```", README, re.DOTALL)
    assert found, f"README shows no {name}"
    return found[1]


@pytest.fixture
def folder(simulation_program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory of a reader who has typed off all files of README."""
    for name in ("my-cell.yaml", "by_demand.py", "learn.py", "look.py"):
        (tmp_path / name).write_text(snippet(name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def test_the_agent_of_15_lines_manages_the_scenario_shown(folder: Path) -> None:
    lines = [line for line in snippet("by_demand.py").splitlines() if line and not line.startswith("# ")]
    assert len(lines) <= 15
    result = run("my-cell.yaml", "by_demand:ByDemand", 1, folder / "results" / "runs" / "mine")
    controls = result.controls()
    assert controls["requested_min"].n_unique() > 1
    sums = controls.group_by("time_s").agg(pl.col("requested_min").sum())
    assert sums["requested_min"].to_list() == pytest.approx([1.0] * 20, abs=1e-5)
    assert controls["requested_min"].to_list() == pytest.approx(controls["projected_min"].to_list(), abs=1e-5)


def test_looking_at_runs_works(folder: Path) -> None:
    for policy in ("static", "proportional"):
        run("my-cell.yaml", policy, 1, folder / "results" / "runs" / policy)
    done = subprocess.run([sys.executable, "look.py"], capture_output=True, text=True, check=True)
    assert done.stdout.count("embb") == 2
    assert done.stdout.count("urllc") == 2


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_the_learner_shown_learns() -> None:
    done = subprocess.run([sys.executable, "learn.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_scenario_shown_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "my-cell.yaml"
    path.write_text(snippet("my-cell.yaml"))
    assert load_scenario(path).name == "my-cell"


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^):#]+)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


COMMANDS = re.findall(r"^    (slicebridge .*?)(?:  +#.*)?$", README, re.MULTILINE)
COMMANDS += re.findall(r"`(slicebridge [^`]+)`", README)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_shown_exist(command: str) -> None:
    import click

    words = shlex.split(command)[1:]
    found: click.Command | None = main
    while isinstance(found, click.Group) and words:
        found = found.get_command(click.Context(found), words.pop(0))
    assert found is not None, f"README shows `{command}`, which does not exist"
    found.make_context("slicebridge", words)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"--scenario ([a-z0-9-]+) ", README))))
def test_scenarios_shown_ship(name: str) -> None:
    assert name in shipped_scenarios()


@pytest.mark.parametrize("target", re.findall(r"^    make (\w+)", README, re.MULTILINE))
def test_make_targets_shown_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
