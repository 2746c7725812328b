# SPDX-License-Identifier: MIT
"""Policies as the debugger asks them: an observation in, an action of the session's levels out, or nothing new."""

from __future__ import annotations

from typing import Protocol

from pybridge.debug.seeing import TrainedSight
from pybridge.errors import SliceBridgeError
from pybridge.low_policy import LowPolicy
from pybridge.observation import Action, Observation
from pybridge.policies import Policy, ResolvedPolicy, call_user_code, resolve_policy
from pybridge.scenario import Scenario
from pybridge.schema import Levels, Schema

HOLD = "hold"
"""Nobody decides: what is in force stays, but for changes by hand."""


class CannotDecide(SliceBridgeError):
    """A policy is not one that can take over a running simulation."""

    exit_code = 2


class Decider(Protocol):
    """Decides at epochs."""

    name: str

    def act(self, observation: Observation) -> Action | None:
        """The decision of this epoch; None: what is in force stays. Raises `PolicyError`."""


class Hold:
    """Changes nothing."""

    def __init__(self, name: str = HOLD) -> None:
        self.name = name

    def act(self, observation: Observation) -> Action | None:
        """None."""
        return None


class Agent:
    """A user's class, in a session of its levels or of levels "both"."""

    def __init__(self, name: str, agent: Policy, levels: Levels, scenario: Scenario, schema: Schema) -> None:
        self.name = name
        self._agent = agent
        self._levels = levels
        call_user_code(f"policy `{name}` failed in reset()", agent.reset, schema, scenario)

    def act(self, observation: Observation) -> Action | None:
        """Its decision. It is asked at high-level epochs only, if it decides about slices only."""
        if self._levels == "high" and not observation.high_decision:
            return None
        where = f"policy `{self.name}` failed in act() at {observation.time_s:g} s"
        action: Action = call_user_code(where, self._agent.act, observation)
        return action


class Trained:
    """A checkpoint, which sees what `SliceEnv` shows."""

    def __init__(self, name: str, sight: TrainedSight) -> None:
        self.name = name
        self._sight = sight

    def act(self, observation: Observation) -> Action | None:
        """Its decision at high-level epochs."""
        return self._sight.act(observation) if observation.high_decision else None


def translated(action: Action, levels: Levels) -> Action:
    """The same decision for a session of these levels; UEs keep neutral controls if it does not tell of them."""
    if action.levels == levels:
        return action.copy()
    other = Action(action.schema, levels)
    other.prb_policy[...] = action.prb_policy
    other.compute_share[...] = action.compute_share
    other.power_share[...] = action.power_share
    return other


def session_levels(policy: ResolvedPolicy) -> Levels:
    """Levels of a session that this policy decides in; "both" where a person does."""
    if policy.name == "static":
        return "both"
    if policy.trained is not None:
        return "delegated"
    return policy.levels


def low_policy_of(policy: ResolvedPolicy) -> LowPolicy | None:
    """What decides about UEs inside the simulation."""
    low_policy: LowPolicy | None = getattr(policy.trained, "low_policy", None)
    return low_policy


def decider_of(policy: ResolvedPolicy, scenario: Scenario, schema: Schema) -> Decider:
    """Ready to decide from now on. Raises `PolicyError` and what the policy raises."""
    if policy.kind == "built-in":
        return Hold(policy.name)
    if policy.agent is not None:
        return Agent(policy.name, policy.agent, policy.levels, scenario, schema)
    assert policy.trained is not None
    return Trained(policy.name, TrainedSight(policy.trained, scenario, schema))


def rival(name: str, scenario: Scenario, schema: Schema, levels: Levels) -> Decider:
    """A policy that takes over a fork. Raises `PolicyError`, `CannotDecide`."""
    if name in (HOLD, "static"):
        return Hold(name)
    policy = resolve_policy(name)
    if policy.kind == "built-in":
        raise CannotDecide(
            f"policy `{name}` decides inside a simulation from its start on; a fork takes {HOLD}, module:Class "
            "or a checkpoint"
        )
    if policy.levels == "both" and levels != "both":
        raise CannotDecide(f"policy `{name}` decides about UEs too, and this session asks about slices only")
    if low_policy_of(policy) is not None:
        raise CannotDecide(f"policy `{name}` brings a low level, which a simulation takes at its start only")
    return decider_of(policy, scenario, schema)
