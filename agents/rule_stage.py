# SPDX-License-Identifier: MIT
"""First stage of `ours`: drift-plus-penalty tuned over training tasks for acting on beliefs.

The rule takes weights and prices (`agents.dpp.TOLD`). Where these are hidden, it will act on what is inferred of them:
first on the mean over training tasks, soon on what is almost the truth. So for the first half of the generations nobody
knows, and what does not depend on weights and prices is tuned; then half of the tasks are shown as they are, which is
privileged information of training, and all is tuned. By the cross-entropy method, as the baselines' rules are
(`agents.rule_tuning`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.dpp import default_parameters
from agents.latent_search import CrossEntropySearch, SearchConfig
from agents.meta import TaskSampler
from agents.network_task import NetworkTask
from agents.reward_model import Beliefs
from agents.rollout import NetworkRollout, RuleDriver, revealed
from agents.rule_tuning import search_std
from agents.rules import DppRule, Interface
from agents.training_state import Arrays

Array = NDArray[np.float64]
RULE = 4
STD = 0.7
"""Of most parameters at the start."""
AGAIN = 0.3
"""Part of it, of parameters that were tuned in the first half, at the start of the second."""


class RuleStage:
    """Counts generations as `agents.meta.MetaLearner` counts iterations."""

    def __init__(
        self,
        interface: Interface,
        generations: int,
        population: int,
        tasks: int,
        prior: Array | None,
        seed: int,
        start: Array | None = None,
    ) -> None:
        """population: candidates of a generation. tasks: that each of them meets.

        prior: `reward_parameters` of training tasks; None: weights and prices are observed. start: (P,), what has been
        tuned already; then there is no first half.
        """
        self._interface, self._prior, self._seed = interface, prior, seed
        self._population, self._tasks = population, tasks
        self._blind = 0 if prior is None or start is not None else generations // 2
        self._own = len(default_parameters(interface.slices))
        self._mean = default_parameters(interface.slices, told=True) if start is None else start.copy()
        self._std = search_std("dpp", replace(interface, told=True), STD)
        self._floor = SearchConfig().smallest_std * self._std
        if start is not None:
            self._std[: self._own] *= AGAIN
        self.iteration = 0

    @property
    def parameters(self) -> Array:
        """θ, (P,)."""
        return self._mean.copy()

    def iterate(self, sample_tasks: TaskSampler[NetworkTask], rollout: NetworkRollout) -> dict[str, float]:
        """One generation: every candidate meets the same tasks under the same seeds. Raises RolloutError."""
        stream = np.random.default_rng([self._seed, RULE, self.iteration])
        tasks = list(sample_tasks(stream, self._tasks))
        seeds = [int(seed) for seed in stream.integers(2**63, size=len(tasks))]
        config = SearchConfig(population=self._population, elite=self._population // 3)
        if self._blind and self.iteration == self._blind:
            self._std[: self._own] = AGAIN * search_std("dpp", self._interface, STD)[: self._own]
        free = slice(self._own if self.iteration < self._blind else None)
        search = CrossEntropySearch(self._mean[free], self._std[free], config, stream)
        candidates = np.tile(self._mean, (self._population, 1))
        candidates[:, free] = search.ask_population()
        believed = self._believed(tasks)
        values = [self._play(rollout, tasks, seeds, believed, candidate) for candidate in candidates]
        search.tell_population(np.array(values))
        self._mean[free], self._std[free] = search.mean, np.maximum(search.std, self._floor[free])
        self.iteration += 1
        return {"rule/reward": float(np.mean(values))}

    def _believed(self, tasks: list[NetworkTask]) -> NDArray[np.float32] | None:
        if self._prior is None:
            return None
        knows = (np.arange(len(tasks))[:, np.newaxis] % 2 == 1) & (self.iteration >= self._blind)
        return np.where(knows, revealed(tasks), Beliefs(tasks, self._prior).features())

    def _play(
        self,
        rollout: NetworkRollout,
        tasks: list[NetworkTask],
        seeds: list[int],
        believed: NDArray[np.float32] | None,
        candidate: Array,
    ) -> float:
        """Mean reward per step, in waves of as many tasks as there are simulations."""
        interface, at_once = self._interface, rollout.simulations.vector.num_envs
        rule = DppRule(candidate, interface.period_s)
        rewards = []
        for begin in range(0, len(tasks), at_once):
            part = slice(begin, begin + at_once)
            driver = RuleDriver(rule, interface.cells, interface.slices, None if believed is None else believed[part])
            nobody = [None] * len(tasks[part])
            wave = rollout.simulations.play(tasks[part], driver, 1, seeds[part], nobody)
            rewards += list(wave.reward.astype(np.float64).mean(axis=(1, 2)))
        return float(np.mean(rewards))

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """For `agents.training_state.save_training_state`."""
        return {"mean": self._mean.copy(), "std": self._std.copy()}, {}

    def load_state(self, iteration: int, arrays: Arrays, rest: dict[str, Any]) -> None:
        """Go on from `state()` after `iteration` generations."""
        self._mean, self._std = arrays["mean"].astype(np.float64), arrays["std"].astype(np.float64)
        self.iteration = iteration
