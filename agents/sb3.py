# SPDX-License-Identifier: MIT
"""PPO (Schulman et al. 2017, arXiv:1707.06347) by stable-baselines3, ending in a checkpoint without pickle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
import stable_baselines3
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from agents.checkpoint import Checkpoint

CLIP_OBSERVATION = 10.0


@dataclass(frozen=True)
class PpoConfig:
    """Hyper-parameters of PPO, named as in the paper; defaults for short trainings of a high-level agent."""

    steps: int = 5000
    """Environment steps in all, rounded up to whole rollouts."""
    rollout_steps: int = 250
    """Steps between two updates."""
    minibatch: int = 50
    epochs: int = 10
    learning_rate: float = 1e-3
    gamma: float = 0.95
    gae_lambda: float = 0.95
    clip: float = 0.2
    entropy_coefficient: float = 0.0
    value_coefficient: float = 0.5
    max_gradient_norm: float = 0.5
    initial_log_std: float = -0.7
    hidden: tuple[int, ...] = (64, 64)


@dataclass
class LearningCurve:
    """One entry per finished training episode: environment steps so far, and the episode's mean reward per step."""

    steps: list[int] = field(default_factory=list)
    mean_reward: list[float] = field(default_factory=list)


class _Recorder(BaseCallback):
    def __init__(self, total_steps: int, on_progress: Callable[[float], None]) -> None:
        super().__init__()
        self.curve = LearningCurve()
        self._total_steps = total_steps
        self._on_progress = on_progress

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "episode" in info:
                self.curve.steps.append(self.num_timesteps)
                self.curve.mean_reward.append(float(info["episode"]["r"]) / int(info["episode"]["l"]))
        self._on_progress(min(1.0, self.num_timesteps / self._total_steps))
        return True


def train_ppo(
    make_env: Callable[[], gym.Env[NDArray[np.float32], NDArray[np.float32]]],
    config: PpoConfig,
    seed: int,
    on_progress: Callable[[float], None] = lambda _: None,
) -> tuple[Checkpoint, LearningCurve]:
    """Train on one environment with Box spaces; the same seed and environment give the same bits.

    make_env: builds the environment; it is closed at the end, whatever happens.
    on_progress: told the fraction done, in [0, 1], after each step.
    Whatever the environment raises passes through.
    """
    torch.set_num_threads(1)
    environment = VecNormalize(
        DummyVecEnv([lambda: Monitor(make_env())]), gamma=config.gamma, clip_obs=CLIP_OBSERVATION
    )
    try:
        learner = PPO(
            "MlpPolicy",
            environment,
            learning_rate=config.learning_rate,
            n_steps=config.rollout_steps,
            batch_size=config.minibatch,
            n_epochs=config.epochs,
            gamma=config.gamma,
            gae_lambda=config.gae_lambda,
            clip_range=config.clip,
            ent_coef=config.entropy_coefficient,
            vf_coef=config.value_coefficient,
            max_grad_norm=config.max_gradient_norm,
            policy_kwargs={"net_arch": list(config.hidden), "log_std_init": config.initial_log_std},
            seed=seed,
            device="cpu",
        )
        recorder = _Recorder(config.steps, on_progress)
        learner.learn(config.steps, callback=recorder)
        return _to_checkpoint(learner, environment, config, seed), recorder.curve
    finally:
        environment.close()


def _to_checkpoint(learner: PPO, environment: VecNormalize, config: PpoConfig, seed: int) -> Checkpoint:
    state = {name: tensor.detach().numpy() for name, tensor in learner.policy.state_dict().items()}
    tensors: dict[str, NDArray[Any]] = {"actor.log_std": state["log_std"]}
    for ours, hidden, head in (("actor", "policy_net", "action_net"), ("critic", "value_net", "value_net")):
        for index in range(len(config.hidden)):
            for part in ("weight", "bias"):
                # SB3 puts an activation after each linear layer, hence the factor two.
                tensors[f"{ours}.{index}.{part}"] = state[f"mlp_extractor.{hidden}.{2 * index}.{part}"]
        for part in ("weight", "bias"):
            tensors[f"{ours}.{len(config.hidden)}.{part}"] = state[f"{head}.{part}"]
    observation, action = learner.observation_space, learner.action_space
    assert isinstance(observation, gym.spaces.Box)
    assert isinstance(action, gym.spaces.Box)
    statistics = environment.obs_rms
    assert not isinstance(statistics, dict)
    tensors |= {
        "observation.mean": np.asarray(statistics.mean),
        "observation.variance": np.asarray(statistics.var),
        "action.low": action.low,
        "action.high": action.high,
    }
    header = {
        "algorithm": "ppo",
        "architecture": {"hidden": list(config.hidden), "activation": "tanh"},
        "observation_space": {"shape": list(observation.shape)},
        "action_space": {"shape": list(action.shape)},
        "normalisation": {"epsilon": environment.epsilon, "clip": CLIP_OBSERVATION},
        "training": {"config": asdict(config), "seed": seed, "steps": learner.num_timesteps},
        "versions": {
            "stable_baselines3": stable_baselines3.__version__,
            "torch": torch.__version__.split("+")[0],
            "numpy": np.__version__,
        },
    }
    return Checkpoint(tensors, header)
