# SPDX-License-Identifier: MIT
"""A policy that is conditioned on a task: shown, hidden, and seen by its critic alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from agents.batch import Batch
from agents.conditioned import ConditionedActor, ConditionedCritic
from agents.inner import InnerConfig
from agents.level import Level, LevelConfig
from agents.meta import MetaConfig, MetaLearner, Seeds
from agents.nets import GaussianActor, MlpCritic
from agents.outer import OuterConfig
from agents.policies import TaskPolicies

Z = 2


@dataclass(frozen=True)
class Wanted:
    """The best action is `wanted` wherever one looks; it shows in no observation but the privileged one."""

    wanted: float
    hidden: bool = False
    family: str = "toy"


def draw(stream: np.random.Generator, count: int) -> list[Wanted]:
    return [Wanted(float(w)) for w in stream.uniform(-1, 1, count)]


def play(
    tasks: Sequence[Wanted], policies: Mapping[str, TaskPolicies], episodes: int, seeds: Seeds
) -> dict[str, Batch]:
    shape = (len(tasks), episodes, 8)
    wanted = torch.tensor([task.wanted for task in tasks])[:, None, None]
    seen = torch.tensor([0.0 if task.hidden else task.wanted for task in tasks])[:, None, None, None]
    observation = {"x": torch.ones(*shape[:2], 9, 1), "task": seen.expand(*shape[:2], 9, 1)}
    observation["truth"] = wanted[..., None].expand(*shape[:2], 9, 1)
    now = {name: tensor[:, :, :-1] for name, tensor in observation.items()}
    streams = [np.random.default_rng(int(seed)) for seed in seeds]
    action = torch.from_numpy(policies["high"].distribution(now).sample(streams))
    played = torch.ones(shape, dtype=torch.bool)
    return {"high": Batch(observation, action, -(action[..., 0] - wanted).square(), ~played, played)}


def learner() -> MetaLearner[Wanted]:
    """Of `Wanted` tasks."""
    torch.manual_seed(0)
    actor = ConditionedActor(GaussianActor(1 + Z, 1, hidden=(16,), context=0, log_std=-1.5), 1, context=Z)
    critic = ConditionedCritic(MlpCritic(1 + Z, hidden=(16,), context=0), 1, context=Z, reads="truth")
    inner = InnerConfig(adapted=("context",))
    level = Level(actor, critic, LevelConfig(gamma=0.5, inner=inner, outer=OuterConfig(learning_rate=1e-2)))
    return MetaLearner({"high": level}, MetaConfig(iterations=60, tasks=16, adapt=False))


def test_a_policy_does_what_the_task_that_it_is_shown_wants() -> None:
    learning = learner()
    for _ in range(60):
        learning.iterate(draw, play)
    tasks = draw(np.random.default_rng(7), 16)
    told = learning.adapt(tasks, play, steps=0, episodes=4, seed=1).returns.mean()
    hidden = [Wanted(task.wanted, hidden=True) for task in tasks]
    blind = learning.adapt(hidden, play, steps=0, episodes=4, seed=1).returns.mean()
    assert told > 0.5 * blind  # rewards are negative: seeing the task at least halves the loss


def test_what_the_critic_alone_sees_reaches_no_action() -> None:
    actor = learner().levels["high"].actor()
    observation = {"x": torch.ones(1, 1), "task": torch.ones(1, 1), "truth": torch.zeros(1, 1)}
    assert torch.equal(actor(observation), actor(observation | {"truth": torch.ones(1, 1)}))
