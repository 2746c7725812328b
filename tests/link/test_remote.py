# SPDX-License-Identifier: MIT
"""Simulations on other hosts: keys, heartbeats, and what listens. Sockets are real, hosts are this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq
from click.testing import CliRunner

from pybridge.cli import main
from pybridge.errors import EndpointError, SimulationDied
from pybridge.keys import KeyFileError, read_learner_key, write_keys
from pybridge.listener import Listener
from pybridge.session import Session
from pybridge.wire import Header, MessageType, pack_header
from tests.link.scenario import TestScenario, fake
from tests.link.test_listener import HELLO, TOKEN, pump

TCP = "tcp://127.0.0.1:*"


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """Of a learner and of its simulations."""
    return write_keys(tmp_path / "keys")


@contextmanager
def dealer(listener: Listener, **options: bytes) -> Iterator[Any]:
    """A peer that has said HELLO; options: of CURVE."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        for name, value in options.items():
            setattr(socket, name, value)
        socket.connect(listener.endpoint)
        socket.send_multipart([pack_header(Header(MessageType.HELLO)), json.dumps(HELLO).encode()])
        yield socket


def curve(path: Path) -> dict[str, bytes]:
    """Options of a socket that has the key in a file."""
    key = {name: value.encode() for name, value in json.loads(path.read_text()).items()}
    return {
        "curve_publickey": key["public"],
        "curve_secretkey": key["secret"],
        "curve_serverkey": key["learner_public"],
    }


def test_keys_are_private_and_never_overwritten(tmp_path: Path) -> None:
    run = CliRunner()
    done = run.invoke(main, ["keys", "--out", str(tmp_path / "k")])
    assert done.exit_code == 0
    learner, simulation = (tmp_path / "k" / name for name in ("learner.key", "simulation.key"))
    assert [path.stat().st_mode & 0o777 for path in (learner, simulation)] == [0o600, 0o600]
    before = learner.read_bytes(), simulation.read_bytes()
    again = run.invoke(main, ["keys", "--out", str(tmp_path / "k")])
    assert again.exit_code == 2
    assert "is there already" in again.output
    assert (learner.read_bytes(), simulation.read_bytes()) == before
    assert read_learner_key(learner).secret.decode() not in repr(read_learner_key(learner))
    help_text = run.invoke(main, ["keys", "--help"]).output
    assert "Examples:" in help_text


def test_a_key_that_is_open_to_others_or_of_the_wrong_side_is_refused(keys: tuple[Path, Path]) -> None:
    learner, simulation = keys
    with pytest.raises(KeyFileError, match="not a learner's"):
        read_learner_key(simulation)
    learner.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_learner_key(learner)
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_learner_key(learner.with_name("nothing"))


def test_other_hosts_may_dial_in_only_with_a_key(keys: tuple[Path, Path]) -> None:
    for endpoint in ("tcp://0.0.0.0:*", "tcp://*:*", "tcp://192.0.2.1:5555"):
        with pytest.raises(EndpointError, match="loopback"):
            Listener(endpoint)
    listener = Listener("tcp://0.0.0.0:*", keys[0])
    listener.close()


def test_who_has_the_key_is_let_in_and_all_others_are_refused_and_told_of(
    keys: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    listener = Listener(TCP, keys[0])
    ticket = listener.expect("r", TOKEN)
    right = curve(keys[1])
    public, secret = zmq.curve_keypair()
    unknown = right | {"curve_publickey": public, "curve_secretkey": secret}
    of_another = curve(write_keys(tmp_path / "other")[1])
    try:
        for refused, options in enumerate((unknown, of_another, {})):
            with dealer(listener, **options):
                deadline = time.monotonic() + 10.0
                while listener.refused <= refused and time.monotonic() < deadline:
                    listener.pump(time.monotonic() + 0.05)
            assert listener.refused > refused
            assert ticket.connection is None
        assert "its key is unknown (from 127.0.0.1)" in caplog.text
        assert "it has no key, or not this learner's" in caplog.text
        with dealer(listener, **right):
            pump(listener, ticket, 10.0)
            assert ticket.connection is not None
    finally:
        listener.close()


class ByHand:
    """Does in a thread what a user does at another host: reads what the session prints, and starts a fake peer."""

    def __init__(self, folder: Path, *behaviour: str) -> None:
        self.folder, self.behaviour = folder, behaviour
        self.process: subprocess.Popen[bytes] | None = None
        self.thread = threading.Thread(target=self._start)

    def __enter__(self) -> ByHand:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.join()
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def _start(self) -> None:
        ticket = self.folder / "run.env"
        while not ticket.exists() or ticket.read_text().count("\n") < 2:
            time.sleep(0.01)
        assert ticket.stat().st_mode & 0o777 == 0o600
        variables = dict(line.split("=") for line in ticket.read_text().splitlines())
        command = [*fake(*self.behaviour), "--scenario", str(self.folder / "scenario.json"), "--agent", self.endpoint]
        command += ["--run-id", variables["SLICEBRIDGE_RUN_ID"]]
        self.process = subprocess.Popen(command, env={**os.environ, **variables})

    endpoint = ""


def by_hand(session: Session, folder: Path, *behaviour: str) -> ByHand:
    """For the next reset of a session."""
    hand = ByHand(folder, *behaviour)
    hand.endpoint = str(session._endpoint)
    return hand


def remote_session(folder: Path, **arguments: Any) -> Session:
    """Over a fixed ipc endpoint, since the fake peer knows no keys."""
    endpoint = f"ipc://{folder}/link"
    return Session(TestScenario(), remote=True, out_dir=folder / "out", endpoint=endpoint, **arguments)


def test_a_remote_simulation_is_started_by_hand_and_serves_an_episode(
    tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("r")
    with remote_session(folder) as session, by_hand(session, folder / "out") as hand:
        observation = session.reset()
        assert session.pid is None
        while not observation.last:
            observation = session.step(session.action())
        assert hand.process is not None
        assert hand.process.wait(10.0) == 0
        ticket = (folder / "out" / "run.env").read_text()
    said = capfd.readouterr().err
    assert f"--agent ipc://{folder}/link" in said
    assert all(line.split("=")[1] not in said for line in ticket.split())


def test_a_remote_simulation_that_vanishes_is_missed_within_the_stated_time(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("r")
    with (
        remote_session(folder, heartbeat_timeout_s=1.0) as session,
        by_hand(session, folder / "out", "beats") as hand,
    ):
        session.reset()
        assert hand.process is not None
        hand.process.send_signal(signal.SIGSTOP)
        begin = time.monotonic()
        with pytest.raises(SimulationDied, match="no sign of life from its host for 1 s"):
            session.step(session.action())
        assert 1.0 <= time.monotonic() - begin < 10.0


def test_heartbeats_carry_a_step_over_any_length(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("r")
    with remote_session(folder, heartbeat_timeout_s=1.0) as session, by_hand(session, folder / "out", "beats"):
        session.reset()
        session.step(session.action())
        begin = time.monotonic()
        assert session.step(session.action()).step == 2  # computes for four seconds
        assert time.monotonic() - begin >= 3.0


def listening_beyond_loopback() -> list[str]:
    """Addresses that this process and its children listen at and that other hosts could reach."""
    mine = [psutil.Process(), *psutil.Process().children(recursive=True)]
    sockets = [connection for process in mine for connection in process.net_connections("inet")]
    listening = [c.laddr.ip for c in sockets if c.status == psutil.CONN_LISTEN or c.type.name == "SOCK_DGRAM"]
    return [address for address in listening if address not in ("127.0.0.1", "::1")]


@pytest.mark.parametrize("endpoint", [None, TCP])
def test_nothing_listens_but_ipc_and_loopback(endpoint: str | None) -> None:
    with Session(TestScenario(), program=fake(), endpoint=endpoint) as session:
        session.reset()
        assert listening_beyond_loopback() == []
        assert session.pid is not None
        listening = [c for c in psutil.Process().net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        assert bool(listening) == (endpoint is not None)
