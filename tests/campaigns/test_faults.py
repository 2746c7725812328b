# SPDX-License-Identifier: MIT
"""A campaign of seconds, disturbed at random moments: nothing hangs, and in the end the bits are the undisturbed ones.

Most campaigns here are of quick jobs (quick_job.py); coordinator, Dask workers, attempts and the store are the real
ones. Moments and victims come from a generator with the injection's number as its seed. Campaigns mostly wait, so
some are disturbed beside each other.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psutil
import pytest

from campaigns.query import runs
from campaigns.store import Store
from tests.campaigns.coordinator import WORKERS, coordinate, quick_jobs
from tests.campaigns.dask_cluster import DaskCluster
from tests.campaigns.quick_job import RESULT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DEADLINE_S = 120.0
LAST_MOMENT_S = 1.2
"""Disturbances come before; the undisturbed campaign takes about as long."""

BESIDE = 3
"""Campaigns at a time."""

CONTEXT = multiprocessing.get_context("forkserver")
ASKING = threading.Lock()
"""Held while processes are started or asked for their end: an exit code is read once, and starting one reads all."""


class Disturbed:
    """One campaign and its coordinator, for a fault to be done to."""

    def __init__(self, root: Path, cluster: str | None, injection: int) -> None:
        self.root, self.cluster = root, cluster
        self.random = random.Random(injection)
        self.clock = root.with_name("clock")
        self.hit = True
        self.coordinator = self.start()

    def start(self) -> ForkServerProcess:
        """Start the campaign, again too."""
        process = CONTEXT.Process(target=coordinate, args=(str(self.root), self.cluster, str(self.clock)))
        with ASKING:
            process.start()
        return process

    def runs(self) -> bool:
        """The coordinator has not ended."""
        with ASKING:
            return self.coordinator.is_alive()

    def end(self) -> int | None:
        """Exit code of the coordinator; None if it hangs."""
        deadline = time.monotonic() + DEADLINE_S
        while self.runs() and time.monotonic() < deadline:
            time.sleep(0.02)
        with ASKING:
            return self.coordinator.exitcode

    def wait_for(self, condition: Callable[[], list[psutil.Process] | list[Path]]) -> psutil.Process | Path | None:
        """One of what there is as soon as there is something; None if the campaign ends before."""
        while self.runs():
            if found := condition():
                return self.random.choice(found)
            time.sleep(0.005)
        self.hit = False
        return None

    def processes(self, simulations: bool) -> list[psutil.Process]:
        """Running simulations, or the jobs that started them."""
        return quick_processes(self.root, simulations)


def quick_processes(root: Path, simulations: bool | None = None) -> list[psutil.Process]:
    """Processes of quick jobs of this campaign."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(argument.startswith(f"{root}/") for argument in process.cmdline()):
                is_simulation = any("quick_job.py" in argument for argument in process.parent().cmdline())
                if simulations in (None, is_simulation):
                    found.append(process)
    return found


def kill(process: psutil.Process | Path | None) -> None:
    if isinstance(process, psutil.Process):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def kill_simulation(campaign: Disturbed) -> None:
    kill(campaign.wait_for(lambda: campaign.processes(simulations=True)))


def kill_job(campaign: Disturbed) -> None:
    kill(campaign.wait_for(lambda: campaign.processes(simulations=False)))


def kill_coordinator(campaign: Disturbed) -> None:
    campaign.coordinator.kill()


def interrupt_coordinator(campaign: Disturbed) -> None:
    try:
        os.kill(campaign.coordinator.pid or 0, signal.SIGINT)
    except ProcessLookupError:  # the campaign ended before
        campaign.hit = False


def no_file_grows(campaign: Disturbed) -> None:
    """Whatever is started from now on cannot write more than a few bytes to a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = campaign.random.choice([0, 100, 5000, 20_000])
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(campaign.coordinator.pid).rlimit(resource.RLIMIT_FSIZE, (size, hard))


def corrupt_manifest(campaign: Disturbed) -> None:
    def finished() -> list[Path]:
        return sorted(campaign.root.glob("runs/*/manifest.json"))

    found = campaign.wait_for(finished) or campaign.random.choice(finished())
    assert isinstance(found, Path)
    campaign.hit = True
    content = bytearray(found.read_bytes())
    place = campaign.random.randrange(len(content))
    how = campaign.random.choice(["flip", "cut", "zero", "remove"])
    if how == "flip":
        content[place] ^= 1 << campaign.random.randrange(8)
    elif how == "cut":
        del content[place:]
    elif how == "zero":
        content[place:] = bytes(len(content) - place)
    found.unlink() if how == "remove" else found.write_bytes(bytes(content))


def set_clock(campaign: Disturbed) -> None:
    """By hours or years, to and fro; the times of files follow."""
    offset_s = campaign.random.choice([-1, 1]) * campaign.random.choice([10.0, 3600.0, 1e8])
    campaign.clock.write_text(str(offset_s))
    for path in campaign.root.glob("runs/*/*"):
        with contextlib.suppress(OSError):
            os.utime(path, (time.time() + offset_s, time.time() + offset_s))


FAULTS = {
    fault.__name__: fault
    for fault in (
        kill_simulation, kill_job, kill_coordinator, interrupt_coordinator, no_file_grows, corrupt_manifest, set_clock,
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def forks() -> None:
    """Coordinators are forked from a process that has Dask loaded: a second of processor time less for each."""
    CONTEXT.set_forkserver_preload(["tests.campaigns.coordinator"])


@pytest.fixture(scope="module")
def undisturbed(forks: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Checksum of each run's result."""
    root = tmp_path_factory.mktemp("undisturbed") / "quick"
    campaign = Disturbed(root, None, 0)
    assert campaign.end() == 0
    expected = checksums(root)
    assert len(expected) == len(quick_jobs())
    return expected


def checksums(root: Path) -> dict[str, str]:
    """Of the results of the runs that count as done."""
    done = runs(root).filter(state="done")["id"].to_list()
    return {run: hashlib.sha256((root / "runs" / run / RESULT).read_bytes()).hexdigest() for run in done}


def check_bits(found: dict[str, str], expected: dict[str, str]) -> None:
    assert found == {run: expected[run] for run in found}


def disturb(campaign: Disturbed, fault: Callable[[Disturbed], None], undisturbed: dict[str, str]) -> None:
    """Inject, wait for the end, start again, and see that all is as if nothing had happened."""
    time.sleep(campaign.random.uniform(0.0, LAST_MOMENT_S))
    fault(campaign)
    assert campaign.end() is not None
    before: set[Path] = set()
    if (campaign.root / "campaign.json").exists():
        check_bits(checksums(campaign.root), undisturbed)
        before = set(campaign.root.glob("runs/*"))
    damaged = set(Store(campaign.root).damaged(path.name for path in before))
    kept = {path: path.stat().st_ino for path in before if path.name not in damaged}

    campaign.coordinator = campaign.start()
    assert campaign.end() == 0
    assert checksums(campaign.root) == undisturbed
    assert {path: path.stat().st_ino for path in kept} == kept, "what was done was made again"
    assert list(campaign.root.glob("tmp/*")) == []
    assert list(campaign.root.glob("failed/*")) == []
    assert quick_processes(campaign.root) == []


@pytest.fixture(scope="module")
def hits() -> Iterator[list[bool]]:
    """Whether each fault met a campaign that ran; most must, or these tests would show nothing."""
    recorded: list[bool] = []
    yield recorded
    assert sum(recorded) >= 0.7 * len(recorded)


def disturbed(
    root: Path,
    cluster: str | None,
    injection: int,
    fault: Callable[[Disturbed], None],
    undisturbed: dict[str, str],
) -> bool:
    """One injection from beginning to end; whether it met a campaign that ran."""
    folder = root / str(injection)
    folder.mkdir()
    campaign = Disturbed(folder / "quick", cluster, injection)
    try:
        disturb(campaign, fault, undisturbed)
    except BaseException as error:
        error.add_note(f"injection {injection}")
        raise
    finally:
        campaign.coordinator.kill()
    return campaign.hit


@pytest.mark.parametrize("fault", FAULTS)
def test_disturbed_campaigns(fault: str, undisturbed: dict[str, str], hits: list[bool], tmp_path: Path) -> None:
    with ThreadPoolExecutor(BESIDE) as pool:
        hits += pool.map(lambda number: disturbed(tmp_path, None, number, FAULTS[fault], undisturbed), range(12))


@pytest.fixture(scope="module")
def cluster() -> Iterator[DaskCluster]:
    """A scheduler and two workers, each a process of its own."""
    started = DaskCluster(WORKERS, preload="tests.campaigns.coordinator")
    yield started
    started.close()


def test_dask_workers_killed(
    cluster: DaskCluster, undisturbed: dict[str, str], hits: list[bool], tmp_path: Path
) -> None:
    def kill_worker(campaign: Disturbed) -> None:
        kill(campaign.wait_for(cluster.worker_processes))

    for injection in range(16):
        hits.append(disturbed(tmp_path, cluster.address, injection, kill_worker, undisturbed))


def test_jobs_elsewhere_end_when_their_coordinator_is_killed(
    cluster: DaskCluster, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    campaign = Disturbed(tmp_path / "quick", cluster.address, 0)
    assert campaign.wait_for(lambda: quick_processes(campaign.root))
    campaign.coordinator.kill()
    deadline = time.monotonic() + DEADLINE_S
    while quick_processes(campaign.root) or list(campaign.root.glob("tmp/*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(checksums(campaign.root)) < len(quick_jobs())
    campaign.coordinator = campaign.start()
    assert campaign.end() == 0
    assert checksums(campaign.root) == undisturbed


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB, where one can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("injection", range(4))
def test_disk_full(injection: int, small_disk: Path, undisturbed: dict[str, str]) -> None:
    filler = small_disk / "filler"

    def fill(_: Disturbed) -> None:
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass

    class Emptied(Disturbed):
        def start(self) -> ForkServerProcess:
            filler.unlink(missing_ok=True)
            return super().start()

    campaign = Emptied(small_disk / "quick", None, injection)
    try:
        disturb(campaign, fill, undisturbed)
    finally:
        campaign.coordinator.kill()
        campaign.coordinator.join()
