# SPDX-License-Identifier: MIT
"""Campaigns on clusters other than the embedded one: Dask workers started by hand, and a real SLURM of one node."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.conftest import Start, finish, wait_until
from tests.campaigns.dask_cluster import REPOSITORY, DaskCluster

SLURM = REPOSITORY / "tools" / "slurm-one-node.sh"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def done(tmp_path: Path) -> int:
    return len(list((tmp_path / "results" / "tiny").glob("runs/*/manifest.json")))


@pytest.fixture
def by_hand() -> Iterator[DaskCluster]:
    """A scheduler and two workers as their users start them."""
    cluster = DaskCluster(2)
    yield cluster
    cluster.close()


def test_two_workers_started_by_hand(start: Start, file: Path, by_hand: DaskCluster, tmp_path: Path) -> None:
    _, output = finish(start("run", file, "--cluster", by_hand.address))
    assert done(tmp_path) == 10, output
    assert by_hand.scheduler.poll() is None, "the campaign ends, the cluster stays"
    assert len(by_hand.worker_processes()) == 2


def test_scheduler_that_goes_away_is_told_and_nothing_done_is_lost(
    start: Start, file: Path, by_hand: DaskCluster, program: Path, tmp_path: Path
) -> None:
    (program.parent / "slow").touch()
    process = start("run", file, "--cluster", by_hand.address)
    wait_until(lambda: done(tmp_path) >= 1)
    by_hand.close()
    code, output = finish(process)
    assert code == 2, output
    assert "the cluster's scheduler is gone" in output
    assert "Traceback" not in output
    kept = done(tmp_path)
    assert 1 <= kept < 10
    (program.parent / "slow").unlink()
    finish(start("run", file))
    assert done(tmp_path) == 10


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """SLURM's commands lead to a one-node SLURM, or to the one that stands where there is one."""
    if shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True, timeout=60).returncode == 0:
        yield
        return
    if not shutil.which("slurmctld") or not shutil.which("munged"):
        pytest.skip("no SLURM here: slurm-wlm and munge are not installed (tools/slurm-one-node.sh install)")
    if os.geteuid() != 0:
        pytest.skip("no SLURM runs here, and only root can start one")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    # SLURM's daemons and their jobs outlive a pipe's reader, so the output goes to a file.
    with (folder / "start.log").open("wb") as log:
        started = subprocess.run([SLURM, "start", folder], stdout=log, stderr=subprocess.STDOUT, timeout=180)
    try:
        assert started.returncode == 0, (folder / "start.log").read_text()
        monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        monkeypatch.setenv("DASK_JOBQUEUE__SLURM__INTERFACE", "lo")
        yield
    finally:
        subprocess.run([SLURM, "stop", folder], check=True, timeout=60)


def queue() -> list[str]:
    output = subprocess.run(["squeue", "--noheader", "--format=%i"], capture_output=True, text=True, check=True)
    return output.stdout.split()


@pytest.mark.usefixtures("slurm")
def test_slurm(start: Start, file: Path, program: Path, tmp_path: Path) -> None:
    (program.parent / "slow").touch()
    process = start("run", file, "--cluster", "slurm")
    wait_until(lambda: done(tmp_path) >= 1)
    workers = queue()
    assert 1 <= len(workers) <= 2
    (program.parent / "slow").unlink()
    # A worker's time is up, or its node is lost: another one takes its place.
    subprocess.run(["scancel", workers[0]], check=True, timeout=60)
    _, output = finish(process)
    assert done(tmp_path) == 10, output
    assert "FAILED" not in output
    wait_until(lambda: queue() == [])
    assert list((tmp_path / "results" / "tiny" / "slurm").glob("*.out"))


@pytest.mark.usefixtures("slurm", "simulation_program")
def test_smoke_on_slurm(start: Start, simulation_program: Path, tmp_path: Path) -> None:
    process = start("run", "smoke", "--cluster", "slurm", program=simulation_program)
    output, _ = process.communicate(timeout=500)
    assert process.returncode == 0, output
    assert len(list((tmp_path / "results" / "smoke" / "runs").glob("*/manifest.json"))) == 56
