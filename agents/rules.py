# SPDX-License-Identifier: MIT
"""Rules that share resources between slices without having learned, on the observation and actions of learners.

A rule decides for any number of cells, episodes and tasks at once. It turns into a checkpoint (`rule_checkpoint`), so
that it runs, is compared and is kept as any trained policy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents import dpp, slice_residual
from agents.checkpoint import Checkpoint, CheckpointError
from agents.controls import action_of_logits, actions_per_cell
from agents.slice_inputs import INPUTS_PER_SLICE, N_PRICES, SliceInputs, as_on_track, read_slice_inputs
from pybridge.envs.shares import DEFAULT_SHARE_FLOOR, Controls

Array = NDArray[np.float64]

_SMALLEST_SHARE = 1e-9
_ALL = 20.0
"""Logarithm of what is lent over what is guaranteed, when all may be."""

RULES = ("static", "sla-static", "proportional", "max-weight", "dpp")


class Rule(Protocol):
    """Decides from what it sees and remembers; arrays of shape (..., cells, slices) go in."""

    def start(self, shape: tuple[int, ...]) -> Any:
        """What it remembers at the beginning of an episode. shape: (..., cells, slices)."""

    def decide(self, inputs: SliceInputs, state: Any) -> tuple[Array, Any]:
        """Logarithms of what it wants, (..., cells, 4, slices) as `agents.dpp.dpp_logits`; what it remembers now."""


@dataclass(frozen=True)
class StaticRule:
    """The same shares always; equal ones are "static equal"."""

    parameters: Array
    """Logarithms of the slices' shares, (..., slices), of any sum; 0 is equal shares."""

    def start(self, shape: tuple[int, ...]) -> None:
        """Nothing is remembered."""

    def decide(self, inputs: SliceInputs, state: None) -> tuple[Array, None]:
        shares = np.exp(self.parameters)[..., np.newaxis, :]
        return _follow_prbs(np.broadcast_to(shares, inputs.offered_kbps.shape)), None


@dataclass(frozen=True)
class SlaStaticRule:
    """Shares by SLA, from the first observation of an episode and kept (`sla_static_shares`)."""

    parameters: Array
    """Logarithms of factors on the shares, (..., slices); 0 is none."""

    def start(self, shape: tuple[int, ...]) -> None:
        """Nothing is known."""

    def decide(self, inputs: SliceInputs, state: Array | None) -> tuple[Array, Array]:
        if state is None:
            known = dpp.update_state(inputs, dpp.start_state(inputs.offered_kbps.shape))
            state = sla_static_shares(inputs, dpp.rate_with_all_prbs(known).mean(axis=-1, keepdims=True))
        return _follow_prbs(np.exp(self.parameters)[..., np.newaxis, :] * state), state


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
    """Drift-plus-penalty (`agents.dpp`), with the residual of `agents.slice_residual` if parameters have one."""

    parameters: Array
    """(..., P)."""
    period_s: float = 0.1

    def start(self, shape: tuple[int, ...]) -> dpp.DppState:
        """Averages and virtual queues."""
        return dpp.start_state(shape)

    def decide(self, inputs: SliceInputs, state: dpp.DppState) -> tuple[Array, dpp.DppState]:
        state = dpp.update_state(inputs, state)
        return slice_residual.decide(inputs, state, self.parameters, self.period_s), state


def make_rule(name: str, parameters: Array, period_s: float = 0.1) -> Rule:
    """A rule by its name in `RULES`. Raises ValueError for another one."""
    makers: dict[str, type[ProportionalRule | MaxWeightRule | DppRule]] = {
        "proportional": ProportionalRule,
        "max-weight": MaxWeightRule,
        "dpp": DppRule,
    }
    if name in ("static", "sla-static"):
        return (StaticRule if name == "static" else SlaStaticRule)(parameters)
    if name not in makers:
        raise ValueError(f"no rule is named {name!r}; there are {', '.join(RULES)}")
    return makers[name](parameters, period_s)


def sla_static_shares(inputs: SliceInputs, rate_per_cell_kbps: Array | float) -> Array:
    """Shares (..., cells, slices) that guarantee what was promised, once and for all.

    A slice with a rate SLA gets the promised rate of its UEs over the rate of its cell; what is left (at least a
    quarter) is shared equally by those whose SLA is a delay.
    inputs: of shape (..., cells, slices). rate_per_cell_kbps: with all PRBs, > 0, of a shape that goes with it.
    """
    promised = inputs.target_kbps * inputs.ues / rate_per_cell_kbps
    others = promised <= 0.0
    total = np.maximum(promised.sum(axis=-1, keepdims=True), 1e-9)
    part = promised * np.where(others.any(axis=-1, keepdims=True), np.minimum(1.0, 0.75 / total), 1.0 / total)
    left = (1.0 - part.sum(axis=-1, keepdims=True)) / np.maximum(1, others.sum(axis=-1, keepdims=True))
    shares: Array = np.where(others, left, part)
    return shares


def _follow_prbs(need: Array) -> Array:
    """All PRBs are shared by one need, equally where nobody has one, and lent; the other resources follow."""
    total = need.sum(axis=-1, keepdims=True)
    equal = np.full_like(need, 1.0 / need.shape[-1])
    shares = np.log(np.maximum(np.divide(need, total, out=equal, where=total > 0.0), _SMALLEST_SHARE))
    rows = {dpp.GUARANTEE: shares, dpp.COMPUTE: shares, dpp.LEND: np.full_like(need, _ALL), dpp.POWER: 0.0 * need}
    return np.stack([rows[row] for row in sorted(rows)], axis=-2)


@dataclass(frozen=True)
class Interface:
    """Of the environment that a rule is for."""

    cells: int
    slices: int
    controls: Controls = "shares"
    share_floor: float = DEFAULT_SHARE_FLOOR
    told: bool = False
    """Weights are observed, and prices appended to the observation of the environment."""
    period_s: float = 0.1
    """Between decisions."""

    @property
    def environment_shape(self) -> tuple[int]:
        """Of the environment's observations."""
        return (self.cells * self.slices * INPUTS_PER_SLICE,)

    @property
    def observation_shape(self) -> tuple[int]:
        """Of what is seen on the track."""
        return (self.environment_shape[0] + (N_PRICES if self.told else 0),)

    @property
    def action_shape(self) -> tuple[int]:
        """Of its actions."""
        return (self.cells * actions_per_cell(self.controls, self.slices),)

    def see(self, observation: NDArray[np.floating], prices: NDArray[np.floating]) -> NDArray[np.float32]:
        """An observation of the environment as it is seen on the track; prices: (2,), ignored where hidden.

        Raises CheckpointError for another shape, or a NaN.
        """
        if observation.shape != self.environment_shape:
            shape = self.environment_shape
            raise CheckpointError(f"policy is for observations of shape {shape}, got {observation.shape}")
        if not np.isfinite(observation).all():
            raise CheckpointError(f"observation {int(np.argmin(np.isfinite(observation)))} is not finite")
        return as_on_track(observation, prices if self.told else None)

    def check_spaces(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        """Raises CheckpointError, naming both shapes, unless the spaces are those of this interface."""
        for what, space, shape in (
            ("observation", observation_space, self.environment_shape),
            ("action", action_space, self.action_shape),
        ):
            if space.shape != shape:
                raise CheckpointError(f"policy is for an {what} of shape {shape}, here it is {space.shape}")


def rule_checkpoint(name: str, parameters: Array, interface: Interface, training: dict[str, Any]) -> Checkpoint:
    """A rule as a checkpoint. parameters: (P,). training: JSON-able, where they come from."""
    make_rule(name, parameters)
    header = {
        "algorithm": name,
        "architecture": asdict(interface),
        "observation_space": {"shape": list(interface.environment_shape)},
        "action_space": {"shape": list(interface.action_shape)},
        "training": training,
    }
    return Checkpoint({"parameters": np.asarray(parameters, np.float64)}, header)


PRICES = "task.prices"
"""Tensor of a checkpoint for the told track: standardised log prices, (2,); without it, the middle of training's."""


class RulePolicy:
    """A rule for one environment at a time, with its memory: an `ArrayPolicy` of pybridge."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Raises CheckpointError if the checkpoint is of another kind or lacks something."""
        try:
            self._interface = Interface(**checkpoint.header["architecture"])
            parameters = checkpoint.tensors["parameters"].astype(np.float64)
            self._rule = make_rule(checkpoint.header["algorithm"], parameters, self._interface.period_s)
            self._prices = checkpoint.tensors.get(PRICES, np.zeros(N_PRICES))
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"checkpoint of a rule is incomplete: {error}") from error
        self.reset()

    def reset(self) -> None:
        """An episode begins: forget."""
        self._state = self._rule.start((self._interface.cells, self._interface.slices))

    def act(self, observation: NDArray[np.floating]) -> NDArray[np.float32]:
        """Action of SliceEnv. Raises CheckpointError for an observation of another shape or with a NaN in it."""
        interface = self._interface
        seen = interface.see(observation, self._prices)
        inputs = read_slice_inputs(seen, interface.cells, interface.slices)
        logits, self._state = self._rule.decide(inputs, self._state)
        return action_of_logits(logits, interface.controls, interface.share_floor)

    @property
    def controls(self) -> Controls:
        """Of the environment."""
        return self._interface.controls

    def check_spaces(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        """Raises CheckpointError, naming both shapes, unless the spaces are those of the rule's cells and slices."""
        self._interface.check_spaces(observation_space, action_space)
