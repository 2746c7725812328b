# SPDX-License-Identifier: MIT
"""The link and the environments on the real simulation program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pybridge.envs import RanParallelEnv, SliceEnv
from pybridge.errors import SimulationDied, SimulationError, SimulationFailed
from pybridge.process import find_binary
from pybridge.scenario import Scenario, parse_scenario
from pybridge.schema import Levels
from pybridge.session import Session
from tests.envs.conformance import check_parallel_env, check_slice_env, parallel_trajectory, slice_trajectory
from tests.link.scenario import REAL_SCENARIO
from tests.link.test_orphans import assert_gone
from tests.link.test_session import bits, play

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.usefixtures("simulation_program")


@pytest.fixture
def scenario() -> Scenario:
    """One cell of 6 PRBs, two slices, four UEs, half a second."""
    return parse_scenario(REAL_SCENARIO, "link-test.yaml")


@pytest.fixture
def cpu_hogs() -> Iterator[None]:
    """Every core busy with something else."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    yield
    for hog in hogs:
        hog.kill()
        hog.wait()


@pytest.mark.parametrize("levels", ["high", "both"])
def test_same_seed_same_bits_also_beside_a_cpu_hog(
    scenario: Scenario, levels: Levels, request: pytest.FixtureRequest
) -> None:
    with Session(scenario, levels=levels) as session:
        alone, other = bits(play(session)), bits(play(session, seed=99))
        request.getfixturevalue("cpu_hogs")
        assert bits(play(session)) == alone
    assert other != alone
    assert len(alone) == (6 if levels == "high" else 51)


def test_both_levels_see_the_same_network_when_nothing_is_changed(scenario: Scenario) -> None:
    with Session(scenario) as high, Session(scenario, levels="both") as both:
        coarse = play(high)
        fine = [observation for observation in play(both) if observation.high_decision or observation.last]
    assert [observation.time_ns for observation in fine] == [observation.time_ns for observation in coarse]
    for a, b in zip(coarse, fine, strict=True):
        assert np.array_equal(a.slice_high, b.slice_high, equal_nan=True)


def test_a_decision_shows_in_what_was_requested_projected_and_achieved(scenario: Scenario) -> None:
    with Session(scenario) as session:
        session.reset()
        action = session.action()
        action.prb_policy[0] = [[0.0, 0.8, 1.0], [0.0, 0.8, 1.0]]
        observation = session.step(action)
    assert np.allclose(observation.requested[0, :, 1], 0.8)
    assert np.allclose(observation.projected[0, :, 1], 0.5)
    assert 0.0 < observation.achieved[0, :, 2].sum() <= 1.0


def test_slice_env_passes_the_checkers_of_gymnasium_and_sb3(scenario: Scenario) -> None:
    check_slice_env(lambda: SliceEnv(scenario))


def test_parallel_env_passes_the_checker_of_pettingzoo(scenario: Scenario) -> None:
    check_parallel_env(lambda: RanParallelEnv(scenario))


def test_environments_repeat_themselves_by_seed(scenario: Scenario) -> None:
    env = SliceEnv(scenario)
    first, again, other = (slice_trajectory(env, seed) for seed in (5, 5, 6))
    env.close()
    assert first == again
    assert first != other
    parallel = RanParallelEnv(scenario)
    assert parallel_trajectory(parallel, 5) == parallel_trajectory(parallel, 5)
    parallel.close()


def step_for_ever(session: Session) -> None:
    """Until something happens."""
    while True:
        session.step(session.action())


@pytest.mark.timed
@pytest.mark.parametrize("delay_s", [0.0, 0.01, 0.05, 0.2])
def test_kill_at_any_moment_raises_within_a_second(scenario: Scenario, delay_s: float) -> None:
    with Session(
        scenario.model_copy(update={"timing": scenario.timing.model_copy(update={"duration_s": 600.0})})
    ) as session:
        session.reset()
        pid = session.pid
        assert pid is not None
        killed_at: list[float] = []

        def kill() -> None:
            killed_at.append(time.monotonic())
            os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(delay_s, kill)
        timer.start()
        with pytest.raises(SimulationDied) as caught:
            step_for_ever(session)
        assert time.monotonic() - killed_at[0] < 1.0
    assert caught.value.signal_name == "SIGKILL"
    assert "warm-up is over" in caught.value.log_tail
    assert caught.value.log is not None
    assert caught.value.log.is_file()


def test_a_nan_that_gets_on_the_wire_ends_the_episode_by_name(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pybridge.observation.Action.check", lambda action: None)
    with Session(scenario) as session:
        session.reset()
        action = session.action()
        action.prb_policy[0, 1, 2] = np.nan
        with pytest.raises(SimulationFailed, match=r"prb_policy\[0, 1, 2\] is nan"):
            session.step(action)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_simulation_that_waits_for_its_learner(scenario: Scenario, number: signal.Signals) -> None:
    with Session(scenario) as session:
        session.reset()
        pid = session.pid
        assert pid is not None
        os.kill(pid, number)
        episode = session._episode
        assert episode is not None
        assert episode.process.wait(5.0) == 128 + number
        with pytest.raises(SimulationError):
            session.step(session.action())


LEARNER = """
import os, signal, sys, time
from pybridge.scenario import parse_scenario
from pybridge.session import Session
from tests.link.scenario import REAL_SCENARIO
session = Session(parse_scenario(REAL_SCENARIO.replace("duration_s: 0.5", "duration_s: 600.0"), "x.yaml"))
session.reset()
print(session.pid, flush=True)
{then}
"""


@pytest.mark.timed
@pytest.mark.parametrize(
    ("then", "number"),
    [
        ("time.sleep(60)", signal.SIGKILL),
        ("time.sleep(60)", signal.SIGTERM),
        ("time.sleep(60)", signal.SIGINT),
        ("while True: session.step(session.action())", signal.SIGKILL),
        ("while True: session.step(session.action())", signal.SIGINT),
        ("raise RuntimeError", None),
        ("import threading; threading.Thread(target=lambda: 1 / 0).start(); sys.exit(0)", None),
    ],
)
def test_no_simulation_outlives_its_learner(then: str, number: signal.Signals | None) -> None:
    learner = subprocess.Popen(
        [sys.executable, "-c", LEARNER.format(then=then)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert learner.stdout is not None
    pid = int(learner.stdout.readline())
    time.sleep(0.2)
    if number is not None:
        learner.send_signal(number)
    learner.wait(30)
    assert_gone(pid, within_s=2.0)
    learner.stdout.close()


def test_a_session_started_in_a_thread_outlives_the_thread(scenario: Scenario) -> None:
    session = Session(scenario)
    thread = threading.Thread(target=session.reset)
    thread.start()
    thread.join()
    time.sleep(1.5)
    with session:
        assert session.step(session.action()).step == 1


def environment(**changes: str) -> dict[str, str]:
    """That of a simulation started by hand."""
    return {**os.environ, "SLICEBRIDGE_TOKEN": "ab" * 32, **changes}


@pytest.mark.parametrize(
    ("endpoint", "changes", "code", "said"),
    [
        ("ipc:///nonexistent/nobody", {}, 3, "no WELCOME"),
        ("nonsense", {}, 2, "nonsense"),
        ("ipc:///tmp/" + "x" * 120, {}, 2, "cannot connect"),
        ("ipc:///tmp/x", {"SLICEBRIDGE_TOKEN": "short"}, 2, "SLICEBRIDGE_TOKEN"),
        ("ipc:///tmp/x", {"SLICEBRIDGE_PARENT_PID": "x"}, 2, "SLICEBRIDGE_PARENT_PID"),
    ],
)
def test_a_simulation_started_by_hand_says_in_one_line_why_it_cannot(
    scenario: Scenario, tmp_path: Path, endpoint: str, changes: dict[str, str], code: int, said: str
) -> None:
    file = tmp_path / "scenario.json"
    file.write_text(scenario.resolved_json())
    command = [find_binary(), "--scenario", file, "--agent", endpoint, "--run-id", "r"]
    done = subprocess.run(command, env=environment(**changes), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
