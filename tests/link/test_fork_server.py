# SPDX-License-Identifier: MIT
"""Simulations that are forked: as good as executed ones, and nothing outlives its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pybridge import fork_server
from pybridge.errors import BinaryNotFound, SimulationDied
from pybridge.process import SimulationProcess
from pybridge.scenario import Scenario, load_scenario
from pybridge.session import Session
from tests.link.test_orphans import ROOT, assert_gone
from tests.link.test_session import bits, play

pytestmark = pytest.mark.usefixtures("simulation_program")


def nr(duration_s: float = 0.5) -> Scenario:
    """A short NR scenario."""
    return load_scenario("nr-small", {"timing.duration_s": duration_s, "timing.warm_up_s": 0.1})


def lte() -> Scenario:
    """A short LTE scenario."""
    return load_scenario("lte-small", {"timing.duration_s": 0.3, "timing.warm_up_s": 0.1})


def server_of(session: Session) -> psutil.Process:
    """The server that forked the running simulation."""
    assert session.pid is not None
    parent = psutil.Process(session.pid).parent()
    assert parent is not None
    assert parent.cmdline()[-1] == "--serve"
    return parent


@pytest.mark.parametrize("scenario", [nr(), lte()], ids=["nr", "lte"])
def test_a_fork_gives_the_same_bits_as_an_executed_program(scenario: Scenario, simulation_program: Path) -> None:
    with Session(scenario) as forked, Session(scenario, program=[simulation_program]) as executed:
        for seed in (1, 7):
            assert bits(play(forked, seed=seed)) == bits(play(executed, seed=seed))
        forked.reset()
        executed.reset()
        assert server_of(forked).ppid() == os.getpid()
        assert executed.pid is not None
        assert psutil.Process(executed.pid).ppid() == os.getpid()


def test_a_simulation_forgotten_while_the_server_is_asked_something_ends() -> None:
    """Collecting garbage may run its finalizer in the very thread that is asking."""
    forget = """
import faulthandler, gc
from pybridge import Session, fork_server, load_scenario
faulthandler.dump_traceback_later(60, exit=True)
session = Session(load_scenario("nr-small", {"timing.duration_s": 1.0}))
session.reset()
session.itself, pid = session, session.pid
server = fork_server._current
del session
with server._lock:
    gc.collect()
print(pid)
"""
    ended = subprocess.run([sys.executable, "-c", forget], cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert ended.returncode == 0, ended.stderr
    assert_gone(int(ended.stdout))


def test_all_sessions_share_one_server_which_holds_no_threads() -> None:
    with Session(nr()) as first, Session(nr()) as second:
        first.reset()
        second.reset()
        server = server_of(first)
        assert server == server_of(second)
        assert server.num_threads() == 1
        assert first.pid != second.pid
        assert os.getsid(first.pid or 0) == first.pid


def test_a_fork_sees_the_environment_and_the_directory_of_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Session(nr(), out_dir="run") as session:
        session.reset()
        first = server_of(session)
        assert session.pid is not None
        assert Path(f"/proc/{session.pid}/cwd").readlink() == tmp_path
        monkeypatch.setenv("SOMETHING", "else")
        session.reset()
        second = server_of(session)
        assert second != first
        assert second.environ()["SOMETHING"] == "else"
        assert (tmp_path / "run" / "slices.raw").exists()
        assert_gone(first.pid)


def test_the_token_is_in_no_command_line_and_no_descriptor_of_the_server_is_left() -> None:
    with Session(nr()) as session, Session(nr()) as other:
        other.reset()
        session.reset()
        pid = session.pid
        assert Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:] == [b"--serve", b""]
        targets = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    # The parent's handle is the simulation's own, of its heart; the server's socket and handles are not there.
    assert sum("pidfd" in target for target in targets) == 1
    assert targets.count("/dev/null") == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_signal_is_told_as_of_an_executed_program(number: signal.Signals) -> None:
    with Session(nr()) as session:
        session.reset()
        os.kill(session.pid or 0, number)
        with pytest.raises(SimulationDied, match=number.name) as caught:
            session.step(session.action())
        assert caught.value.returncode == -number
        assert session.reset().step == 0


def test_exit_code_and_reason_come_from_a_bad_scenario(tmp_path: Path, simulation_program: Path) -> None:
    command = [str(simulation_program), "--scenario", str(tmp_path / "missing.json"), "--policy", "static"]
    process = SimulationProcess(command, tmp_path / "log.txt", {}, fork=True)
    assert process.wait(20.0) == 2
    assert "missing.json" in process.log_tail()
    process.release()


@pytest.mark.timed
def test_a_killed_server_takes_its_simulations_along_and_is_replaced() -> None:
    with Session(nr()) as session, Session(nr()) as other:
        session.reset()
        other.reset()
        server = server_of(session)
        server.kill()
        server.wait(5.0)
        for one in (session, other):
            pid = one.pid or 0
            with pytest.raises(SimulationDied, match="SIGKILL"):
                one.step(one.action())
            assert_gone(pid, within_s=2.0)
        assert session.reset().step == 0
        assert server_of(session) != server


def test_a_server_that_does_not_answer_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_server, "ANSWER_DEADLINE_S", 1.0)
    with Session(nr()) as session:
        session.reset()
        server = server_of(session)
        server.suspend()
        begin = time.monotonic()
        assert session.reset().step == 0
        assert time.monotonic() - begin < 20.0
        assert_gone(server.pid)


def test_what_no_packet_can_carry_is_executed_and_leaves_the_server_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_utf8 = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    no_utf8.mkdir()
    with Session(nr()) as forked, Session(nr()) as executed:
        forked.reset()
        server = server_of(forked)
        monkeypatch.chdir(no_utf8)
        executed.reset()
        assert executed.pid is not None
        assert psutil.Process(executed.pid).ppid() == os.getpid()
        monkeypatch.chdir(tmp_path)
        executed.reset()
        assert server_of(executed) == server == server_of(forked)


def test_a_request_that_is_too_long_is_told_at_once(tmp_path: Path, simulation_program: Path) -> None:
    server = fork_server.ForkServer([str(simulation_program)], os.environ)
    try:
        with (tmp_path / "log.txt").open("wb") as log:
            with pytest.raises(fork_server.NotForkable, match="bytes"):
                server.start(["--version"], {"LONG": "x" * 70_000}, log)
            assert server.start(["--version"], {}, log).wait(10.0) == 0
    finally:
        server.close()


def test_a_program_without_a_server_is_executed(tmp_path: Path) -> None:
    process = SimulationProcess(["/bin/sh", "-c", "exit 7"], tmp_path / "log.txt", {}, fork=True)
    assert process.wait(20.0) == 7
    process.release()
    with pytest.raises(BinaryNotFound):
        SimulationProcess([str(tmp_path / "none")], tmp_path / "log.txt", {}, fork=True)


LEARNER = """
import os, psutil, sys
from pybridge.scenario import load_scenario
from pybridge.session import Session

session = Session(load_scenario("nr-small", {"timing.duration_s": 600.0}))
session.reset()
print(session.pid, psutil.Process(session.pid).ppid(), flush=True)
"""


@pytest.mark.timed
@pytest.mark.parametrize(
    "then",
    [
        "os.kill(os.getpid(), 9)",
        "sys.exit(0)",
        "raise RuntimeError('a bug of the user')",
        # A fork keeps the learner's end of the server's socket open; what is watched is the process.
        "os.fork() or __import__('time').sleep(8); os.kill(os.getpid(), 9)",
    ],
)
def test_neither_server_nor_simulation_outlives_the_learner(then: str) -> None:
    learner = subprocess.Popen([sys.executable, "-c", LEARNER + then], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert learner.stdout is not None
    pids = [int(text) for text in learner.stdout.readline().split()]
    learner.wait(30)
    for pid in pids:
        assert_gone(pid, within_s=2.0)
    learner.stdout.close()
