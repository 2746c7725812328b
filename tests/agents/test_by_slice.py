# SPDX-License-Identifier: MIT
"""The low level of `ours` before it has learned: it decides nothing, and its output layer sees UEs slice by slice."""

from __future__ import annotations

import numpy as np
import torch

from agents.low_level import GROUP_INPUTS, SLICE_FEATURES, by_slice, low_networks, low_policy
from agents.nets import SetActor
from pybridge.envs.features import DEFAULT_UE_FEATURES
from pybridge.low_policy import SSTS

FEATURES = len(DEFAULT_UE_FEATURES)


def observation(sst: int, ues: torch.Tensor) -> dict[str, torch.Tensor]:
    """One group of a slice of that type. ues: (UEs, features)."""
    group = torch.rand(GROUP_INPUTS)
    group[len(SLICE_FEATURES) : len(SLICE_FEATURES) + len(SSTS)] = torch.tensor([float(sst == s) for s in SSTS])
    return {"ue": ues, "group": group, "present": torch.ones(len(ues))}


def fresh() -> SetActor:
    torch.manual_seed(0)
    return by_slice(low_networks()[0])


def test_it_decides_nothing_yet() -> None:
    with torch.no_grad():
        mean = fresh()(observation(1, torch.rand(5, FEATURES)))[:, :2]
    assert (mean == 0.0).all()


def test_a_weight_of_the_output_layer_is_that_of_one_feature_in_slices_of_one_type() -> None:
    ues = torch.rand(5, FEATURES)
    for sst in SSTS:
        for feature in range(FEATURES):
            actor = fresh()
            with torch.no_grad():
                actor.head.weight[0, (sst - 1) * FEATURES + feature] = 1.5
                decided = [actor(observation(other, ues))[:, 0] for other in SSTS]
            for other, raw in zip(SSTS, decided, strict=True):
                expected = 1.5 * ues[:, feature] if other == sst else torch.zeros(5)
                torch.testing.assert_close(raw, expected)


def test_every_type_has_an_offset_of_its_own() -> None:
    actor = fresh()
    with torch.no_grad():
        actor.head.weight[1, len(SSTS) * FEATURES + 1] = 0.7
        decided = [actor(observation(sst, torch.rand(2, FEATURES)))[:, 1] for sst in SSTS]
    for raw, expected in zip(decided, (0.0, 0.7, 0.0), strict=True):
        torch.testing.assert_close(raw, torch.full((2,), expected))


def test_the_simulation_takes_it() -> None:
    policy = low_policy(fresh(), explore=False)
    assert np.isfinite(policy.weights()).all()
    assert not policy.record
