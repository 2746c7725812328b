# SPDX-License-Identifier: MIT
"""The meta-learner on 2-D navigation and on two levels at once: it learns, resumes bit for bit, refuses nonsense."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents.batch import Batch, RolloutError
from agents.checkpoint import CheckpointError
from agents.inner import InnerConfig
from agents.level import Level, LevelConfig
from agents.meta import MetaConfig, MetaLearner, Seeds
from agents.nets import GaussianActor, MlpCritic, SetActor, SetCritic
from agents.outer import OuterConfig
from agents.policies import TaskPolicies
from agents.task_weights import TaskWeightConfig
from agents.training_state import load_training_state, save_training_state
from tests.bench.navigation import Goal, play, sample_goals

SMALL = MetaConfig(iterations=6, tasks=3, support_episodes=2, query_episodes=2, seed=5)


def navigator(config: MetaConfig = SMALL, level: LevelConfig | None = None) -> MetaLearner[Goal]:
    torch.manual_seed(0)
    networks = GaussianActor(2, 2, hidden=(16, 16)), MlpCritic(2, hidden=(16, 16))
    return MetaLearner({"nav": Level(*networks, level or LevelConfig())}, config)


def bits(learner: MetaLearner[Any]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in learner.state()[0].items()}


def train(learner: MetaLearner[Goal], iterations: int, rollout: Callable[..., Any] = play) -> list[dict[str, float]]:
    return [learner.iterate(sample_goals, rollout) for _ in range(iterations)]


def test_an_interrupted_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = navigator()
    expected = train(whole, 5)
    first = navigator()
    train(first, 2)
    save_training_state(tmp_path, first.iteration, *first.state())
    loaded = load_training_state(tmp_path)
    assert loaded is not None
    second = navigator()
    train(second, 1, rollout=partial(play, reward_scale=3.0))  # whatever it was before is overwritten
    second.load_state(*loaded)
    assert train(second, 3) == expected[2:]
    assert bits(second) == bits(whole)
    assert second.state()[1] == whole.state()[1]


def test_seed_fixes_all_bits_and_another_seed_does_not() -> None:
    learners = [navigator(), navigator(), navigator(replace(SMALL, seed=6))]
    for learner in learners:
        train(learner, 2)
    assert bits(learners[0]) == bits(learners[1])
    assert bits(learners[0]) != bits(learners[2])


def test_state_of_another_configuration_is_refused() -> None:
    learner = navigator()
    arrays, rest = learner.state()
    before = bits(learner)
    with pytest.raises(CheckpointError, match="another configuration"):
        navigator(replace(SMALL, tasks=4)).load_state(1, arrays, rest)
    del arrays["nav.actor.head.bias"]
    with pytest.raises(CheckpointError, match=r"actor\.head\.bias of shape \(2,\) is missing"):
        learner.load_state(1, arrays, rest)
    assert bits(learner) == before


@pytest.mark.parametrize("field", ["reward", "observation"])
def test_nan_from_an_environment_is_named_and_not_learned_from(field: str) -> None:
    def broken(*arguments: Any) -> dict[str, Batch]:
        batch = play(*arguments)["nav"]
        getattr(batch, field)[1, 0, 7] = torch.nan
        return {"nav": batch}

    learner = navigator()
    before = bits(learner)
    with pytest.raises(
        RolloutError, match=f"iteration 0, level nav: {field} of task 1, trajectory 0, step 7 is not finite"
    ):
        train(learner, 1, broken)
    assert bits(learner) == before
    assert learner.iteration == 0


def test_adapting_changes_nothing_shared_and_each_task_by_itself() -> None:
    learner = navigator()
    train(learner, 1)
    before = bits(learner)
    goals = [Goal(0.4, 0.1), Goal(-0.4, 0.1)]
    adaptation = learner.adapt(goals, play, steps=2, episodes=2, seed=1)
    assert adaptation.returns.shape == (3, 2)
    assert bits(learner) == before
    heads = adaptation.parameters["nav"].actor["head.weight"]
    assert not torch.equal(heads[0], heads[1])
    alone = learner.adapt(goals[:1], play, steps=2, episodes=2, seed=1)
    torch.testing.assert_close(alone.parameters["nav"].actor["head.weight"][0], heads[0], atol=1e-5, rtol=1e-4)
    trunk = adaptation.parameters["nav"].actor["trunk.layers.0.weight"]
    assert torch.equal(trunk[0], trunk[1])


def test_without_adaptation_it_is_multi_task_ppo_and_plays_all_episodes_at_once() -> None:
    played: list[int] = []

    def counting(tasks: Any, policies: Any, episodes: int, seeds: Seeds) -> dict[str, Batch]:
        played.append(episodes)
        return play(tasks, policies, episodes, seeds)

    learner = navigator(replace(SMALL, adapt=False))
    before = bits(learner)
    scalars = train(learner, 1, counting)[0]
    assert played == [4]
    assert "nav/return_before" not in scalars
    after = bits(learner)
    assert before["nav.alpha.head.bias"] == after["nav.alpha.head.bias"]
    assert before["nav.actor.head.bias"] != after["nav.actor.head.bias"]


def test_scale_of_rewards_changes_nothing() -> None:
    """Rewards are scaled by their running deviation, so a unit of reward is nobody's hyper-parameter."""
    one, thousand = navigator(), navigator()
    train(one, 2)
    train(thousand, 2, partial(play, reward_scale=1000.0))
    for name, tensor in one.levels["nav"].theta.items():
        torch.testing.assert_close(thousand.levels["nav"].theta[name], tensor, atol=1e-4, rtol=1e-3)


def test_reward_noise_on_half_of_the_tasks_keeps_their_share_of_the_weight() -> None:
    """METHOD.md 3, in the whole learner: with standard deviation 1 the noise is most of the TD error."""
    shares: dict[str, list[float]] = {"robust": [], "paper": []}
    for mode, found in shares.items():
        config = replace(SMALL, tasks=8, iterations=100, weights=TaskWeightConfig(mode=mode, rise_iterations=1))  # type: ignore[arg-type]
        learner = navigator(config)
        for iteration in range(5):
            weights = weights_of(learner)
            if iteration >= 1:
                found.append(float(weights[4:].sum() / weights.sum()))
    assert 0.3 <= np.mean(shares["robust"]) <= 0.7
    assert np.mean(shares["paper"]) > 0.7


def weights_of(learner: MetaLearner[Goal]) -> np.ndarray:
    """One iteration with clear goals in the first half of the tasks and noisy ones in the second."""
    original = learner._weights
    watched = Watched(original)
    learner._weights = watched  # type: ignore[assignment]
    try:
        learner.iterate(
            lambda stream, count: [
                replace(goal, noise_std=float(i >= count // 2)) for i, goal in enumerate(sample_goals(stream, count))
            ],
            play,
        )
    finally:
        learner._weights = original
    return watched.seen[0]


class Watched:
    """The learner's own weights of tasks, kept as it gets them."""

    def __init__(self, weights: Any) -> None:
        self.weights, self.seen = weights, []

    def __call__(self, *arguments: Any) -> np.ndarray:
        self.seen.append(self.weights(*arguments))
        return self.seen[-1]

    @property
    def scalars(self) -> dict[str, float]:
        return self.weights.scalars


class Loads:
    """Two levels of a toy network: high shares for two slices, low weights for up to 4 UEs, both with known optima."""

    family = "toy"

    def __init__(self, wanted: float) -> None:
        self.wanted = wanted


def play_loads(
    tasks: Sequence[Loads], policies: Mapping[str, TaskPolicies], episodes: int, seeds: Seeds
) -> dict[str, Batch]:
    """High: one number is to be `wanted`. Low: each present UE's first raw action is to be its first input."""
    streams = [np.random.default_rng(int(seed)) for seed in seeds]
    b, n, t, u = len(tasks), episodes, 6, 4
    ones = torch.ones((b, n, t), dtype=torch.bool)
    wanted = torch.tensor([task.wanted for task in tasks])[:, None, None]
    batches = {}
    if "high" in policies:
        seen = np.ones((b, n, t + 1, 2), np.float32)
        action = torch.from_numpy(policies["high"].act(seen[:, :, :-1], streams))
        reward = -(action[..., 0] - wanted).square()
        batches["high"] = Batch(torch.from_numpy(seen), action, reward, ~ones, ones)
    ue = torch.from_numpy(np.stack([stream.uniform(-1, 1, (n, t + 1, u, 2)) for stream in streams])).float()
    present = torch.from_numpy(np.stack([stream.uniform(size=(n, t + 1, u)) < 0.7 for stream in streams])).float()
    observation = {"ue": ue, "group": torch.ones(b, n, t + 1, 3), "present": present}
    now = {name: tensor[:, :, :-1] for name, tensor in observation.items()}
    action = torch.from_numpy(policies["low"].distribution(now).sample(streams))
    missed = (action[..., 0] - now["ue"][..., 0]).square() * now["present"]
    action = torch.where(now["present"].unsqueeze(-1) > 0, action, torch.nan)
    batches["low"] = Batch(observation, action, -missed.sum(-1), ~ones, ones)
    return batches


def two_levels(names: Sequence[str]) -> MetaLearner[Loads]:
    torch.manual_seed(0)
    config = LevelConfig(gamma=0.5, outer=OuterConfig(learning_rate=1e-2))
    levels = {
        "high": Level(GaussianActor(2, 1, hidden=(16,), context=4), MlpCritic(2, hidden=(16,), context=4), config),
        "low": Level(
            SetActor(2, 3, encoder=(16,), head=(16,), context=4),
            SetCritic(2, 3, encoder=(16,), hidden=(16,), context=4),
            replace(config, inner=InnerConfig(first_order=True)),
        ),
    }
    return MetaLearner({name: levels[name] for name in names}, MetaConfig(iterations=20, tasks=4))


def mean_returns(learner: MetaLearner[Loads]) -> dict[str, float]:
    """Of the shared policies, on two fixed tasks and with fixed random numbers."""
    policies = {name: level.policies(level.shared(2)) for name, level in learner.levels.items()}
    batches = play_loads([Loads(-0.7), Loads(0.7)], policies, 40, np.array([1, 2], np.uint64))
    return {name: float(batch.returns.mean()) for name, batch in batches.items()}


@pytest.mark.parametrize("names", [("high", "low"), ("low",)])
def test_levels_learn_together_and_the_low_one_alone(names: Sequence[str]) -> None:
    learner = two_levels(names)
    before = mean_returns(learner)
    for _ in range(20):
        learner.iterate(lambda stream, count: [Loads(float(w)) for w in stream.uniform(-1, 1, count)], play_loads)
    after = mean_returns(learner)
    assert after["low"] > before["low"] + 0.15 * abs(before["low"])
    if "high" in names:  # which cannot know what is wanted before it has tried
        adapted = learner.adapt([Loads(-0.7), Loads(0.7)], play_loads, steps=1, episodes=40, seed=3).returns
        assert (adapted[1] > adapted[0]).all()


def test_a_learner_without_levels_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one level"):
        MetaLearner({}, SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("first_order", [False, True])
def test_learns_to_adapt_in_navigation(first_order: bool) -> None:
    """40 iterations at a small meta-batch; the long version with the published figures is tests/bench/long_learn.py."""
    inner = InnerConfig(adapted=("",), critic_step_size=0.03, first_order=first_order)
    level = LevelConfig(
        gamma=0.95,
        gae_lambda=1.0,
        inner=inner,
        outer=OuterConfig(learning_rate=2e-3, critic_learning_rate=3e-3, clip=0.3),
    )
    weights = TaskWeightConfig(mode="uniform")
    learner = navigator(
        MetaConfig(iterations=40, tasks=16, support_episodes=6, query_episodes=6, weights=weights), level
    )
    train(learner, 40)
    returns = learner.adapt(sample_goals(np.random.default_rng(99), 30), play, 1, 6, seed=7).returns
    gain = returns[1] - returns[0]
    assert gain.mean() > 3.0 * gain.std() / len(gain) ** 0.5
    assert returns[1].mean() > -30.0  # untrained about −70; standing still costs 38
