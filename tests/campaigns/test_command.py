# SPDX-License-Identifier: MIT
"""`slicebridge campaign` as users run it, over a program that stands in for the simulation."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from campaigns.model import shipped_campaigns
from tests.campaigns.conftest import Start, finish, wait_until


def done(tmp_path: Path) -> set[str]:
    return {path.parent.name for path in (tmp_path / "results" / "tiny" / "runs").glob("*/manifest.json")}


def test_plan_then_run_then_nothing_to_do(start: Start, file: Path, tmp_path: Path) -> None:
    code, output = finish(start("plan", file))
    assert code == 0
    assert "10 runs, 10 to do" in output
    assert not (tmp_path / "results").exists()

    code, output = finish(start("run", file))
    assert len(done(tmp_path)) == 10, output
    assert "[10/10] done" in output
    for name in (
        "scenario.json",
        "kpm.parquet",
        "packets.parquet",
        "log.txt",
        "job.json",
        "worker.log",
        "manifest.json",
    ):
        assert len(list((tmp_path / "results" / "tiny" / "runs").glob(f"*/{name}"))) >= 8, name

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").glob("*/runs/*/*")}
    code, output = finish(start("run", file))
    assert "all 10 runs are done" in output
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "results").glob("*/runs/*/*")} == before
    assert "10 of 10 done" in finish(start("status", file))[1]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_campaign_leaves_nothing_running_and_resumes(
    start: Start, file: Path, program: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    (program.parent / "slow").touch()
    process = start("run", file)
    tmp = tmp_path / "results" / "tiny" / "tmp"
    wait_until(lambda: len(list(tmp.glob("*/worker.log"))) == 2)
    time.sleep(1.0)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 2
    process.send_signal(sent)
    code, output = finish(process)
    if sent != signal.SIGKILL:
        assert code == 130
        assert "Interrupted: 0 of 10 runs are done" in output
        assert list(tmp.iterdir()) == []
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []

    (program.parent / "slow").unlink()
    finish(start("run", file))
    assert len(done(tmp_path)) == 10
    assert list(tmp.iterdir()) == []


def test_workers_of_a_killed_campaign_end_even_if_its_shell_ignores_interrupts(
    start: Start, file: Path, program: Path, tmp_path: Path
) -> None:
    (program.parent / "slow").write_text("")
    program.write_text(program.read_text().replace("sleep 3", "sleep 60"))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = start("run", file)
    finally:
        signal.signal(signal.SIGINT, before)
    tmp = tmp_path / "results" / "tiny" / "tmp"
    wait_until(lambda: len(list(tmp.glob("*/worker.log"))) == 2)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    finish(process)
    _, alive = psutil.wait_procs(family, timeout=30)
    for left in alive:
        left.kill()
    assert alive == []


def test_unknown_policy_is_one_line_and_nothing_is_written(start: Start, file: Path, tmp_path: Path) -> None:
    file.write_text(file.read_text().replace("policy: static", "policy: statc"))
    for command in ("plan", "run"):
        code, output = finish(start(command, file))
        assert code == 2
        assert f"{file}: methods[0].policy: policy `statc`: neither built in (static, proportional, max-w" in output
        assert "Traceback" not in output
    assert not (tmp_path / "results").exists()


def test_failing_runs_are_reported_and_tried_again(start: Start, file: Path, program: Path, tmp_path: Path) -> None:
    (program.parent / "fail-static").touch()
    code, output = finish(start("run", file))
    assert code == 1
    assert len(done(tmp_path)) == 6
    assert "4 runs failed" in output
    [log, *_] = (tmp_path / "results" / "tiny" / "failed").glob("*/worker.log")
    assert "the sky is falling" in log.read_text()
    assert str(log.parent.parent) in output
    assert finish(start("status", file, "--runs"))[1].count("failed  ") == 4

    (program.parent / "fail-static").unlink()
    finish(start("run", file))
    assert len(done(tmp_path)) == 10


def test_broken_report_is_named_and_failed_runs_are_told(
    start: Start, file: Path, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in = tmp_path / "plug_in" / "broken-1.0.dist-info"
    plug_in.mkdir(parents=True)
    (plug_in / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (plug_in / "entry_points.txt").write_text("[slicebridge.campaign_reports]\nbroken = no_such_module:report\n")
    monkeypatch.setenv("PYTHONPATH", str(plug_in.parent), prepend=os.pathsep)
    (program.parent / "fail-static").touch()
    code, output = finish(start("run", file))
    assert code == 1
    assert "No report by broken: ModuleNotFoundError: No module named 'no_such_module'" in output
    assert "4 runs failed" in output
    assert "Traceback" not in output


def test_bad_campaign_is_one_line_and_nothing_is_written(start: Start, file: Path, tmp_path: Path) -> None:
    file.write_text(file.read_text().replace("seeds:", "sedes:"))
    code, output = finish(start("run", file))
    assert code == 2
    assert output.startswith("slicebridge: ")
    assert "sedes: is no key here; did you mean `seeds`?" in output
    assert "Traceback" not in output
    assert not (tmp_path / "results").exists()


def test_missing_simulator_is_named(start: Start, file: Path, program: Path) -> None:
    program.unlink()
    code, output = finish(start("run", file))
    assert code == 2
    assert "no executable file" in output
    assert "Traceback" not in output


def test_unwritable_results(start: Start, file: Path, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    code, output = finish(start("run", file))
    assert code != 0
    assert "Traceback" not in output


FEW = ("--set", "methods=[{name: static, policy: static}]", "--set", "seeds=[1]")
"""Of the campaign's runs: one per size."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """The directory of results on a file system of its own, which tests mount again as they like."""
    results = tmp_path / "results"
    results.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", results], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield results
    subprocess.run(["umount", results], check=True)


def test_disk_that_may_only_be_read_is_one_line_and_can_be_looked_at(start: Start, file: Path, disk: Path) -> None:
    _, output = finish(start("run", file, *FEW))
    assert "[2/2] done" in output
    before = {path: path.read_bytes() for path in disk.rglob("*") if path.is_file()}
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    code, output = finish(start("run", file, *FEW, "--set", "seeds=[1, 2]"))
    assert code == 1
    [line] = output.splitlines()
    assert re.match(rf"slicebridge: {disk}/tiny/.*: .*Read-only file system", line)
    code, output = finish(start("status", "tiny", "--verify"))
    assert code == 0, output
    assert "2 of 2 finished runs have the checksums of their manifests" in output
    assert {path: path.read_bytes() for path in disk.rglob("*") if path.is_file()} == before


def test_results_of_another_version_are_kept_and_told_apart(start: Start, file: Path, tmp_path: Path) -> None:
    root = tmp_path / "results" / "tiny"
    old = root / "runs" / "static-old-000000000000"
    old.mkdir(parents=True)
    (old / "manifest.json").write_text('{"exit_code": 0, "files": {}}')
    (root / "campaign.json").write_text('{"name": "tiny", "jobs": [{"name": "static-old"}]}')
    code, output = finish(start("status", "tiny"))
    assert code == 1
    [line] = output.splitlines()
    assert "was written by another version; `slicebridge campaign run` renews it" in line
    _, output = finish(start("run", file, *FEW))
    assert "2 runs, 2 to do" in output
    assert "[2/2] done" in output
    assert (old / "manifest.json").is_file()  # until `gc`
    code, output = finish(start("gc", "tiny"))
    assert code == 0, output
    assert not old.exists()


def test_plan_all_compares_the_shipped_campaigns(start: Start) -> None:
    code, output = finish(start("plan", "--all"))
    assert code == 0
    for name in shipped_campaigns():
        [line] = [line for line in output.splitlines() if line.startswith(f"{name} ")]
        assert re.search(r" \d+ runs, about \d+\.\d\d core-hours: .+ with \d+ at a time", line)


def test_shipped_campaign_says_what_the_others_would_take(start: Start, tmp_path: Path) -> None:
    process = start("run", "smoke")
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    process.send_signal(signal.SIGINT)
    finish(process)
    assert re.match(r"Campaign smoke: \d+ runs, \d+ to do, about .+ with \d+ at a time", first)
    for name in set(shipped_campaigns()) - {"smoke"}:
        assert re.search(rf"CAMPAIGN={name} about .+ \(\d+ runs\)", second)
