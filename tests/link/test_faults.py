# SPDX-License-Identifier: MIT
"""A hundred faults of every kind at random moments: no hang, no wrong step, and the lost simulation is replaced."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from pybridge import SliceEnv, SliceVectorEnv
from pybridge.errors import SimulationError
from pybridge.scenario import Scenario, load_scenario
from pybridge.session import Session
from tests.link.faulty_link import FaultyLink, Kind
from tests.link.test_orphans import ROOT
from tests.link.test_session import bits, play

pytestmark = [pytest.mark.usefixtures("simulation_program"), pytest.mark.slow]

FAULTS = 100
ENVS = 8
STEP_TIMEOUT_S = 3.0
HANG_S = 60.0
"""Far beyond every deadline (a handshake takes 10 s to fail), for a machine that is busy with other things."""


def nr() -> Scenario:
    """Five steps of NR."""
    return load_scenario("nr-small", {"timing.duration_s": 0.5, "timing.warm_up_s": 0.1})


@pytest.fixture(autouse=True, scope="module")
def everything_ends() -> Iterator[None]:
    """After all of these tests there is no simulation, and no server but this process's own."""
    yield
    own = [child for child in psutil.Process().children(recursive=True) if child.name() == "ran-slicing"]
    assert [child.cmdline()[-1] for child in own] in ([], ["--serve"])


class Witness:
    """Drives a vector environment and keeps every step that it accepted."""

    def __init__(self, env: SliceVectorEnv) -> None:
        self.env = env
        self.lost: list[str] = []
        self.steps: dict[tuple[int, int], set[bytes]] = {}
        """What was seen, by RngRun and step."""
        self._actions = np.full(env.action_space.shape, 0.5, np.float32)

    def play(self, more: Callable[[], bool]) -> None:
        """Step whoever is ready, as long as there are more faults to come."""
        observations, infos = self.env.reset(seed=1)
        for index in range(self.env.num_envs):
            self._keep(index, observations[index], {key: value[index] for key, value in infos.items()})
        self.env.send(self._actions, range(self.env.num_envs))
        while more():
            begin = time.monotonic()
            batch = self.env.recv()
            assert time.monotonic() - begin < HANG_S
            for index, row, info in zip(batch.env_ids, batch.observations, batch.infos, strict=True):
                self._keep(int(index), row, info)
            self.env.send(self._actions[batch.env_ids], batch.env_ids)

    def _keep(self, index: int, row: Any, info: dict[str, Any]) -> None:
        if info.get("simulation_lost"):
            self.lost.append(info["simulation_lost"])
        if "time_s" in info:
            self.steps.setdefault((int(info["rng_run"]), round(info["time_s"] * 10)), set()).add(row.tobytes())

    def check(self) -> None:
        """Everything accepted is what an undisturbed simulation of that RngRun gives."""
        env = SliceEnv(nr())
        try:
            for run in sorted({run for run, _ in self.steps}):
                true = [env.reset(seed=run)[0].tobytes()]
                while len(true) < 6 and (run, len(true)) in self.steps:
                    true.append(env.step(self._actions[0])[0].tobytes())
                for (of, step), seen in self.steps.items():
                    assert of != run or seen == {true[step]}
        finally:
            env.close()
        assert len(self.steps) > FAULTS / 4


class Signals:
    """Sends a signal to a random simulation at a random moment of whatever it does."""

    def __init__(self, env: SliceVectorEnv, number: signal.Signals) -> None:
        self.faults = 0
        self._env = env
        self._number = number
        self._random = random.Random(number)

    def more(self) -> bool:
        """False once there were enough."""
        if self._random.random() < 0.3:
            time.sleep(self._random.uniform(0.0, 0.02))
            pid = self._env.envs[self._random.randrange(ENVS)].session.pid
            if pid is not None:
                self._send(pid)
        return self.faults < FAULTS

    def _send(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, self._number)
            self.faults += 1
            if self._number == signal.SIGSTOP:
                threading.Timer(self._random.uniform(0.0, 0.2), go_on, (pid,)).start()


def go_on(pid: int) -> None:
    """Unless it has been ended meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_simulations_that_are_ended_by_a_signal_are_replaced(number: signal.Signals) -> None:
    with SliceVectorEnv(nr(), ENVS, max_losses=FAULTS, step_timeout_s=HANG_S) as env:
        witness, signals = Witness(env), Signals(env, number)
        witness.play(signals.more)
        # A signal to one that is at its end already, or that was hit before, changes nothing.
        assert FAULTS / 4 < len(witness.lost) <= signals.faults
        assert all(number.name in reason or f"signal {int(number)}" in reason for reason in witness.lost)
    witness.check()


def test_simulations_that_are_stopped_and_continued_go_on() -> None:
    with SliceVectorEnv(nr(), ENVS, max_losses=0, step_timeout_s=HANG_S) as env:
        witness, signals = Witness(env), Signals(env, signal.SIGSTOP)
        witness.play(signals.more)
        assert witness.lost == []
        time.sleep(0.3)
    witness.check()


@pytest.mark.parametrize("kind", ["drop", "duplicate", "delay", "truncate"])
def test_messages_that_suffer_on_the_way(kind: Kind, simulation_program: Path) -> None:
    directory = Path(tempfile.mkdtemp(prefix="f-"))
    with (
        FaultyLink(directory, simulation_program, kind, seed=5, probability=0.1) as link,
        SliceVectorEnv(
            nr(),
            ENVS,
            max_losses=FAULTS,
            step_timeout_s=STEP_TIMEOUT_S if kind == "drop" else HANG_S,
            endpoint=link.endpoint,
            program=[link.program],
        ) as env,
    ):
        witness = Witness(env)
        witness.play(lambda: link.faults < FAULTS)
        if kind == "delay":
            assert witness.lost == []
        elif kind == "duplicate":
            # STATE and ACTION carry their step; a handshake may come once.
            assert all(
                "HELLO" in reason or "refused" in reason or "answered STATE" in reason for reason in witness.lost
            )
            assert len(witness.lost) < FAULTS / 2
        else:
            assert FAULTS / 4 < len(witness.lost) <= link.faults
    witness.check()


LEARNERS = """
import os, random, signal, sys, time
import psutil
from pybridge import SliceVectorEnv, load_scenario

scenario = load_scenario("nr-small", {"timing.duration_s": 600.0, "timing.warm_up_s": 0.1})
moments = random.Random(9)
for _ in range(int(sys.argv[1])):
    learner = os.fork()
    if learner == 0:
        env = SliceVectorEnv(scenario, 2)
        env.reset(seed=1)
        while True:
            env.step(env.action_space.sample())
    time.sleep(moments.uniform(0.05, 0.4))
    children = psutil.Process(learner).children(recursive=True)
    os.kill(learner, signal.SIGKILL)
    os.waitpid(learner, 0)
    print(len(children), len(psutil.wait_procs(children, timeout=2.0)[1]), flush=True)
"""


@pytest.mark.timed
def test_simulations_of_a_learner_that_is_killed_end_within_two_seconds() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEARNERS, str(FAULTS)], cwd=ROOT, capture_output=True, text=True, timeout=500, check=True
    )
    counts = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(counts) == FAULTS
    assert sum(children >= 3 for children, _ in counts) > FAULTS / 4
    assert all(left == 0 for _, left in counts)


def full(directory: Path, *names: str) -> None:
    """Files of these names are on a disk that is full."""
    directory.mkdir(parents=True)
    for name in names:
        (directory / name).symlink_to("/dev/full")


def test_a_full_disk_under_the_log_changes_no_step(tmp_path: Path) -> None:
    with Session(nr()) as session:
        true = bits(play(session))
    out = tmp_path / "out"
    for episode in range(FAULTS):
        full(out if episode == 0 else out / f"episode-{episode}", "log.txt")
    with Session(nr(), out_dir=out) as session:
        for _ in range(FAULTS):
            assert bits(play(session)) == true


def test_a_full_disk_under_the_records_ends_the_episode_with_the_reason(tmp_path: Path) -> None:
    for number in range(10):
        full(tmp_path / str(number), "slices.raw")
        with Session(nr(), out_dir=tmp_path / str(number)) as session:
            with pytest.raises(SimulationError, match=r"slices\.raw: cannot be written"):
                play(session)
            assert session.pid is None
