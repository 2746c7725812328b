# SPDX-License-Identifier: MIT
"""Trainers by the name that campaigns give them: their options, what they cost, and where they are.

This module and the options load no PyTorch; a trainer's own module is loaded when it trains.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import Field

from agents.baseline_options import NetworkOptions, Rl2Options, RuleOptions
from agents.meta_hrl_config import MetaHrlConfig

if TYPE_CHECKING:
    from agents.checkpoint import Checkpoint
    from agents.learning_curve import LearningCurve
    from agents.mixture import EnvFactory


class OptionError(ValueError):
    """Options that are fine one by one do not go together; `key` is the one to change."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Options(Protocol):
    """Options of a trainer: a frozen dataclass, whose annotations pydantic validates."""

    def env_steps(self, episode_steps: int) -> int:
        """High-level decisions of a training whose episodes have so many."""


@dataclass(frozen=True)
class TrainingJob:
    """What a trainer is given besides its options."""

    envs: Sequence[EnvFactory]
    """Environments of the networks to train on."""
    env_seeds: range
    """RngRun that their episodes may take."""
    seed: int
    states: Path
    """Folder for what an interrupted training goes on from; gone or kept, as the trainer likes."""
    on_progress: Callable[[float], None]
    """Told the part that is done, in [0, 1]."""


@dataclass(frozen=True)
class PpoOptions:
    """PPO by stable-baselines3, on the networks of the campaign; as agents.sb3.PpoConfig."""

    steps: Annotated[int, Field(ge=1, le=100_000_000, description="high-level decisions in all")]
    rollout_steps: Annotated[int, Field(ge=2, description="steps between two updates")] = 250
    minibatch: Annotated[int, Field(ge=2, description="divides rollout_steps")] = 50
    epochs: Annotated[int, Field(ge=1, le=1000)] = 10
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 1e-3
    gamma: Annotated[float, Field(ge=0.0, le=1.0)] = 0.95

    def __post_init__(self) -> None:
        """Raises OptionError."""
        if self.rollout_steps % self.minibatch:
            raise OptionError("minibatch", f"must divide rollout_steps ({self.rollout_steps}), got {self.minibatch}")

    def env_steps(self, episode_steps: int) -> int:
        """They are an option."""
        return self.steps


@dataclass(frozen=True)
class MetaHrlOptions:
    """Meta-HRL, on tasks of its own: NR networks drawn from stated ranges, not those of the campaign."""

    variant: Annotated[str, Field(pattern="^(ours|paper)$", description="ours or paper")] = "ours"
    tasks: Annotated[str | None, Field(description="YAML of agents.network_task.TaskRanges, default the shipped")] = (
        None
    )
    track: Annotated[str | None, Field(pattern="^(hidden|told)$", description="default that of the tasks")] = None
    budget: Annotated[float, Field(gt=0.0, le=1000.0, description="factor on all iterations")] = 1.0
    iterations: Annotated[
        int | None, Field(ge=0, description="of both levels, before `budget`; default the learner's")
    ] = None
    rule_iterations: Annotated[int | None, Field(ge=0, description="of learning ours' rule, before `budget`")] = None
    residual: Annotated[bool, Field(description="of ours; false: its rule is drift-plus-penalty alone")] = True
    low_level: Annotated[bool, Field(description="false: no hierarchy")] = True
    adapt: Annotated[bool | None, Field(description="inner steps in training, default: of paper")] = None
    first_order: bool = False
    weights: Annotated[str, Field(pattern="^(default|uniform|paper|inverse|robust)$")] = "default"
    rule: Annotated[tuple[float, ...], Field(description="θ of the rule that ours begins at, default untuned")] = ()

    def __post_init__(self) -> None:
        """Raises OptionError."""
        try:
            self.config()
        except ValueError as error:
            raise OptionError("variant", str(error)) from None

    def config(self) -> MetaHrlConfig:
        """Of the learner."""
        chosen = {"iterations": self.iterations, "rule_iterations": self.rule_iterations}
        own = {name: count for name, count in chosen.items() if count is not None}
        return MetaHrlConfig(
            **own,
            variant=self.variant,  # type: ignore[arg-type]  # the pattern has seen to it
            budget=self.budget,
            residual=self.residual,
            low_level=self.low_level,
            adapt=self.adapt,
            first_order=self.first_order,
            weights=self.weights,  # type: ignore[arg-type]
            rule=self.rule,
        )

    @property
    def uses_rule(self) -> bool:
        """Whether a rule is underneath."""
        return self.variant == "ours"

    @property
    def by_plain_steps(self) -> bool:
        """Whether it can adapt by gradient steps alone, whose size it has not learned."""
        return self.variant == "paper" and not self.config().inner_steps

    def env_steps(self, episode_steps: int) -> int:
        """Of all stages."""
        return self.config().env_steps(episode_steps)


@dataclass(frozen=True)
class Trainer:
    """One way to train."""

    options: type[Any]
    """A class of `Options`."""
    function: str
    """`module:function` of (options, TrainingJob) to (Checkpoint, LearningCurve)."""
    step_s: float
    """What a high-level decision costs, in seconds of one core of a 2-core machine, on NR at 20 MHz and µ = 1."""

    @property
    def on_tasks(self) -> bool:
        """Whether it trains on tasks of its own, and not on the networks of the campaign."""
        return any(field.name == "tasks" for field in fields(self.options))

    def train(self, options: Options, job: TrainingJob) -> tuple[Checkpoint, LearningCurve]:
        """Load the module and train. Whatever the environments and the trainer raise passes through."""
        module, _, name = self.function.partition(":")
        result: tuple[Checkpoint, LearningCurve] = getattr(importlib.import_module(module), name)(options, job)
        return result


TRAINERS = {
    "ppo": Trainer(PpoOptions, "agents.sb3:run", 0.004),
    "meta-hrl": Trainer(MetaHrlOptions, "agents.train:run", 0.0025),
    "rule": Trainer(RuleOptions, "agents.train_baselines:run_rule", 0.0021),
    "vector-ppo": Trainer(NetworkOptions, "agents.train_baselines:run_vector_ppo", 0.0026),
    "sac": Trainer(NetworkOptions, "agents.train_baselines:run_sac", 0.003),
    "ddpg": Trainer(NetworkOptions, "agents.train_baselines:run_ddpg", 0.003),
    "rl2": Trainer(Rl2Options, "agents.train_baselines:run_rl2", 0.003),
}
"""By the `algorithm` of a campaign's method."""
