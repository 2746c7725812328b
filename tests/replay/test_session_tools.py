# SPDX-License-Identifier: MIT
"""A session in the hands of a person: tables, conditions, plots, steps without an action."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pybridge.conditions import ConditionError
from pybridge.errors import SessionStateError
from pybridge.observation import Action, Observation
from pybridge.recording import Recording
from pybridge.session import Session
from tests.link.scenario import TestScenario, fake


def session(epochs: int = 5, **options: object) -> Session:
    """On a simulation of two cells, three slices, six UEs."""
    return Session(TestScenario(epochs=epochs), program=fake(), **options)  # type: ignore[arg-type]


def test_the_slice_table_holds_what_the_observation_does() -> None:
    with session() as s:
        s.reset()
        observation = s.step()
        table = s.slice_table()
    assert table.height == 6
    assert table["cell"].to_list() == ["cell0"] * 3 + ["cell1"] * 3
    assert table["slice"].to_list() == ["embb", "urllc", "mmtc"] * 2
    assert table["x.goodput_kbps"].to_list() == observation.kpm("x.goodput_kbps").ravel().tolist()
    assert table["projected_power"].to_list() == observation.projected[..., 4].ravel().tolist()
    assert set(table["time_s"]) == {observation.time_s}


def test_with_both_levels_slices_are_shown_over_the_shorter_period_unless_asked_otherwise() -> None:
    with session(levels="both") as s:
        observation = s.reset()
        assert s.slice_table()["x.ues"].to_list() == observation.kpm("x.ues", "low").ravel().tolist()
        assert s.slice_table("high")["x.ues"].to_list() == observation.kpm("x.ues").ravel().tolist()


def test_the_ue_table_names_slices_and_cells() -> None:
    with session() as s:
        observation = s.reset()
        table = s.ue_table()
    assert table["ue"].to_list() == list(range(6))
    assert table["slice"].to_list() == ["embb", "embb", "urllc", "urllc", "mmtc", "mmtc"]
    cells = [None if cell < 0 else f"cell{cell}" for cell in observation.ue_cell]
    assert table["cell"].to_list() == cells
    assert table["x.cqi"].to_list() == observation.ue_kpm("x.cqi").tolist()


def test_a_recording_gives_the_same_tables(tmp_path: Path) -> None:
    with session(record=tmp_path / "a") as s:
        s.reset()
        s.step()
        slices, ues = s.slice_table(), s.ue_table()
    recording = Recording(tmp_path / "a")
    assert recording.slice_table().equals(slices, null_equal=True)
    assert recording.ue_table(1).equals(ues, null_equal=True)


def test_a_step_without_an_action_keeps_what_was_decided(tmp_path: Path) -> None:
    with session(record=tmp_path / "a") as s:
        s.reset()
        s.step()
        action = s.action()
        action.prb_policy[..., 1] = 0.125
        s.step(action)
        action.prb_policy[..., 1] = 0.5  # not sent
        s.step()
        neutral = s.action().flat.tolist()
    sent = [Recording(tmp_path / "a").action(step) for step in range(3)]
    assert sent[0] is not None
    assert sent[0].flat.tolist() == neutral
    assert [float(one.prb_policy[0, 0, 1]) for one in sent[1:] if one is not None] == [0.125, 0.125]


def test_a_new_episode_begins_with_what_changes_nothing(tmp_path: Path) -> None:
    with session(record=tmp_path / "a") as s:
        s.reset()
        action = s.action()
        action.prb_policy[..., 1] = 0.125
        s.step(action)
        s.reset()
        s.step()
        assert len(s.history) == 2
    again = Recording(tmp_path / "a-episode-1").action(0)
    assert again is not None
    assert again.flat.tolist() == Action(again.schema, "high").flat.tolist()


def test_run_until_stops_where_the_condition_holds_and_goes_on_from_there() -> None:
    with session(epochs=8) as s:
        s.reset()
        found = s.run_until("step >= 2")
        assert found is not None
        assert found.step == 2
        again = s.run_until("step >= 2")
        assert again is not None
        assert again.step == 3
        assert s.run_until(lambda observation: False) is None
        assert s.history[-1].last
        assert s.run_until("step > 100") is None


def test_run_until_lets_a_policy_decide(tmp_path: Path) -> None:
    asked = []

    def decide(observation: Observation) -> Action:
        asked.append(observation.step)
        action = Action(observation.schema, "high")
        action.prb_policy[..., 1] = 0.25 + 0.125 * observation.step
        return action

    with session(record=tmp_path / "a") as s:
        s.reset()
        s.run_until("step == 2", decide)
    assert asked == [0, 1]
    sent = Recording(tmp_path / "a").action(1)
    assert sent is not None
    assert float(sent.prb_policy[0, 0, 1]) == 0.375


def test_a_condition_that_makes_no_sense_moves_nothing() -> None:
    with session() as s:
        s.reset()
        with pytest.raises(ConditionError, match="urllc"):
            s.run_until("slice[urlc].x.hol_delay_ms > 8")
        assert len(s.history) == 1


def test_before_reset_there_is_nothing_to_look_at() -> None:
    with session() as s:
        for look in (s.slice_table, s.ue_table, s.plot, lambda: s.run_until("step > 1")):
            with pytest.raises(SessionStateError, match="reset"):
                look()


def test_plots_are_pictures_of_what_was_seen() -> None:
    with session() as s:
        s.reset()
        while not s.step().last:
            pass
        plot = s.plot("x.goodput_kbps", "x.hol_delay_ms", slices=["urllc"])
        lines = plot.axes[0].get_lines()
        assert [line.get_label() for line in lines] == ["cell0 urllc", "cell1 urllc"]
        expected = [observation.kpm("x.goodput_kbps")[1, 1] for observation in s.history]
        assert np.asarray(lines[1].get_ydata()).tolist() == expected
        assert plot._repr_png_().startswith(b"\x89PNG")
        assert len(s.plot("x.cqi", ues=[0, 5]).axes[0].get_lines()) == 2
        assert len(s.plot().axes) == 2
        with pytest.raises(KeyError, match=r"x\.nothing"):
            s.plot("x.nothing")
        with pytest.raises(KeyError, match="no slice `video`"):
            s.plot(slices=["video"])


def test_history_is_bounded_and_can_be_turned_off() -> None:
    with session(epochs=8, history=3) as s:
        s.reset()
        while not s.step().last:
            pass
        assert [observation.step for observation in s.history] == [6, 7, 8]
    with session(history=0) as s:
        s.reset()
        assert s.history == ()
        with pytest.raises(SessionStateError, match="history=0"):
            s.slice_table()
