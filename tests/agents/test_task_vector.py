# SPDX-License-Identifier: MIT
"""Tasks as an environment of stable-baselines3: when they change, what RL² remembers, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from agents.actuators import REACH, Actuator
from agents.batch import RolloutError
from agents.controls import action_of_logits
from agents.dpp import default_parameters, dpp_logits, start_state, update_state
from agents.rules import Interface
from agents.slice_inputs import read_slice_inputs
from tests.agents.toy_network import STEPS, toy_source


def test_every_episode_has_other_tasks_and_seeds() -> None:
    source, vector = toy_source(best=tuple(np.linspace(0, 1, 100)))
    env = source.environment(seed=1)
    env.reset()
    first = list(vector.tasks)
    for step in range(1, 2 * STEPS + 1):
        _, reward, dones, infos = env.step(np.zeros((4, 13), np.float32))
        assert dones.all() == (step % STEPS == 0)
        if step % STEPS == 0:
            assert all(info["TimeLimit.truncated"] and info["episode"]["l"] == STEPS for info in infos)
            assert infos[0]["terminal_observation"].shape == (60,)
    assert reward.shape == (4,)
    assert len({seed for seeds in vector.seeds for seed in seeds}) == 12
    assert [task.best for task in vector.tasks] != [task.best for task in first]


def test_rewards_belong_to_the_simulation_that_earned_them() -> None:
    source, vector = toy_source(best=(0.1, 0.9))
    env = source.environment(seed=1)
    env.reset()
    _, reward, _, _ = env.step(np.full((4, 13), 0.8, np.float32))  # 0.9 of the environment
    expected = [1.0 - 4.0 * (0.9 - task.best) ** 2 for task in vector.tasks]
    np.testing.assert_allclose(reward, expected, rtol=1e-5)
    assert len(set(expected)) == 2


def test_a_trial_keeps_its_task_and_remembers() -> None:
    source, vector = toy_source(best=tuple(np.linspace(0, 1, 100)))
    env = source.environment(seed=1, episodes=3, remember=True)
    seen = env.reset()
    assert seen.shape == (4, 60 + 13 + 2)
    np.testing.assert_array_equal(seen[:, 60:], np.hstack([np.zeros((4, 14)), np.ones((4, 1))]))
    first = list(vector.tasks)
    for step in range(1, 3 * STEPS + 1):
        assert vector.tasks == first
        action = np.full((4, 13), step / 20, np.float32)
        seen, reward, dones, infos = env.step(action)
        assert dones.all() == (step == 3 * STEPS)
        assert ("episode" in infos[0]) == (step % STEPS == 0)
        if step < 3 * STEPS:
            np.testing.assert_array_equal(seen[:, 60:73], action)
            np.testing.assert_allclose(seen[:, 73], reward)
            assert (seen[:, 74] == (step % STEPS == 0)).all()
    assert vector.tasks != first
    np.testing.assert_array_equal(seen[:, 60:], np.hstack([np.zeros((4, 14)), np.ones((4, 1))]))
    np.testing.assert_allclose(infos[0]["terminal_observation"][73], reward[0])


@pytest.mark.parametrize(
    ("fault", "message"),
    [("nan-observation", "observation of a step"), ("nan-reward", "reward of a step"), ("lost", "killed by signal 9")],
)
def test_what_cannot_be_learned_from_is_refused(fault: str, message: str) -> None:
    env = toy_source(fault=fault)[0].environment(seed=1)
    env.reset()
    for _ in range(2):
        env.step(np.zeros((4, 13), np.float32))
    with pytest.raises(RolloutError, match=message):
        env.step(np.zeros((4, 13), np.float32))


def test_a_residual_is_added_to_what_the_rule_wants() -> None:
    actuator = Actuator("residual", Interface(1, 3, "capped"))
    observation = np.random.default_rng(1).uniform(0, 1, (2, 60)).astype(np.float32)
    residual = np.random.default_rng(2).uniform(-1, 1, (2, 12))
    seen = read_slice_inputs(observation, 1, 3)
    memory = update_state(seen, start_state((2, 1, 3)))
    logits = dpp_logits(seen, memory, default_parameters(3))
    nothing, _ = actuator.apply(np.zeros((2, 12)), observation, actuator.start((2,)))
    np.testing.assert_array_equal(nothing, action_of_logits(logits, "capped"))
    some, after = actuator.apply(residual, observation, actuator.start((2,)))
    expected = action_of_logits(logits + REACH * residual.reshape(2, 1, 4, 3), "capped")
    np.testing.assert_array_equal(some, expected)
    np.testing.assert_array_equal(after.virtual_queue, memory.virtual_queue)


def test_numbers_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        toy_source()[0].environment(seed=1, episodes=0)
