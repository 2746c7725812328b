# SPDX-License-Identifier: MIT
"""Every way to adapt is judged on the same episodes, and spends those that it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.adapters import ADAPTERS, BUILT_IN, VALIDATION_TASKS, AdaptJob, ways
from agents.batch import RolloutError
from agents.checkpoint import Checkpoint
from agents.dpp import default_parameters
from agents.judging import JUDGED, episode_seeds
from agents.rl2 import Rl2Config, train_rl2
from agents.rollout import Simulations
from agents.rules import Interface, rule_checkpoint
from agents.trainers import TRAINERS
from agents.vector_ppo import VectorPpoConfig, train_vector_ppo
from tests.agents.toy_network import STEPS, ToyTask, ToyVector, toy_source

TASKS = [ToyTask(0.3, "test-0"), ToyTask(0.7, "test-1")]
VALIDATION = [ToyTask(0.5, f"validation-{i}") for i in range(VALIDATION_TASKS)]
POINTS, JUDGING = (0, 1, 3), 2


@pytest.fixture(scope="module")
def checkpoints() -> dict[str, Checkpoint]:
    """One that each way takes."""
    few = VectorPpoConfig(steps=40, rollout_steps=10, minibatches=1, epochs=1)
    trial = Rl2Config(steps=40, episodes=2, units=4, hidden=(4,), minibatches=1, epochs=1)
    rule = rule_checkpoint("dpp", default_parameters(3), Interface(1, 3, "capped"), {})
    return {
        "none": rule,
        "retune": rule,
        "fine-tune": train_vector_ppo(toy_source()[0], few, 1)[0],
        "state": train_rl2(toy_source()[0], trial, 1)[0],
    }


def adapted(way: str, checkpoint: Checkpoint, seed: int = 1, tasks: Any = TASKS) -> tuple[Any, ToyVector]:
    """Curve, and the simulations with the seeds that they were given."""
    vector = ToyVector(16)
    simulations = Simulations(vector, lambda task: task, STEPS)
    points = ADAPTERS[way].points(POINTS)
    job = AdaptJob(tasks, points, JUDGING, seed, simulations, None, checkpoint)  # type: ignore[arg-type]
    if ADAPTERS[way].chooses:
        job = replace(job, step_size=ADAPTERS[way].choose(replace(job, tasks=VALIDATION)))  # type: ignore[arg-type]
    return ADAPTERS[way].adapt(job), vector


WAYS = ["none", "retune", "fine-tune", "state"]


@pytest.mark.parametrize("way", WAYS)
def test_all_are_judged_on_the_same_episodes(way: str, checkpoints: dict[str, Checkpoint]) -> None:
    _, by_rule = adapted("none", checkpoints["none"])
    [judging] = by_rule.seeds
    curve, vector = adapted(way, checkpoints[way])
    assert curve.episodes == ADAPTERS[way].points(POINTS)
    assert vector.seeds.count(judging) == len(curve.episodes)
    assert curve.reward.shape == (len(curve.episodes), len(TASKS))
    assert curve.qos.shape == (len(curve.episodes), len(TASKS), 3)
    assert curve.played.shape == ((POINTS[-1] if ADAPTERS[way].plays else 0), len(TASKS))
    assert judging.count(None) == 16 - len(TASKS) * JUDGING


@pytest.mark.parametrize("way", WAYS)
def test_the_same_seed_gives_the_same_curve_and_costs_what_is_said(
    way: str, checkpoints: dict[str, Checkpoint]
) -> None:
    (first, vector), (again, _), (other, _) = (adapted(way, checkpoints[way], seed) for seed in (1, 1, 2))
    assert first.reward.tobytes() == again.reward.tobytes()
    assert first.reward.tobytes() != other.reward.tobytes()
    played = sum(seed is not None for seeds in vector.seeds for seed in seeds)
    assert played == ADAPTERS[way].episodes(len(TASKS), POINTS, JUDGING)


@pytest.mark.parametrize("way", WAYS)
def test_a_task_is_judged_as_if_it_were_alone(way: str, checkpoints: dict[str, Checkpoint]) -> None:
    both, _ = adapted(way, checkpoints[way])
    alone, _ = adapted(way, checkpoints[way], tasks=TASKS[:1])
    np.testing.assert_allclose(alone.reward[0], both.reward[0, :1], rtol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_a_reward_that_is_not_finite_is_named_before_anything_is_learned_from_it(
    way: str, checkpoints: dict[str, Checkpoint]
) -> None:
    simulations = Simulations(ToyVector(16, "nan-reward"), lambda task: task, STEPS)  # type: ignore[arg-type]
    job = AdaptJob(TASKS, POINTS, JUDGING, 1, simulations, None, checkpoints[way], step_size=0.03)  # type: ignore[arg-type]
    with pytest.raises(RolloutError, match=r"task test-[01]: a reward of step 2 is not finite"):
        ADAPTERS[way].adapt(job)


def test_seeds_are_of_the_task_whatever_stands_beside_it() -> None:
    assert episode_seeds(1, JUDGED, 0, TASKS)[1:] == episode_seeds(1, JUDGED, 0, TASKS[1:])
    assert len({*episode_seeds(1, JUDGED, 0, TASKS), *episode_seeds(2, JUDGED, 0, TASKS)}) == 4


def test_ways_of_all_algorithms() -> None:
    assert {name: ways(name) for name in BUILT_IN} == {name: ["none"] for name in BUILT_IN}
    assert {name: ways(name) for name in TRAINERS} == {
        "ppo": [],  # it is trained on the networks of the campaign, not on tasks
        "meta-hrl": ["meta", "fine-tune", "none"],
        "rule": ["none", "retune"],
        "vector-ppo": ["fine-tune", "none"],
        "sac": ["none"],
        "ddpg": ["none"],
        "rl2": ["state", "none"],
    }
