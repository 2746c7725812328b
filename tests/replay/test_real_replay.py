# SPDX-License-Identifier: MIT
"""Recordings of the real program, on LTE and NR: that they happen again, and that they change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from pybridge.cli import main
from pybridge.errors import SessionStateError
from pybridge.recording import Recording, check_recording
from pybridge.run import run
from pybridge.scenario import Scenario, load_scenario, parse_scenario
from pybridge.schema import Levels
from pybridge.session import Session
from tests.link.low_policies import random_policy
from tests.link.scenario import REAL_SCENARIO

pytestmark = pytest.mark.usefixtures("simulation_program")


def lte() -> Scenario:
    """One cell of 6 PRBs, two slices, four UEs, half a second."""
    return parse_scenario(REAL_SCENARIO, "link-test.yaml")


def nr() -> Scenario:
    """The shipped nr-small, one second of it."""
    return load_scenario("nr-small", {"timing.duration_s": 1.0})


SCENARIOS = pytest.mark.parametrize("scenario", [lte, nr])


def record(scenario: Scenario, file: Path, levels: Levels = "high", **options: Any) -> Recording:
    """An episode of random actions."""
    rng = np.random.default_rng(5)
    with Session(scenario, levels=levels, record=file, **options) as session:
        observation = session.reset()
        action = session.action()
        while not observation.last:
            action.prb_policy[..., 1] = rng.dirichlet(np.ones(action.prb_policy.shape[1]))
            if action.ue_weight is not None:
                action.ue_weight[...] = rng.uniform(0.5, 2.0, action.ue_weight.shape)
            observation = session.step(action)
    return Recording(file)


@SCENARIOS
@pytest.mark.parametrize("levels", ["high", "both"])
def test_a_rerun_with_the_recorded_actions_gives_the_same_bits(tmp_path: Path, scenario: Any, levels: Levels) -> None:
    recording = record(scenario(), tmp_path / "a", levels)
    assert recording.end == "complete"
    assert check_recording(recording) is None


@SCENARIOS
def test_other_actions_are_found_out(tmp_path: Path, scenario: Any) -> None:
    recording = record(scenario(), tmp_path / "a")
    actions = recording._decode(0).actions
    actions.flags.writeable = True
    actions[1] = actions[2]
    difference = check_recording(recording)
    assert difference is not None
    assert difference.step == 2
    assert "slice" in str(difference)


@SCENARIOS
@pytest.mark.parametrize("policy", ["static", "proportional", "max-weight"])
def test_a_built_in_policy_is_recorded_and_replayed_and_not_disturbed(
    tmp_path: Path, scenario: Any, policy: str
) -> None:
    alone = run(scenario(), policy, 1, tmp_path / "alone")
    watched = run(scenario(), policy, 1, tmp_path / "watched", record=tmp_path / "a")
    assert watched.kpm().equals(alone.kpm())
    assert watched.controls().equals(alone.controls())
    recording = Recording(tmp_path / "a")
    assert recording.description["built_in"] == policy
    assert check_recording(recording) is None


def test_a_built_in_policy_can_be_watched_at_every_low_level_period(tmp_path: Path) -> None:
    with Session(nr(), levels="both", policy="max-weight", record=tmp_path / "a") as session:
        observation = session.reset()
        with pytest.raises(SessionStateError, match="`max-weight` decides"):
            session.step(session.action())
        while not observation.last:
            observation = session.step()
        shares = session.slice_table()["requested_min"]
    recording = Recording(tmp_path / "a")
    assert len(recording) == 101
    assert shares.n_unique() > 1
    assert check_recording(recording) is None


def test_a_low_level_policy_inside_the_simulation_is_replayed(tmp_path: Path) -> None:
    with Session(nr(), levels="delegated", record=tmp_path / "a") as session:
        observation = session.reset(low_policy=random_policy(record=True))
        while not observation.last:
            observation = session.step()
    recording = Recording(tmp_path / "a")
    assert recording.levels == "delegated"
    assert recording.observation(3).body["low_raw_action"].shape[0] == 10
    assert check_recording(recording) is None


def test_the_commands_from_run_to_check(tmp_path: Path) -> None:
    file, runner = str(tmp_path / "mw.slbrec"), CliRunner()
    keys = ["--scenario", "nr-small", "--set", "timing.duration_s=0.5"]
    done = runner.invoke(main, ["run", *keys, "--policy", "max-weight", "--out", str(tmp_path / "o"), "--record", file])
    assert done.exit_code == 0, done.output
    shown = runner.invoke(main, ["replay", file])
    assert "max-weight" in shown.output
    checked = runner.invoke(main, ["replay", "--check", file])
    assert checked.exit_code == 0, checked.output
    assert "the rerun gives the same bits" in checked.output
