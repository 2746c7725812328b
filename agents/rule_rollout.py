# SPDX-License-Identifier: MIT
"""Rules under many parameters on many simulations: what tuning and judging them plays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.network_task import NetworkTask
from agents.rollout import RuleDriver, Simulations
from agents.rules import Interface, make_rule

Array = NDArray[np.float64]


class RuleEvaluator:
    """`agents.rule_tuning.Evaluate` for one rule on networks of one size."""

    def __init__(self, simulations: Simulations, rule: str, interface: Interface) -> None:
        """rule: one of `agents.rules.RULES`. interface: of the networks."""
        self._simulations, self._rule, self._interface = simulations, rule, interface

    def __call__(self, tasks: Sequence[NetworkTask], parameters: Array, seeds: Sequence[int]) -> Array:
        """Mean rewards per step, (N,), in waves of as many episodes as there are simulations. Raises RolloutError."""
        at_once = self._simulations.vector.num_envs
        parts = [
            self._wave(tasks[i : i + at_once], parameters[i : i + at_once], seeds[i : i + at_once])
            for i in range(0, len(tasks), at_once)
        ]
        return np.concatenate(parts)

    def _wave(self, tasks: Sequence[NetworkTask], parameters: Array, seeds: Sequence[int]) -> Array:
        # Tasks and episodes are the leading axes of a wave, so parameters get one for episodes.
        rule = make_rule(self._rule, parameters[:, np.newaxis], self._interface.period_s)
        driver = RuleDriver(rule, self._interface.cells, self._interface.slices)
        wave = self._simulations.play(tasks, driver, 1, seeds, [None] * len(tasks))
        means: Array = wave.reward.astype(np.float64).mean(axis=(1, 2))
        return means
