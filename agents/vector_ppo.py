# SPDX-License-Identifier: MIT
"""PPO (Schulman et al. 2017, arXiv:1707.06347) on many simulations: flat, multi-task, told, or an expert of one task.

Which of these it is, the tasks decide that are drawn: of all training tasks it is multi-task PPO, on the told track
task-conditioned PPO; of one task always it starts from scratch there, and with a large budget is that task's expert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from agents.checkpoint import Checkpoint
from agents.learning_curve import LearningCurve
from agents.sb3_training import Progress, checkpoint_of, layer_tensors, learn, normalised, silence
from agents.task_vector import TaskSource


@dataclass(frozen=True)
class VectorPpoConfig:
    """Hyper-parameters, named as in the paper."""

    steps: int = 200_000
    """Environment steps of all simulations together, rounded up to whole rollouts."""
    rollout_steps: int = 50
    """Of each simulation between two updates."""
    minibatches: int = 4
    epochs: int = 10
    learning_rate: float = 3e-4
    gamma: float = 0.95
    gae_lambda: float = 0.95
    clip: float = 0.2
    entropy_coefficient: float = 0.0
    value_coefficient: float = 0.5
    max_gradient_norm: float = 0.5
    initial_log_std: float = -1.5
    hidden: tuple[int, ...] = (64, 64)


def train_vector_ppo(
    source: TaskSource, config: VectorPpoConfig, seed: int, on_progress: Progress = lambda _: None
) -> tuple[Checkpoint, LearningCurve]:
    """Train on the source's tasks; the same seed gives the same bits. Raises RolloutError, see `TaskVecEnv`.

    Under a residual the actor starts as the rule, exactly: its last layer is zero.
    """
    torch.set_num_threads(1)
    environment = normalised(source.environment(seed), config.gamma, rewards=True)
    learner = PPO(
        "MlpPolicy",
        environment,
        learning_rate=config.learning_rate,
        n_steps=config.rollout_steps,
        batch_size=max(2, config.rollout_steps * environment.num_envs // config.minibatches),
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
    if source.actuator.kind == "residual":
        silence(learner.policy.action_net)
    curve = learn(learner, config.steps, on_progress)
    tensors = _tensors(learner, environment, len(config.hidden))
    architecture = {"activation": "tanh", "output": "clip", "recurrent": False}
    return checkpoint_of("vector-ppo", learner, tensors, architecture, source, config, seed), curve


def _tensors(learner: PPO, environment: VecNormalize, hidden: int) -> dict[str, NDArray[Any]]:
    """The actor; the critic and the scale of rewards are for fine-tuning."""
    state = learner.policy.state_dict()
    actor = [f"mlp_extractor.policy_net.{2 * i}" for i in range(hidden)]
    critic = [f"mlp_extractor.value_net.{2 * i}" for i in range(hidden)]
    return {
        **layer_tensors(learner, "actor", [*actor, "action_net"]),
        **layer_tensors(learner, "critic", [*critic, "value_net"]),
        "actor.log_std": state["log_std"].numpy().copy(),
        "reward.std": np.sqrt(np.asarray(environment.ret_rms.var) + environment.epsilon),
    }
