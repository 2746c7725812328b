# SPDX-License-Identifier: MIT
"""Progress as people see it: plain lines in a log, a live display on a terminal, and an estimate that learns."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pytest
from rich.console import Console

from campaigns.plan import Job
from campaigns.progress import ProgressReporter, duration_text
from campaigns.store import PROGRESS_FILE, Store


def job(name: str, cost_s: float, kind: str = "evaluate") -> Job:
    return Job(name, {"kind": kind, "method": name, "size": "s", "mix": "m", "seed": 1}, {}, (), cost_s)


def reporter(
    tmp_path: Path, jobs: list[Job], terminal: bool = False, workers: int = 1
) -> tuple[ProgressReporter, io.StringIO]:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=100, highlight=False)
    return ProgressReporter(jobs, len(jobs) + 1, workers, Store(tmp_path), console), text


def test_durations() -> None:
    assert [duration_text(s) for s in (0.4, 59, 60, 200, 3599, 3900)] == [
        "0 s", "59 s", "1 min 00 s", "3 min 20 s", "59 min 59 s", "1 h 05 min",
    ]  # fmt: skip


def test_one_plain_line_per_event_where_there_is_no_terminal(tmp_path: Path) -> None:
    jobs = [job("a", 10.0), job("b", 10.0), job("c", 10.0)]
    shown, text = reporter(tmp_path, jobs)
    with shown:
        shown.started(jobs[0])
        shown.tick()
        shown.finished(jobs[0], True, 5.0)
        shown.started(jobs[1])
        shown.finished(jobs[1], False, 5.0)
        shown.blocked(jobs[2])
    lines = text.getvalue().splitlines()
    assert "\x1b" not in text.getvalue()
    assert lines[0].startswith("[2/4] done   evaluate a s m seed 1")
    assert lines[0].endswith("10 s left")  # two jobs of 10 s, which took half of what was planned so far
    assert lines[1].startswith("[3/4] FAILED evaluate b")
    assert str(tmp_path / "failed" / "b" / "worker.log") in lines[2]
    assert lines[3].startswith("[4/4] skipped evaluate c")


def test_live_display_names_what_runs(tmp_path: Path) -> None:
    jobs = [job("a", 10.0), job("b", 10.0)]
    shown, text = reporter(tmp_path, jobs, terminal=True)
    with shown:
        shown.started(jobs[0])
        shown.tick()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue())
    assert "1 done, 1 running, 0 failed of 3" in plain
    assert "20 s left" in plain
    assert "evaluate a s m seed 1" in plain


def test_estimate_follows_the_fraction_that_a_running_job_reports(tmp_path: Path) -> None:
    long = job("a", 1e6, kind="train")
    shown, _ = reporter(tmp_path, [long])
    shown.started(long)
    assert shown.eta_s == pytest.approx(1e6, rel=0.01)
    (tmp_path / "tmp" / "a.1").mkdir(parents=True)
    (tmp_path / "tmp" / "a.1" / PROGRESS_FILE).write_text("0.5")
    time.sleep(0.2)
    assert 0.0 < shown.eta_s < 60.0


def test_two_workers_halve_the_estimate(tmp_path: Path) -> None:
    jobs = [job(name, 10.0) for name in "abcd"]
    assert reporter(tmp_path, jobs, workers=1)[0].eta_s == pytest.approx(40.0)
    assert reporter(tmp_path, jobs, workers=2)[0].eta_s == pytest.approx(20.0)


@pytest.mark.parametrize("terminal", [False, True])
def test_thousands_of_runs_do_not_flood(tmp_path: Path, terminal: bool) -> None:
    jobs = [job(f"run{index}", 10.0) for index in range(3000)]
    shown, text = reporter(tmp_path, jobs, terminal, workers=64)
    with shown:
        for started in jobs[:64]:
            shown.started(started)
        shown.tick()
        for index, ended in enumerate(jobs[:2000]):
            shown.finished(ended, index >= 100, 1.0)  # the first 100 fail
        for skipped in jobs[2000:]:
            shown.blocked(skipped)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue())
    assert plain.count("done   evaluate") <= 100
    assert plain.count("FAILED evaluate") == 20
    assert "Further failures are only counted" in plain
    assert "skipped evaluate" not in plain
    if terminal:
        assert "and 48 more" in plain
