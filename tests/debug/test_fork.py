# SPDX-License-Identifier: MIT
"""A running simulation and its fork go on from the same state, and neither disturbs the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pybridge import Session
from pybridge.errors import SessionStateError, SimulationDied, SimulationError
from pybridge.observation import Action, Observation
from pybridge.schema import Levels
from tests.debug.scenarios import scenario
from tests.link.test_orphans import ROOT, assert_gone

pytestmark = pytest.mark.usefixtures("simulation_program")
rans = pytest.mark.parametrize("ran", ["nr", "lte"])


def rest(session: Session, action: Action) -> list[bytes]:
    """Headers and bodies of every observation to the end of the episode, one action throughout."""
    seen: list[Observation] = []
    while not seen or not seen[-1].last:
        seen.append(session.step(action))
    return [repr(observation.header).encode() + observation.flat.tobytes() for observation in seen]


def uneven(session: Session) -> Action:
    """Not what is in force at the beginning."""
    action = session.action()
    action.prb_policy[..., 1] = (0.8, 0.1)
    action.prb_policy[..., 2] = (0.9, 0.3)
    return action


def at_second_epoch(session: Session) -> None:
    """Somewhere in the middle, under an action that is not the first one."""
    session.reset()
    session.step(session.action())
    session.step(uneven(session))


@rans
@pytest.mark.parametrize("levels", ["high", "both"])
def test_equal_actions_give_equal_bits(ran: str, levels: Levels) -> None:
    with Session(scenario(ran), levels=levels) as session:
        at_second_epoch(session)
        undisturbed = rest(session, session.action())
    with Session(scenario(ran), levels=levels, debug=True) as session:
        at_second_epoch(session)
        with session.fork() as branch:
            assert branch.pid != session.pid
            assert branch.observation is not None
            forked = rest(branch, branch.action())
        assert rest(session, session.action()) == forked == undisturbed


@rans
def test_other_actions_give_another_future(ran: str) -> None:
    with Session(scenario(ran), debug=True) as session:
        at_second_epoch(session)
        with session.fork() as branch:
            assert rest(session, session.action()) != rest(branch, uneven(branch))


def test_forks_step_in_turn_and_are_forked_again() -> None:
    with Session(scenario("nr"), debug=True) as session:
        at_second_epoch(session)
        with session.fork() as branch, branch.fork() as twig:
            steps = [one.step_slot() for one in (session, branch, twig) for _ in range(10)]
            assert [step.time_ns for step in steps[:10]] == [step.time_ns for step in steps[20:]]
            sessions = (twig, session, branch)
            ends = [one.step_high().observation for one in sessions]
            assert len({end.flat.tobytes() for end in ends if end is not None}) == 1
            with branch.fork() as leaf:
                assert rest(leaf, leaf.action()) == rest(twig, twig.action())


@rans
def test_records_of_both_are_whole(ran: str, tmp_path: Path) -> None:
    with Session(scenario(ran), out_dir=tmp_path / "alone") as session:
        at_second_epoch(session)
        rest(session, session.action())
    with Session(scenario(ran), out_dir=tmp_path / "trunk", debug=True) as session:
        at_second_epoch(session)
        with session.fork(out_dir=tmp_path / "branch") as branch, session.fork() as silent:
            rest(silent, uneven(silent))
            rest(branch, branch.action())
            rest(session, session.action())
    for name in ("slices.raw", "controls.raw", "packets.raw"):
        alone = (tmp_path / "alone" / name).read_bytes()
        assert (tmp_path / "trunk" / name).read_bytes() == alone
        assert (tmp_path / "branch" / name).read_bytes() == alone
    assert "the end" in (tmp_path / "branch" / "log.txt").read_text()
    assert (tmp_path / "trunk" / "log.txt").read_text().count("the end") == 1


def test_a_fork_outlives_the_session_that_it_came_from() -> None:
    session = Session(scenario("lte"), debug=True)
    at_second_epoch(session)
    with session.fork() as branch:
        trunk = session.pid
        session.close()
        assert trunk is not None
        assert_gone(trunk)
        rest(branch, branch.action())
        assert branch.reset().step == 0


def test_forking_needs_an_epoch(tmp_path: Path) -> None:
    with Session(scenario("nr"), debug=True) as session:
        with pytest.raises(SessionStateError):
            session.fork()
        session.reset()
        with pytest.raises(ValueError, match="out_dir"):
            session.fork(out_dir=tmp_path)
        session.step_slot()
        with pytest.raises(SessionStateError, match="waits for a decision"):
            session.fork()
        session.step_high()
        session.fork().close()
        rest(session, session.action())
        with pytest.raises(SessionStateError):
            session.fork()


def test_a_fork_that_dies_is_missed_at_once_and_alone() -> None:
    with Session(scenario("lte"), debug=True) as session:
        at_second_epoch(session)
        with session.fork() as branch:
            assert branch.pid is not None
            os.kill(branch.pid, signal.SIGKILL)
            with pytest.raises(SimulationDied, match="without good-bye"):
                rest(branch, branch.action())
        rest(session, session.action())


def test_a_fork_goes_on_when_its_origin_dies() -> None:
    with Session(scenario("lte"), debug=True) as session:
        at_second_epoch(session)
        with session.fork() as branch:
            assert session.pid is not None
            os.kill(session.pid, signal.SIGKILL)
            with pytest.raises(SimulationDied, match="SIGKILL"):
                session.step(session.action())
            rest(branch, branch.action())


def test_a_fork_that_cannot_write_is_told_of_and_its_origin_goes_on(tmp_path: Path) -> None:
    with Session(scenario("nr"), out_dir=tmp_path / "trunk", debug=True) as session:
        at_second_epoch(session)
        (tmp_path / "branch" / "slices.raw").mkdir(parents=True)
        with pytest.raises(SimulationError, match=r"slices\.raw"):
            session.fork(out_dir=tmp_path / "branch")
        rest(session, session.action())


def test_a_closed_fork_is_gone() -> None:
    with Session(scenario("nr"), debug=True) as session:
        session.reset()
        branch = session.fork()
        assert branch.pid is not None
        pid = branch.pid
        branch.close()
        assert_gone(pid)


LEARNER = """
import sys
from pybridge import Session
from tests.debug.scenarios import scenario

session = Session(scenario("nr"), debug=True)
session.reset()
branch = session.fork()
print(session.pid, branch.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_fork_outlives_python(number: signal.Signals) -> None:
    learner = subprocess.Popen(
        [sys.executable, "-c", LEARNER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert learner.stdout is not None
    pids = [int(pid) for pid in learner.stdout.readline().split()]
    assert len(pids) == 2
    learner.send_signal(number)
    learner.wait(10.0)
    for pid in pids:
        assert_gone(pid)
    learner.communicate()
