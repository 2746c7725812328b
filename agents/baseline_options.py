# SPDX-License-Identifier: MIT
"""Options of the baselines' trainings (`agents.train_baselines`), for `agents.trainers`; they load no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """What all of them are trained on: NR networks drawn from stated ranges, as Meta-HRL is."""

    tasks: Annotated[str | None, Field(description="YAML of agents.network_task.TaskRanges, default the shipped")] = (
        None
    )
    track: Annotated[str | None, Field(pattern="^(hidden|told)$", description="default that of the tasks")] = None
    simulations: Annotated[int, Field(ge=1, le=1024, description="at once; part of what bits depend on")] = 16


@dataclass(frozen=True, kw_only=True)
class RuleOptions(TaskOptions):
    """A rule of agents.rules tuned over training tasks by the cross-entropy method."""

    rule: Annotated[str, Field(pattern="^(static|sla-static|proportional|max-weight|dpp)$")] = "dpp"
    generations: Annotated[int, Field(ge=0, le=10_000, description="0: untuned")] = 20
    tasks_per_generation: Annotated[int, Field(ge=1, le=10_000)] = 16
    population: Annotated[int, Field(ge=2, le=10_000)] = 16

    def env_steps(self, episode_steps: int) -> int:
        """One episode per candidate and task."""
        return self.generations * self.tasks_per_generation * self.population * episode_steps


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(TaskOptions):
    """An algorithm of stable-baselines3 on tasks; further hyper-parameters are its own configuration's."""

    steps: Annotated[int, Field(ge=1, le=100_000_000, description="high-level decisions in all")]
    actions: Annotated[str, Field(pattern="^(scores|residual)$", description="raw, or a residual on the rule")] = (
        "residual"
    )
    rule: Annotated[tuple[float, ...], Field(description="θ of drift-plus-penalty underneath, default untuned")] = ()
    task: Annotated[int | None, Field(ge=0, description="one test task alone: from scratch, or its expert")] = None
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 3e-4

    @property
    def uses_rule(self) -> bool:
        """Whether a rule is underneath."""
        return self.actions == "residual"

    def env_steps(self, episode_steps: int) -> int:
        """They are an option."""
        return self.steps


@dataclass(frozen=True, kw_only=True)
class Rl2Options(NetworkOptions):
    """RL²: RecurrentPPO on trials of several episodes of a task."""

    episodes: Annotated[int, Field(ge=1, le=100, description="of a trial")] = 6
