# SPDX-License-Identifier: MIT
"""A multi-task policy that is fine-tuned to tasks, each on its own episodes."""

from __future__ import annotations

import numpy as np
import pytest

from agents.adapters import ADAPTERS, AdaptJob
from agents.batch import RolloutError
from agents.checkpoint import Checkpoint, CheckpointError
from agents.fine_tune import FineTuneConfig, fine_tune
from agents.network_policy import NetworkPolicy
from agents.rollout import Simulations
from agents.vector_ppo import VectorPpoConfig, train_vector_ppo
from tests.agents.toy_network import STEPS, ToyTask, ToyVector, toy_source

TASKS = [ToyTask(0.3), ToyTask(0.7), ToyTask(0.7)]


@pytest.fixture(scope="module")
def shared() -> Checkpoint:
    """Knows that the best action is 0.3 or 0.7, and stands between them."""
    config = VectorPpoConfig(steps=1000, rollout_steps=20, learning_rate=1e-3, minibatches=2, initial_log_std=-1.0)
    return train_vector_ppo(toy_source(best=(0.3, 0.7))[0], config, 1)[0]


def simulations(fault: str = "") -> Simulations:
    return Simulations(ToyVector(12, fault), lambda task: task, STEPS)


def test_every_task_gets_better(shared: Checkpoint) -> None:
    found = fine_tune(shared, TASKS, simulations(), FineTuneConfig(step_size=0.05), 1, at=(0, 4, 40))  # type: ignore[arg-type]
    assert found.curve.reward.shape == (3, 3)
    assert found.curve.played.shape == (40, 3)
    assert (found.curve.reward[-1] > found.curve.reward[0]).all()
    observation = np.full(60, 0.5, np.float32)
    low, high = (NetworkPolicy(found.checkpoint(shared, i)).act(observation)[:4].mean() for i in (0, 1))
    assert low < NetworkPolicy(shared).act(observation)[:4].mean() < high


def test_before_any_episode_it_is_the_shared_policy(shared: Checkpoint) -> None:
    found = fine_tune(shared, TASKS, simulations(), FineTuneConfig(), 1, at=(0,))  # type: ignore[arg-type]
    for index in range(3):
        own = found.checkpoint(shared, index)
        assert {n: t.tobytes() for n, t in own.tensors.items()} == {n: t.tobytes() for n, t in shared.tensors.items()}


def test_the_same_seed_gives_the_same_bits_and_tasks_do_not_touch_each_other(shared: Checkpoint) -> None:
    config = FineTuneConfig(step_size=0.05)
    first, again = (fine_tune(shared, TASKS, simulations(), config, 1, at=(8,)) for _ in range(2))  # type: ignore[arg-type]
    other = fine_tune(shared, [TASKS[0], TASKS[1], TASKS[0]], simulations(), config, 1, at=(8,))  # type: ignore[arg-type]
    for name, values in first.parameters.items():
        assert values.tobytes() == again.parameters[name].tobytes()
        np.testing.assert_array_equal(values[:2], other.parameters[name][:2])
        assert not np.array_equal(values[2], other.parameters[name][2]) or name == "actor.log_std"


def test_between_whole_steps_the_policy_stays_as_it_is(shared: Checkpoint) -> None:
    """A step on one episode is noise; a rollout's size is what the step size was chosen for."""
    config = FineTuneConfig(step_size=0.05)
    found = fine_tune(shared, TASKS, simulations(), config, 1, at=(0, 1, 3, 4, 6)).curve  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.reward[1], found.reward[0])
    np.testing.assert_array_equal(found.reward[2], found.reward[0])
    assert (found.reward[3] != found.reward[0]).any()
    np.testing.assert_array_equal(found.reward[4], found.reward[3])
    assert len(found.played) == 6


@pytest.mark.parametrize(("sizes", "best"), [((0.0, 1e-6, 0.05, 50.0), 0.05), ((0.0, 50.0), 0.0)])
def test_the_step_size_is_the_one_that_helps_validation_tasks(
    shared: Checkpoint, sizes: tuple[float, ...], best: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.adapters.STEP_SIZES", sizes)
    job = AdaptJob(TASKS, (0, 1), 4, 1, simulations(), None, shared)  # type: ignore[arg-type]
    assert ADAPTERS["fine-tune"].choose(job) == best


def test_what_cannot_be_fine_tuned_is_refused(shared: Checkpoint) -> None:
    with pytest.raises(RolloutError, match="not finite"):
        fine_tune(shared, TASKS, simulations("nan-observation"), FineTuneConfig(), 1, at=(4,))  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="takes a vector-ppo, got 'sac'"):
        fine_tune(Checkpoint({}, {"algorithm": "sac"}), TASKS, simulations(), FineTuneConfig(), 1)  # type: ignore[arg-type]
