# SPDX-License-Identifier: MIT
"""A small campaign over a scenario that is never simulated; what stands in for jobs and for the simulation."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from campaigns.model import Campaign, load_campaign
from campaigns.plan import Code, Job

CELL = Path(__file__).with_name("cell.yaml")
FAKE = Path(__file__).parents[1] / "run" / "fake_program.py"
DEADLINE_S = 400.0

CAMPAIGN = f"""\
name: tiny
rans:
  - {{name: lte, scenario: {CELL}}}
methods:
  - {{name: static, policy: static}}
  - {{name: proportional, policy: proportional}}
  - {{name: ppo, train: {{algorithm: ppo, steps: 100, rollout_steps: 50, minibatch: 25, episode_s: 1.0}}}}
baseline: static
seeds: [1, 2]
sizes:
  - {{name: small, set: {{slices.embb.ues: 1}}}}
  - {{name: large, set: {{slices.embb.ues: 4}}}}
mixes:
  - {{name: even}}
  - {{name: heavy, set: {{slices.urllc.traffic.load.factor: 2.0}}}}
evaluation: {{duration_s: 3.0}}
workers: 2
"""


@pytest.fixture
def code() -> Code:
    return Code("s" * 64, "p" * 64, "a" * 64, "c" * 64, "numpy 1, torch 2")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a campaign file."""

    def write_text(text: str) -> Path:
        path = tmp_path / "campaign.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write_text


@pytest.fixture
def tiny(write: Callable[[str], Path]) -> Campaign:
    return load_campaign(write(CAMPAIGN))


class Jobs:
    """What the processes of jobs do in place of simulating: by default they end well at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script = folder / "job.sh"
        self.behaviour: dict[str, str] = {}

    def behave(self, job_id: str, script: str) -> None:
        """Let a job do something else; the script runs in its directory."""
        self.behaviour[job_id] = script

    def command(self, directory: Path) -> list[str]:
        job_id = directory.name.rpartition(".")[0]
        well = 'printf %s \'{"exit_code": 0, "files": {}}\' >manifest.json'
        script = self.behaviour.get(job_id, well)
        return ["sh", "-c", f'cd "$0" && echo {job_id} >>{self.folder}/started && {script}', str(directory)]

    @property
    def started(self) -> list[str]:
        path = self.folder / "started"
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    made = Jobs(tmp_path)
    monkeypatch.setattr("campaigns.attempt.job_command", made.command)
    return made


class RecordingReporter:
    """Remembers what it was told; may interrupt the campaign after so many ends."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.events: list[tuple[str, str]] = []
        self.interrupt_after = interrupt_after

    def started(self, job: Job) -> None:
        self.events.append(("started", job.id))

    def finished(self, job: Job, done: bool, wall_s: float) -> None:
        self.events.append(("done" if done else "failed", job.id))

    def blocked(self, job: Job) -> None:
        self.events.append(("blocked", job.id))

    def tick(self) -> None:
        ends = sum(kind != "started" for kind, _ in self.events)
        if self.interrupt_after is not None and ends >= self.interrupt_after:
            raise KeyboardInterrupt


def fake_program(folder: Path) -> Path:
    """Stands in for ran-slicing; slow if a file `slow` lies beside it, failing if one `fail-POLICY` does."""
    folder.mkdir()
    wrapper = folder / "ran-slicing"
    wrapper.write_text(
        f"""#!/bin/sh
        case "$*" in *--policy*--out*|*--agent*) [ -e {folder}/slow ] && sleep 3 ;; esac
        for failing in {folder}/fail-*; do
            case "$*" in *"--policy ${{failing##*/fail-}} "*) echo "the sky is falling"; exit 5 ;; esac
        done
        exec {sys.executable} {FAKE} "$@"
        """
    )
    wrapper.chmod(0o755)
    return wrapper


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The stand-in in a folder of its own."""
    return fake_program(tmp_path / "bin")


@pytest.fixture
def file(write: Callable[[str], Path]) -> Path:
    """10 jobs: two trainings, two methods × two seeds × two sizes."""
    text = CAMPAIGN.replace("  - {name: proportional, policy: proportional}\n", "")
    text = text.replace("  - {name: heavy, set: {slices.urllc.traffic.load.factor: 2.0}}\n", "")
    return write(text.replace("steps: 100, rollout_steps: 50", "steps: 50, rollout_steps: 50"))


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(program: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `slicebridge campaign ARGUMENTS --out results`; whatever still runs in the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start_command(*arguments: str | Path, program: Path = program) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "pybridge",
            "campaign",
            *map(str, arguments),
            "--out",
            str(tmp_path / "results"),
        ]
        environment = os.environ | {"SLICEBRIDGE_BIN": str(program)}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        started.append(subprocess.Popen(command, env=environment, text=True, start_new_session=True, **pipes))
        return started[-1]

    yield start_command
    for process in started:
        process.kill()


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=DEADLINE_S)
    return process.returncode, output


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
