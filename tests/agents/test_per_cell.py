# SPDX-License-Identifier: MIT
"""A policy of one cell on networks of several."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from agents.checkpoint import CheckpointError, save_checkpoint
from agents.dpp import default_parameters
from agents.load import load_policy
from agents.per_cell import PerCellPolicy
from agents.rules import Interface, RulePolicy, rule_checkpoint
from pybridge.run import run
from pybridge.scenario import load_scenario


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "policy"
    save_checkpoint(rule_checkpoint("dpp", default_parameters(3), Interface(1, 3, "capped"), {}), folder)
    return folder


def spaces(observed: int, actions: int) -> tuple[gym.Space, gym.Space]:
    return gym.spaces.Box(-1, 1, (observed,)), gym.spaces.Box(0, 1, (actions,))


def test_every_cell_decides_as_if_it_were_alone(saved: Path) -> None:
    together, alone = load_policy(saved), [load_policy(saved) for _ in range(3)]
    together.check_spaces(*spaces(180, 39))
    stream = np.random.default_rng(1)
    for _ in range(4):  # each has a memory
        observation = stream.uniform(0, 1, 180).astype(np.float32)
        parts = [policy.act(part) for policy, part in zip(alone, np.split(observation, 3), strict=True)]
        assert together.act(observation).tobytes() == np.concatenate(parts).tobytes()


def test_networks_that_are_not_of_its_cells_are_refused(saved: Path) -> None:
    for observed, actions in ((180, 15), (100, 13), (60, 26)):
        with pytest.raises(CheckpointError, match="policy is for an"):
            load_policy(saved).check_spaces(*spaces(observed, actions))


def test_policies_of_several_cells_stay_what_they_are(tmp_path: Path) -> None:
    save_checkpoint(rule_checkpoint("dpp", default_parameters(3), Interface(2, 3, "capped"), {}), tmp_path)
    assert isinstance(load_policy(tmp_path), RulePolicy)


@pytest.mark.usefixtures("simulation_program")
def test_it_manages_seven_real_cells(saved: Path, tmp_path: Path) -> None:
    assert isinstance(load_policy(saved), PerCellPolicy)
    short = {"timing.duration_s": 0.5, "timing.warm_up_s": 0.1, "slices.mmtc.ues": 3}
    finished = run(load_scenario("nr-urban-7cell", short), str(saved), 1, tmp_path / "run")
    assert finished.controls()["cell"].n_unique() == 7
