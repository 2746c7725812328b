# SPDX-License-Identifier: MIT
"""Rules tuned by the cross-entropy method: over training tasks, and anew for each task by as many episodes as learners.

Both are baselines that a learner has to beat (METHOD.md 2b and 4): a rule whose parameters are tuned knows as much of
the training tasks as a trained network, and one that is tuned again for a task adapts by the same episodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.checkpoint import Checkpoint
from agents.dpp import default_parameters, parameter_names
from agents.latent_search import CrossEntropySearch, SearchConfig
from agents.learning_curve import LearningCurve
from agents.rules import Interface, rule_checkpoint

Array = NDArray[np.float64]
TaskT = TypeVar("TaskT")
TaskT_contra = TypeVar("TaskT_contra", contravariant=True)
TUNING, RETUNING = 1, 2
AT = (0, 1, 2, 4, 8, 16, 40)
"""Numbers of episodes after which adaptation is looked at."""

WIDER = {"lend": 3.0}
"""Factors on standard deviations: parameters that tell only over decades."""


class Evaluate(Protocol[TaskT_contra]):
    """Plays one episode of each task under parameters of its own."""

    def __call__(self, tasks: Sequence[TaskT_contra], parameters: Array, seeds: Sequence[int]) -> Array:
        """parameters: (N, P); seeds: one per task, equal seeds are the same randomness. Mean rewards per step, (N,)."""


@dataclass(frozen=True)
class TuneConfig:
    """How a rule is tuned over training tasks: generations × population × tasks episodes."""

    rule: str = "dpp"
    generations: int = 20
    tasks: int = 8
    """Of each generation, drawn anew; all of its candidates meet the same tasks under the same seeds."""
    std: float = 0.7
    """Of most parameters at the start."""
    search: SearchConfig = field(default_factory=lambda: SearchConfig(population=16, elite=5))


@dataclass(frozen=True)
class RetuneConfig:
    """How a rule is tuned anew for a task, one candidate per episode."""

    std: float = 0.25
    """Of most parameters at the start: tasks differ less from each other than defaults do from what is best."""
    search: SearchConfig = field(default_factory=SearchConfig)


def start_parameters(rule: str, slices: int, *, told: bool) -> Array:
    """θ of a rule before tuning, (P,)."""
    if rule == "dpp":
        return default_parameters(slices, told=told)
    return np.zeros(slices)


def tune(
    evaluate: Evaluate[TaskT],
    sample_tasks: Callable[[np.random.Generator, int], Sequence[TaskT]],
    interface: Interface,
    config: TuneConfig,
    seed: int,
    on_progress: Callable[[float], None] = lambda _: None,
) -> tuple[Checkpoint, LearningCurve]:
    """Parameters that are best on average over training tasks, as a checkpoint; the same seed gives the same bits.

    The curve has an entry per generation: episodes so far, and the mean reward of its candidates.
    Raises ValueError if a reward is not finite.
    """
    start = start_parameters(config.rule, interface.slices, told=interface.told)
    std = search_std(config.rule, interface, config.std)
    search = CrossEntropySearch(start, std, config.search, np.random.default_rng([seed, TUNING]))
    curve = LearningCurve()
    for generation in range(config.generations):
        stream = np.random.default_rng([seed, TUNING, generation])
        tasks = list(sample_tasks(stream, config.tasks))
        seeds = [int(s) for s in stream.integers(2**63, size=config.tasks)]
        candidates = search.ask_population()
        values = evaluate(tasks * len(candidates), np.repeat(candidates, len(tasks), axis=0), seeds * len(candidates))
        means = values.reshape(len(candidates), len(tasks)).mean(axis=1)
        search.tell_population(means)
        curve.add((generation + 1) * values.size, float(means.mean()))
        curve.note(curve.steps[-1], generation + 1, {"best": means.max(), "std": search.std.mean()})
        on_progress((generation + 1) / config.generations)
    training = {"config": asdict(config), "seed": seed, "episodes": curve.steps[-1] if curve.steps else 0}
    return rule_checkpoint(config.rule, search.recommend(), interface, training), curve


@dataclass(frozen=True)
class Retuned:
    """What tuning anew for B tasks gave."""

    parameters: Mapping[int, Array]
    """By the number of episodes spent: (B, P)."""
    values: Array
    """(B, episodes): mean rewards of the candidates, in the order played; what exploring cost."""


def retune(
    evaluate: Evaluate[TaskT],
    tasks: Sequence[TaskT],
    start: Array,
    interface: Interface,
    config: RetuneConfig,
    seed: int,
    seeds: Callable[[int], Sequence[int]],
    rule: str = "dpp",
    at: Sequence[int] = AT,
) -> Retuned:
    """Tune a rule for each task by itself, all tasks beside each other; `start` (P,) is what is best on average.

    seed: of the search. seeds: of the tasks' episodes, by the number spent before (`agents.judging.episode_seeds`).
    After 0 episodes the parameters are `start`, and the first episode plays them. Raises ValueError as `tune`.
    """
    std = search_std(rule, interface, config.std)
    searches = [
        CrossEntropySearch(start, std, config.search, np.random.default_rng([seed, RETUNING, index]))
        for index in range(len(tasks))
    ]
    values = np.zeros((len(tasks), max(at)))
    found: dict[int, Array] = {}
    for episode in range(max(at) + 1):
        if episode in at:
            found[episode] = np.array([search.recommend() for search in searches])
        if episode < max(at):
            values[:, episode] = evaluate(tasks, np.array([search.ask() for search in searches]), seeds(episode))
            for search, value in zip(searches, values[:, episode], strict=True):
                search.tell(float(value))
    return Retuned(found, values)


def search_std(rule: str, interface: Interface, std: float) -> Array:
    """Where a search begins to look around its start, (P,)."""
    if rule != "dpp":
        return np.full(interface.slices, std)
    return np.array([WIDER.get(name, 1.0) * std for name in parameter_names(interface.slices, told=interface.told)])
