# SPDX-License-Identifier: MIT
"""Training states on disk: whole or not there, and never silently the wrong one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from agents.checkpoint import CheckpointError
from agents.training_state import (
    load_training_state,
    optimiser_state,
    restore_optimiser,
    restore_tensors,
    save_training_state,
)

ARRAYS = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3), "number": np.array(3.5), "empty": np.zeros(0)}
REST = {"average": {"a": 0.1 + 0.2}, "count": 7}


def test_round_trip_is_exact_also_for_single_numbers_and_empty_arrays(tmp_path: Path) -> None:
    save_training_state(tmp_path, 12, ARRAYS, REST)
    loaded = load_training_state(tmp_path)
    assert loaded is not None
    assert (loaded[0], loaded[2]) == (12, REST)
    assert set(loaded[1]) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert (loaded[1][name].shape, loaded[1][name].dtype) == (array.shape, array.dtype)
        assert loaded[1][name].tobytes() == array.tobytes()


def test_newest_counts_and_two_are_kept(tmp_path: Path) -> None:
    assert load_training_state(tmp_path) is None
    for iteration in (9, 10, 100):
        save_training_state(tmp_path, iteration, ARRAYS, REST)
    loaded = load_training_state(tmp_path)
    assert loaded is not None
    assert loaded[0] == 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["iteration-00000010", "iteration-00000100"]


def test_what_a_kill_leaves_half_written_is_not_taken_for_a_state(tmp_path: Path) -> None:
    save_training_state(tmp_path, 1, ARRAYS, REST)
    half = tmp_path / ".iteration-00000002.123"
    half.mkdir()
    (half / "policy.safetensors").write_bytes(b"half")
    loaded = load_training_state(tmp_path)
    assert loaded is not None
    assert loaded[0] == 1


def test_the_same_iteration_can_be_saved_again(tmp_path: Path) -> None:
    save_training_state(tmp_path, 1, ARRAYS, REST)
    save_training_state(tmp_path, 1, ARRAYS, {"count": 8})
    loaded = load_training_state(tmp_path)
    assert loaded is not None
    assert loaded[2] == {"count": 8}


def test_damage_is_named_and_an_older_state_is_not_used_instead(tmp_path: Path) -> None:
    save_training_state(tmp_path, 1, ARRAYS, REST)
    newest = save_training_state(tmp_path, 2, ARRAYS, REST)
    blob = bytearray((newest / "policy.safetensors").read_bytes())
    blob[-1] ^= 1
    (newest / "policy.safetensors").write_bytes(blob)
    with pytest.raises(CheckpointError, match=r"iteration-00000002.*damaged"):
        load_training_state(tmp_path)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    path = save_training_state(tmp_path, 1, ARRAYS, REST) / "policy.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": "training-state/99"}))
    with pytest.raises(CheckpointError, match="training-state/99"):
        load_training_state(tmp_path)


def test_nothing_is_restored_if_one_tensor_does_not_fit() -> None:
    tensors = {"net": {"a": torch.zeros(2), "b": torch.zeros(3)}}
    with pytest.raises(CheckpointError, match=r"net\.b of shape \(3,\) is of shape \(4,\)"):
        restore_tensors(tensors, {"net.a": np.ones(2), "net.b": np.ones(4)})
    assert torch.count_nonzero(tensors["net"]["a"]) == 0


def test_optimiser_goes_on_as_if_never_stopped() -> None:
    def step(parameter: torch.Tensor, optimiser: torch.optim.Adam) -> None:
        optimiser.zero_grad()
        (parameter**2).sum().backward()
        optimiser.step()

    def fresh() -> tuple[torch.Tensor, torch.optim.Adam]:
        parameter = torch.ones(3, requires_grad=True)
        return parameter, torch.optim.Adam([parameter], lr=0.1)

    whole, whole_optimiser = fresh()
    for _ in range(2):
        step(whole, whole_optimiser)
    middle = whole.detach().clone()
    arrays = {f"adam.{name}": array for name, array in optimiser_state(whole_optimiser).items()}
    step(whole, whole_optimiser)

    resumed, optimiser = fresh()
    step(resumed, optimiser)
    with torch.no_grad():
        resumed.copy_(middle)
    restore_optimiser(optimiser, "adam", arrays)
    step(resumed, optimiser)
    assert torch.equal(resumed, whole)
    restore_optimiser(optimiser, "adam", {})
    assert not optimiser.state
