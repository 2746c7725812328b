# SPDX-License-Identifier: MIT
"""A small campaign over a scenario that is never simulated, and an executor that finishes jobs at once."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.model import Campaign, load_campaign
from campaigns.plan import Code, Job

CELL = Path(__file__).with_name("cell.yaml")

CAMPAIGN = f"""\
name: tiny
scenario: {CELL}
methods:
  - {{name: static, policy: static}}
  - {{name: proportional, policy: proportional}}
  - {{name: ppo, ppo: {{steps: 100, rollout_steps: 50, minibatch: 25, episode_s: 1.0}}}}
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


class FakeExecutor:
    """Finishes each job at the next poll: well, with an exit code, or with an exception in the coordinator."""

    def __init__(self, workers: int = 2) -> None:
        self.workers = workers
        self.exit_codes: dict[str, int] = {}
        self.without_manifest: set[str] = set()
        self.interrupt_after: int | None = None
        self.started: list[str] = []
        self.most_at_once = 0
        self.stopped = False
        self._running: list[tuple[Job, Path]] = []

    @property
    def free(self) -> int:
        return self.workers - len(self._running)

    def start(self, job: Job, directory: Path) -> None:
        assert json.loads((directory / "job.json").read_text())["id"] == job.id
        self.started.append(job.id)
        self._running.append((job, directory))
        self.most_at_once = max(self.most_at_once, len(self._running))

    def finished(self) -> list[tuple[Job, int]]:
        if self.interrupt_after is not None and len(self.started) > self.interrupt_after:
            raise KeyboardInterrupt
        ended = []
        for job, directory in self._running:
            exit_code = self.exit_codes.get(job.id, 0)
            if job.id not in self.without_manifest:
                (directory / "manifest.json").write_text(json.dumps({"exit_code": exit_code, "files": {}}))
            ended.append((job, exit_code))
        self._running.clear()
        return ended

    def stop(self) -> None:
        self.stopped = True
        self._running.clear()


class SilentReporter:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def started(self, job: Job) -> None:
        self.events.append(("started", job.id))

    def finished(self, job: Job, done: bool, wall_s: float) -> None:
        self.events.append(("done" if done else "failed", job.id))

    def blocked(self, job: Job) -> None:
        self.events.append(("blocked", job.id))

    def tick(self) -> None:
        pass


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest.fixture
def reporter() -> SilentReporter:
    return SilentReporter()
