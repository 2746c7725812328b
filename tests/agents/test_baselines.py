# SPDX-License-Identifier: MIT
"""Baselines by stable-baselines3: each learns a known best action, and its checkpoint is its policy, bit for bit."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from agents import sb3_training
from agents.batch import RolloutError
from agents.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from agents.ddpg import DdpgConfig, train_ddpg
from agents.learning_curve import LearningCurve
from agents.load import make_policy
from agents.network_policy import NetworkPolicy, remembered
from agents.rl2 import Rl2Config, train_rl2
from agents.sac import SacConfig, train_sac
from agents.task_vector import TaskSource
from agents.vector_ppo import VectorPpoConfig, train_vector_ppo
from tests.agents.toy_network import STEPS, toy_source

Train = Callable[[TaskSource, int], tuple[Checkpoint, LearningCurve]]
OFF_POLICY: dict[str, Any] = {"minibatch": 64, "learning_rate": 1e-3, "updates_per_step": 0.5}
ON_POLICY: dict[str, Any] = {"learning_rate": 2e-3, "minibatches": 2, "initial_log_std": -1.0}


def trainings(scale: int) -> dict[str, Train]:
    """Of all algorithms; scale 1 is a training of a few updates."""
    ppo = VectorPpoConfig(steps=80 * scale, rollout_steps=20, **ON_POLICY)
    rl2 = Rl2Config(steps=80 * scale, episodes=3, units=16, hidden=(16,), **ON_POLICY)
    at_first = min(300, 100 * scale)
    sac = SacConfig(steps=200 * scale, learning_starts=at_first, **OFF_POLICY)
    ddpg = DdpgConfig(steps=200 * scale, learning_starts=at_first, **OFF_POLICY)
    return {
        "vector-ppo": lambda source, seed: train_vector_ppo(source, ppo, seed),
        "sac": lambda source, seed: train_sac(source, sac, seed),
        "ddpg": lambda source, seed: train_ddpg(source, ddpg, seed),
        "rl2": lambda source, seed: train_rl2(source, rl2, seed),
    }


NAMES = tuple(trainings(1))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scale"), [("vector-ppo", 40), ("sac", 12), ("ddpg", 12), ("rl2", 40)])
def test_learns_the_known_best_action(name: str, scale: int) -> None:
    checkpoint, curve = trainings(scale)[name](toy_source(best=(0.8,))[0], 1)
    # The middle, where policies begin, gives 1 - 4 x 0.3^2 = 0.64.
    policy = NetworkPolicy(checkpoint)
    observations = np.full((20, 60), 0.5, np.float32)
    observations[:, 6:9] = np.random.default_rng(0).uniform(0, 1, (20, 3))
    actions = np.stack([policy.act(observation)[:4] for observation in observations])
    assert 1.0 - 4.0 * np.square(actions - 0.8).mean() > 0.9
    assert np.mean(curve.mean_reward[-5:]) > np.mean(curve.mean_reward[:5])


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_gives_the_same_bits_and_another_seed_does_not(name: str) -> None:
    train = trainings(1)[name]
    first, curve = train(toy_source(best=(0.2, 0.8))[0], 3)
    again, same_curve = train(toy_source(best=(0.2, 0.8))[0], 3)
    other, _ = train(toy_source(best=(0.2, 0.8))[0], 4)
    assert curve == same_curve
    assert first.header == again.header
    assert {n: t.tobytes() for n, t in first.tensors.items()} == {n: t.tobytes() for n, t in again.tensors.items()}
    assert first.tensors["actor.0.weight"].tobytes() != other.tensors["actor.0.weight"].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_training_leaves_no_files_behind(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    trainings(2)[name](toy_source()[0], 5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_checkpoint_acts_as_the_learner_it_came_from(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    learners: list[BaseAlgorithm] = []
    learn = sb3_training.learn

    def remember(learner: BaseAlgorithm, *arguments: Any) -> LearningCurve:
        learners.append(learner)
        return learn(learner, *arguments)

    for module in ("vector_ppo", "sac", "ddpg", "rl2"):
        monkeypatch.setattr(f"agents.{module}.learn", remember)
    checkpoint, _ = trainings(2)[name](toy_source()[0], 5)
    [learner] = learners
    save_checkpoint(checkpoint, tmp_path)
    policy = make_policy(load_checkpoint(tmp_path))
    assert isinstance(policy, NetworkPolicy)
    normalise = learner.get_vec_normalize_env()
    assert normalise is not None
    state: Any = None
    action, reward = np.zeros(13, np.float32), np.zeros((), np.float32)
    stream = np.random.default_rng(1)
    for step in range(10):
        observation = stream.uniform(0, 1, 60).astype(np.float32)
        observation[19::20] = 1 / 3  # weights, as the hidden track has them
        begins = step % STEPS == 0
        seen: NDArray[Any] = observation
        if policy.recurrent:
            seen = np.concatenate([observation, remembered(action, reward, begins)])
        starts = np.array([step == 0])
        expected, state = learner.predict(normalise.normalize_obs(seen[np.newaxis]), state, starts, deterministic=True)
        if begins:
            policy.reset()
        np.testing.assert_allclose(policy.act(observation), (expected[0] + 1.0) / 2.0, atol=1e-5)
        action, reward = expected[0], np.float32(stream.uniform()) * np.ones((), np.float32)
        policy.observe_reward(float(reward))


@pytest.mark.parametrize("name", ["vector-ppo", "rl2"])
def test_a_residual_begins_as_the_rule(name: str) -> None:
    source, _ = toy_source(kind="residual")
    config: dict[str, Any] = {"steps": 20, "learning_rate": 1e-9}
    if name == "rl2":
        checkpoint, _ = train_rl2(source, Rl2Config(episodes=1, minibatches=1, **config), 1)
    else:
        checkpoint, _ = train_vector_ppo(source, VectorPpoConfig(rollout_steps=5, minibatches=1, **config), 1)
    policy = NetworkPolicy(checkpoint)
    observation = np.random.default_rng(1).uniform(0, 1, 60).astype(np.float32)
    observation[19::20] = 1 / 3
    rule, _ = source.actuator.apply(np.zeros(12), observation, source.actuator.start(()))
    np.testing.assert_allclose(policy.act(observation), rule, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["nan-observation", "nan-reward", "lost"])
def test_a_broken_environment_ends_the_training(name: str, fault: str) -> None:
    with pytest.raises(RolloutError):
        trainings(1)[name](toy_source(fault=fault)[0], 1)


class TestBadInput:
    @pytest.fixture
    def checkpoint(self) -> Checkpoint:
        return trainings(1)["rl2"](toy_source()[0], 1)[0]

    def test_other_spaces(self, checkpoint: Checkpoint) -> None:
        with pytest.raises(CheckpointError, match=r"action of shape \(13,\), here it is \(9,\)"):
            NetworkPolicy(checkpoint).check_spaces(gym.spaces.Box(0, 1, (60,)), gym.spaces.Box(0, 1, (9,)))

    def test_nan(self, checkpoint: Checkpoint) -> None:
        with pytest.raises(CheckpointError, match="observation 0 is not finite"):
            NetworkPolicy(checkpoint).act(np.full(60, np.nan, np.float32))
        with pytest.raises(CheckpointError, match="reward is not finite"):
            NetworkPolicy(checkpoint).observe_reward(float("nan"))

    def test_lacking_tensor(self, checkpoint: Checkpoint) -> None:
        tensors = {name: tensor for name, tensor in checkpoint.tensors.items() if name != "lstm.bias"}
        with pytest.raises(CheckpointError, match=r"lstm\.bias"):
            NetworkPolicy(Checkpoint(tensors, checkpoint.header))

    def test_forgetting(self, checkpoint: Checkpoint) -> None:
        policy, observation = NetworkPolicy(checkpoint), np.full(60, 0.5, np.float32)
        first = policy.act(observation)
        policy.observe_reward(1.0)
        assert policy.act(observation).tobytes() != first.tobytes()
        policy.forget()
        assert policy.act(observation).tobytes() == first.tobytes()
