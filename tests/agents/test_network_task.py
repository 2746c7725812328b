# SPDX-License-Identifier: MIT
"""Tasks drawn from ranges: repeatable, disjoint, hidden or told, and refused with the key that is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.network import reward_of, scenario_of
from agents.network_task import SPLITS, TaskDistribution, TaskError, TaskRanges, load_task_ranges

SHIPPED = Path(__file__).resolve().parents[2] / "agents" / "nr-tasks.yaml"


def shipped(track: str = "hidden") -> TaskDistribution:
    """The tasks that ship."""
    return TaskDistribution(load_task_ranges(SHIPPED).model_copy(update={"track": track}))


def test_a_task_is_the_same_again_and_no_two_splits_share_one() -> None:
    assert shipped().task("test", 3).describe() == shipped().task("test", 3).describe()
    found = [str(shipped().task(split, number).weights) for split in SPLITS for number in range(50)]
    assert len(set(found)) == len(found)


def test_the_order_of_keys_in_a_file_changes_no_task() -> None:
    ranges = load_task_ranges(SHIPPED)
    turned = ranges.model_copy(update={"vary": dict(reversed(ranges.vary.items()))})
    for split in SPLITS:
        assert TaskDistribution(turned).tasks(split, 3) == TaskDistribution(ranges).tasks(split, 3)


def test_test_tasks_go_beyond_the_ranges_of_training() -> None:
    sizes = {split: [t.overrides["slices.embb.ues"] for t in shipped().tasks(split, 200)] for split in SPLITS}
    assert max(sizes["train"]) == max(sizes["validation"]) == 7
    assert max(sizes["test"]) > 7


def test_weights_follow_the_dirichlet_and_prices_the_log_uniform() -> None:
    tasks = shipped().tasks("train", 2000)
    weights = np.array([task.weights for task in tasks])
    assert np.allclose(weights.sum(axis=1), 1.0)
    # Of Dirichlet(½, ½, ½): mean 1/3, variance (1/3)(2/3)/(3/2 + 1).
    assert weights.mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.03)
    assert weights.var(axis=0) == pytest.approx([2 / 22.5] * 3, abs=0.01)
    logs = np.log([task.prb_price for task in tasks])
    assert logs.min() >= np.log(0.02)
    assert logs.max() <= np.log(1.5)
    assert logs.mean() == pytest.approx((np.log(0.02) + np.log(1.5)) / 2, abs=0.1)
    features = np.stack([task.features for task in tasks])
    assert features[:, -2:].std(axis=0) == pytest.approx([1.0, 1.0], abs=0.05)


@pytest.mark.parametrize(("track", "shown"), [("hidden", 0), ("told", 2)])
def test_what_is_hidden_is_in_the_reward_alone(track: str, shown: int) -> None:
    task = shipped(track).task("train", 1)
    weights = [entry.sla.weight for entry in scenario_of(task).slices]
    assert len(task.shown) == shown
    assert weights == pytest.approx(list(task.weights) if track == "told" else [1.0] * 3)
    assert reward_of(task).prb_price == task.prb_price


def test_both_tracks_are_of_the_same_networks() -> None:
    hidden, told = (shipped(track).task("train", 5) for track in ("hidden", "told"))
    assert hidden.overrides == told.overrides
    assert hidden.weights == told.weights


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vary: {slices.embb.ues: {integer: [7, 2]}}", "vary.slices.embb.ues"),
        ("vary: {slices.embb.ues: {}}", "exactly one of"),
        ("prb_price: {uniform: [0.1, 0.2]}", "log_uniform"),
        ("prb_price: {log_uniform: [0.0, 0.2]}", "positive"),
        ("test: {slices.embb.ues: {integer: [1, 2]}}", "not in vary"),
        ("oops: 1", "oops"),
        ("{", "cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "tasks.yaml"
    file.write_text(text)
    with pytest.raises(TaskError, match=said) as error:
        load_task_ranges(file)
    assert str(file) in str(error.value)


def test_ranges_survive_a_round_trip() -> None:
    ranges = load_task_ranges(SHIPPED)
    assert TaskRanges.model_validate(ranges.model_dump(mode="json")) == ranges
