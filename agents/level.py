# SPDX-License-Identifier: MIT
"""One level of the hierarchy: an actor and a critic that are meta-learned, whatever they act on."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, vmap

from agents.batch import Batch, map_observation
from agents.checkpoint import CheckpointError
from agents.gae import Advantages, estimate_advantages, fitted_values, standardise
from agents.inner import InnerConfig, Parameters, Sample, adapt_actor, adapt_critic, critic_loss, initial_step_sizes
from agents.nets import Actor, Critic
from agents.outer import OuterConfig, next_kl_coefficient, outer_loss, task_objective, unadapted_objective
from agents.packing import packed
from agents.policies import TaskPolicies
from agents.reward_scale import RewardScale
from agents.training_state import Arrays, optimiser_state, restore_optimiser, restore_tensors

Baseline = Literal["critic", "fitted"]
REWARD_SCALE = "reward.scale"
"""Tensor of a checkpoint: count, mean and sum of squared deviations of rewards, (3,)."""


@dataclass(frozen=True)
class LevelConfig:
    """How one level learns; defaults are METHOD's for the high level (low: γ = 0.95^(1/10), learning rate 3e-4)."""

    gamma: float = 0.95
    gae_lambda: float = 0.95
    baseline: Baseline = "critic"
    """What advantages are taken against: the critic's values, or those of `agents.gae.fitted_values`, which know at
    once where a task's rewards are, as a shared critic cannot; for observations that are one tensor."""
    inner: InnerConfig = field(default_factory=InnerConfig)
    outer: OuterConfig = field(default_factory=OuterConfig)


class TaskParameters(NamedTuple):
    """Parameters of B tasks' own networks; every tensor has a leading axis of B."""

    actor: Parameters
    critic: Parameters


class WeightInputs(NamedTuple):
    """What task weights are made of, NumPy float64: (B, N, T), (B, N, T, features), and (B, N, T) boolean."""

    td_error: NDArray[np.float64]
    features: NDArray[np.float64]
    valid: NDArray[np.bool_]


class Level:
    """Shared parameters θ, φ, step sizes α, optimisers, reward scale and KL coefficient of one level.

    The critic's network puts out (1 − γ)·V, a mean reward, so that it learns numbers of the rewards' own size.
    """

    def __init__(self, actor: Actor, critic: Critic, config: LevelConfig) -> None:
        """The networks' parameters at this moment are where learning starts; they are copied."""
        self.config = config
        # Kept as structure only: all values live in the dictionaries below.
        self._actor, self._critic = copy.deepcopy(actor), copy.deepcopy(critic)
        self.theta = _leaves(dict(actor.named_parameters()))
        self.phi = _leaves(dict(critic.named_parameters()))
        inner = config.inner
        self.log_alpha = _leaves(initial_step_sizes(actor, inner.adapted, inner.step_size))
        self.log_alpha_v = _leaves(initial_step_sizes(critic, inner.adapted, inner.critic_step_size))
        self.kl_coefficient = config.outer.kl_coefficient
        self.scale = RewardScale()
        outer = config.outer
        self._actor_optimiser = _adam(self.theta, outer.learning_rate, self.log_alpha, outer.step_size_learning_rate)
        self._critic_optimiser = _adam(
            self.phi, outer.critic_learning_rate, self.log_alpha_v, outer.step_size_learning_rate
        )

    def shared(self, tasks: int) -> TaskParameters:
        """Every task with the shared parameters, without gradient."""
        return TaskParameters(_expand(self.theta, tasks), _expand(self.phi, tasks))

    def policies(self, parameters: TaskParameters) -> TaskPolicies:
        """For rollouts."""
        return TaskPolicies(self._actor, parameters.actor)

    def sample(self, batch: Batch, parameters: TaskParameters, *, together: bool = False) -> Sample:
        """Advantages and targets of trajectories that `parameters` produced. together: see `standardise`."""
        estimate = self._advantages(batch, parameters.critic, self.config.baseline)
        observation = map_observation(lambda x: x[:, :, :-1], batch.observation)
        decided = self._actor.decided(observation, batch.valid)
        action = torch.where(decided.unsqueeze(-1), batch.action, torch.nan_to_num(batch.action))
        with torch.no_grad():
            behaviour = _per_task(self._actor, parameters.actor, observation)
        advantage = standardise(estimate.advantage, batch.valid, together=together)
        target = (1.0 - self.config.gamma) * estimate.target
        return packed(Sample(observation, action, advantage, target, batch.valid, decided, behaviour))

    def adapt(self, parameters: TaskParameters, sample: Sample, step: int = 0) -> TaskParameters:
        """One inner step per task on that task's sample; `step` counts the steps taken before."""
        inner = self.config.inner

        def one(theta: Parameters, phi: Parameters, data: Sample) -> tuple[Parameters, Parameters]:
            return (
                adapt_actor(self._actor, theta, _detached(self.log_alpha), data, inner, step),
                adapt_critic(self._critic, phi, _detached(self.log_alpha_v), data, inner, step),
            )

        with torch.no_grad():
            return TaskParameters(*vmap(one)(*parameters, sample))

    def weight_inputs(self, batch: Batch) -> WeightInputs:
        """TD errors with the shared critic, and its features (METHOD.md 2, weights, step 1)."""
        parameters = _expand(self.phi, len(batch.reward))
        estimate = self._advantages(batch, parameters)
        with torch.no_grad():
            observation = map_observation(lambda x: x[:, :, :-1], batch.observation)
            features = functional_call(_Features(self._critic), _prefixed(self.phi), (observation,))
        return WeightInputs(estimate.td_error.double().numpy(), features.double().numpy(), batch.valid.numpy())

    def update(self, support: Sample | None, query: Sample, weights: Tensor) -> dict[str, float]:
        """Outer epochs on one iteration's data; without `support` no inner step is taken (multi-task PPO).

        weights: w_i, (B,). Returns scalars. Raises FloatingPointError if a loss or gradient is not finite.
        """
        scalars = self._update_actor(support, query, weights) | self._update_critic(support, query)
        self.kl_coefficient = next_kl_coefficient(self.kl_coefficient, scalars["kl"], self.config.outer.kl_target)
        return scalars | {"kl_coefficient": self.kl_coefficient}

    def _update_actor(self, support: Sample | None, query: Sample, weights: Tensor) -> dict[str, float]:
        """Scalars are those of the last epoch, before its step."""
        outer = self.config.outer
        for _ in range(outer.epochs):
            if support is None:
                terms = vmap(lambda q: unadapted_objective(self._actor, self.theta, q, outer.clip))(query)
            else:
                terms = vmap(self._task_objective)(support, query)
            loss = outer_loss(terms, weights, self.kl_coefficient, outer.entropy_coefficient)
            _descend(self._actor_optimiser, loss, outer.max_gradient_norm, "actor")
        return {
            "surrogate": float(terms.clipped.detach().mean()),
            "kl": float(terms.kl.detach().mean()),
            "entropy": float(terms.entropy.detach().mean()),
        }

    def _task_objective(self, support: Sample, query: Sample) -> Any:
        config = self.config
        return task_objective(self._actor, self.theta, self.log_alpha, support, query, config.inner, config.outer.clip)

    def _update_critic(self, support: Sample | None, query: Sample) -> dict[str, float]:
        """Makes V_φ right for the shared policy and V_φ'_i for the adapted one."""
        outer = self.config.outer

        def unadapted(data: Sample) -> Tensor:
            return critic_loss(self._critic, self.phi, data)

        def adapted(before: Sample, after: Sample) -> Tensor:
            phi = adapt_critic(self._critic, self.phi, self.log_alpha_v, before, self.config.inner)
            return critic_loss(self._critic, phi, after)

        for _ in range(outer.epochs):
            if support is None:
                loss = vmap(unadapted)(query).mean()
            else:
                loss = vmap(unadapted)(support).mean() + vmap(adapted)(support, query).mean()
            _descend(self._critic_optimiser, loss, outer.max_gradient_norm, "critic")
        return {"critic_loss": float(loss.detach())}

    def _advantages(self, batch: Batch, phi: Parameters, baseline: Baseline = "critic") -> Advantages:
        config = self.config
        with torch.no_grad():
            reward = torch.where(batch.valid, batch.reward, 0.0) / self.scale.std
            if baseline == "fitted":
                value = fitted_values(batch.observation, reward, batch.valid, config.gamma)
            else:
                value = _per_task(self._critic, phi, batch.observation) / (1.0 - config.gamma)
            return estimate_advantages(reward, value, batch.terminated, batch.valid, config.gamma, config.gae_lambda)

    def actor(self, parameters: TaskParameters | None = None, task: int = 0) -> Actor:
        """The actor with the shared parameters, or with those of one task; a copy."""
        return self.policies(self.shared(1) if parameters is None else parameters).actor(task)

    def use_step_size(self, value: float) -> None:
        """One α for all inner steps, in place of those that were learned; 0: they change nothing."""
        for tensors in (self.log_alpha, self.log_alpha_v):
            for tensor in tensors.values():
                with torch.no_grad():
                    tensor.fill_(math.log(value) if value else -math.inf)

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """All that learning goes on from: arrays, and a JSON-able rest."""
        arrays: Arrays = {}
        for prefix, tensors in self._groups().items():
            arrays |= {f"{prefix}.{name}": tensor.detach().numpy().copy() for name, tensor in tensors.items()}
        rest: dict[str, Any] = {"kl_coefficient": self.kl_coefficient, "reward_scale": self.scale.state()}
        for prefix, optimiser in self._optimisers().items():
            arrays |= {f"{prefix}.{name}": array for name, array in optimiser_state(optimiser).items()}
        return arrays, rest

    def load_state(self, arrays: Arrays, rest: dict[str, Any]) -> None:
        """Go on from `state()`. Raises CheckpointError, with nothing changed, if it is of other networks."""
        restore_tensors(self._groups(), arrays)
        for prefix, optimiser in self._optimisers().items():
            restore_optimiser(optimiser, prefix, arrays)
        self.kl_coefficient = float(rest["kl_coefficient"])
        self.scale.load_state(rest["reward_scale"])

    def parameters(self) -> Arrays:
        """What adapting takes: parameters, step sizes and the scale of rewards, without the optimisers' memory."""
        arrays, _ = self.state()
        kept = {name: array for name, array in arrays.items() if "_adam" not in name}
        return kept | {REWARD_SCALE: np.array([*self.scale.state().values()], np.float64)}

    def load_parameters(self, arrays: Arrays) -> None:
        """Take over `parameters()`. Raises CheckpointError, see `load_state`, or if the scale of rewards is no such."""
        names, values = list(self.scale.state()), arrays.get(REWARD_SCALE, np.zeros(0))
        if values.shape != (len(names),):
            raise CheckpointError(f"tensor {REWARD_SCALE} is missing or not {', '.join(names)}; train anew")
        restore_tensors(self._groups(), arrays)
        self.scale.load_state(dict(zip(names, values.tolist(), strict=True)))

    def _groups(self) -> dict[str, Parameters]:
        return {"actor": self.theta, "critic": self.phi, "alpha": self.log_alpha, "alpha_v": self.log_alpha_v}

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        return {"actor_adam": self._actor_optimiser, "critic_adam": self._critic_optimiser}


class _Features(nn.Module):
    """A critic whose forward gives its features, since functional_call only calls forward."""

    def __init__(self, critic: Critic) -> None:
        super().__init__()
        self.critic = critic

    def forward(self, observation: Any) -> Tensor:
        return self.critic.features(observation)


def _prefixed(parameters: Parameters) -> Parameters:
    return {f"critic.{name}": value for name, value in parameters.items()}


def _per_task(module: nn.Module, parameters: Parameters, observation: Any) -> Tensor:
    """Each task's observations through its own network."""
    result: Tensor = vmap(lambda p, x: functional_call(module, p, (x,)))(parameters, observation)
    return result


def _leaves(parameters: Parameters) -> Parameters:
    return {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}


def _detached(parameters: Parameters) -> Parameters:
    return {name: value.detach() for name, value in parameters.items()}


def _expand(parameters: Parameters, tasks: int) -> Parameters:
    return {name: value.detach().expand(tasks, *value.shape) for name, value in parameters.items()}


def _adam(parameters: Parameters, rate: float, step_sizes: Parameters, step_size_rate: float) -> torch.optim.Adam:
    groups = [
        {"params": list(parameters.values()), "lr": rate},
        {"params": list(step_sizes.values()), "lr": step_size_rate},
    ]
    return torch.optim.Adam(groups, eps=1e-5)


def _descend(optimiser: torch.optim.Adam, loss: Tensor, max_norm: float, who: str) -> None:
    """One step of the optimiser, the gradient's norm clipped. Raises FloatingPointError, without a step taken."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    if not torch.isfinite(loss) or not torch.isfinite(norm):
        raise FloatingPointError(f"loss or gradient of the {who} is not finite")
    optimiser.step()
