# SPDX-License-Identifier: MIT
"""What can be chosen of a Meta-HRL training; apart from the learner, so that plans of trainings need no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

WeightMode = Literal["uniform", "paper", "inverse", "robust"]


@dataclass(frozen=True)
class MetaHrlConfig:
    """One training, by default of 96,000 decisions, some two minutes on two cores; `budget` scales all stages."""

    __pydantic_config__ = ConfigDict(allow_inf_nan=False)  # where settings are validated, in `agents.train`

    variant: Literal["ours", "paper"] = "ours"
    rule_iterations: int = 44
    """Of learning what `ours` decides by before its networks, by perturbing its parameters."""
    pairs: int = 16
    """Of perturbations in an iteration that perturbs parameters, two episodes of a task of its own each."""
    residual: bool = True
    """Of `ours`. False: only drift-plus-penalty's own parameters are learned by that (`agents.slice_residual`)."""
    low_iterations: int | None = None
    """Of training the low level alone: 10 by perturbing for ours, 6 by gradients for paper."""
    iterations: int | None = None
    """Of training both levels: 3 for ours, 24 for paper; 0: networks of ours stay as they begin, and decide nothing."""
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
    """θ that learning the rule under `ours` begins at, as `agents.dpp.parameter_names`; empty: its defaults."""
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
            "pairs",
            "tasks",
            "support_episodes",
            "query_episodes",
            "simulations",
            "low_epochs",
            "save_every",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "low_learning_rate", "epochs", "kl_target", "budget"):
            if getattr(self, name) is not None and getattr(self, name) <= 0:
                raise ValueError(f"{name} is positive, got {getattr(self, name)}")
        for name in ("rule_iterations", "low_iterations", "iterations"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name} is at least 0, got {getattr(self, name)}")
        if self.simulations < self.tasks:
            raise ValueError(f"simulations is at least tasks ({self.tasks}), got {self.simulations}")

        if self.variant == "ours" and self.adapt:
            raise ValueError("adapt is false for ours: it infers, and takes no inner steps")

    @property
    def inner_steps(self) -> bool:
        """Whether training takes them."""
        return self.variant == "paper" if self.adapt is None else self.adapt

    @property
    def stages(self) -> dict[str, int]:
        """Iterations of each stage."""
        ours = self.variant == "ours"
        low_iterations = (10 if ours else 6) if self.low_iterations is None else self.low_iterations
        iterations = (3 if ours else 24) if self.iterations is None else self.iterations
        rule = round(self.rule_iterations * self.budget) if ours else 0
        low = round(low_iterations * self.budget) if self.low_level else 0
        joint = max(1, round(iterations * self.budget)) if iterations else 0
        return {"rule": rule, "low": low, "joint": joint}

    def episodes(self, stage: str) -> int:
        """Of an iteration."""
        if stage == "rule" or (stage == "low" and self.variant == "ours"):
            return 2 * self.pairs
        return self.tasks * (self.support_episodes + self.query_episodes)

    def env_steps(self, episode_steps: int) -> int:
        """High-level decisions in all."""
        return sum(count * self.episodes(stage) for stage, count in self.stages.items()) * episode_steps
