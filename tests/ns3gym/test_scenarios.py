# SPDX-License-Identifier: MIT
"""Our scenarios under a client that behaves as ns3-gym's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from pybridge.envs import SliceEnv
from pybridge.ns3gym import Ns3GymEnv
from pybridge.ns3gym import messages as wire
from pybridge.records import last_time_s, read_raw
from pybridge.scenario import load_scenario
from tests.ns3gym.client import Client

SHIM = Path(__file__).parents[2] / "ns3_scenarios" / "ns3gym" / "shim" / "ns3"
SHORT = {"timing.high_period_ms": 10, "timing.warm_up_s": 0.1}

pytestmark = pytest.mark.usefixtures("simulation_program")


@pytest.fixture
def workplace(tmp_path: Path, simulation_program: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's directory named as the scenario, with a link to our `ns3` above it."""
    (tmp_path / "ns3").symlink_to(SHIM)
    (tmp_path / "nr-small").mkdir()
    monkeypatch.setenv("SLICEBRIDGE_BIN", str(simulation_program))
    return tmp_path / "nr-small"


@pytest.fixture
def scenario_file(tmp_path: Path) -> Path:
    path = tmp_path / "scenario.json"
    path.write_text(load_scenario("nr-small", {**SHORT, "timing.duration_s": 0.5}).resolved_json())
    return path


@pytest.fixture
def started(
    scenario_file: Path, simulation_program: Path, tmp_path: Path
) -> Iterator[tuple[Client, subprocess.Popen[str]]]:
    """A client, and a simulation that was started by hand."""
    client = Client()
    simulation = subprocess.Popen(
        [
            str(simulation_program), "--scenario", str(scenario_file), "--out", str(tmp_path / "out"),
            "--agent", f"ns3gym://127.0.0.1:{client.port}",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    client.introduce()
    yield client, simulation
    client.context.destroy(linger=0)
    simulation.kill()
    simulation.communicate()


def overrides(duration_s: float) -> dict[str, object]:
    keys = {**SHORT, "timing.duration_s": duration_s}
    return {f"--set:{key}": value for key, value in keys.items()}


def test_the_client_starts_an_nr_scenario_and_runs_three_episodes_of_a_thousand_steps(workplace: Path) -> None:
    random = np.random.default_rng(1)
    rewards = []
    for _ in range(3):
        client = Client(workplace, seed=7, arguments=overrides(10.0))
        client.introduce()
        assert client.observation_space.shape == (60,)
        assert client.action_space.shape == (9,)
        steps, total = 0, 0.0
        while not client.over:
            client.step(random.random(9, dtype=np.float32))
            assert client.observation_space.contains(client.observation)
            assert -0.2 <= client.state.reward <= 1.0
            steps, total = steps + 1, total + client.state.reward
        info = json.loads(client.state.info)
        assert (steps, info["time_s"], info["truncated"]) == (1000, 10.0, True)
        assert client.state.reason == wire.SIMULATION_END
        rewards.append(total)
        client.close()
        assert_ends(client.pid)
    assert len(set(rewards)) == 3


def assert_ends(pid: int, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"simulation {pid} still runs"
        time.sleep(0.02)


@pytest.mark.parametrize(("name", "periods"), [("nr-small", 20), ("lte-small", 5)])
def test_observations_and_rewards_are_those_of_slice_env(
    name: str, periods: int, simulation_program: Path, tmp_path: Path
) -> None:
    scenario = load_scenario(name, {"timing.warm_up_s": 0.1, "timing.duration_s": 0.1 * periods, "seed": 5})
    file = tmp_path / "scenario.json"
    file.write_text(scenario.resolved_json())
    command = [simulation_program, "--scenario", file, "--seed", "{seed}", "--agent", "ns3gym://127.0.0.1:{port}"]
    theirs, ours = Ns3GymEnv(command, seed=5), SliceEnv(scenario)
    random = np.random.default_rng(2)
    try:
        assert theirs.observation_space == ours.observation_space
        assert theirs.action_space == ours.action_space
        assert theirs.reset()[0] == pytest.approx(ours.reset()[0], abs=1e-5)
        truncated, steps = False, 0
        while not truncated:
            action = random.random(ours.action_space.shape, dtype=np.float32)
            seen, reward, _, truncated, info = theirs.step(action)
            our_seen, our_reward, _, our_truncated, our_info = ours.step(action)
            assert seen == pytest.approx(our_seen, abs=1e-5)
            assert reward == pytest.approx(our_reward, abs=1e-5)
            assert truncated == our_truncated
            told = json.loads(info["extra_info"])
            assert told["time_s"] == pytest.approx(our_info["time_s"])
            assert told["qos"] == pytest.approx(our_info["qos"], abs=1e-5)
            assert told["satisfaction"] == pytest.approx(our_info["satisfaction"], abs=1e-5)
            steps += 1
        assert steps == periods
    finally:
        theirs.close()
        ours.close()


def test_a_client_that_stops_early_leaves_whole_records(workplace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    client = Client(workplace, arguments={**overrides(10.0), "--out": out})
    client.introduce()
    for _ in range(20):
        client.step(np.full(9, 0.5, np.float32))
    client.close()  # kills the shell at once
    assert_ends(client.pid)
    assert len(read_raw(out / "slices.raw")) > 0  # whole, or it would raise
    assert last_time_s(out / "slices.raw") == pytest.approx(0.2)


def test_a_stop_is_an_orderly_end(started: tuple[Client, subprocess.Popen[str]]) -> None:
    client, simulation = started
    client.stop()
    out, _ = simulation.communicate(timeout=20)
    assert simulation.returncode == 0
    assert "urllc" in out


def test_a_client_that_vanishes_ends_the_simulation(started: tuple[Client, subprocess.Popen[str]]) -> None:
    client, simulation = started
    client.context.destroy(linger=0)
    _, err = simulation.communicate(timeout=5)
    assert simulation.returncode == 3
    assert "has closed its connection" in err


@pytest.mark.parametrize("scores", [[0.5], [float("nan")] * 9])
def test_a_bad_action_is_told_to_the_client_in_a_last_state(
    scores: list[float], started: tuple[Client, subprocess.Popen[str]]
) -> None:
    client, simulation = started
    client.step(np.array(scores, np.float32))
    assert client.over
    assert "action" in json.loads(client.state.info)["error"]
    _, err = simulation.communicate(timeout=20)
    assert simulation.returncode == 4
    assert "action" in err


def test_a_signal_is_told_to_the_client_that_waits(
    scenario_file: Path, simulation_program: Path, started: tuple[Client, subprocess.Popen[str]]
) -> None:
    client, simulation = started
    client.step(np.full(9, 0.5, np.float32))
    simulation.send_signal(signal.SIGTERM)
    _, err = simulation.communicate(timeout=20)
    assert simulation.returncode == 128 + signal.SIGTERM
    assert "ended by signal 15" in err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--agent", "ns3gym://192.0.2.1:5555"], "neither keys nor encryption"),
        (["--agent", "ns3gym://127.0.0.1"], "ns3gym://127.0.0.1:PORT"),
        (["--agent", "ns3gym://127.0.0.1:5555", "--run-id", "x"], "--run-id"),
        (["--agent", "ns3gym://127.0.0.1:5555", "--policy", "static"], "--policy"),
    ],
)
def test_wrong_command_lines_are_refused(
    arguments: list[str], text: str, scenario_file: Path, simulation_program: Path
) -> None:
    command = [str(simulation_program), "--scenario", str(scenario_file), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run", "no-such-scenario --openGymPort=5555"], "no-such-scenario"),
        (["run", "nr-small --openGymPort=70000"], "--openGymPort"),
        (["run", "nr-small stray"], "stray"),
        (["run", "--openGymPort=5555"], "no scenario is named"),
        (["configure"], "Usage"),
    ],
)
def test_the_shim_refuses_what_it_does_not_understand(arguments: list[str], text: str) -> None:
    result = subprocess.run([str(SHIM), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert text in result.stderr


def test_the_shim_has_nothing_to_build() -> None:
    assert subprocess.run([str(SHIM), "build"], timeout=60, check=False).returncode == 0
    assert os.access(SHIM, os.X_OK)
