# SPDX-License-Identifier: MIT
"""Ways to adapt to tasks, by the name that campaigns give them: what each takes, what it costs, and where it is.

This module loads no PyTorch; a way's own module is loaded when it adapts.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agents.trainers import MetaHrlOptions, Options

if TYPE_CHECKING:
    from agents.checkpoint import Checkpoint
    from agents.judging import Curve
    from agents.network_task import NetworkTask
    from agents.rollout import Simulations

BUILT_IN = ("static", "proportional", "max-weight")
"""Policies of the simulation; here they are played as the untuned rules of these names (`agents.rules`)."""

VALIDATION_EPISODES = 8
VALIDATION_TASKS = 8
STEP_SIZES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Of plain gradient steps, of which validation tasks choose one (METHOD.md 2b: 0.1 hurt, 0.03 helped); 0: none."""


@dataclass(frozen=True)
class AdaptJob:
    """What a way to adapt is given."""

    tasks: Sequence[NetworkTask]
    """At most as many as there are simulations."""
    points: tuple[int, ...]
    """Numbers of episodes after which it is judged, rising; 0 is before any."""
    judging: int
    """Episodes per task and point, which nothing is learned from."""
    seed: int
    simulations: Simulations
    policy: str | None
    """One of `BUILT_IN`, or"""
    checkpoint: Checkpoint | None
    """what was trained."""
    step_size: float | None = None
    """What `Adapter.choose` gave, for ways that take one."""


@dataclass(frozen=True)
class Adapter:
    """One way to adapt."""

    function: str
    """`module:function` of an `AdaptJob` to a `Curve`."""
    algorithms: tuple[str, ...]
    """Of trainings whose policies it takes, and built-in policies."""
    plays: bool = True
    """Whether it spends episodes; what does not is judged once, at 0."""
    chooses: bool = False
    """Whether it takes a step size, one of `STEP_SIZES`, that validation tasks choose."""

    def adapt(self, job: AdaptJob) -> Curve:
        """Load the module and adapt. Raises RolloutError, CheckpointError."""
        module, _, name = self.function.partition(":")
        curve: Curve = getattr(importlib.import_module(module), name)(job)
        return curve

    def choose(self, job: AdaptJob) -> float:
        """The step size that is best after `VALIDATION_EPISODES` of each of the job's tasks, validation tasks."""
        trial = replace(job, points=(VALIDATION_EPISODES,))
        rewards = {size: float(self.adapt(replace(trial, step_size=size)).reward.mean()) for size in STEP_SIZES}
        return max(rewards, key=lambda size: rewards[size])

    def points(self, points: tuple[int, ...]) -> tuple[int, ...]:
        """Those that are judged."""
        return points if self.plays else points[:1]

    def episodes(self, tasks: int, points: tuple[int, ...], judging: int) -> int:
        """Episodes that it plays in all, judging and choosing included."""
        judged = self.points(points)
        chosen = len(STEP_SIZES) * VALIDATION_TASKS * (VALIDATION_EPISODES + judging) if self.chooses else 0
        return tasks * ((judged[-1] if self.plays else 0) + len(judged) * judging) + chosen


ADAPTERS = {
    "none": Adapter("agents.adapting:as_it_is", (*BUILT_IN, "rule", "sac", "ddpg"), plays=False),
    "meta": Adapter("agents.adapting:meta", ("meta-hrl",)),
    "fine-tune": Adapter("agents.adapting:fine_tuned", ("vector-ppo", "meta-hrl"), chooses=True),
    "state": Adapter("agents.adapting:by_state", ("rl2",)),
    "retune": Adapter("agents.adapting:retuned", ("rule",)),
}
"""By the `adapt` of a campaign's method."""


def ways(algorithm: str, options: Options | None = None) -> list[str]:
    """How policies of an algorithm, or a built-in policy, may be adapted, the default first; empty if they cannot be.

    algorithm: a built-in policy, or one of `agents.trainers.TRAINERS`. options: of its training.
    """
    found = [name for name, adapter in ADAPTERS.items() if algorithm in adapter.algorithms]
    if isinstance(options, MetaHrlOptions):
        # By gradients adapts what was not trained to infer; what was trained to take steps has learned their size.
        found.remove("meta" if options.by_plain_steps else "fine-tune")
    return found if not found or "none" in found else [*found, "none"]
