# SPDX-License-Identifier: MIT
"""Baselines trained by name: from options to simulations, tasks, and the algorithm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agents.actuators import Actuator, Kind
from agents.baseline_options import NetworkOptions, Rl2Options, RuleOptions, TaskOptions
from agents.checkpoint import Checkpoint
from agents.ddpg import DdpgConfig, train_ddpg
from agents.latent_search import SearchConfig
from agents.learning_curve import LearningCurve
from agents.network import scenario_of, simulation_task, vector_factory
from agents.network_task import SHIPPED, TaskDistribution, load_task_ranges
from agents.remembered import Remembered
from agents.rl2 import Rl2Config, train_rl2
from agents.rollout import Simulations
from agents.rule_rollout import RuleEvaluator
from agents.rule_tuning import TuneConfig, tune
from agents.rules import Interface
from agents.sac import SacConfig, train_sac
from agents.task_vector import TaskSampler, TaskSource
from agents.vector_ppo import VectorPpoConfig, train_vector_ppo

if TYPE_CHECKING:
    from agents.trainers import TrainingJob

Result = tuple[Checkpoint, LearningCurve]


def run_rule(options: RuleOptions, job: TrainingJob) -> Result:
    """A rule tuned over training tasks; interrupted, it plays only what it had not (the others begin anew)."""
    elite = max(1, options.population // 3)
    search = SearchConfig(population=options.population, elite=elite)
    config = TuneConfig(options.rule, options.generations, options.tasks_per_generation, search=search)
    tasks = _distribution(options)
    with _simulations(options, tasks) as simulations:
        interface = _interface(tasks)
        evaluate = Remembered(RuleEvaluator(simulations, options.rule, interface), job.states)
        return tune(evaluate, tasks.sample, interface, config, job.seed, job.on_progress)


def run_vector_ppo(options: NetworkOptions, job: TrainingJob) -> Result:
    """PPO: multi-task, told, or of one task."""
    config = VectorPpoConfig(steps=options.steps, learning_rate=options.learning_rate)
    return _train(options, job, lambda source: train_vector_ppo(source, config, job.seed, job.on_progress))


def run_sac(options: NetworkOptions, job: TrainingJob) -> Result:
    """Soft actor-critic."""
    config = SacConfig(steps=options.steps, learning_rate=options.learning_rate)
    return _train(options, job, lambda source: train_sac(source, config, job.seed, job.on_progress))


def run_ddpg(options: NetworkOptions, job: TrainingJob) -> Result:
    """Deep deterministic policy gradient."""
    config = DdpgConfig(steps=options.steps, learning_rate=options.learning_rate)
    return _train(options, job, lambda source: train_ddpg(source, config, job.seed, job.on_progress))


def run_rl2(options: Rl2Options, job: TrainingJob) -> Result:
    """RL²."""
    config = Rl2Config(steps=options.steps, episodes=options.episodes, learning_rate=options.learning_rate)
    return _train(options, job, lambda source: train_rl2(source, config, job.seed, job.on_progress))


def _train(options: NetworkOptions, job: TrainingJob, train: Callable[[TaskSource], Result]) -> Result:
    tasks = _distribution(options)
    rule = np.array(options.rule) if options.rule else None
    kind: Kind = "residual" if options.actions == "residual" else "scores"
    with _simulations(options, tasks) as simulations:
        actuator = Actuator(kind, _interface(tasks), rule)
        vector = simulations.vector
        return train(TaskSource(vector, simulation_task, _sampler(options, tasks), simulations.steps, actuator))


def _sampler(options: NetworkOptions, tasks: TaskDistribution) -> TaskSampler:
    """Of all training tasks, or of one test task alone."""
    if options.task is None:
        return tasks.sample
    only = tasks.task("test", options.task)
    return lambda stream, count: [only] * count


def _distribution(options: TaskOptions) -> TaskDistribution:
    """Raises TaskError."""
    ranges = load_task_ranges(SHIPPED if options.tasks is None else Path(options.tasks))
    if options.track is not None:
        ranges = ranges.model_validate(ranges.model_dump() | {"track": options.track})
    return TaskDistribution(ranges)


def _interface(tasks: TaskDistribution) -> Interface:
    scenario = scenario_of(tasks.task("train", 0))
    period_s = scenario.timing.high_period_ms / 1e3
    told = tasks.ranges.track == "told"
    return Interface(scenario.cells.count, len(scenario.slices), "capped", told=told, period_s=period_s)


@contextmanager
def _simulations(options: TaskOptions, tasks: TaskDistribution) -> Iterator[Simulations]:
    first = tasks.task("train", 0)
    with vector_factory(first)(options.simulations) as vector:
        yield Simulations(vector, simulation_task, scenario_of(first).timing.n_high_epochs)
