# SPDX-License-Identifier: MIT
"""Rules that share resources between slices without having learned, on the observation and actions of learners.

A rule decides for any number of cells, episodes and tasks at once. It turns into a checkpoint (`rule_checkpoint`), so
that it runs, is compared and is kept as any trained policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents import dpp
from agents.checkpoint import Checkpoint, CheckpointError
from agents.slice_inputs import INPUTS_PER_SLICE, RESOURCES, SliceInputs, read_slice_inputs

Array = NDArray[np.float64]

RULES = ("static", "proportional", "max-weight", "dpp")


class Rule(Protocol):
    """Decides from what it sees and remembers; arrays of shape (..., cells, slices) go in."""

    def start(self, shape: tuple[int, ...]) -> Any:
        """What it remembers at the beginning of an episode. shape: (..., cells, slices)."""

    def decide(self, inputs: SliceInputs, state: Any) -> tuple[Array, Any]:
        """Shares (..., cells, 3, slices) of PRBs, compute and power, Σ over slices = 1, and what it remembers now."""


@dataclass(frozen=True)
class StaticRule:
    """The same shares always: equal ones are "static equal", ones by SLA "SLA-static" (`sla_static_shares`)."""

    parameters: Array
    """Shares of each slice, (..., slices), of any sum."""

    def start(self, shape: tuple[int, ...]) -> None:
        """Nothing is remembered."""

    def decide(self, inputs: SliceInputs, state: None) -> tuple[Array, None]:
        shape = inputs.offered_kbps.shape
        shares = self.parameters / self.parameters.sum(axis=-1, keepdims=True)
        return np.broadcast_to(shares[..., np.newaxis, np.newaxis, :], (*shape[:-1], RESOURCES, shape[-1])).copy(), None


@dataclass(frozen=True)
class ProportionalRule:
    """In proportion to head-room × (offered + queued per period) / (rate per PRB): built-in `proportional`, tunable.

    All three resources follow the same shares, so that power is even over PRBs, as in slicing/builtin-controllers.h.
    """

    parameters: Array
    """Logarithms of the head-rooms, (..., slices); 0 is the built-in one."""
    period_s: float = 0.1

    def start(self, shape: tuple[int, ...]) -> dpp.DppState:
        """Rates per PRB."""
        return dpp.start_state(shape)

    def decide(self, inputs: SliceInputs, state: dpp.DppState) -> tuple[Array, dpp.DppState]:
        state = dpp.update_state(inputs, state)
        load_kbps = inputs.offered_kbps + inputs.queued_kbit / self.period_s
        need = np.exp(self.parameters)[..., np.newaxis, :] * load_kbps / dpp.rate_with_all_prbs(state)
        return _follow_prbs(need), state


@dataclass(frozen=True)
class MaxWeightRule:
    """In proportion to weight × backlog × rate × (1 + oldest packet / delay budget): built-in `max-weight`, tunable.

    Tassiulas and Ephremides 1992; urgency of M-LWDF, Andrews et al. 2001 (slicing/builtin-controllers.h). Without a
    delay budget in the SLA there is no urgency (the built-in one takes the 5QI's, which is not in the observation).
    """

    parameters: Array
    """Logarithms of the slices' weights, (..., slices); 0 is alike."""
    period_s: float = 0.1

    def start(self, shape: tuple[int, ...]) -> dpp.DppState:
        """Rates per PRB."""
        return dpp.start_state(shape)

    def decide(self, inputs: SliceInputs, state: dpp.DppState) -> tuple[Array, dpp.DppState]:
        state = dpp.update_state(inputs, state)
        backlog_kbit = inputs.queued_kbit + inputs.offered_kbps * self.period_s
        rate = dpp.rate_with_all_prbs(state)
        need = np.exp(self.parameters)[..., np.newaxis, :] * backlog_kbit * rate * (1.0 + dpp.relative_age(inputs))
        return _follow_prbs(need), state


@dataclass(frozen=True)
class DppRule:
    """Drift-plus-penalty, `agents.dpp`."""

    parameters: Array
    """θ, (..., P)."""
    period_s: float = 0.1

    def start(self, shape: tuple[int, ...]) -> dpp.DppState:
        """Averages and virtual queues."""
        return dpp.start_state(shape)

    def decide(self, inputs: SliceInputs, state: dpp.DppState) -> tuple[Array, dpp.DppState]:
        state = dpp.update_state(inputs, state)
        return dpp.dpp_shares(inputs, state, self.parameters, self.period_s), state


def make_rule(name: str, parameters: Array, period_s: float = 0.1) -> Rule:
    """A rule by its name in `RULES`. Raises ValueError for another one."""
    makers: dict[str, type[ProportionalRule | MaxWeightRule | DppRule]] = {
        "proportional": ProportionalRule,
        "max-weight": MaxWeightRule,
        "dpp": DppRule,
    }
    if name == "static":
        return StaticRule(parameters)
    if name not in makers:
        raise ValueError(f"no rule is named {name!r}; there are {', '.join(RULES)}")
    return makers[name](parameters, period_s)


def sla_static_shares(inputs: SliceInputs, rate_per_cell_kbps: float) -> Array:
    """Shares (slices,) that guarantee what was promised, once and for all, from the first observation of a task.

    A slice with a rate SLA gets the promised rate of its UEs over the rate of a cell; what is left (at least a quarter)
    is shared equally by those whose SLA is a delay.
    inputs: of shape (cells, slices). rate_per_cell_kbps: of a cell with all PRBs, > 0.
    """
    promised = (inputs.target_kbps * inputs.ues).mean(axis=0) / rate_per_cell_kbps
    others = promised <= 0.0
    total = float(promised.sum())
    rate_part: Array = promised * (min(1.0, 0.75 / total) if others.any() and total > 0.0 else 1.0 / max(total, 1e-9))
    return np.where(others, (1.0 - float(rate_part.sum())) / max(1, others.sum()), rate_part)


def _follow_prbs(need: Array) -> Array:
    """Shares of all three resources by one need, equal where no need is above 0."""
    total = need.sum(axis=-1, keepdims=True)
    equal = np.full_like(need, 1.0 / need.shape[-1])
    shares = np.divide(need, total, out=equal, where=total > 0.0)
    return np.repeat(shares[..., np.newaxis, :], RESOURCES, axis=-2)


def rule_checkpoint(name: str, parameters: Array, cells: int, slices: int, training: dict[str, Any]) -> Checkpoint:
    """A rule as a checkpoint. parameters: (P,). training: JSON-able, where they come from."""
    header = {
        "algorithm": name,
        "architecture": {"cells": cells, "slices": slices, "period_s": 0.1},
        "observation_space": {"shape": [cells * slices * INPUTS_PER_SLICE]},
        "action_space": {"shape": [cells * RESOURCES * slices]},
        "training": training,
    }
    make_rule(name, parameters)
    return Checkpoint({"parameters": np.asarray(parameters, np.float64)}, header)


class RulePolicy:
    """A rule for one environment at a time, with its memory: an `ArrayPolicy` of pybridge."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Raises CheckpointError if the checkpoint is of another kind or lacks something."""
        try:
            architecture = checkpoint.header["architecture"]
            self._shape = (int(architecture["cells"]), int(architecture["slices"]))
            name, parameters = checkpoint.header["algorithm"], checkpoint.tensors["parameters"].astype(np.float64)
            self._rule = make_rule(name, parameters, float(architecture["period_s"]))
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"checkpoint of a rule is incomplete: {error}") from error
        self.reset()

    def reset(self) -> None:
        """An episode begins: forget."""
        self._state = self._rule.start(self._shape)

    def act(self, observation: NDArray[np.floating]) -> NDArray[np.float32]:
        """Scores for SliceEnv. Raises CheckpointError for an observation of another shape or with a NaN in it."""
        try:
            inputs = read_slice_inputs(observation, *self._shape)
        except ValueError as error:
            raise CheckpointError(str(error)) from error
        shares, self._state = self._rule.decide(inputs, self._state)
        return shares.astype(np.float32).reshape(-1)

    def check_spaces(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        """Raises CheckpointError, naming both shapes, unless the spaces are those of the rule's cells and slices."""
        cells, slices = self._shape
        for what, space, size in (
            ("an observation", observation_space, cells * slices * INPUTS_PER_SLICE),
            ("an action", action_space, cells * RESOURCES * slices),
        ):
            if space.shape != (size,):
                raise CheckpointError(f"rule for {what} of shape {(size,)}, here it is {space.shape}")
