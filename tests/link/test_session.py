# SPDX-License-Identifier: MIT
"""A session against a peer that can misbehave in every way."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pybridge.errors import (
    ActionError,
    BinaryNotFound,
    EndpointError,
    ProtocolError,
    SchemaError,
    SessionStateError,
    SimulationDied,
    SimulationFailed,
    SimulationTimeout,
    SliceBridgeError,
)
from pybridge.observation import Observation
from pybridge.schema import Levels
from pybridge.session import Session
from tests.link.scenario import TestScenario, fake


def play(session: Session, *, seed: int | None = None, share: float = 0.3) -> list[Observation]:
    """All observations of an episode."""
    observations = [session.reset(seed=seed)]
    action = session.action()
    action.prb_policy[0, 0, 1] = share
    while not observations[-1].last:
        observations.append(session.step(action))
    return observations


def bits(observations: list[Observation]) -> list[bytes]:
    """What came over the wire."""
    return [observation.body.tobytes() for observation in observations]


def is_gone(pid: int) -> bool:
    """No such process, not even a zombie of ours."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("levels", ["high", "both"])
def test_an_episode_runs_from_the_first_state_to_the_last(levels: Levels) -> None:
    with Session(TestScenario(), levels=levels, program=fake()) as session:
        observations = play(session)
        assert session.pid is None
    steps = 5 if levels == "high" else 50
    assert [observation.step for observation in observations] == list(range(steps + 1))
    assert [observation.last for observation in observations] == [False] * steps + [True]
    assert sum(observation.high_decision for observation in observations) == 6


def test_tensors_are_named_read_only_views_of_the_right_shape() -> None:
    with Session(TestScenario(), levels="both", program=fake()) as session:
        observation = session.reset()
        schema = session.schema
        assert observation.slice_high.shape == observation.slice_low.shape == (2, 3, len(schema.slice_kpms))
        assert observation.ue.shape == (6, len(schema.ue_kpms))
        assert observation.ue_cell.dtype == np.int32
        assert observation.requested.shape == (2, 3, 5)
        column = [kpm.name for kpm in schema.slice_kpms].index("x.goodput_kbps")
        assert np.array_equal(observation.kpm("x.goodput_kbps"), observation.slice_high[:, :, column])
        before = observation.slice_high.copy()
        with pytest.raises(ValueError, match="read-only"):
            observation.slice_high[0, 0, 0] = 1.0
        session.step(session.action())
        assert np.array_equal(observation.slice_high, before)
        with pytest.raises(KeyError, match=r"x\.goodput_kbps"):
            observation.kpm("nonsense")


def test_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    with Session(TestScenario(), program=fake()) as session:
        first, again = bits(play(session)), bits(play(session))
        other, acted = bits(play(session, seed=7)), bits(play(session, share=0.9))
    assert first == again
    assert first[0] != other[0]
    assert first[0] == acted[0]
    assert first[1] != acted[1]


def test_a_new_action_changes_nothing_that_the_scenario_set() -> None:
    with Session(TestScenario(), levels="both", program=fake()) as session:
        session.reset()
        action = session.action()
    assert np.allclose(action.prb_policy, [0.0, 0.25, 1.0])
    assert np.allclose(action.compute_share.sum(axis=1), 1.0)
    assert action.ue_weight is not None
    assert (action.ue_weight == 1.0).all()


@pytest.mark.parametrize(
    ("tensor", "index", "value", "said"),
    [
        ("prb_policy", (1, 2, 0), float("nan"), r"prb_policy\[1, 2, 0\] is nan"),
        ("power_share", (0, 1), 1.5, r"power_share\[0, 1\] is 1.5"),
        ("ue_weight", (3,), 0.0, r"ue_weight\[3\] is 0.0"),
        ("ue_power_offset_db", (5,), 3.5, r"ue_power_offset_db\[5\] is 3.5"),
    ],
)
def test_an_action_out_of_range_is_refused_by_name_and_the_episode_goes_on(
    tensor: str, index: tuple[int, ...], value: float, said: str
) -> None:
    with Session(TestScenario(), levels="both", program=fake()) as session:
        session.reset()
        action = session.action()
        getattr(action, tensor)[index] = value
        with pytest.raises(ActionError, match=said):
            session.step(action)
        assert session.step(session.action()).step == 1


@pytest.mark.timed
@pytest.mark.parametrize(("mode", "code", "how"), [("die", -9, "signal SIGKILL"), ("exit", 5, "exit code 5")])
def test_a_dead_simulation_is_told_at_once_with_reason_and_log(mode: str, code: int, how: str) -> None:
    with Session(TestScenario(), program=fake(mode)) as session:
        session.reset()
        session.step(session.action())
        begin = time.monotonic()
        with pytest.raises(SimulationDied, match=how) as caught:
            session.step(session.action())
        assert time.monotonic() - begin < 1.0
    assert caught.value.returncode == code
    assert caught.value.log_tail in ("about to be killed", "something is wrong")
    assert caught.value.log is not None
    assert caught.value.log.read_text().strip() == caught.value.log_tail
    assert str(caught.value.log) in str(caught.value)


@pytest.mark.timed
def test_kill_from_outside_while_computing_raises_within_a_second() -> None:
    with Session(TestScenario(), program=fake("hang")) as session:
        session.reset()
        session.step(session.action())
        assert session.pid is not None
        killer = f"sleep 0.3; kill -9 {session.pid}"
        os.posix_spawn("/bin/sh", ["sh", "-c", killer], os.environ)
        begin = time.monotonic()
        with pytest.raises(SimulationDied) as caught:
            session.step(session.action())
        assert time.monotonic() - begin < 1.3
    assert caught.value.signal_name == "SIGKILL"


def test_an_error_message_says_why() -> None:
    with Session(TestScenario(), program=fake("error")) as session:
        session.reset()
        session.step(session.action())
        with pytest.raises(SimulationFailed, match="the radio caught fire"):
            session.step(session.action())


def test_an_early_bye_is_no_end_of_the_episode() -> None:
    with Session(TestScenario(), program=fake("early-bye")) as session:
        session.reset()
        session.step(session.action())
        with pytest.raises(SimulationFailed, match="tired"):
            session.step(session.action())


def test_a_failure_after_the_last_state_is_told() -> None:
    with (
        Session(TestScenario(), program=fake("fail-at-the-end")) as session,
        pytest.raises(SimulationDied, match="code 5"),
    ):
        play(session)


@pytest.mark.parametrize("mode", ["hang", "flood"])
def test_a_simulation_that_sends_no_state_is_ended_at_the_deadline(mode: str) -> None:
    with Session(TestScenario(), program=fake(mode), step_timeout_s=1.0) as session:
        session.reset()
        session.step(session.action())
        pid = session.pid
        assert pid is not None
        with pytest.raises(SimulationTimeout, match="step 2 within 1 s"):
            session.step(session.action())
        assert is_gone(pid)


def test_the_deadline_is_that_of_a_step_not_of_the_episode() -> None:
    with Session(TestScenario(), program=fake("slow"), step_timeout_s=3.0) as session:
        session.reset()
        session.step(session.action())
        time.sleep(2.5)
        assert session.step(session.action()).step == 2


def test_a_simulation_that_does_not_exit_after_its_last_step_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybridge.episode.END_GRACE_S", 1.0)
    with Session(TestScenario(), program=fake("linger")) as session:
        observation = session.reset()
        pid = session.pid
        assert pid is not None
        while observation.step < 4:
            observation = session.step(session.action())
        # The exception that is kept keeps the episode: nothing ends the process by being forgotten.
        with pytest.raises(SimulationTimeout, match="did not exit within 1 s after the end") as caught:
            session.step(session.action())
        assert is_gone(pid)
    assert caught.value.log is not None
    assert caught.value.log.is_file()


def test_an_impatient_ctrl_c_while_a_simulation_is_asked_to_end_ends_it() -> None:
    session = Session(TestScenario(), program=fake("linger"))
    session.reset()
    pid = session.pid
    assert pid is not None
    interrupt = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        session.close()
    assert is_gone(pid)
    assert caught.tb is not None


def test_a_simulation_that_is_not_waited_for_any_more_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Session(TestScenario(), program=fake()) as session:
        session.reset()
        session.begin_step(session.action())
        assert list(tmp_path.glob("slb-run-*"))
    assert not list(tmp_path.iterdir())


def test_stale_messages_are_dropped_and_counted() -> None:
    with Session(TestScenario(), program=fake("stale")) as session:
        observations = play(session)
        assert session.dropped == 3
    assert [observation.step for observation in observations] == [0, 1, 2, 3, 4, 5]


def test_heartbeats_disturb_nothing() -> None:
    with Session(TestScenario(), program=fake("heartbeat")) as session:
        assert len(play(session)) == 6


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("short-body", "bytes by its schema"),
        ("bad-magic", "begins with"),
        ("many-frames", "one or two frames"),
        ("action", "may not send ACTION"),
    ],
)
def test_malformed_messages_end_the_episode_and_name_the_fault(mode: str, said: str) -> None:
    with Session(TestScenario(), program=fake(mode)) as session:
        session.reset()
        session.step(session.action())
        pid = session.pid
        assert pid is not None
        with pytest.raises(ProtocolError, match=said):
            session.step(session.action())
        assert is_gone(pid)


@pytest.mark.parametrize(
    ("mode", "error", "said"),
    [
        ("wrong-token", SimulationDied, "wrong token"),
        ("wrong-run", SimulationDied, "unknown run id"),
        ("wrong-hash", SchemaError, "hash"),
        ("wrong-protocol", ProtocolError, "speaks protocol 2"),
        ("no-schema", SimulationDied, "HELLO lacks `schema`"),
        ("wrong-shape", SchemaError, "slice_high"),
        ("huge", SchemaError, "extra"),
        ("die-at-start", SimulationDied, "no such radio"),
        ("silent", SimulationTimeout, "did not dial in"),
    ],
)
def test_a_simulation_that_cannot_be_accepted_is_told_with_the_reason(
    mode: str, error: type[SliceBridgeError], said: str
) -> None:
    timeout_s = 2.0 if mode == "silent" else 20.0
    with (
        Session(TestScenario(), program=fake(mode), connect_timeout_s=timeout_s) as session,
        pytest.raises(error, match=said),
    ):
        session.reset()


def test_another_network_in_the_next_episode_is_refused() -> None:
    class Shifty(TestScenario):
        """Grows by a cell when it is asked for another seed."""

        def with_seed(self, seed: int) -> Shifty:
            return replace(self, seed=seed, cells=self.cells + 1)

    with Session(Shifty(), program=fake()) as session:
        session.reset()
        with pytest.raises(SchemaError, match="episode before"):
            session.reset(seed=2)
        assert session.pid is None
        assert session.reset().step == 0


def test_after_a_failure_the_session_can_be_reset() -> None:
    with Session(TestScenario(), program=fake("die")) as session:
        for _ in range(2):
            session.reset()
            session.step(session.action())
            with pytest.raises(SimulationDied):
                session.step(session.action())
            with pytest.raises(SessionStateError):
                session.step(session.action())


def test_close_leaves_no_process_and_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Session(TestScenario(), program=fake()) as session:
        session.reset()
        pid = session.pid
        directories = [path for path in tmp_path.iterdir() if path.is_dir()]
        assert len(directories) == 2
        assert all(path.stat().st_mode & 0o777 == 0o700 for path in directories)
    assert pid is not None
    assert is_gone(pid)
    assert list(tmp_path.iterdir()) == []
    session.close()


def test_a_simulation_that_ignores_sigterm_is_killed() -> None:
    session = Session(TestScenario(), program=fake("ignore-sigterm"))
    session.reset()
    pid = session.pid
    assert pid is not None
    episode = session._episode
    assert episode is not None
    episode.kill()
    assert is_gone(pid)
    session.close()


def test_records_go_where_they_are_wanted(tmp_path: Path) -> None:
    with Session(TestScenario(), program=fake(), out_dir=tmp_path / "run") as session:
        play(session)
        play(session)
    assert (tmp_path / "run" / "scenario.json").is_file()
    assert (tmp_path / "run" / "log.txt").is_file()
    assert (tmp_path / "run" / "episode-1" / "scenario.json").is_file()


def test_many_sessions_beside_each_other() -> None:
    sessions = [Session(TestScenario(seed=1 + index % 2), program=fake()) for index in range(6)]
    try:
        first = [session.reset().body.tobytes() for session in sessions]
        assert first[0] == first[2] == first[4] != first[1] == first[3] == first[5]
        assert len({session.step(session.action()).body.tobytes() for session in sessions}) == 2
    finally:
        for session in sessions:
            session.close()


def test_tcp_on_loopback_works() -> None:
    with Session(TestScenario(), program=fake(), endpoint="tcp://127.0.0.1:*") as session:
        assert len(play(session)) == 6


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("tcp://0.0.0.0:5555", "loopback only"),
        ("tcp://*:5555", "loopback only"),
        ("tcp://127.0.0.1:99999", "an endpoint is"),
        ("udp://127.0.0.1:5555", "an endpoint is"),
        ("nonsense", "an endpoint is"),
        ("ipc:///tmp/" + "x" * 120, "107"),
        ("ipc:///nonexistent/directory/link", "cannot listen"),
    ],
)
def test_a_bad_endpoint_is_refused_before_anything_starts(endpoint: str, said: str) -> None:
    with Session(TestScenario(), program=fake(), endpoint=endpoint) as session:
        with pytest.raises(EndpointError, match=said):
            session.reset()
        assert session.pid is None


def test_a_missing_binary_names_the_command_that_builds_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLICEBRIDGE_BIN", str(tmp_path / "missing"))
    with pytest.raises(BinaryNotFound, match="SLICEBRIDGE_BIN"):
        Session(TestScenario())
    monkeypatch.delenv("SLICEBRIDGE_BIN")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("pybridge.process.BINARY_NAME", "no-such-program")
    with pytest.raises(BinaryNotFound, match="make build"):
        Session(TestScenario())
    with (
        Session(TestScenario(), program=[tmp_path / "missing"]) as session,
        pytest.raises(BinaryNotFound, match="missing"),
    ):
        session.reset()


def test_calls_out_of_order_are_named() -> None:
    with Session(TestScenario(), program=fake()) as session:
        with pytest.raises(SessionStateError, match="reset"):
            _ = session.schema
        session.reset()
        high = session.action()
        with Session(TestScenario(), levels="both", program=fake()) as other:
            other.reset()
            with pytest.raises(SessionStateError, match="another session"):
                other.step(high)
        observation = play(session)[-1]
        assert observation.last
        with pytest.raises(SessionStateError, match="reset"):
            session.step(high)


@pytest.mark.parametrize("mode", ["leave", "die-welcomed"])
def test_a_simulation_that_leaves_between_messages_is_told_as_dead(mode: str) -> None:
    def play_slowly() -> None:
        session.reset()
        time.sleep(0.3)
        session.step(session.action())

    with Session(TestScenario(), program=fake(mode)) as session, pytest.raises(SimulationDied) as caught:
        play_slowly()
    assert caught.value.signal_name == "SIGKILL"
