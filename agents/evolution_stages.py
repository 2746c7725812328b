# SPDX-License-Identifier: MIT
"""The first stages of `ours`: parameters learned by perturbing them over training tasks (`agents.evolution`).

* `RuleStage`: drift-plus-penalty, and a residual on it (`agents.slice_residual`).
* `LowStage`: the output layer of the low level, inside slices that the rule shares resources between.

Both act on beliefs. Where weights and prices are hidden, these are first the mean over training tasks, soon almost the
truth. So a quarter of the tasks hide them here, and the others show them as they are, which is privileged information
of training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.batch import RolloutError
from agents.dpp import parameter_names
from agents.evolution import EvolutionStrategy
from agents.high_level import ResidualControls
from agents.low_level import low_policy
from agents.meta import TaskSampler
from agents.nets import SetActor
from agents.network_task import NetworkTask
from agents.reward_model import Beliefs
from agents.rollout import NetworkRollout, RuleDriver, revealed
from agents.rule_tuning import WIDER
from agents.rules import DppRule
from agents.training_state import Arrays
from pybridge.low_policy import LowPolicy

Array = NDArray[np.float64]


class EvolutionStage(ABC):
    """Counts iterations as `agents.meta.MetaLearner` does."""

    STREAM: int
    """Sets the randomness of stages apart."""

    def __init__(
        self,
        controls: ResidualControls,
        iterations: int,
        pairs: int,
        prior: Array | None,
        seed: int,
        start: Array,
        scale: Array,
    ) -> None:
        """controls: of the high level. pairs: of perturbations in an iteration, with a task each.

        prior: `reward_parameters` of training tasks; None: weights and prices are observed. start, scale: (P,), see
        `EvolutionStrategy`.
        """
        self._controls, self._pairs, self._prior, self._seed = controls, pairs, prior, seed
        self._strategy = EvolutionStrategy(start, scale, iterations)
        self.iteration = 0

    @property
    def parameters(self) -> Array:
        """What was learned, (P,)."""
        return self._strategy.mean

    def iterate(self, sample_tasks: TaskSampler[NetworkTask], rollout: NetworkRollout) -> dict[str, float]:
        """Play every pair under the same seed, and take a step. Raises RolloutError.

        `evolution/reward` is the mean over candidates that act on beliefs, as in use; `evolution/reward_told` over
        those that know.
        """
        stream = np.random.default_rng([self._seed, self.STREAM, self.iteration])
        tasks = list(sample_tasks(stream, self._pairs))
        seeds = [int(seed) for seed in stream.integers(2**63, size=len(tasks))]
        candidates = self._strategy.ask(self._pairs, stream)
        values = self._play(rollout, tasks * 2, seeds * 2, candidates.reshape(2 * self._pairs, -1))
        self._strategy.tell(values.reshape(2, -1))
        self.iteration += 1
        knows = np.tile(self._knows(), 2)
        scalars = {"evolution/reward": float(values[~knows].mean())} if not knows.all() else {}
        return scalars | ({"evolution/reward_told": float(values[knows].mean())} if knows.any() else {})

    @abstractmethod
    def rule(self, candidates: Array) -> DppRule:
        """The high level of candidates, (N, P), a task each."""

    @abstractmethod
    def low(self, candidates: Array) -> Sequence[LowPolicy | None]:
        """Their low levels."""

    def _play(self, rollout: NetworkRollout, tasks: list[NetworkTask], seeds: list[int], candidates: Array) -> Array:
        """Mean rewards per step, in waves of as many episodes as there are simulations."""
        controls, at_once = self._controls, rollout.simulations.vector.num_envs
        believed, rewards = self._believed(tasks), []
        for begin in range(0, len(tasks), at_once):
            part = slice(begin, begin + at_once)
            belief = None if believed is None else believed[part]
            driver = RuleDriver(self.rule(candidates[part]), controls.cells, controls.slices, belief)
            wave = rollout.simulations.play(tasks[part], driver, 1, seeds[part], self.low(candidates[part]))
            rewards.append(wave.reward.astype(np.float64).mean(axis=(1, 2)))
        values = np.concatenate(rewards)
        if not np.isfinite(values).all():
            raise RolloutError(f"task {tasks[int(np.argmin(np.isfinite(values)))].name}: a reward is not finite")
        return values

    def _knows(self) -> NDArray[np.bool_]:
        """Whether a pair knows its task, (pairs,): all but every fourth; none where nothing is hidden."""
        if self._prior is None:
            return np.zeros(self._pairs, np.bool_)
        knows: NDArray[np.bool_] = np.arange(self._pairs) % 4 != 0
        return knows

    def _believed(self, tasks: list[NetworkTask]) -> NDArray[np.float32] | None:
        """Of both candidates of every pair."""
        if self._prior is None:
            return None
        return np.where(
            np.tile(self._knows(), 2)[:, np.newaxis], revealed(tasks), Beliefs(tasks, self._prior).features()
        )

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """For `agents.training_state.save_training_state`."""
        return self._strategy.state(), {}

    def load_state(self, iteration: int, arrays: Arrays, rest: dict[str, Any]) -> None:
        """Go on from `state()` after `iteration` iterations."""
        self._strategy.load_state(arrays)
        self.iteration = iteration


class RuleStage(EvolutionStage):
    """Learns parameters of `slice_residual.decide`, those of a residual if the controls' parameters have them."""

    STREAM = 4

    def __init__(self, controls: ResidualControls, iterations: int, pairs: int, prior: Array | None, seed: int) -> None:
        start = controls.parameters
        scale = parameter_scale(len(start), controls.slices)
        super().__init__(controls, iterations, pairs, prior, seed, start, scale)

    def rule(self, candidates: Array) -> DppRule:
        # Tasks and episodes are the leading axes of a wave, so parameters get one for episodes.
        return DppRule(candidates[:, np.newaxis], self._controls.period_s)

    def low(self, candidates: Array) -> Sequence[None]:
        return [None] * len(candidates)


class LowStage(EvolutionStage):
    """Learns the output layer of a low level, weights (2, H) and then biases (2,)."""

    STREAM = 5

    def __init__(
        self,
        controls: ResidualControls,
        iterations: int,
        pairs: int,
        prior: Array | None,
        seed: int,
        actor: SetActor,
    ) -> None:
        """controls: whose rule acts. actor: whose other layers stay."""
        self._policy = low_policy(actor, explore=False)
        start = np.concatenate([part.ravel() for part in self._policy.head[-1]]).astype(np.float64)
        super().__init__(controls, iterations, pairs, prior, seed, start, np.ones(len(start)))

    def rule(self, candidates: Array) -> DppRule:
        return DppRule(self._controls.parameters, self._controls.period_s)

    def low(self, candidates: Array) -> Sequence[LowPolicy]:
        head = self._policy.head
        layers = [self.layer(candidate) for candidate in candidates]
        return [replace(self._policy, head=[*head[:-1], layer]) for layer in layers]

    def layer(self, parameters: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights (2, H) and biases (2,)."""
        outputs = len(self._policy.head[-1][1])
        single = parameters.astype(np.float32)
        return single[:-outputs].reshape(outputs, -1), single[-outputs:]


def parameter_scale(count: int, slices: int) -> Array:
    """Of `count` parameters of `slice_residual.decide`: all alike, but those that tell only over decades."""
    scale = np.ones(count)
    names = parameter_names(slices, told=True)
    for name, factor in WIDER.items():
        scale[names.index(name)] = factor
    return scale
