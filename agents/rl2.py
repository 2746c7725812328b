# SPDX-License-Identifier: MIT
"""RL² (Duan et al. 2016, arXiv:1611.02779): a recurrent policy that learns a task within its own state.

RecurrentPPO of sb3-contrib on trials of several episodes of one task; the state is kept across them, and last action,
last reward and the beginning of episodes are observed (`agents.task_vector`). Known answer: Bernoulli bandits,
`python -m tests.bench learn`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from sb3_contrib import RecurrentPPO

from agents.checkpoint import Checkpoint
from agents.learning_curve import LearningCurve
from agents.sb3_training import Progress, checkpoint_of, layer_tensors, learn, normalised, silence
from agents.task_vector import TaskSource


@dataclass(frozen=True)
class Rl2Config:
    """Hyper-parameters; a rollout is a trial, so that gradients reach across its episodes."""

    steps: int = 300_000
    """Environment steps of all simulations together, rounded up to whole trials."""
    episodes: int = 6
    """Of a trial."""
    units: int = 64
    """Of the LSTM."""
    hidden: tuple[int, ...] = (64,)
    """Of actor and critic on top of it."""
    minibatches: int = 4
    epochs: int = 6
    learning_rate: float = 3e-4
    gamma: float = 0.98
    """Above that of the others: what an early episode teaches pays in later ones."""
    gae_lambda: float = 0.95
    clip: float = 0.2
    entropy_coefficient: float = 0.0
    max_gradient_norm: float = 0.5
    initial_log_std: float = -1.5


def train_rl2(
    source: TaskSource, config: Rl2Config, seed: int, on_progress: Progress = lambda _: None
) -> tuple[Checkpoint, LearningCurve]:
    """Train on trials of the source's tasks; the same seed gives the same bits. Raises RolloutError, see `TaskVecEnv`.

    Under a residual the actor starts as the rule, exactly: its last layer is zero.
    """
    torch.set_num_threads(1)
    trials = source.environment(seed, episodes=config.episodes, remember=True)
    environment = normalised(trials, config.gamma, rewards=True)
    trial = config.episodes * source.steps
    learner = RecurrentPPO(
        "MlpLstmPolicy",
        environment,
        learning_rate=config.learning_rate,
        n_steps=trial,
        batch_size=max(2, trial * environment.num_envs // config.minibatches),
        n_epochs=config.epochs,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip,
        ent_coef=config.entropy_coefficient,
        max_grad_norm=config.max_gradient_norm,
        policy_kwargs={
            "lstm_hidden_size": config.units,
            "net_arch": list(config.hidden),
            "log_std_init": config.initial_log_std,
        },
        seed=seed,
        device="cpu",
    )
    if source.actuator.kind == "residual":
        silence(learner.policy.action_net)
    curve = learn(learner, config.steps, on_progress)
    layers = [f"mlp_extractor.policy_net.{2 * i}" for i in range(len(config.hidden))]
    tensors = layer_tensors(learner, "actor", [*layers, "action_net"]) | _lstm_tensors(learner)
    architecture = {"activation": "tanh", "output": "clip", "recurrent": True}
    return checkpoint_of("rl2", learner, tensors, architecture, source, config, seed), curve


def _lstm_tensors(learner: RecurrentPPO) -> dict[str, NDArray[Any]]:
    """PyTorch has two biases, of which only the sum counts."""
    state = learner.policy.state_dict()
    return {
        "lstm.weight_ih": state["lstm_actor.weight_ih_l0"].numpy().copy(),
        "lstm.weight_hh": state["lstm_actor.weight_hh_l0"].numpy().copy(),
        "lstm.bias": (state["lstm_actor.bias_ih_l0"] + state["lstm_actor.bias_hh_l0"]).numpy().copy(),
    }
