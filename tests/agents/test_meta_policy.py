# SPDX-License-Identifier: MIT
"""What a policy of Meta-HRL in use takes its task for, on both tracks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.checkpoint import Checkpoint, CheckpointError
from agents.meta_hrl import KNOWN, MetaHrl, Network
from agents.meta_hrl_config import MetaHrlConfig
from agents.meta_policy import MetaHrlPolicy
from agents.network_task import TaskDistribution, TaskRanges
from agents.rollout import revealed
from agents.slice_inputs import INPUTS_PER_SLICE

WEIGHTS = np.array([0.7, 0.2, 0.1], np.float32)


def checkpoint(told: bool) -> tuple[Checkpoint, TaskDistribution]:
    """Of an untrained learner."""
    tasks = TaskDistribution(TaskRanges(track="told" if told else "hidden"))
    return MetaHrl(MetaHrlConfig(), Network(1, 3, told, 50), 1).checkpoint(tasks), tasks


def observation() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    seen = np.full(3 * INPUTS_PER_SLICE, 0.1, np.float32)
    seen[INPUTS_PER_SLICE - 1 :: INPUTS_PER_SLICE] = WEIGHTS
    return seen


def test_told_it_goes_by_the_weights_that_it_sees_and_its_tasks_prices_without_doubt() -> None:
    trained, tasks = checkpoint(told=True)
    task = tasks.task("test", 0)
    policy = MetaHrlPolicy(Checkpoint(trained.tensors | {KNOWN: revealed([task])[0]}, trained.header))
    policy.act(observation())
    np.testing.assert_allclose(policy._task[:3], 3.0 * WEIGHTS - 1.0, atol=1e-6)
    np.testing.assert_array_equal(policy._task[3:5], task.features[3:5])
    np.testing.assert_array_equal(policy._shown, task.features[3:5])
    assert policy._task[5] == 0.0


def test_told_it_has_no_doubt_before_it_is_adapted_either() -> None:
    policy = MetaHrlPolicy(checkpoint(told=True)[0])
    policy.act(observation())
    assert policy._task[5] == 0.0


def test_hidden_it_goes_by_what_it_believes_and_not_by_the_weights_of_the_scenario() -> None:
    trained, _ = checkpoint(told=False)
    first, second = (MetaHrlPolicy(trained) for _ in range(2))
    other = observation()
    other[INPUTS_PER_SLICE - 1 :: INPUTS_PER_SLICE] = WEIGHTS[::-1]
    np.testing.assert_array_equal(first.act(observation()), second.act(other))
    assert first._task[5] == pytest.approx(1.0)


def test_hidden_without_a_belief_it_is_refused() -> None:
    trained, _ = checkpoint(told=False)
    tensors = {name: tensor for name, tensor in trained.tensors.items() if name != KNOWN}
    with pytest.raises(CheckpointError, match=f"tensor {KNOWN} is missing"):
        MetaHrlPolicy(replace(trained, tensors=tensors))


def test_a_checkpoint_of_another_version_says_so() -> None:
    trained, _ = checkpoint(told=False)
    config = trained.header["architecture"]["config"] | {"rule_generations": 16}
    header = trained.header | {"architecture": trained.header["architecture"] | {"config": config}}
    with pytest.raises(CheckpointError, match="another version, which differs in rule_generations; train anew"):
        MetaHrlPolicy(Checkpoint(trained.tensors, header))
