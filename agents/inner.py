# SPDX-License-Identifier: MIT
"""The inner step: one gradient step on one task's data, differentiable in where it starts and in its step sizes.

Works on plain dictionaries of tensors through `torch.func`, so that a batch of tasks is one `vmap` and the second-order
meta-gradient is ordinary autodiff. Sources: MAML (Finn et al. 2017, arXiv:1703.03400, section 2.2); learned step sizes,
Meta-SGD (Li et al. 2017, arXiv:1707.09835), here one per parameter tensor; context vector, CAVIA (Zintgraf et al. 2019,
arXiv:1810.03642); J_LVC, ProMP (Rothfuss et al. 2019, arXiv:1810.06784, section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from agents.nets import Actor, Critic

Parameters = dict[str, Tensor]


@dataclass(frozen=True)
class InnerConfig:
    """How a level adapts to a task."""

    adapted: tuple[str, ...] = ("context", "head")
    """Parameters whose name begins with one of these take part; ("",) is all of them."""
    step_size: float = 0.1
    """α of the actor at the start; it is learned."""
    critic_step_size: float = 0.1
    """α_v of the critic at the start; it is learned."""
    later_steps: float = 0.5
    """Factor on all step sizes after the first step, which comes in adaptation only."""
    first_order: bool = False
    """True: the meta-gradient takes the inner gradient for a constant."""


class Sample(NamedTuple):
    """One task's decisions, ready to learn from; with a leading axis, a batch of tasks. Padding is zero, never NaN.

    Of set policies `agents.packing` makes rows: what belongs to decisions is (M, …) then, the advantage too.
    """

    observation: Any
    """(N, T, ...), or a dictionary of such."""
    action: Tensor
    """(N, T, ..., actions)."""
    advantage: Tensor
    """(N, T), standardised."""
    target: Tensor
    """(N, T): (1 − γ)·G^λ, what the critic's network is to put out."""
    valid: Tensor
    """(N, T), boolean."""
    decided: Tensor
    """Boolean, of log_prob's shape: (N, T), or (N, T, UEs)."""
    behaviour: Tensor
    """Parameters of the distribution that the actions were drawn from, without gradient."""


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the entries where `mask` is True; 0 if there are none."""
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp(min=1)


def per_decision(steps: Tensor, decided: Tensor) -> Tensor:
    """(N, T) as (N, T, 1) where every step has several decisions: what one step is worth, each of them is worth."""
    return steps if steps.dim() == decided.dim() else steps.unsqueeze(-1)


def lvc_objective(actor: Actor, parameters: Parameters, sample: Sample) -> Tensor:
    """J_LVC = mean [π_θ / stop(π_θ)]·Â (ProMP, section 5).

    Its value is the mean advantage and its gradient the policy gradient, but unlike that of log π·Â its second
    derivative also credits the sampling of the data before the step.
    """
    distribution = actor.distribution(functional_call(actor, parameters, (sample.observation,)))
    log_prob = distribution.log_prob(sample.action)
    ratio = torch.exp(log_prob - log_prob.detach())
    return masked_mean(ratio * per_decision(sample.advantage, sample.decided), sample.decided)


def critic_loss(critic: Critic, parameters: Parameters, sample: Sample) -> Tensor:
    """½ mean (V_φ − G^λ)², of whatever multiple of V the critic puts out."""
    value = functional_call(critic, parameters, (sample.observation,))
    return 0.5 * masked_mean((value - sample.target).square(), sample.valid)


def initial_step_sizes(module: nn.Module, adapted: tuple[str, ...], step_size: float) -> Parameters:
    """log α of every parameter tensor that is adapted; a logarithm, so that learning keeps α positive.

    Raises ValueError if a name in `adapted` is that of no parameter, or α is not positive.
    """
    names = [name for name, _ in module.named_parameters()]
    idle = [prefix for prefix in adapted if not any(name.startswith(prefix) for name in names)]
    if idle:
        raise ValueError(f"no parameter begins with {idle[0]!r}; there are: {', '.join(names)}")
    if step_size <= 0.0:
        raise ValueError(f"a step size is positive, got {step_size:g}")
    start = torch.tensor(float(step_size)).log()
    return {name: start.clone() for name in names if name.startswith(adapted)}


def gradient_step(
    objective: Callable[[Parameters], Tensor],
    parameters: Parameters,
    step_sizes: Mapping[str, Tensor],
    *,
    first_order: bool = False,
) -> Parameters:
    """θ' = θ + α ⊙ ∇objective(θ) on the parameters that `step_sizes` names; the others stay.

    objective: to be maximised. step_sizes: α, one per tensor.
    """

    def of_adapted(adapted: Parameters) -> Tensor:
        return objective({**parameters, **adapted})

    gradient = grad(of_adapted)({name: parameters[name] for name in step_sizes})
    if first_order:
        gradient = {name: value.detach() for name, value in gradient.items()}
    return {**parameters, **{name: parameters[name] + alpha * gradient[name] for name, alpha in step_sizes.items()}}


def adapt_actor(
    actor: Actor, parameters: Parameters, log_step_sizes: Parameters, sample: Sample, config: InnerConfig, step: int = 0
) -> Parameters:
    """θ'_i of one task: step number `step` (from 0) of its adaptation."""
    step_sizes = _step_sizes(log_step_sizes, config, step)
    return gradient_step(
        lambda theta: lvc_objective(actor, theta, sample), parameters, step_sizes, first_order=config.first_order
    )


def adapt_critic(
    critic: Critic,
    parameters: Parameters,
    log_step_sizes: Parameters,
    sample: Sample,
    config: InnerConfig,
    step: int = 0,
) -> Parameters:
    """φ'_i of one task: step number `step` (from 0) of its adaptation."""
    step_sizes = _step_sizes(log_step_sizes, config, step)
    return gradient_step(
        lambda phi: -critic_loss(critic, phi, sample), parameters, step_sizes, first_order=config.first_order
    )


def _step_sizes(log_step_sizes: Parameters, config: InnerConfig, step: int) -> Parameters:
    factor = 1.0 if step == 0 else config.later_steps
    return {name: factor * value.exp() for name, value in log_step_sizes.items()}
