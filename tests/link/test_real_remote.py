# SPDX-License-Identifier: MIT
"""The real program as a simulation on another host: with a key, with none, and interrupted before it is let in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import zmq

from pybridge.errors import SimulationTimeout, SliceBridgeError
from pybridge.keys import write_keys
from pybridge.scenario import load_scenario
from pybridge.session import Session
from pybridge.wire import Header, MessageType

SHORT = {"timing.duration_s": 0.3}


class Started(threading.Thread):
    """Starts the program as the session says, and waits for its end."""

    def __init__(self, program: Path, session: Session, folder: Path, *arguments: str) -> None:
        super().__init__()
        self.program, self.session, self.folder, self.arguments = program, session, folder, arguments
        self.code: int | None = None
        self.said = ""

    def run(self) -> None:
        ticket = self.folder / "run.env"
        while not ticket.exists() or ticket.read_text().count("\n") < 2:
            time.sleep(0.01)
        listener = self.session._listener
        assert listener is not None
        command = [self.program, "--scenario", self.folder / "scenario.json", "--agent", listener.endpoint]
        variables = dict(line.split("=") for line in ticket.read_text().splitlines())
        done = subprocess.run(
            [*command, *self.arguments], env={**os.environ, **variables}, capture_output=True, text=True, timeout=120
        )
        self.code, self.said = done.returncode, done.stderr


def test_an_episode_over_curve(simulation_program: Path, tmp_path: Path) -> None:
    learner, simulation = write_keys(tmp_path / "keys")
    scenario = load_scenario("nr-small", SHORT)
    with Session(scenario, remote=True, out_dir=tmp_path, endpoint="tcp://127.0.0.1:*", key=learner) as session:
        started = Started(simulation_program, session, tmp_path, "--key", str(simulation))
        started.start()
        observation = session.reset()
        while not observation.last:
            observation = session.step(session.action())
        started.join()
    assert started.code == 0
    assert observation.time_s == pytest.approx(0.3)


@pytest.mark.parametrize("key", ["of another learner", "none"])
def test_without_the_right_key_the_program_says_so_and_the_learner_is_unharmed(
    simulation_program: Path, tmp_path: Path, key: str
) -> None:
    learner, _ = write_keys(tmp_path / "keys")
    arguments = [] if key == "none" else ["--key", str(write_keys(tmp_path / "other")[1])]
    session = Session(
        load_scenario("nr-small", SHORT),
        remote=True,
        out_dir=tmp_path,
        endpoint="tcp://127.0.0.1:*",
        key=learner,
        connect_timeout_s=5.0,
    )
    with session:
        started = Started(simulation_program, session, tmp_path, *arguments)
        started.start()
        with pytest.raises(SimulationTimeout, match="did not dial in"):
            session.reset()
        started.join()
        assert session._listener is not None
        assert session._listener.refused > 0
    assert started.code == 4
    assert "does not take" in started.said


def test_sigterm_while_welcome_is_awaited_is_logged(simulation_program: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.json"
    scenario.write_text(load_scenario("nr-small", SHORT).resolved_json())
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.linger = 0
        port = router.bind_to_random_port("tcp://127.0.0.1")
        command = [simulation_program, "--scenario", scenario, "--agent", f"tcp://127.0.0.1:{port}", "--run-id", "r"]
        variables = {**os.environ, "SLICEBRIDGE_TOKEN": "a" * 64}
        process = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
        assert router.poll(30_000)
        assert json.loads(router.recv_multipart()[2])["run_id"] == "r"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert "interrupted while waiting for WELCOME" in said


def test_a_fork_that_no_parent_asks_for_writes_nothing(simulation_program: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    order = {"token": "ab" * 32, "fork_run_id": "x", "fork_token": "cd" * 32, "log": str(precious), "out": None}
    scenario = load_scenario("nr-small", SHORT)
    with Session(scenario, remote=True, out_dir=tmp_path / "run", heartbeat_timeout_s=2.0) as session:
        started = Started(simulation_program, session, tmp_path / "run")
        started.start()
        session.reset()
        episode = session._episode
        assert episode is not None
        episode._send(Header(MessageType.FORK), json.dumps(order).encode())
        started.join()
        with pytest.raises(SliceBridgeError):
            session.wait()
    assert started.code == 4
    assert "not this program's parent" in started.said
    assert precious.read_text() == "kept"
