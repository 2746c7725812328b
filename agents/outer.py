# SPDX-License-Identifier: MIT
"""The outer objective: PPO's clipped surrogate of the adapted policies, anchored by a KL penalty on the shared one.

Sources: PPO (Schulman et al. 2017, arXiv:1707.06347, eq. 7 and section 4); ProMP (Rothfuss et al. 2019,
arXiv:1810.06784, section 6 and algorithm 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import functional_call

from agents.distributions import ActionDistribution
from agents.inner import InnerConfig, Parameters, Sample, adapt_actor, masked_mean, per_decision
from agents.nets import Actor


@dataclass(frozen=True)
class OuterConfig:
    """Hyper-parameters of the outer loop; defaults are METHOD's for the high level."""

    learning_rate: float = 1e-4
    """Adam's, of the actor."""
    critic_learning_rate: float = 1e-3
    step_size_learning_rate: float = 1e-3
    """Adam's, of log α; at 1e-2 the step sizes of 2-D navigation ran away (seen: 0.1 to 0.5 in 50 iterations)."""
    epochs: int = 5
    clip: float = 0.2
    """ε."""
    kl_coefficient: float = 5e-4
    """η at the start."""
    kl_target: float = 0.01
    """η doubles after an iteration whose KL ends above 1.5 times this, and halves below 1 / 1.5 of it."""
    entropy_coefficient: float = 0.003
    """c_H."""
    max_gradient_norm: float = 0.5


class TaskObjective(NamedTuple):
    """Terms of the objective, each () for one task or (B,) for a batch."""

    clipped: Tensor
    """J_CLIP(θ'_i; D'_i, ε)."""
    kl: Tensor
    """KL(π_old, π_θ; D_i), of the policies before adaptation."""
    entropy: Tensor
    """Of π_θ'_i on D'_i, nats."""


def clipped_objective(distribution: ActionDistribution, sample: Sample, old: ActionDistribution, clip: float) -> Tensor:
    """mean min(ρÂ, clip(ρ, 1 − ε, 1 + ε)Â), ρ a ratio per decision: with set policies, per UE."""
    ratio = torch.exp(distribution.log_prob(sample.action) - old.log_prob(sample.action))
    advantage = per_decision(sample.advantage, sample.decided)
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(1.0 - clip, 1.0 + clip) * advantage)
    return masked_mean(surrogate, sample.decided)


def task_objective(
    actor: Actor,
    parameters: Parameters,
    log_step_sizes: Parameters,
    support: Sample,
    query: Sample,
    inner: InnerConfig,
    clip: float,
) -> TaskObjective:
    """Of one task: adapt on `support`, judge on `query`."""

    def policy(theta: Parameters, sample: Sample) -> ActionDistribution:
        return actor.distribution(functional_call(actor, theta, (sample.observation,)))

    adapted = policy(adapt_actor(actor, parameters, log_step_sizes, support, inner), query)
    kl = actor.distribution(support.behaviour).kl_to(policy(parameters, support))
    return TaskObjective(
        clipped_objective(adapted, query, actor.distribution(query.behaviour), clip),
        masked_mean(kl, support.decided),
        masked_mean(adapted.entropy(), query.decided),
    )


def unadapted_objective(actor: Actor, parameters: Parameters, sample: Sample, clip: float) -> TaskObjective:
    """The same without an inner step, which is PPO: multi-task PPO where there are several tasks."""
    distribution = actor.distribution(functional_call(actor, parameters, (sample.observation,)))
    old = actor.distribution(sample.behaviour)
    return TaskObjective(
        clipped_objective(distribution, sample, old, clip),
        masked_mean(old.kl_to(distribution), sample.decided),
        masked_mean(distribution.entropy(), sample.decided),
    )


def outer_loss(terms: TaskObjective, weights: Tensor, kl_coefficient: float, entropy_coefficient: float) -> Tensor:
    """−(1/B) Σ_i w_i [J_CLIP − η KL] − c_H·entropy. weights: w_i, shape (B,), mean 1."""
    weighted = (weights * (terms.clipped - kl_coefficient * terms.kl)).mean()
    return -weighted - entropy_coefficient * terms.entropy.mean()


def next_kl_coefficient(coefficient: float, kl: float, target: float) -> float:
    """PPO, section 4: double or halve η when the KL missed its target by a factor of 1.5."""
    if kl > 1.5 * target:
        return coefficient * 2.0
    return coefficient / 2.0 if kl < target / 1.5 else coefficient
