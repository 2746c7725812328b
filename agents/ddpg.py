# SPDX-License-Identifier: MIT
"""Deep deterministic policy gradient (Lillicrap et al. 2016, arXiv:1509.02971) on many simulations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from stable_baselines3 import DDPG
from stable_baselines3.common.noise import NormalActionNoise

from agents.checkpoint import Checkpoint
from agents.learning_curve import LearningCurve
from agents.sb3_training import Progress, checkpoint_of, layer_tensors, learn, normalised
from agents.task_vector import TaskSource


@dataclass(frozen=True)
class DdpgConfig:
    """Hyper-parameters, named as in the paper; the noise is normal and independent, as Fujimoto et al. 2018 advise."""

    steps: int = 50_000
    """Environment steps of all simulations together."""
    replay: int = 200_000
    """Transitions kept."""
    learning_starts: int = 1_000
    """Random steps at first."""
    minibatch: int = 256
    updates_per_step: float = 0.25
    """Gradient steps over environment steps."""
    learning_rate: float = 3e-4
    gamma: float = 0.95
    tau: float = 0.005
    noise_std: float = 0.2
    hidden: tuple[int, ...] = (64, 64)


def train_ddpg(
    source: TaskSource, config: DdpgConfig, seed: int, on_progress: Progress = lambda _: None
) -> tuple[Checkpoint, LearningCurve]:
    """Train on the source's tasks; the same seed gives the same bits. Raises RolloutError, see `TaskVecEnv`."""
    torch.set_num_threads(1)
    environment = normalised(source.environment(seed), config.gamma, rewards=False)
    actions = source.actuator.size
    learner = DDPG(
        "MlpPolicy",
        environment,
        learning_rate=config.learning_rate,
        buffer_size=config.replay,
        learning_starts=config.learning_starts,
        batch_size=config.minibatch,
        tau=config.tau,
        gamma=config.gamma,
        train_freq=1,
        gradient_steps=max(1, round(config.updates_per_step * environment.num_envs)),
        action_noise=NormalActionNoise(np.zeros(actions), np.full(actions, config.noise_std)),
        policy_kwargs={"net_arch": list(config.hidden)},
        seed=seed,
        device="cpu",
    )
    curve = learn(learner, config.steps, on_progress)
    tensors = layer_tensors(learner, "actor", [f"actor.mu.{2 * i}" for i in range(len(config.hidden) + 1)])
    architecture = {"activation": "relu", "output": "tanh", "recurrent": False}
    return checkpoint_of("ddpg", learner, tensors, architecture, source, config, seed), curve
