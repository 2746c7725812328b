# SPDX-License-Identifier: MIT
"""How a training went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Scalar(NamedTuple):
    """What a learner told of itself."""

    step: int
    """As the curve's."""
    iteration: int
    name: str
    """E.g. `weight/slice-0`."""
    value: float


@dataclass
class LearningCurve:
    """Of one training: how much had been played, and the mean reward per step of what was played since."""

    steps: list[int] = field(default_factory=list)
    """Environment steps, or episodes where the training says so."""
    mean_reward: list[float] = field(default_factory=list)
    scalars: list[Scalar] = field(default_factory=list)

    def add(self, steps: int, mean_reward: float) -> None:
        """One more point."""
        self.steps.append(steps)
        self.mean_reward.append(mean_reward)

    def note(self, steps: int, iteration: int, values: Mapping[str, float]) -> None:
        """Scalars of one iteration."""
        self.scalars += [Scalar(steps, iteration, name, float(value)) for name, value in values.items()]
