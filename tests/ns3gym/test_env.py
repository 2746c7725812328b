# SPDX-License-Identifier: MIT
"""`Ns3GymEnv` on a simulation in the manner of ns3-gym, sound and not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import psutil
import pytest
from gymnasium.utils.env_checker import check_env

from pybridge.errors import (
    ActionError,
    BinaryNotFound,
    EndpointError,
    ProtocolError,
    SessionStateError,
    SimulationDied,
    SimulationError,
    SimulationTimeout,
)
from pybridge.ns3gym import Ns3GymEnv

ROOT = Path(__file__).parents[2]
SIMULATION = Path(__file__).with_name("simulation.py")


def command(*options: str) -> list[str]:
    """The simulation as it is started by name."""
    return [sys.executable, "-m", "tests.ns3gym.simulation", "--openGymPort={port}", "--simSeed={seed}", *options]


@contextmanager
def opened(*options: str, **keywords: Any) -> Iterator[Ns3GymEnv]:
    env = Ns3GymEnv(command(*options), directory=ROOT, **keywords)
    try:
        yield env
    finally:
        env.close()


def simulations() -> list[int]:
    """Process ids of this process's simulations, guards not counted."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if any("tests.ns3gym.simulation" in part for part in line) and not any("guard.py" in part for part in line):
            found.append(process.pid)
    return found


def test_three_episodes_of_a_thousand_steps() -> None:
    with opened("--steps=1000") as env:
        assert env.observation_space == gym.spaces.Box(0.0, 1.0, (3,), np.float32)
        for episode in range(3):
            observation, info = env.reset(seed=episode + 1)
            assert observation == pytest.approx([(episode + 1) / 2**32] * 3)
            assert info == {"extra_info": "step 0", "seed": episode + 1}
            for step in range(1, 1001):
                action = env.action_space.sample()
                observation, reward, terminated, truncated, info = env.step(action)
                assert np.array_equal(observation, action)
                assert (reward, info["extra_info"]) == (step, f"step {step}")
                assert not terminated
                assert truncated == (step == 1000)
            with pytest.raises(SessionStateError):
                env.step(action)
    assert simulations() == []


def test_conforms_to_gymnasium() -> None:
    with opened("--steps=100000") as env, warnings.catch_warnings():
        warnings.simplefilter("error")
        for harmless in (".*spec.*", ".*render modes.*"):
            warnings.filterwarnings("ignore", message=harmless)
        check_env(env, skip_render_check=True)


def test_the_first_simulation_serves_the_first_reset() -> None:
    with opened(seed=9) as env:
        (before,) = simulations()
        assert env.reset()[1]["seed"] == 9
        assert simulations() == [before]
        env.reset()
        assert simulations() != [before]


def test_every_kind_of_space_goes_both_ways() -> None:
    with opened("--spaces=rich", "--steps=50") as env:
        space = env.observation_space
        assert isinstance(space, gym.spaces.Dict)
        assert space["pair"] == gym.spaces.Tuple([gym.spaces.Discrete(4), gym.spaces.Box(0, 100, (2,), np.uint32)])
        assert space["ints"] == gym.spaces.Box(-5, 5, (1,), np.int32)
        observation, _ = env.reset()
        assert space.contains(observation)
        assert observation["doubles"].tolist() == [[0.1, 0.2], [0.3, 0.4]]
        assert (observation["pair"][0], observation["pair"][1].tolist()) == (3, [7, 8])
        for _ in range(50):
            action = env.action_space.sample()
            observation = env.step(action)[0]
            assert space.contains(observation)
            assert observation["pair"][0] == action["pair"][0]
            assert np.array_equal(observation["ints"], action["ints"])
            # Doubles travel as floats, as ns3-gym's own client sends them.
            assert np.array_equal(observation["doubles"], action["doubles"].astype(np.float32))


def test_bounds_that_ns3_gym_lost_are_open() -> None:
    with opened("--behave=unbounded") as env:
        assert env.observation_space == gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)


def test_game_over_terminates() -> None:
    with opened("--behave=game-over@2") as env:
        env.reset()
        action = env.action_space.sample()
        assert env.step(action)[2:4] == (False, False)
        assert env.step(action)[2:4] == (True, False)
        env.reset()
        env.step(action)


@pytest.mark.parametrize(
    "action",
    [
        np.zeros(2, np.float32),
        np.full(3, np.nan, np.float32),
        np.full(3, 2.0, np.float32),
        np.zeros(3, complex),
        "abc",
    ],
)
def test_a_wrong_action_is_refused_and_the_episode_goes_on(action: Any) -> None:
    with opened() as env:
        env.reset()
        with pytest.raises(ActionError):
            env.step(action)
        assert env.step(np.zeros(3, np.float32))[1] == 1.0


@pytest.mark.parametrize(
    ("behaviour", "error", "text"),
    [
        ("dies@3", SimulationDied, "SIGKILL.*the reason, in the log"),
        ("exits@3", SimulationDied, "exit code 7.*the reason, in the log"),
        ("closes@3", SimulationError, "closed its connection"),
        ("hangs@3", SimulationTimeout, "did not send its next state in 1 s"),
        ("garbage@3", ProtocolError, "no State"),
        ("short@3", ProtocolError, "1 numbers, its space has shape"),
        ("wrong-kind@3", ProtocolError, "kind 1"),
        ("wrong-content@3", ProtocolError, "DiscreteDataContainer where its kind says ns3opengym.BoxDataContainer"),
        ("no-observation@3", ProtocolError, "kind 0"),
    ],
)
def test_a_simulation_that_fails_is_an_error_in_time_and_the_next_episode_is_sound(
    behaviour: str, error: type[Exception], text: str
) -> None:
    with opened(f"--behave={behaviour}", step_timeout_s=1.0) as env:
        for _ in range(2):
            env.reset()
            action = env.action_space.sample()
            for _ in range(2):
                env.step(action)
            begin = time.monotonic()
            with pytest.raises(error, match=f"(?s){text}"):
                env.step(action)
            assert time.monotonic() - begin < 10.0
            assert simulations() == []
            with pytest.raises(SessionStateError):
                env.step(action)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ("never-dials", SimulationTimeout),
        ("dies@0", SimulationDied),
        ("hangs@0", SimulationTimeout),
        ("no-space", ProtocolError),
        ("wrong-keys@0", ProtocolError),
        ("fractions@0", ProtocolError),
    ],
)
def test_a_simulation_that_fails_from_the_start_is_an_error_of_the_constructor(
    behaviour: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        Ns3GymEnv(
            command(f"--behave={behaviour}", "--spaces=rich"),
            directory=ROOT,
            connect_timeout_s=3.0,
            step_timeout_s=1.0,
        )
    assert simulations() == []


def test_sigkill_of_the_simulation_at_random_moments() -> None:
    random = np.random.default_rng(1)
    with opened("--steps=1000000", step_timeout_s=20.0) as env:
        for _ in range(10):
            env.reset()
            timer = threading.Timer(random.uniform(0.0, 0.05), os.kill, (simulations()[0], signal.SIGKILL))
            timer.start()
            with pytest.raises(SimulationDied, match="SIGKILL"):
                step_until_it_fails(env)
            timer.join()


def step_until_it_fails(env: Ns3GymEnv) -> None:
    while True:
        env.step(env.action_space.sample())


def test_a_stopped_simulation_misses_its_deadline_and_is_ended() -> None:
    with opened("--steps=1000000", step_timeout_s=1.0) as env:
        env.reset()
        os.kill(simulations()[0], signal.SIGSTOP)
        with pytest.raises(SimulationTimeout):
            env.step(env.action_space.sample())
        assert simulations() == []


def test_a_simulation_behind_another_process_is_ended_with_it() -> None:
    with opened("--as-grandchild", "--behave=hangs@1", step_timeout_s=1.0) as env:
        env.reset()
        assert len(simulations()) == 2
        with pytest.raises(SimulationTimeout):
            env.step(env.action_space.sample())
        assert simulations() == []


@pytest.mark.parametrize("then", ["os.kill(os.getpid(), 9)", "raise RuntimeError", "sys.exit(0)", "del env"])
def test_no_simulation_outlives_its_python(then: str) -> None:
    program = (
        "import os, sys, time\n"
        "from tests.ns3gym.test_env import *\n"
        "env = Ns3GymEnv(command('--as-grandchild', '--steps=100000'), directory=ROOT)\n"
        "env.reset()\n"
        "print(*simulations(), flush=True)\n"
        f"{then}\n"
        "time.sleep(5)\n"
    )
    learner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert learner.stdout is not None
    pids = [int(pid) for pid in learner.stdout.readline().split()]
    assert len(pids) == 2
    try:
        deadline = time.monotonic() + 4.5
        while any(_runs(pid) for pid in pids):
            assert time.monotonic() < deadline, f"{pids} still run"
            time.sleep(0.05)
    finally:
        learner.kill()
        learner.communicate()


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start_by_hand(port: int, *options: str) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "tests.ns3gym.simulation", f"--openGymPort={port}", *options]
    return subprocess.Popen(arguments, cwd=ROOT)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_simulations_that_others_start_are_awaited_at_the_port() -> None:
    port = free_port()
    first = start_by_hand(port, "--steps=1000000")
    env = Ns3GymEnv(port=port, step_timeout_s=20.0)
    try:
        assert env.reset()[1]["seed"] is None
        env.step(env.action_space.sample())
        with pytest.raises(ValueError, match="seed"):
            env.reset(seed=3)
        intruder = start_by_hand(port)
        while intruder.poll() is None:  # told to stop whenever the environment looks at its port
            env.step(env.action_space.sample())
        assert intruder.returncode == 0
        second = start_by_hand(port, "--behave=closes@1")
        env.reset()
        assert first.wait(10) == 0
        with pytest.raises(SimulationError, match="closed its connection"):
            env.step(env.action_space.sample())
        second.kill()
        second.wait()
    finally:
        env.close()


def test_nobody_at_the_port_is_a_timeout() -> None:
    with pytest.raises(SimulationTimeout, match="no simulation did dial in"):
        Ns3GymEnv(port=free_port(), connect_timeout_s=0.2)


def test_a_port_that_is_taken_and_a_program_that_is_missing_are_named() -> None:
    with opened() as env, pytest.raises(EndpointError, match=str(env.port)):
        Ns3GymEnv(port=env.port)
    with pytest.raises(BinaryNotFound, match="no-such-program"):
        Ns3GymEnv(["no-such-program", "{port}"])
    with pytest.raises(BinaryNotFound, match=r"\./no-such-program"):
        Ns3GymEnv(["./no-such-program", "{port}"])
    with pytest.raises(ValueError, match="port"):
        Ns3GymEnv(["simulation"])


def test_listens_on_loopback_only_and_gives_the_port_back() -> None:
    with opened() as env:
        port = env.port
        listening = [
            c.laddr.ip
            for c in psutil.Process().net_connections("tcp")
            if c.status == psutil.CONN_LISTEN and c.laddr.port == port
        ]
        assert listening == ["127.0.0.1"]
    assert not [c for c in psutil.Process().net_connections("tcp") if c.laddr and c.laddr.port == port]


def test_logs_are_kept_where_asked_and_of_failures(tmp_path: Path) -> None:
    with opened("--behave=exits@1", log_dir=tmp_path) as env:
        env.reset()
        with pytest.raises(SimulationDied) as caught:
            env.step(env.action_space.sample())
    assert caught.value.log == tmp_path / "episode-0.txt"
    assert "the reason" in caught.value.log.read_text()
