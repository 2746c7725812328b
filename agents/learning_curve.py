# SPDX-License-Identifier: MIT
"""How a training went."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class LearningCurve:
    """Of one training: how much had been played, and the mean reward per step of what was played since."""

    steps: list[int] = field(default_factory=list)
    """Environment steps, or episodes where the training says so."""
    mean_reward: list[float] = field(default_factory=list)

    def add(self, steps: int, mean_reward: float) -> None:
        """One more point."""
        self.steps.append(steps)
        self.mean_reward.append(mean_reward)
