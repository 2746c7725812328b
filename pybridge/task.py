# SPDX-License-Identifier: MIT
"""What a sub-environment is to learn: a scenario, and how its periods are valued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pybridge.episode import ResolvedScenario

if TYPE_CHECKING:
    from pybridge.envs.reward import RewardFunction


@dataclass(frozen=True)
class Task:
    """A scenario and its reward. Tasks of one environment have as many cells and slices; UEs may be others."""

    scenario: ResolvedScenario
    reward: RewardFunction | None = None
    """None: `SlaReward()`."""
