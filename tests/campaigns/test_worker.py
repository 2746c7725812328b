# SPDX-License-Identifier: MIT
"""The process of a job, without its training."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from campaigns import training, worker
from campaigns.model import Campaign
from campaigns.plan import Code, plan
from campaigns.store import Store


def test_every_attempt_at_a_training_goes_on_from_the_same_states(
    tiny: Campaign, code: Code, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = next(job for job in plan(tiny, code) if job.kind == "train")
    store = Store(tmp_path / "tiny")
    found: list[list[str]] = []

    def train(
        config: dict[str, Any], directory: Path, states: Path, on_progress: Callable[[float], None], rule: Path | None
    ) -> None:
        states.mkdir(parents=True, exist_ok=True)
        found.append([path.name for path in states.iterdir()])
        (states / "iteration-1").touch()
        if len(found) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", train)
    with store.locked():
        for exit_code in (130, 0):
            with store.attempt(job) as directory:
                assert worker.main(directory, os.getppid()) == exit_code
                assert store.finish(job, directory, exit_code) == (exit_code == 0)
    assert found == [[], ["iteration-1"]]
    assert not store.state_directory(job.id).exists()
