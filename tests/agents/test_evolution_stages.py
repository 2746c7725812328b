# SPDX-License-Identifier: MIT
"""What stages that perturb parameters play: who meets what, who knows what, and whose value is whose."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from agents.batch import RolloutError
from agents.checkpoint import CheckpointError
from agents.dpp import default_parameters
from agents.evolution_stages import EvolutionStage, LowStage, RuleStage
from agents.high_level import ResidualControls
from agents.low_level import by_slice, low_networks
from agents.network_task import NetworkTask, TaskDistribution, TaskRanges
from agents.reward_model import reward_parameters
from agents.rollout import RuleDriver, Wave
from agents.slice_residual import with_residual
from pybridge.low_policy import LowPolicy

TASKS = TaskDistribution(TaskRanges())
PAIRS = 6
KNOWS = [False, True, True, True, False, True]


class Episodes:
    """Simulations that note what they are given; `value` says what an episode gives."""

    def __init__(self, num_envs: int, value: Any) -> None:
        self.vector = SimpleNamespace(num_envs=num_envs)
        self._value = value
        self.tasks: list[str] = []
        self.seeds: list[int] = []
        self.believed: list[Any] = []
        self.waves: list[int] = []

    def play(
        self,
        tasks: Sequence[NetworkTask],
        driver: RuleDriver,
        episodes: int,
        seeds: Sequence[int],
        low: Sequence[LowPolicy | None],
    ) -> Wave:
        assert episodes == 1
        self.waves.append(len(tasks))
        self.tasks += [task.name for task in tasks]
        self.seeds += seeds
        believed = driver._believed
        self.believed += [None] * len(tasks) if believed is None else list(believed)
        rule = driver._rule.parameters  # type: ignore[attr-defined]
        rewards = [self._value(rule[i, 0] if rule.ndim == 3 else rule, policy) for i, policy in enumerate(low)]
        return Wave(np.array(rewards, np.float32).reshape(-1, 1, 1), np.zeros((len(tasks), 1, 1, 3), np.float32))


def controls() -> ResidualControls:
    return ResidualControls(1, 3, 60, 6, with_residual(default_parameters(3, told=True), 3))


def rule_stage(told: bool = False) -> RuleStage:
    prior = None if told else reward_parameters(TASKS.tasks("train", 50))
    return RuleStage(controls(), 10, PAIRS, prior, 3)


def low_stage() -> LowStage:
    torch.manual_seed(0)
    return LowStage(controls(), 10, PAIRS, None, 3, by_slice(low_networks()[0]))


def iterate(stage: EvolutionStage, episodes: Episodes, count: int = 1) -> dict[str, float]:
    rollout: Any = SimpleNamespace(simulations=episodes)
    return [stage.iterate(TASKS.sample, rollout) for _ in range(count)][-1]


def nothing(rule: NDArray[np.float64], low: LowPolicy | None) -> float:
    return 0.0


@pytest.mark.parametrize("num_envs", [12, 5])
def test_both_of_a_pair_meet_the_same_task_seed_and_belief(num_envs: int) -> None:
    """In however many waves."""
    episodes = Episodes(num_envs, nothing)
    iterate(rule_stage(), episodes)
    assert episodes.tasks[:PAIRS] == episodes.tasks[PAIRS:]
    assert episodes.seeds[:PAIRS] == episodes.seeds[PAIRS:]
    assert len(set(episodes.seeds)) == PAIRS
    np.testing.assert_array_equal(episodes.believed[:PAIRS], episodes.believed[PAIRS:])
    assert max(episodes.waves) <= num_envs


def test_all_but_every_fourth_know_their_task() -> None:
    episodes = Episodes(12, nothing)
    iterate(rule_stage(), episodes)
    doubt = [belief[-1] for belief in episodes.believed[:PAIRS]]
    assert doubt == pytest.approx([0.0 if knows else 1.0 for knows in KNOWS])
    stream = np.random.default_rng([3, RuleStage.STREAM, 0])
    for belief, task, knows in zip(episodes.believed, TASKS.sample(stream, PAIRS), KNOWS, strict=False):
        if knows:
            np.testing.assert_array_equal(belief[:-1], task.features)


def test_where_all_is_told_nothing_is_believed() -> None:
    episodes = Episodes(12, nothing)
    scalars = iterate(rule_stage(told=True), episodes)
    assert episodes.believed == [None] * 2 * PAIRS
    assert list(scalars) == ["evolution/reward"]


@pytest.mark.parametrize("num_envs", [12, 5])
def test_values_go_to_the_candidates_that_earned_them(num_envs: int) -> None:
    """The first parameter is rewarded, so it rises, and no other does as much."""
    stage = rule_stage()
    before = stage.parameters
    iterate(stage, Episodes(num_envs, lambda rule, low: float(rule[0])), 10)
    change = stage.parameters - before
    assert change[0] > 0.3
    assert np.abs(change[1:3]).max() < 0.5 * change[0]


def test_rewards_of_those_who_know_are_told_apart() -> None:
    episodes = Episodes(12, nothing)
    stage = rule_stage()
    values = iter([*map(float, KNOWS)] * 2)
    episodes._value = lambda rule, low: next(values)
    assert iterate(stage, episodes) == {"evolution/reward": 0.0, "evolution/reward_told": 1.0}


def test_the_low_level_learns_its_output_layer_alone() -> None:
    """A bias is rewarded; all else is as it was made, and the rule is the controls'."""
    stage = low_stage()
    seen: list[LowPolicy] = []

    def value(rule: NDArray[np.float64], low: LowPolicy | None) -> float:
        assert low is not None
        np.testing.assert_array_equal(rule, controls().parameters)
        seen.append(low)
        return float(low.head[-1][1][1])

    iterate(stage, Episodes(12, value), 10)
    weight, bias = stage.layer(stage.parameters)
    assert weight.shape == (2, 32)
    assert bias[1] > 0.3 > abs(bias[0])
    torch.manual_seed(0)
    made = by_slice(low_networks()[0]).export()
    for policy in seen:
        for kept, layer in zip(policy.encoder, made["encoder"], strict=True):
            np.testing.assert_array_equal(kept[0], layer[0])


def test_a_reward_that_is_not_finite_is_named_and_nothing_is_learned() -> None:
    stage = rule_stage()
    before = stage.parameters
    with pytest.raises(RolloutError, match=r"task train-\d+: a reward is not finite"):
        iterate(stage, Episodes(12, lambda rule, low: float("nan")))
    assert stage.parameters.tobytes() == before.tobytes()
    assert stage.iteration == 0


def test_a_state_of_something_else_is_refused() -> None:
    stage = rule_stage()
    before = stage.parameters
    arrays, rest = stage.state()
    with pytest.raises(CheckpointError, match="mean of shape"):
        stage.load_state(5, arrays | {"mean": np.zeros(7)}, rest)
    with pytest.raises(CheckpointError, match=r"momentum of shape .* is missing"):
        stage.load_state(5, {name: array for name, array in arrays.items() if name != "momentum"}, rest)
    assert stage.parameters.tobytes() == before.tobytes()
    assert stage.iteration == 0
