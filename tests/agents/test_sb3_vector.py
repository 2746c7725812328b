# SPDX-License-Identifier: MIT
"""Stable-baselines3 on a vector of simulations."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from agents.sb3_vector import Sb3VectorEnv
from pybridge import SliceEnv, SliceVectorEnv
from tests.link.scenario import TestScenario, fake


def vector(count: int) -> Sb3VectorEnv:
    """Of fake simulations of five steps."""
    return Sb3VectorEnv(SliceVectorEnv(TestScenario(), count, autoreset_mode=AutoresetMode.SAME_STEP, program=fake()))


def test_it_gives_what_stable_baselines_makes_of_single_environments() -> None:
    ours, theirs = vector(2), DummyVecEnv([lambda: SliceEnv(TestScenario(), program=fake())] * 2)
    try:
        for env in (ours, theirs):
            env.seed(3)
        assert (ours.reset() == theirs.reset()).all()
        assert [info["rng_run"] for info in ours.reset_infos] == [3, 4]
        random = np.random.default_rng(1)
        for _ in range(12):
            action = random.random((2, *ours.action_space.shape), dtype=np.float32)
            found, expected = ours.step(action), theirs.step(action)
            for ours_part, theirs_part in zip(found[:3], expected[:3], strict=True):
                assert (np.asarray(ours_part) == np.asarray(theirs_part)).all()
            for one, other in zip(found[3], expected[3], strict=True):
                assert one["TimeLimit.truncated"] == other["TimeLimit.truncated"]
                assert ("terminal_observation" in one) == ("terminal_observation" in other)
                if "terminal_observation" in one:
                    assert (one["terminal_observation"] == other["terminal_observation"]).all()
    finally:
        ours.close()
        theirs.close()


def test_ppo_learns_on_it() -> None:
    env = VecMonitor(vector(2))
    try:
        learner = PPO("MlpPolicy", env, n_steps=10, batch_size=10, n_epochs=1, seed=1, device="cpu").learn(20)
        assert learner.num_timesteps == 20
        assert len(learner.ep_info_buffer or []) == 4
    finally:
        env.close()


def test_another_autoreset_is_refused() -> None:
    with SliceVectorEnv(TestScenario(), 1, program=fake()) as env, pytest.raises(ValueError, match="SAME_STEP"):
        Sb3VectorEnv(env)
