# SPDX-License-Identifier: MIT
"""The vector environment: as Gymnasium defines one, bit by bit as single environments, and losses are replaced."""

from __future__ import annotations

import logging
import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from pybridge import SliceEnv, SliceVectorEnv, Task
from pybridge.envs.qos import Satisfaction
from pybridge.errors import ActionError, SessionStateError, SimulationError
from pybridge.observation import Observation
from pybridge.scenario import Scenario, load_scenario
from tests.link.low_policies import random_policy
from tests.link.scenario import TestScenario, fake
from tests.link.test_session import is_gone


def actions_for(env: Any, steps: int) -> list[np.ndarray[Any, Any]]:
    """The same every time."""
    random = np.random.default_rng(3)
    return [random.random(env.action_space.shape, dtype=np.float32) for _ in range(steps)]


def plain(value: Any) -> Any:
    """For comparison to the bit."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [plain(item) for item in value]
    return (value.dtype, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


def trajectory(env: Any, steps: int, seed: int | None) -> list[Any]:
    """All that reset and steps give."""
    out = [plain(part) for part in env.reset(seed=seed)]
    for action in actions_for(env, steps):
        out += [plain(part) for part in env.step(action)]
    return out


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_it_gives_what_gymnasium_makes_of_single_environments(mode: AutoresetMode) -> None:
    with SliceVectorEnv(TestScenario(), 3, autoreset_mode=mode, program=fake()) as ours:
        assert isinstance(ours, gym.vector.VectorEnv)
        assert ours.metadata["autoreset_mode"] == mode
        found = trajectory(ours, 13, seed=4)
    theirs = SyncVectorEnv([lambda: SliceEnv(TestScenario(), program=fake())] * 3, autoreset_mode=mode)
    expected = trajectory(theirs, 13, seed=4)
    theirs.close()
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert found == expected


def nr() -> Scenario:
    """A short NR scenario."""
    return load_scenario("nr-small", {"timing.duration_s": 0.5, "timing.warm_up_s": 0.1})


@pytest.mark.usefixtures("simulation_program")
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_real_simulations_are_the_same_bits_whatever_runs_beside_them(mode: AutoresetMode) -> None:
    with SliceVectorEnv(nr(), 3, autoreset_mode=mode) as ours:
        found = trajectory(ours, 13, seed=4)
    theirs = SyncVectorEnv([lambda: SliceEnv(nr())] * 3, autoreset_mode=mode)
    expected = trajectory(theirs, 13, seed=4)
    theirs.close()
    assert found == expected


def test_without_a_seed_sub_environments_differ_and_the_whole_is_the_same_again() -> None:
    runs = []
    for _ in range(2):
        with SliceVectorEnv(TestScenario(seed=11), 3, program=fake()) as env:
            observation, infos = env.reset()
            assert list(infos["rng_run"]) == [11, 12, 13]
            runs.append([observation.tobytes(), *trajectory(env, 8, seed=None)])
    assert runs[0] == runs[1]


def test_each_may_have_its_own_seed() -> None:
    with SliceVectorEnv(TestScenario(), 3, program=fake()) as env:
        observation, infos = env.reset(seed=[5, 9, 5])
        assert list(infos["rng_run"]) == [5, 9, 5]
        assert (observation[0] == observation[2]).all()
        assert (observation[0] != observation[1]).any()
        with pytest.raises(ValueError, match="3 sub-environments, got 2"):
            env.reset(seed=[1, 2])


def test_without_autoreset_those_of_the_mask_are_reset_and_no_other() -> None:
    with SliceVectorEnv(TestScenario(), 2, autoreset_mode=AutoresetMode.DISABLED, program=fake()) as env:
        env.reset(seed=1)
        long_step = actions_for(env, 1)[0]
        for _ in range(2):
            env.step(long_step)
        env.reset(options={"reset_mask": np.array([False, True])})
        pids = [one.session.pid for one in env.envs]
        for _ in range(3):
            observation, _, _, truncations, _ = env.step(long_step)
        assert list(truncations) == [True, False]
        with pytest.raises(SessionStateError, match="sub-environment 0 is over"):
            env.step(long_step)
        again, infos = env.reset(options={"reset_mask": np.array([True, False])})
        assert (again[1] == observation[1]).all()
        assert (again[0] != observation[0]).any()
        assert list(infos["_rng_run"]) == [True, False]
        assert env.envs[1].session.pid == pids[1]
        _, _, _, truncations, _ = env.step(long_step)
        assert not truncations.any()
        for bad in ([True, False], np.array([1, 0]), np.array([False, False]), np.array([True])):
            with pytest.raises((TypeError, ValueError), match="reset_mask"):
                env.reset(options={"reset_mask": bad})


def test_nothing_is_sent_if_one_action_is_bad() -> None:
    with SliceVectorEnv(TestScenario(), 2, program=fake()) as env:
        env.reset(seed=1)
        good = actions_for(env, 1)[0]
        bad = good.copy()
        bad[1, 3] = np.nan
        with pytest.raises(ActionError, match="sub-environment 1"):
            env.step(bad)
        with pytest.raises(ActionError, match="shape"):
            env.step(good[0])
        assert list(env.step(good)[4]["time_s"]) == [0.01, 0.01]


def test_who_is_ready_is_answered_and_slow_ones_hold_up_nobody() -> None:
    with SliceVectorEnv(TestScenario(epochs=50), 3, program=fake()) as env:
        env.reset(seed=1)
        action = actions_for(env, 1)[0]
        os.kill(env.envs[1].session.pid or 0, signal.SIGSTOP)
        env.send(action, [0, 1, 2])
        served: list[int] = []
        while len(served) < 20:
            batch = env.recv(min_batch=1)
            assert batch.observations.shape == (len(batch.env_ids), *env.single_observation_space.shape)
            served += [int(index) for index in batch.env_ids]
            env.send(action[batch.env_ids], batch.env_ids)
        assert set(served) == {0, 2}
        with pytest.raises(SessionStateError, match=r"\[1\]"):
            env.send(action[1:2], [1])
        with pytest.raises(SessionStateError, match="not received"):
            env.step(action)
        os.kill(env.envs[1].session.pid or 0, signal.SIGCONT)
        batch = env.recv(min_batch=99, timeout_s=20.0)
        assert sorted(batch.env_ids) == [0, 1, 2]
        assert len(env.recv(timeout_s=0.0).env_ids) == 0
        assert env.step(action)[0].shape == env.observation_space.shape


def test_asynchronous_results_are_those_of_single_environments() -> None:
    found: dict[int, list[bytes]] = {0: [], 1: [], 2: []}
    with SliceVectorEnv(TestScenario(), 3, program=fake()) as env:
        observations, _ = env.reset(seed=7)
        action = np.full(env.action_space.shape, 0.5, np.float32)
        for index in found:
            found[index].append(observations[index].tobytes())
        env.send(action, [2, 0, 1])
        while any(len(rows) < 6 for rows in found.values()):
            batch = env.recv()
            for index, row, truncated in zip(batch.env_ids, batch.observations, batch.truncations, strict=True):
                found[int(index)].append(row.tobytes())
                if not truncated:
                    env.send(action[:1], [index])
    for index, rows in found.items():
        single = SliceEnv(TestScenario(), program=fake())
        expected = [single.reset(seed=7 + index)[0].tobytes()]
        expected += [single.step(action[0])[0].tobytes() for _ in range(5)]
        single.close()
        assert rows == expected


@dataclass
class Constant:
    """A reward that tells which task it is."""

    value: float

    def __call__(self, observation: Observation, satisfaction: Satisfaction) -> float:
        """Always the same."""
        return self.value


@dataclass(frozen=True)
class Crowded(TestScenario):
    """More UEs in every slice."""

    def resolved_json(self) -> str:
        """Three per cell and slice."""
        return super().resolved_json().replace('"ues": 1', '"ues": 3')


def test_tasks_are_switched_at_reset_and_may_differ_in_ues_and_reward() -> None:
    with SliceVectorEnv(Task(TestScenario(), Constant(1.0)), 3, program=fake()) as env:
        env.reset(seed=1)
        action = actions_for(env, 1)[0]
        assert list(env.step(action)[1]) == [1.0, 1.0, 1.0]
        env.reset(seed=1, options={"tasks": [None, Task(Crowded(), Constant(2.0)), Task(TestScenario(epochs=2))]})
        assert [one.session.schema.n_ues for one in env.envs] == [6, 18, 6]
        _, rewards, *_ = env.step(action)
        assert list(rewards[:2]) == [1.0, 2.0]
        assert rewards[2] not in (1.0, 2.0)
        assert list(env.step(action)[3]) == [False, False, True]
        for tasks in ([Task(TestScenario(cells=3)), None, None], [None]):
            with pytest.raises(ValueError, match=r"cells|3 sub-environments"):
                env.reset(options={"tasks": tasks})


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_lost_simulation_is_replaced_told_and_logged(mode: AutoresetMode, caplog: pytest.LogCaptureFixture) -> None:
    with SliceVectorEnv(TestScenario(), 3, autoreset_mode=mode, program=fake()) as env:
        env.reset(seed=1)
        action = actions_for(env, 1)[0]
        before = env.step(action)[0]
        pid = env.envs[1].session.pid or 0
        with caplog.at_level(logging.WARNING):
            os.kill(pid, signal.SIGKILL)
            observation, rewards, terminations, truncations, infos = env.step(action)
        assert list(truncations) == [False, True, False]
        assert not terminations.any()
        assert rewards[1] == 0.0
        assert "SIGKILL" in infos["simulation_lost"][1]
        assert list(infos["_simulation_lost"]) == [False, True, False]
        assert "sub-environment 1 lost its simulation" in caplog.text
        last = infos["final_obs"][1] if mode == AutoresetMode.SAME_STEP else observation[1]
        assert (last == before[1]).all()
        assert is_gone(pid)
        _, _, _, truncations, infos = env.step(action)
        assert not truncations.any()
        assert infos["time_s"][1] == (0.0 if mode == AutoresetMode.NEXT_STEP else 0.01)


def test_a_simulation_that_hangs_is_noticed_while_others_are_busy() -> None:
    with SliceVectorEnv(TestScenario(epochs=100_000), 2, step_timeout_s=1.0, program=fake()) as env:
        env.reset(seed=1)
        action = actions_for(env, 1)[0]
        os.kill(env.envs[1].session.pid or 0, signal.SIGSTOP)
        begin = time.monotonic()
        env.send(action, [0, 1])
        while True:
            batch = env.recv()
            if 1 in batch.env_ids:
                break
            env.send(action[:1], [0])
        assert 1.0 <= time.monotonic() - begin < 10.0
        assert "did not send step 1 within 1 s" in batch.infos[list(batch.env_ids).index(1)]["simulation_lost"]


def test_a_simulation_that_dies_while_it_begins_is_replaced_by_one_of_the_same_seed(tmp_path: Path) -> None:
    # The first two starts fail, as on a machine that is short of memory for a moment.
    script = tmp_path / "flaky"
    script.write_text(f'#!/bin/sh\nmkdir {tmp_path}/a 2>&- || mkdir {tmp_path}/b 2>&- || exec "$@"\nkill -9 $$\n')
    script.chmod(0o755)
    with SliceVectorEnv(TestScenario(), 2, program=[script, *fake()]) as env:
        observation, infos = env.reset(seed=3)
        assert list(infos["rng_run"]) == [3, 4]
        assert "SIGKILL" in str(infos["simulation_lost"])
    with SliceVectorEnv(TestScenario(), 2, program=fake()) as env:
        assert (env.reset(seed=3)[0] == observation).all()


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("die-welcomed", "lost 4 simulations in a row"),
        ("die", "lost 4 simulations in a row"),
        ("die-at-start", "^the simulation died: exit code 2"),  # a scenario that is refused stays so
    ],
)
def test_losses_that_go_on_are_an_error(mode: str, said: str) -> None:
    with (
        SliceVectorEnv(TestScenario(), 2, max_losses=3, program=fake(mode)) as env,
        pytest.raises(SimulationError, match=said),
    ):
        trajectory(env, 50, seed=1)


def test_close_ends_every_simulation_and_gives_everything_back() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    env = SliceVectorEnv(TestScenario(), 4, program=fake())
    env.reset(seed=1)
    pids = [one.session.pid or 0 for one in env.envs]
    env.send(actions_for(env, 1)[0][:2], [0, 1])
    env.close()
    env.close()
    assert all(is_gone(pid) for pid in pids)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_records_of_each_are_apart(tmp_path: Path) -> None:
    scenario = replace(TestScenario(), epochs=2)
    with SliceVectorEnv(scenario, 2, out_dir=tmp_path, program=fake()) as env:
        trajectory(env, 3, seed=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["env-0", "env-1"]
    assert (tmp_path / "env-1" / "episode-1" / "log.txt").exists()


def test_bad_arguments_are_told() -> None:
    with pytest.raises(ValueError, match="num_envs"):
        SliceVectorEnv(TestScenario(), 0, program=fake())
    with SliceVectorEnv(TestScenario(), 2, program=fake()) as env:
        env.reset(seed=1)
        with pytest.raises(ValueError, match="distinct"):
            env.send(actions_for(env, 1)[0], [0, 0])


@pytest.mark.usefixtures("simulation_program")
def test_low_level_policies_reach_every_simulation_and_their_trajectories_come_back() -> None:
    options = {"low_policy": random_policy(record=True)}
    with SliceVectorEnv(nr(), 2) as env:
        env.reset(seed=3, options=options)
        action = np.full(env.action_space.shape, 0.5, np.float32)
        # Six steps: the fifth ends the episode, the sixth begins the next, whose policy is the same.
        found = [env.step(action)[4] for _ in range(7)]
    for index in range(2):
        single = SliceEnv(nr())
        single.reset(seed=3 + index, options=options)
        for infos in found[:5]:
            assert plain(infos["low_level"][index]) == plain(single.step(action[index])[4]["low_level"])
        single.reset()
        assert plain(found[6]["low_level"][index]) == plain(single.step(action[index])[4]["low_level"])
        single.close()
    assert "low_level" not in found[5]


@pytest.mark.usefixtures("simulation_program")
def test_each_may_have_its_own_low_level_policy_or_none() -> None:
    policies = [random_policy(seed=1, record=True), None, random_policy(seed=2, record=True)]
    with SliceVectorEnv(nr(), 3) as env:
        env.reset(seed=[4, 4, 4], options={"low_policies": policies})
        first, second = (env.step(np.full(env.action_space.shape, 0.5, np.float32))[4] for _ in range(2))
        with pytest.raises(ValueError, match="one for each of 3, got 1"):
            env.reset(options={"low_policies": [None]})
    assert list(first["_low_level"]) == [True, False, True]
    raw = [second["low_level"][index]["raw_action"] for index in (0, 2)]
    assert not np.array_equal(raw[0], raw[1], equal_nan=True)
