# SPDX-License-Identifier: MIT
"""How the high level sees the network and what its numbers mean: one class per parameterisation of actions.

* `SimplexControls`, of the `paper` learner: raw shares on simplices, with a spare where PRB use is priced, caps and
  power levels as fractions (METHOD.md 2).
* `ResidualControls`, of `ours`: a residual on the rule of `agents.slice_residual`, exp(residual) times the need
  (METHOD.md 2b: raw simplex outputs lose to multipliers on the need, and a zero-initialised residual learns faster).

Both act on `SliceEnv(controls="capped")` (`pybridge.envs.shares.CappedMap`), and both see the same observation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from agents import dpp, slice_residual
from agents.conditioned import ConditionedActor, ConditionedCritic
from agents.controls import action_of_logits
from agents.nets import CONTEXT_SIZE, Actor, Critic, GaussianActor, MlpCritic, SimplexActor
from agents.slice_inputs import INPUTS_PER_SLICE, as_if_told, read_slice_inputs

Array = NDArray[np.float64]
Single = NDArray[np.float32]


class Seen(NamedTuple):
    """What a network is shown of one step, and what the rule underneath wants and remembers."""

    inputs: dict[str, Single]
    """`x` (..., inputs), and for conditioned networks `task` (..., task inputs)."""
    base: Array
    """Logits that actions are added to, (..., cells, 4, slices) as `dpp.dpp_logits`; nothing for raw shares."""
    memory: Any


class HighControls(ABC):
    """Between observations of cells of K slices and networks. Arrays have leading axes (tasks, episodes)."""

    def __init__(self, cells: int, slices: int, observed: int, task_inputs: int) -> None:
        """observed: numbers of an observation, with what the told track appends. task_inputs: of hidden features."""
        self.cells, self.slices = cells, slices
        self.observed, self.task_inputs = observed, task_inputs
        self.told = observed > cells * slices * INPUTS_PER_SLICE

    @abstractmethod
    def start(self, shape: tuple[int, ...]) -> Any:
        """What is remembered at the beginning of episodes; shape: leading axes."""

    @abstractmethod
    def see(self, observation: Single, task: Single, memory: Any) -> Seen:
        """observation: (..., observed). task: (..., task inputs), what is believed of it; the last is doubt."""

    @abstractmethod
    def controls(self, action: Single, seen: Seen) -> Single:
        """What a network put out, as an action of the environment: (..., cells·(4K + 1)), in [0, 1]."""

    @abstractmethod
    def networks(self) -> tuple[Actor, Critic]:
        """Fresh ones; their first values come from PyTorch's generator."""

    @abstractmethod
    def observation(self, inputs: Mapping[str, torch.Tensor]) -> Any:
        """`Seen.inputs` as the networks take it."""


class SimplexControls(HighControls):
    """Shares on simplices: Dirichlet for PRBs (K and a spare) and compute, Beta for caps and power levels."""

    def start(self, shape: tuple[int, ...]) -> None:
        """Nothing is remembered."""

    def see(self, observation: Single, task: Single, memory: None) -> Seen:
        return Seen({"x": observation}, np.zeros(0), None)

    def controls(self, action: Single, seen: Seen) -> Single:
        lead, k = action.shape[:-1], self.slices
        split = self.cells * (2 * k + 1)
        shares = action[..., :split].reshape(*lead, self.cells, 2 * k + 1)
        fractions = action[..., split:].reshape(*lead, self.cells, 2 * k)
        return np.concatenate([shares, fractions], -1).reshape(*lead, -1)

    def networks(self) -> tuple[Actor, Critic]:
        simplices = [self.slices + 1, self.slices] * self.cells
        fractions = 2 * self.slices * self.cells
        return SimplexActor(self.observed, simplices, fractions), MlpCritic(self.observed)

    def observation(self, inputs: Mapping[str, torch.Tensor]) -> Any:
        return inputs["x"]


class ResidualControls(HighControls):
    """Residuals on the rule, whose logits the networks see too; the networks are conditioned on a context z.

    With residual 0 the decision is the rule's. It reads weights, prices and doubt from `task` where the observation
    hides them.
    """

    def __init__(
        self,
        cells: int,
        slices: int,
        observed: int,
        task_inputs: int,
        parameters: Array | None = None,
        period_s: float = 0.1,
    ) -> None:
        """parameters: of `slice_residual.decide`; None: `dpp.default_parameters`. period_s: between decisions."""
        super().__init__(cells, slices, observed, task_inputs)
        self.period_s = period_s
        self.parameters = dpp.default_parameters(slices, told=True) if parameters is None else parameters

    def start(self, shape: tuple[int, ...]) -> dpp.DppState:
        """The rule's averages and virtual queues."""
        return dpp.start_state((*shape, self.cells, self.slices))

    def see(self, observation: Single, task: Single, memory: dpp.DppState) -> Seen:
        inputs = read_slice_inputs(observation, self.cells, self.slices)
        if not self.told:
            inputs = as_if_told(inputs, task)
        memory = dpp.update_state(inputs, memory)
        logits = slice_residual.decide(inputs, memory, self.parameters, self.period_s)
        queues = memory.virtual_queue[..., np.newaxis, :] / 10.0
        seen = np.concatenate([np.clip(logits / 5.0, -2.0, 2.0), queues], -2)
        flat = seen.reshape(*observation.shape[:-1], -1).astype(np.float32)
        return Seen({"x": np.concatenate([observation, flat], -1), "task": task}, logits, memory)

    def controls(self, action: Single, seen: Seen) -> Single:
        residual = np.clip(action.astype(np.float64), -5.0, 5.0).reshape(seen.base.shape)
        return action_of_logits(seen.base + slice_residual.SCALE[:, np.newaxis] * residual, "capped")

    def networks(self) -> tuple[Actor, Critic]:
        inputs = self.observed + 5 * self.cells * self.slices + CONTEXT_SIZE
        actor = GaussianActor(inputs, 4 * self.cells * self.slices, context=0, gain=0.0, log_std=-1.2)
        critic = MlpCritic(inputs, context=0)
        return ConditionedActor(actor, self.task_inputs), ConditionedCritic(critic, self.task_inputs, reads="truth")

    def observation(self, inputs: Mapping[str, torch.Tensor]) -> Any:
        return dict(inputs)


def torch_inputs(inputs: Mapping[str, Single]) -> dict[str, torch.Tensor]:
    """Without copying."""
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in inputs.items()}


def stack_steps(steps: Sequence[Mapping[str, Single]]) -> dict[str, torch.Tensor]:
    """T + 1 steps of (tasks, episodes, …) to (tasks, episodes, T + 1, …)."""
    return {name: torch.from_numpy(np.stack([step[name] for step in steps], axis=2)) for name in steps[0]}
