# SPDX-License-Identifier: MIT
"""The ways to adapt of `agents.adapters`, each from a job to its curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.adaptation import adapt
from agents.adapters import AdaptJob
from agents.checkpoint import Checkpoint, CheckpointError
from agents.fine_tune import FineTuneConfig, fine_tune
from agents.judging import PLAYED, Curve, Judged, curve_of, episode_seeds, judge
from agents.meta_hrl import PRIOR, from_checkpoint
from agents.network import scenario_of
from agents.network_driver import NetworkDriver
from agents.network_policy import ALGORITHMS, NetworkPolicy
from agents.rollout import Driver, RuleDriver
from agents.rule_rollout import RuleEvaluator
from agents.rule_tuning import RetuneConfig, retune, start_parameters
from agents.rules import Interface, make_rule

Array = NDArray[np.float64]


def as_it_is(job: AdaptJob) -> Curve:
    """Without adapting: judged before any episode."""
    if job.policy is None and _checkpoint(job).header.get("algorithm") == "meta-hrl":
        return meta(replace(job, points=job.points[:1], step_size=0.0))
    if job.policy is None and _checkpoint(job).header.get("algorithm") in ALGORITHMS:
        driver: Driver = NetworkDriver(NetworkPolicy(_checkpoint(job)))
        judged = judge(job.simulations, job.tasks, driver, job.judging, job.seed)
    else:
        rule, interface, parameters = _rule(job)
        judged = _judge_rule(job, rule, interface, np.tile(parameters, (len(job.tasks), 1)))
    return curve_of(job.points[:1], [judged], [], len(job.tasks))


def meta(job: AdaptJob) -> Curve:
    """Meta-HRL: as its variant does; by gradient steps of the job's size, if it has one."""
    checkpoint = _checkpoint(job)
    found = adapt(
        from_checkpoint(checkpoint),
        job.tasks,
        job.simulations,
        job.points,
        prior=checkpoint.tensors.get(PRIOR),
        judging=job.judging,
        seed=job.seed,
        step_size=job.step_size,
    )
    return found.curve


def fine_tuned(job: AdaptJob) -> Curve:
    """Gradient steps of the job's size on a policy that was trained without them."""
    assert job.step_size is not None
    checkpoint = _checkpoint(job)
    if checkpoint.header.get("algorithm") == "meta-hrl":
        return meta(job)
    config = FineTuneConfig(job.step_size, judging=job.judging)
    return fine_tune(checkpoint, job.tasks, job.simulations, config, job.seed, job.points).curve


def by_state(job: AdaptJob) -> Curve:
    """RL²: what it learns of a task is its state; judging starts from that state and leaves it as it was."""
    policy = NetworkPolicy(_checkpoint(job))
    driver, judged, played = NetworkDriver(policy), [], []
    for episode in range(job.points[-1] + 1):
        if episode in job.points:
            judged.append(judge(job.simulations, job.tasks, driver.branch(), job.judging, job.seed))
        if episode < job.points[-1]:
            seeds = episode_seeds(job.seed, PLAYED, episode, job.tasks)
            wave = job.simulations.play(job.tasks, driver, 1, seeds, [None] * len(job.tasks))
            played.append(wave.reward.mean(axis=(1, 2)))
    return curve_of(job.points, judged, played, len(job.tasks))


def retuned(job: AdaptJob) -> Curve:
    """A rule tuned anew for each task, one candidate per episode."""
    rule, interface, start = _rule(job)
    evaluate = RuleEvaluator(job.simulations, rule, interface)

    def seeds(episode: int) -> Sequence[int]:
        return episode_seeds(job.seed, PLAYED, episode, job.tasks)

    found = retune(evaluate, job.tasks, start, interface, RetuneConfig(), job.seed, seeds, rule, job.points)
    judged = [_judge_rule(job, rule, interface, found.parameters[point]) for point in job.points]
    return curve_of(job.points, judged, list(found.values.T.astype(np.float32)), len(job.tasks))


def _judge_rule(job: AdaptJob, rule: str, interface: Interface, parameters: Array) -> Judged:
    """parameters: (tasks, P)."""
    # Tasks and episodes are the leading axes of a wave, so parameters get one for episodes.
    made = make_rule(rule, parameters[:, np.newaxis], interface.period_s)
    driver = RuleDriver(made, interface.cells, interface.slices)
    return judge(job.simulations, job.tasks, driver, job.judging, job.seed)


def _rule(job: AdaptJob) -> tuple[str, Interface, Array]:
    """Name, interface and parameters of a tuned rule or a built-in policy."""
    if job.policy is not None:
        scenario = scenario_of(job.tasks[0])
        told = job.tasks[0].track == "told"
        interface = Interface(
            scenario.cells.count,
            len(scenario.slices),
            "capped",
            told=told,
            period_s=scenario.timing.high_period_ms / 1e3,
        )
        return job.policy, interface, start_parameters(job.policy, interface.slices, told=told)
    checkpoint = _checkpoint(job)
    parameters = checkpoint.tensors["parameters"].astype(np.float64)
    return checkpoint.header["algorithm"], Interface(**checkpoint.header["architecture"]), parameters


def _checkpoint(job: AdaptJob) -> Checkpoint:
    if job.checkpoint is None:
        raise CheckpointError("there is no checkpoint to adapt")
    return job.checkpoint
