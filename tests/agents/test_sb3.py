# SPDX-License-Identifier: MIT
"""PPO learns a task with a known answer, and its checkpoint is the policy, bit for bit."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO

from agents.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from agents.learning_curve import LearningCurve
from agents.load import load_policy
from agents.mlp_policy import MlpPolicy
from agents.sb3 import PpoConfig, train_ppo


class Target(gym.Env[NDArray[np.float32], NDArray[np.float32]]):
    """The best action equals the observation's first half; the reward is minus the squared distance to it."""

    observation_space = gym.spaces.Box(-100.0, 100.0, (4,), np.float32)
    action_space = gym.spaces.Box(np.float32([-1.0, -1.0]), np.float32([1.0, 3.0]))

    def __init__(self) -> None:
        self.closed = False
        self._step = 0

    def _observe(self) -> NDArray[np.float32]:
        self._observation = self.np_random.uniform(-0.8, 0.8, 4).astype(np.float32)
        return self._observation

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self._step = 0
        return self._observe(), {}

    def step(self, action: NDArray[np.float32]) -> Any:
        reward = -float(np.sum((action - self._observation[:2]) ** 2))
        self._step += 1
        return self._observe(), reward, False, self._step == 20, {}

    def close(self) -> None:
        self.closed = True


SHORT = PpoConfig(steps=400, rollout_steps=200, minibatch=50, hidden=(16, 16))


@pytest.fixture(scope="module")
def trained() -> tuple[Checkpoint, LearningCurve]:
    return train_ppo(Target, SHORT, seed=3)


def test_learns_the_known_best_action() -> None:
    checkpoint, curve = train_ppo(Target, PpoConfig(steps=10_000, rollout_steps=500, hidden=(32, 32)), seed=1)
    policy = MlpPolicy(checkpoint)
    observations = np.random.default_rng(0).uniform(-0.8, 0.8, (200, 4)).astype(np.float32)
    error = np.mean([np.sum((policy.act(o) - o[:2]) ** 2) for o in observations])
    # Acting 0 always would cost 2 x 0.8^2 / 3 = 0.43.
    assert error < 0.1
    assert np.mean(curve.mean_reward[-5:]) > np.mean(curve.mean_reward[:5])
    assert curve.steps[-1] == 10_000


def test_same_seed_gives_the_same_bits_and_another_seed_does_not(trained: tuple[Checkpoint, LearningCurve]) -> None:
    again, curve = train_ppo(Target, SHORT, seed=3)
    other, _ = train_ppo(Target, SHORT, seed=4)
    assert curve == trained[1]
    assert again.header == trained[0].header
    for name, tensor in trained[0].tensors.items():
        assert tensor.tobytes() == again.tensors[name].tobytes(), name
    assert other.tensors["actor.0.weight"].tobytes() != again.tensors["actor.0.weight"].tobytes()


def test_training_leaves_no_files_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    train_ppo(Target, SHORT, seed=3)
    assert not list(tmp_path.iterdir())


def test_checkpoint_acts_as_the_learner_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    learners: list[PPO] = []
    learn = PPO.learn

    def remember(self: PPO, *arguments: Any, **options: Any) -> PPO:
        learners.append(self)
        return learn(self, *arguments, **options)

    monkeypatch.setattr(PPO, "learn", remember)
    policy = MlpPolicy(train_ppo(Target, SHORT, seed=5)[0])
    [learner] = learners
    normalise = learner.get_vec_normalize_env()
    assert normalise is not None
    for observation in np.random.default_rng(1).uniform(-3, 3, (50, 4)).astype(np.float32):
        expected, _ = learner.predict(normalise.normalize_obs(observation), deterministic=True)
        np.testing.assert_allclose(policy.act(observation), [expected[0], 1.0 + 2.0 * expected[1]], atol=3e-6)


def test_round_trip_through_disk_is_exact(trained: tuple[Checkpoint, LearningCurve], tmp_path: Path) -> None:
    save_checkpoint(trained[0], tmp_path / "a")
    loaded = load_checkpoint(tmp_path / "a")
    save_checkpoint(loaded, tmp_path / "b")
    for name in ("policy.safetensors", "policy.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    observation = np.array([0.1, -0.2, 0.3, 0.4], np.float32)
    assert MlpPolicy(trained[0]).act(observation).tobytes() == load_policy(tmp_path / "a").act(observation).tobytes()


def test_action_stays_in_the_action_space(trained: tuple[Checkpoint, LearningCurve]) -> None:
    tensors = dict(trained[0].tensors)
    tensors["actor.2.bias"] = np.array([50.0, -50.0], np.float32)
    action = MlpPolicy(Checkpoint(tensors, trained[0].header)).act(np.zeros(4, np.float32))
    assert action.tolist() == [1.0, -1.0]


def test_environment_is_closed_when_it_fails() -> None:
    environment = Target()
    environment.step = lambda action: (_ for _ in ()).throw(RuntimeError("the cell burned down"))  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="burned down"):
        train_ppo(lambda: environment, SHORT, seed=1)
    assert environment.closed


def test_training_uses_one_thread(trained: tuple[Checkpoint, LearningCurve]) -> None:
    assert torch.get_num_threads() == 1


def test_untrained_policy_acts_in_the_middle_of_the_action_space() -> None:
    checkpoint, _ = train_ppo(Target, PpoConfig(steps=2, rollout_steps=2, minibatch=2, learning_rate=1e-9), seed=1)
    np.testing.assert_allclose(MlpPolicy(checkpoint).act(np.zeros(4, np.float32)), [0.0, 1.0], atol=0.05)


def test_unbounded_actions_are_refused_and_the_environment_closed() -> None:
    environment = Target()
    environment.action_space = gym.spaces.Box(-np.inf, np.inf, (2,))
    with pytest.raises(ValueError, match="bounded Box"):
        train_ppo(lambda: environment, SHORT, seed=1)
    assert environment.closed


def test_progress_rises_to_one() -> None:
    seen: list[float] = []
    train_ppo(Target, SHORT, seed=1, on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[0] > 0
    assert seen[-1] == 1.0


class TestBadCheckpoints:
    @pytest.fixture
    def directory(self, trained: tuple[Checkpoint, LearningCurve], tmp_path: Path) -> Path:
        save_checkpoint(trained[0], tmp_path / "c")
        return tmp_path / "c"

    def test_missing_tensors(self, directory: Path) -> None:
        (directory / "policy.safetensors").unlink()
        with pytest.raises(CheckpointError, match=r"policy\.safetensors is missing"):
            load_policy(directory)

    def test_flipped_bit(self, directory: Path) -> None:
        blob = bytearray((directory / "policy.safetensors").read_bytes())
        blob[-1] ^= 1
        (directory / "policy.safetensors").write_bytes(blob)
        with pytest.raises(CheckpointError, match="damaged"):
            load_policy(directory)

    def test_header_is_not_json(self, directory: Path) -> None:
        (directory / "policy.json").write_text("{")
        with pytest.raises(CheckpointError, match="not JSON"):
            load_policy(directory)

    def test_other_format(self, directory: Path) -> None:
        header = json.loads((directory / "policy.json").read_text())
        (directory / "policy.json").write_text(json.dumps(header | {"format": "slicebridge-policy/99"}))
        with pytest.raises(CheckpointError, match="slicebridge-policy/99"):
            load_policy(directory)

    def test_other_algorithm(self, trained: tuple[Checkpoint, LearningCurve]) -> None:
        with pytest.raises(CheckpointError, match="'dqn' is unknown, allowed: ppo"):
            MlpPolicy(Checkpoint(trained[0].tensors, trained[0].header | {"algorithm": "dqn"}))

    def test_lacking_tensor(self, trained: tuple[Checkpoint, LearningCurve]) -> None:
        tensors = {name: tensor for name, tensor in trained[0].tensors.items() if name != "actor.1.bias"}
        with pytest.raises(CheckpointError, match=r"actor\.1\.bias"):
            MlpPolicy(Checkpoint(tensors, trained[0].header))

    def test_other_observation_shape(self, directory: Path) -> None:
        with pytest.raises(CheckpointError, match=r"\(4,\), got \(5,\)"):
            load_policy(directory).act(np.zeros(5, np.float32))

    def test_nan_observation(self, directory: Path) -> None:
        with pytest.raises(CheckpointError, match="observation 2 is not finite"):
            load_policy(directory).act(np.array([0, 0, np.nan, 0], np.float32))

    def test_other_action_space(self, directory: Path) -> None:
        with pytest.raises(CheckpointError, match="action of shape"):
            load_policy(directory).check_spaces(Target.observation_space, gym.spaces.Box(0, 1, (3,)))
