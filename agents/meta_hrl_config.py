# SPDX-License-Identifier: MIT
"""What can be chosen of a Meta-HRL training; apart from the learner, so that plans of trainings need no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WeightMode = Literal["uniform", "paper", "inverse", "robust"]


@dataclass(frozen=True)
class MetaHrlConfig:
    """One training. Defaults fit 30 minutes on two cores; `budget` scales all stages."""

    variant: Literal["ours", "paper"] = "ours"
    rule_generations: int = 16
    """Of tuning the rule that `ours` is a residual on: so many candidates each, an episode of so many tasks each."""
    rule_population: int = 16
    rule_tasks: int = 16
    low_iterations: int = 30
    """Of pre-training the low level."""
    iterations: int = 200
    """Of training both levels; 0: `ours` remains the rule that acts on what is inferred."""
    budget: float = 1.0
    """Factor on all three."""
    tasks: int = 8
    support_episodes: int = 4
    query_episodes: int = 4
    simulations: int = 32
    """At once; it decides which episodes are played together, so it is part of what bits depend on."""
    weights: Literal["default", "uniform", "paper", "inverse", "robust"] = "default"
    """default: robust for ours, paper for paper."""
    first_order: bool = False
    adapt: bool | None = None
    """Whether training takes inner steps; None: paper does. paper without is HRL without meta."""
    low_level: bool = True
    """False: UEs are left to the scenario's scheduling rules; there is no hierarchy."""
    rule: tuple[float, ...] = ()
    """θ that tuning the rule under `ours` begins at, as `agents.dpp.parameter_names`; empty: its defaults."""
    learning_rate: float | None = None
    """Adam's, of the high level; None: 1e-3 for ours, METHOD's 1e-4 for paper, which larger steps threw off."""
    low_learning_rate: float = 3e-4
    epochs: int | None = None
    """Gradient steps of the high level on an iteration's data; None: 15 for ours, METHOD's 5 for paper."""
    low_epochs: int = 3
    kl_target: float | None = None
    """Of the high level, per iteration; None: METHOD's 0.01 for paper; 0.05 for ours, whose KL stood at 0.01 before."""
    save_every: int = 5
    """Iterations between states on disk."""

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that make no training."""
        for name in (
            "rule_tasks",
            "tasks",
            "support_episodes",
            "query_episodes",
            "simulations",
            "low_epochs",
            "save_every",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "epochs", "kl_target"):
            if getattr(self, name) is not None and getattr(self, name) <= 0:
                raise ValueError(f"{name} is positive, got {getattr(self, name)}")
        if min(self.rule_generations, self.low_iterations, self.iterations) < 0 or self.budget <= 0.0:
            raise ValueError("rule_generations, low_iterations, iterations are at least 0, budget is positive")
        if self.rule_population < 3:
            raise ValueError(f"rule_population is at least 3, got {self.rule_population}")
        if self.simulations < self.tasks:
            raise ValueError(f"simulations is at least tasks ({self.tasks}), got {self.simulations}")

    @property
    def stages(self) -> dict[str, int]:
        """Iterations of each stage."""
        rule = round(self.rule_generations * self.budget) if self.variant == "ours" else 0
        low = round(self.low_iterations * self.budget) if self.low_level else 0
        joint = max(1, round(self.iterations * self.budget)) if self.iterations else 0
        return {"rule": rule, "low": low, "joint": joint}

    def episodes(self, stage: str) -> int:
        """Of an iteration."""
        if stage == "rule":
            return self.rule_population * self.rule_tasks
        return self.tasks * (self.support_episodes + self.query_episodes)

    def env_steps(self, episode_steps: int) -> int:
        """High-level decisions in all."""
        return sum(count * self.episodes(stage) for stage, count in self.stages.items()) * episode_steps
