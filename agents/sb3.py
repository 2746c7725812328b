# SPDX-License-Identifier: MIT
"""PPO (Schulman et al. 2017, arXiv:1707.06347) by stable-baselines3, ending in a checkpoint without pickle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import stable_baselines3
import torch
from gymnasium.wrappers import RescaleAction
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from agents.checkpoint import Checkpoint
from agents.learning_curve import LearningCurve
from agents.mixture import TaskMixture
from agents.sb3_training import without_files
from agents.trainers import PpoOptions, TrainingJob

CLIP_OBSERVATION = 10.0
NORMALISATION_EPSILON = 1e-8

Environment = gym.Env[NDArray[np.float32], NDArray[np.float32]]


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


class _Recorder(BaseCallback):
    def __init__(self, total_steps: int, on_progress: Callable[[float], None]) -> None:
        super().__init__()
        self.curve = LearningCurve()
        self._total_steps = total_steps
        self._on_progress = on_progress

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "episode" in info:
                self.curve.add(self.num_timesteps, float(info["episode"]["r"]) / int(info["episode"]["l"]))
        self._on_progress(min(1.0, self.num_timesteps / self._total_steps))
        return True


def train_ppo(
    make_env: Callable[[], Environment],
    config: PpoConfig,
    seed: int,
    on_progress: Callable[[float], None] = lambda _: None,
) -> tuple[Checkpoint, LearningCurve]:
    """Train on one environment with bounded Box spaces; the same seed and environment give the same bits.

    make_env: builds the environment; it is closed at the end, whatever happens.
    on_progress: told the fraction done, in [0, 1], after each step.
    Raises ValueError for other spaces. Whatever the environment raises passes through.
    """
    torch.set_num_threads(1)
    environment = make_env()
    try:
        spaces = environment.observation_space, _bounded(environment.action_space)
        # Actions in [-1, 1], so that the untrained Gaussian, of mean 0, starts in the middle of each range.
        centred = RescaleAction(environment, np.float32(-1.0), np.float32(1.0))
        vector = VecNormalize(
            DummyVecEnv([lambda: Monitor(centred)]),
            gamma=config.gamma,
            clip_obs=CLIP_OBSERVATION,
            epsilon=NORMALISATION_EPSILON,
        )
        learner = _learner(vector, config, seed)
        recorder = _Recorder(config.steps, on_progress)
        learner.set_logger(without_files())
        learner.learn(config.steps, callback=recorder)
        tensors = _network_tensors(learner, config) | _statistics(vector)
        return Checkpoint(tensors | _bounds(spaces[1]), _header(learner, spaces, config, seed)), recorder.curve
    finally:
        environment.close()


def run(options: PpoOptions, job: TrainingJob) -> tuple[Checkpoint, LearningCurve]:
    """PPO as a trainer of campaigns, on all of the job's networks in turn; it begins anew if it is interrupted."""
    config = PpoConfig(**asdict(options))
    return train_ppo(lambda: TaskMixture(job.envs, job.env_seeds), config, job.seed, job.on_progress)


def _bounded(space: gym.Space[Any]) -> gym.spaces.Box:
    if not isinstance(space, gym.spaces.Box) or not space.is_bounded():
        raise ValueError(f"PPO needs a bounded Box of actions here, got {space}")
    return space


def _learner(environment: VecNormalize, config: PpoConfig, seed: int) -> PPO:
    return PPO(
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


def _network_tensors(learner: PPO, config: PpoConfig) -> dict[str, NDArray[Any]]:
    """Weights of actor and critic, and the actor's log standard deviation."""
    state = {name: tensor.detach().numpy() for name, tensor in learner.policy.state_dict().items()}
    tensors: dict[str, NDArray[Any]] = {"actor.log_std": state["log_std"]}
    for ours, hidden, head in (("actor", "policy_net", "action_net"), ("critic", "value_net", "value_net")):
        for part in ("weight", "bias"):
            for index in range(len(config.hidden)):
                # SB3 puts an activation after each linear layer, hence the factor two.
                tensors[f"{ours}.{index}.{part}"] = state[f"mlp_extractor.{hidden}.{2 * index}.{part}"]
            tensors[f"{ours}.{len(config.hidden)}.{part}"] = state[f"{head}.{part}"]
    return tensors


def _statistics(environment: VecNormalize) -> dict[str, NDArray[Any]]:
    """Mean and variance of the observations seen."""
    statistics = environment.obs_rms
    assert not isinstance(statistics, dict)  # it is one for Dict spaces only
    return {"observation.mean": np.asarray(statistics.mean), "observation.variance": np.asarray(statistics.var)}


def _bounds(action: gym.spaces.Box) -> dict[str, NDArray[Any]]:
    return {"action.low": action.low, "action.high": action.high}


def _header(
    learner: PPO, spaces: tuple[gym.Space[Any], gym.spaces.Box], config: PpoConfig, seed: int
) -> dict[str, Any]:
    return {
        "algorithm": "ppo",
        "architecture": {"hidden": list(config.hidden), "activation": "tanh"},
        "observation_space": {"shape": list(spaces[0].shape or ())},
        "action_space": {"shape": list(spaces[1].shape)},
        "normalisation": {"epsilon": NORMALISATION_EPSILON, "clip": CLIP_OBSERVATION},
        "training": {"config": asdict(config), "seed": seed, "steps": learner.num_timesteps},
        "versions": {
            "stable_baselines3": stable_baselines3.__version__,
            "torch": torch.__version__.split("+")[0],
            "numpy": np.__version__,
        },
    }
