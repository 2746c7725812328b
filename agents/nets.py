# SPDX-License-Identifier: MIT
"""The networks: actors that put out a distribution's parameters, critics that put out a value and its features.

Every network takes its own context vector z, a parameter named `context`, beside the observation. The last layer and
whatever scale belongs to it are named `head…`. So `("context", "head")` are the names that an inner step adapts.

Observations are float32 tensors of shape (..., inputs), or for the set networks a dictionary (see `SetActor`); all
networks accept any leading shape.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from agents.distributions import ActionDistribution, DiagonalGaussian, DirichletBeta

Observation = Tensor | dict[str, Tensor]
CONTEXT_SIZE = 16
HIDDEN = (64, 64)


class Actor(nn.Module, ABC):
    """A stochastic policy. `forward` maps an observation to a tensor of parameters, so that it can be vmapped."""

    @abstractmethod
    def forward(self, observation: Any) -> Tensor:
        """(..., inputs) to (..., parameters)."""

    @abstractmethod
    def distribution(self, parameters: Tensor) -> ActionDistribution:
        """The distribution that `forward`'s result stands for."""

    def decided(self, observation: Any, valid: Tensor) -> Tensor:
        """Which decisions count, boolean, of log_prob's shape; `valid` (...,) tells which steps were played."""
        return valid


class Critic(nn.Module, ABC):
    """A state value, linear in features."""

    @abstractmethod
    def features(self, observation: Any) -> Tensor:
        """(..., inputs) to (..., features)."""

    @abstractmethod
    def value(self, features: Tensor) -> Tensor:
        """(..., features) to (...,)."""

    def forward(self, observation: Any) -> Tensor:
        """(..., inputs) to (...,)."""
        return self.value(self.features(observation))


class Trunk(nn.Module):
    """Hidden layers, each followed by the activation: [x | z] to (..., sizes[-1])."""

    def __init__(self, inputs: int, sizes: Sequence[int], activation: str = "tanh") -> None:
        """activation: "tanh" or "relu"."""
        super().__init__()
        widths = [inputs, *sizes]
        self.layers = nn.ModuleList(_linear(a, b, math.sqrt(2.0)) for a, b in pairwise(widths))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.tanh(layer(x)) if self.activation == "tanh" else torch.relu(layer(x))
        return x


def _linear(inputs: int, outputs: int, gain: float) -> nn.Linear:
    """Orthogonal weights and zero bias, as is usual for PPO (Huang et al. 2022, "37 details", no. 2)."""
    layer = nn.Linear(inputs, outputs)
    if gain > 0.0:
        nn.init.orthogonal_(layer.weight, gain)
    else:
        nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _with_context(x: Tensor, context: Tensor) -> Tensor:
    return torch.cat([x, context.expand(*x.shape[:-1], context.shape[-1])], -1)


class SimplexActor(Actor):
    """Shares on simplices and fractions: p = softmax(m(s, z)), a ~ Dirichlet(1 + κp), κ = softplus(c) + K.

    METHOD.md 2, high level. The mode of a is p. c is one number per simplex and fraction, K its number of components.
    A fraction ~ Beta is the first of two components. A "spare" component, left to nobody, is one more component.
    """

    def __init__(
        self,
        inputs: int,
        simplices: Sequence[int],
        fractions: int = 0,
        *,
        hidden: Sequence[int] = HIDDEN,
        context: int = CONTEXT_SIZE,
        concentration: float = 20.0,
    ) -> None:
        """simplices: components of each. fractions: their number. concentration: κ − K at the start, > 0."""
        super().__init__()
        self.components = [*simplices, *([2] * fractions)]
        self.simplices = len(simplices)
        self.context = nn.Parameter(torch.zeros(context))
        self.trunk = Trunk(inputs + context, hidden)
        self.head = _linear(hidden[-1], sum(self.components), 0.01)
        start = math.log(math.expm1(concentration))
        self.head_concentration = nn.Parameter(torch.full((len(self.components),), start))

    def forward(self, observation: Tensor) -> Tensor:
        logits = self.head(self.trunk(_with_context(observation, self.context)))
        kappa = functional.softplus(self.head_concentration)
        parts = [
            1.0 + (kappa[i] + part.shape[-1]) * torch.softmax(part, -1)
            for i, part in enumerate(torch.split(logits, self.components, -1))
        ]
        return torch.cat(parts, -1)

    def distribution(self, parameters: Tensor) -> DirichletBeta:
        parts = torch.split(parameters, self.components, -1)
        fractions = parameters[..., sum(self.components[: self.simplices]) :]
        return DirichletBeta(tuple(parts[: self.simplices]), fractions.reshape(*fractions.shape[:-1], -1, 2))


class GaussianActor(Actor):
    """Normal actions around a network's output, of a spread that does not depend on the observation.

    With `gain` 0 the mean starts at exactly 0 everywhere: a residual on a rule that begins as the rule.
    """

    def __init__(
        self,
        inputs: int,
        actions: int,
        *,
        hidden: Sequence[int] = HIDDEN,
        context: int = CONTEXT_SIZE,
        log_std: float = -0.7,
        gain: float = 0.01,
    ) -> None:
        """log_std: of every component, at the start. gain: scale of the last layer's weights at the start."""
        super().__init__()
        self.context = nn.Parameter(torch.zeros(context))
        self.trunk = Trunk(inputs + context, hidden)
        self.head = _linear(hidden[-1], actions, gain)
        self.head_log_std = nn.Parameter(torch.full((actions,), log_std))

    def forward(self, observation: Tensor) -> Tensor:
        mean = self.head(self.trunk(_with_context(observation, self.context)))
        return torch.cat([mean, self.head_log_std.expand_as(mean)], -1)

    def distribution(self, parameters: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(*torch.chunk(parameters, 2, -1))


class MlpCritic(Critic):
    """V(s, z); its features are the last hidden layer."""

    def __init__(self, inputs: int, *, hidden: Sequence[int] = HIDDEN, context: int = CONTEXT_SIZE) -> None:
        super().__init__()
        self.context = nn.Parameter(torch.zeros(context))
        self.trunk = Trunk(inputs + context, hidden)
        self.head = _linear(hidden[-1], 1, 1.0)

    def features(self, observation: Tensor) -> Tensor:
        result: Tensor = self.trunk(_with_context(observation, self.context))
        return result

    def value(self, features: Tensor) -> Tensor:
        result: Tensor = self.head(features)[..., 0]
        return result


class SetActor(Actor):
    """The low level: one policy for any number of UEs of any slice. Permuting or padding UEs changes nothing.

    h_u = encoder([x_u | g | z]), output_u = head([h_u | mean_v h_v | max_v h_v | log(1 + N)]), over the N present UEs
    of a group (METHOD.md 2, after Zaheer et al. 2017, arXiv:1703.06114). It is the network of
    `pybridge.low_policy.LowPolicy`, which says what a group is and what its decisions mean.

    Observation: `ue` (..., UEs, ue_inputs), scaled; `group` (..., group_inputs), scaled slice features, one-hot SST and
    shares in force, in LowPolicy's order; `present` (..., UEs), 1 or 0. Two raw numbers are decided per UE. Their
    log-probability and KL are taken before LowPolicy's tanh, which changes neither a ratio of densities nor a KL; the
    entropy is that of the raw numbers too.

    Packed (`agents.packing`), a UE that decided is a row: `row` (M, ue_inputs + group_inputs), [x_u | g]; `step` (M,),
    which of all of `group` (..., group_inputs) it is of, counted through; `here` (M,), False for what fills up.
    """

    def __init__(
        self,
        ue_inputs: int,
        group_inputs: int,
        *,
        encoder: Sequence[int] = (64,),
        head: Sequence[int] = (64,),
        context: int = CONTEXT_SIZE,
        log_std: float = -0.7,
        activation: str = "tanh",
    ) -> None:
        """encoder, head: sizes of their hidden layers."""
        super().__init__()
        self.context = nn.Parameter(torch.zeros(context))
        self.encoder = Trunk(ue_inputs + group_inputs + context, encoder, activation)
        self.hidden = Trunk(3 * encoder[-1] + 1, head, activation)
        self.head = _linear(head[-1], 2, 0.01)
        self.head_log_std = nn.Parameter(torch.full((2,), log_std))

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        """(..., UEs, 4), packed (M, 4); what it says of absent UEs means nothing."""
        h, pooled = _pool(self.encoder, observation, self.context)
        if "step" in observation:
            pooled = pooled.flatten(0, -2)[observation["step"]]
        else:
            pooled = pooled.unsqueeze(-2).expand(*h.shape[:-1], pooled.shape[-1])
        mean = self.head(self.hidden(torch.cat([h, pooled], -1)))
        return torch.cat([mean, self.head_log_std.expand_as(mean)], -1)

    def distribution(self, parameters: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(*torch.chunk(parameters, 2, -1))

    def decided(self, observation: dict[str, Tensor], valid: Tensor) -> Tensor:
        return (observation["present"] > 0) & valid.unsqueeze(-1)

    def export(self) -> dict[str, Any]:
        """Keyword arguments of `pybridge.low_policy.LowPolicy`, arrays in float32."""
        return {
            "context": _array(self.context),
            "encoder": [_pair(layer) for layer in self.encoder.layers],
            "head": [*(_pair(layer) for layer in self.hidden.layers), _pair(self.head)],
            "log_std": _array(self.head_log_std),
            "activation": self.encoder.activation,
        }


class SetCritic(Critic):
    """V of a group of UEs, any number of them; observations as for `SetActor`."""

    def __init__(
        self,
        ue_inputs: int,
        group_inputs: int,
        *,
        encoder: Sequence[int] = (64,),
        hidden: Sequence[int] = (64,),
        context: int = CONTEXT_SIZE,
    ) -> None:
        super().__init__()
        self.context = nn.Parameter(torch.zeros(context))
        self.encoder = Trunk(ue_inputs + group_inputs + context, encoder)
        self.trunk = Trunk(2 * encoder[-1] + 1 + group_inputs + context, hidden)
        self.head = _linear(hidden[-1], 1, 1.0)

    def features(self, observation: dict[str, Tensor]) -> Tensor:
        _, pooled = _pool(self.encoder, observation, self.context)
        result: Tensor = self.trunk(_with_context(torch.cat([pooled, observation["group"]], -1), self.context))
        return result

    def value(self, features: Tensor) -> Tensor:
        result: Tensor = self.head(features)[..., 0]
        return result


def _pool(encoder: Trunk, observation: dict[str, Tensor], context: Tensor) -> tuple[Tensor, Tensor]:
    """h (..., UEs, H) and [mean | max | log(1 + N)] (..., 2H + 1); zeros for a group of nobody. Packed, h is (M, H)."""
    if "step" in observation:
        return _pool_packed(encoder, observation, context)
    ue, group, present = observation["ue"], observation["group"], observation["present"].unsqueeze(-1)
    group = group.unsqueeze(-2).expand(*ue.shape[:-1], group.shape[-1])
    # What stands in the places of absent UEs (perhaps NaN) must reach neither the pool nor a gradient.
    h = encoder(_with_context(torch.cat([torch.where(present > 0, ue, 0.0), group], -1), context))
    highest = torch.where(present > 0, h, -torch.inf).amax(-2)
    return h, _pooled((h * present).sum(-2), highest, present.sum(-2))


def _pool_packed(encoder: Trunk, observation: dict[str, Tensor], context: Tensor) -> tuple[Tensor, Tensor]:
    h = encoder(_with_context(observation["row"], context))
    lead, step, here = observation["group"].shape[:-1], observation["step"], observation["here"].unsqueeze(-1)
    empty = h.new_zeros(lead.numel(), h.shape[-1])
    total = empty.index_add(0, step, h * here)
    count = empty[:, :1].index_add(0, step, here.to(h.dtype))
    present = torch.where(here, h, -torch.inf)
    highest = (empty - torch.inf).scatter_reduce(0, step.unsqueeze(-1).expand_as(h), present, "amax")
    return h, _pooled(total, highest, count).reshape(*lead, -1)


def _pooled(total: Tensor, highest: Tensor, count: Tensor) -> Tensor:
    highest = torch.where(count > 0, highest, 0.0)
    return torch.cat([total / count.clamp(min=1.0), highest, torch.log1p(count)], -1)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.array(tensor.detach().numpy(), dtype=np.float32)


def _pair(layer: nn.Module) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    assert isinstance(layer, nn.Linear)
    return _array(layer.weight), _array(layer.bias)
