# SPDX-License-Identifier: MIT
"""Soft actor-critic (Haarnoja et al. 2018, arXiv:1812.05905) on many simulations, temperature tuned automatically."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from stable_baselines3 import SAC

from agents.checkpoint import Checkpoint
from agents.learning_curve import LearningCurve
from agents.sb3_training import Progress, checkpoint_of, layer_tensors, learn, normalised
from agents.task_vector import TaskSource


@dataclass(frozen=True)
class SacConfig:
    """Hyper-parameters, named as in the paper."""

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
    hidden: tuple[int, ...] = (64, 64)


def train_sac(
    source: TaskSource, config: SacConfig, seed: int, on_progress: Progress = lambda _: None
) -> tuple[Checkpoint, LearningCurve]:
    """Train on the source's tasks; the same seed gives the same bits. Raises RolloutError, see `TaskVecEnv`."""
    torch.set_num_threads(1)
    environment = normalised(source.environment(seed), config.gamma, rewards=False)
    learner = SAC(
        "MlpPolicy",
        environment,
        learning_rate=config.learning_rate,
        buffer_size=config.replay,
        learning_starts=config.learning_starts,
        batch_size=config.minibatch,
        tau=config.tau,
        gamma=config.gamma,
        gradient_steps=max(1, round(config.updates_per_step * environment.num_envs)),
        policy_kwargs={"net_arch": list(config.hidden)},
        seed=seed,
        device="cpu",
    )
    curve = learn(learner, config.steps, on_progress)
    layers = [f"actor.latent_pi.{2 * i}" for i in range(len(config.hidden))]
    tensors = layer_tensors(learner, "actor", [*layers, "actor.mu"])
    architecture = {"activation": "relu", "output": "tanh", "recurrent": False}
    return checkpoint_of("sac", learner, tensors, architecture, source, config, seed), curve
