# SPDX-License-Identifier: MIT
"""Changes by hand, as they are written."""

from __future__ import annotations

import json

import pytest

from pybridge.debug.edits import EditError, parse_edits
from pybridge.observation import MIN, Action
from pybridge.schema import Schema, parse_schema
from tests.link.fake_simulation import make_schema
from tests.link.scenario import TestScenario


@pytest.fixture
def schema() -> Schema:
    """Two cells; slices embb, urllc and mmtc; six UEs."""
    return parse_schema(json.dumps(make_schema(json.loads(TestScenario().resolved_json()))))


def test_changes_are_of_the_cells_slices_and_ues_that_they_name_and_of_nothing_else(schema: Schema) -> None:
    action, before = Action(schema, "both"), Action(schema, "both")
    for edit in parse_edits("urllc.min = 0.5, CELL1.embb.power=0.25 ue3.weight=2 mmtc.compute=0", schema, "both"):
        edit.apply(action)
    assert action.prb_policy[:, 1, MIN].tolist() == [0.5, 0.5]
    assert action.power_share[1, 0] == 0.25
    assert action.ue_weight is not None
    assert action.ue_weight[3] == 2.0
    assert action.compute_share[:, 2].tolist() == [0.0, 0.0]
    assert int((action.flat != before.flat).sum()) == 6
    action.check()


def test_nothing_written_is_no_change(schema: Schema) -> None:
    assert parse_edits("  ", schema, "high") == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("urlc.min=0.5", "did you mean `urllc`"),
        ("urllc.mn=0.5", "did you mean `min`"),
        ("cel1.urllc.min=0.5", "did you mean `cell1`"),
        ("urllc.min=1.5", "allowed are 0 to 1"),
        ("urllc.min=nan", "allowed are 0 to 1"),
        ("urllc.min=much", "is no number"),
        ("urllc.min", "is no change"),
        ("min=0.5", "is no change"),
        ("ue6.weight=1", "there are 0 to 5"),
        ("ue3.wait=1", "did you mean `weight`"),
        ("ue3.weight=1000", "allowed are 0.01 to 100"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_is_near(schema: Schema, text: str, complaint: str) -> None:
    with pytest.raises(EditError, match=complaint):
        parse_edits(text, schema, "both")


def test_ues_are_left_to_the_simulation_where_only_slices_are_decided_about(schema: Schema) -> None:
    with pytest.raises(EditError, match="slices only"):
        parse_edits("ue3.weight=2", schema, "high")
