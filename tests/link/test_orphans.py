# SPDX-License-Identifier: MIT
"""However a learner ends, no simulation outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LEARNER = """
import os, sys
from pybridge.session import Session
from tests.link.scenario import TestScenario, fake

session = Session(TestScenario(), program=fake({behaviour}))
session.reset()
print(session.pid, flush=True)
{then}
"""


def start(then: str, behaviour: str = "") -> tuple[subprocess.Popen[str], int]:
    """A learner that starts a simulation, says its process id, and goes on as told."""
    learner = subprocess.Popen(
        [sys.executable, "-c", LEARNER.format(then=then, behaviour=behaviour)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert learner.stdout is not None
    return learner, int(learner.stdout.readline())


def assert_gone(pid: int, within_s: float = 5.0) -> None:
    """The process ends in time (as a child of another it may take a moment to be reaped)."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still there")


@pytest.mark.parametrize(
    "then",
    [
        "raise RuntimeError('a bug of the user')",
        "sys.exit(0)",
        "session = None",
        "session.step(session.action())",
    ],
)
def test_interpreter_exit_ends_the_simulation(then: str) -> None:
    learner, pid = start(then)
    learner.communicate(timeout=30)
    assert_gone(pid)


def test_ctrl_c_while_waiting_ends_the_simulation_and_raises_keyboard_interrupt() -> None:
    learner, pid = start("session.step(session.action()); session.step(session.action())", '"hang"')
    time.sleep(0.5)
    learner.send_signal(signal.SIGINT)
    _, said = learner.communicate(timeout=30)
    assert "KeyboardInterrupt" in said
    assert learner.returncode != 0
    assert_gone(pid)


def test_ctrl_c_of_the_terminal_does_not_reach_the_simulation() -> None:
    learner, pid = start("sys.stdin.read(); session.step(session.action()); print(session.pid); session.close()")
    assert os.getsid(pid) == pid != os.getsid(learner.pid)
    out, said = learner.communicate(timeout=30)
    assert out.strip() == str(pid), said


def test_a_fork_of_the_learner_does_not_end_the_simulation() -> None:
    then = (
        "child = os.fork()\n"
        "if child == 0:\n"
        "    session = None\n"
        "    sys.exit(0)\n"
        "os.waitpid(child, 0)\n"
        "print(session.step(session.action()).step)\n"
        "session.close()\n"
    )
    learner, pid = start(then)
    out, said = learner.communicate(timeout=30)
    assert out.strip() == "1", said
    assert_gone(pid)
