# SPDX-License-Identifier: MIT
"""Conditions: what they mean, and that nothing malformed or hostile gets further than a clear message."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybridge.conditions import ConditionError, compile_condition
from pybridge.observation import Observation
from pybridge.schema import Levels, Schema, parse_schema
from pybridge.wire import Header, MessageType
from tests.link.fake_simulation import make_schema
from tests.link.scenario import TestScenario


def schema(cells: int = 1, names: dict[str, int] | None = None) -> Schema:
    """Three slices, a UE per cell and slice; `names` gives others with their SST."""
    scenario = json.loads(TestScenario(cells=cells).resolved_json())
    if names:
        slice_of = scenario["slices"][0]
        scenario["slices"] = [
            slice_of | {"name": name, "s_nssai": {"sst": sst, "sd": None}} for name, sst in names.items()
        ]
    return parse_schema(json.dumps(make_schema(scenario)))


def observation(of: Schema, levels: Levels = "high", **values: float) -> Observation:
    """All zero, but KPMs given as `tensor__kpm__row=value`, dots of KPMs as `_dot_`."""
    dtype = of.state_dtype(levels)
    flat = np.zeros(dtype.itemsize // 4, np.float32)
    body = flat.view(dtype)[0]
    for key, value in values.items():
        tensor, kpm, row = key.split("__")
        columns = of.ue_kpm_index if tensor == "ue" else of.slice_kpm_index
        body[tensor].reshape(-1, len(columns))[int(row), columns[kpm.replace("_dot_", ".")]] = value
    return Observation(of, levels, Header(MessageType.STATE, step=7, time_ns=1_500_000_000), flat, dtype)


def holds(text: str, of: Schema | None = None, levels: Levels = "high", **values: float) -> bool:
    """Whether a condition holds in such a state."""
    of = schema() if of is None else of
    return compile_condition(text, of, levels)(observation(of, levels, **values))


@pytest.mark.parametrize("name", ["urllc", "URLLC", "Urllc", "1", " urllc "])
def test_a_slice_goes_by_its_name_in_any_case_its_type_or_its_number(name: str) -> None:
    text = f"slice[{name}].x.hol_delay_ms > 8"
    assert holds(text, slice_high__x_dot_hol_delay_ms__1=8.5)
    assert not holds(text, slice_high__x_dot_hol_delay_ms__1=8.0)
    assert not holds(text, slice_high__x_dot_hol_delay_ms__0=9.0)


def test_a_slice_goes_by_its_type_where_names_are_others() -> None:
    of = schema(names={"video": 1, "robots": 2})
    assert holds("slice[eMBB].x.goodput_kbps >= 5", of, slice_high__x_dot_goodput_kbps__0=5.0)
    assert holds("slice[robots].x.goodput_kbps >= 5", of, slice_high__x_dot_goodput_kbps__1=5.0)


def test_the_example_of_the_manual() -> None:
    text = "ue[2].x.cqi < 4 and slice[embb].DRB.UEThpDl < 2000"
    assert holds(text, ue__x_dot_cqi__2=3.0, slice_high__DRB_dot_UEThpDl__0=1999.0)
    assert not holds(text, ue__x_dot_cqi__2=4.0)
    assert not holds(text, slice_high__DRB_dot_UEThpDl__0=2000.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 == 7", True),
        ("(1 + 2) * 3 == 9", True),
        ("8 / 4 / 2 == 1", True),
        ("-2 - -3 == 1", True),
        ("not 1 > 2 and 2 > 1", True),
        ("1 > 2 and 1 > 2 or 2 > 1", True),
        ("1 > 2 and (1 > 2 or 2 > 1)", False),
        ("1e3 == 1000", True),
        ("abs(-2) == 2", True),
        ("min(3, 1, 2) == 1", True),
        ("max(3, 1, 2) - mean(1, 3) == 1", True),
        ("sum(1, 2, 3) == 6", True),
        ("time_s == 1.5", True),
        ("step == 7", True),
        ("1 / 0 > 1000", True),
        ("0 / 0 == 0 / 0", False),
        ("0 / 0 != 1", False),
    ],
)
def test_arithmetic_and_logic(text: str, expected: bool) -> None:
    assert holds(text) is expected


def test_several_cells_are_reduced_by_the_one_who_asks() -> None:
    of = schema(cells=2)
    kpm = {"slice_high__x_dot_hol_delay_ms__4": 9.0}  # cell 1, urllc
    assert holds("any(slice[urllc].x.hol_delay_ms > 8)", of, **kpm)
    assert not holds("all(slice[urllc].x.hol_delay_ms > 8)", of, **kpm)
    assert holds("cell[1].slice[urllc].x.hol_delay_ms > 8", of, **kpm)
    assert not holds("cell[0].slice[urllc].x.hol_delay_ms > 8", of, **kpm)
    assert holds("max(cell[*].slice[*].x.hol_delay_ms) == 9", of, **kpm)
    assert holds("max(cell[cell1].slice.x.hol_delay_ms) == 9", of, **kpm)
    with pytest.raises(ConditionError, match="2 answers, one for each of its cells"):
        holds("slice[urllc].x.hol_delay_ms > 8", of)


def test_ues_of_a_slice_and_controls_are_there_too() -> None:
    of = schema(cells=2)  # UEs 0, 1 embb; 2, 3 urllc; 4, 5 mmtc
    assert holds("min(slice[urllc].ue.x.cqi) == 5", of, ue__x_dot_cqi__2=5.0, ue__x_dot_cqi__3=6.0)
    assert holds("sum(ue[*].x.cqi) == 11", of, ue__x_dot_cqi__2=5.0, ue__x_dot_cqi__3=6.0)
    assert holds("all(slice[embb].requested.min <= slice[embb].projected.max)", of)


def test_kpms_are_over_the_shortest_period() -> None:
    text = "slice[embb].x.goodput_kbps > 1"
    assert holds(text, levels="both", slice_low__x_dot_goodput_kbps__0=2.0)
    assert not holds(text, levels="both", slice_high__x_dot_goodput_kbps__0=2.0)


def test_what_was_not_measured_makes_comparisons_false_and_leaves_no_mark_on_means() -> None:
    of, nan = schema(cells=2), {"slice_high__x_dot_packet_delay_ms__1": math.nan}
    for operator in ("<", "<=", ">", ">=", "==", "!="):
        assert not holds(f"cell[0].slice[urllc].x.packet_delay_ms {operator} 3", of, **nan)
    known = nan | {"slice_high__x_dot_packet_delay_ms__4": 4.0}
    assert holds("mean(slice[urllc].x.packet_delay_ms) == 4", of, **known)


MALFORMED = {
    "": "empty",
    "   ": "empty",
    "slice[urllc].x.hol_delay_ms": "is a number",
    "slice[urllc].x.hol_delay_ms >": "is missing",
    "slice[urllc].x.hol_delay_ms = 8": "equality is `==`",
    "slice[urllc].x.hol_delay_ms > 8 ms": "`ms` stands where",
    "slice[urllc.x.hol_delay_ms > 8": "is not understood",
    "slice[urlc].x.hol_delay_ms > 8": "did you mean `urllc`",
    "slice[7].x.hol_delay_ms > 8": "0 to 2",
    "slice[urllc].x.hol_delay > 8": "did you mean `x.hol_delay_ms`",
    "slice[urllc].hol_delay_ms > 8": "did you mean `x.hol_delay_ms`",
    "slice[urllc] > 8": "KPM is missing",
    "slices[urllc].x.hol_delay_ms > 8": "`slices[urllc].x.hol_delay_ms` is unknown",
    "ue[99].x.cqi < 4": "0 to 2",
    "ue[-1].x.cqi < 4": "no ue[-1]",
    "ue[0].x.cqi[0] < 4": "takes no index",
    "cell[0].x.goodput_kbps > 1": "KPMs belong to slices and UEs",
    "cell[0].ue[0].x.cqi < 4": "UEs change cells",
    "slice[embb].slice[urllc].x.ues > 1": "stands twice",
    "slice[embb].ue[2].x.cqi < 4": "is in another slice",
    "ue[*].x.cqi < 4": "any(…) or all(…)",
    "ue[*].x.cqi < slice[*].x.ues and 1 > 0 and any(ue[*].x.cqi < 1)": "3 answers",
    "1 < 2 < 3": "a comparison has two sides",
    "(1 < 2": "`)` is missing",
    "1 < 2)": "stands where",
    "1 and 2": "wants a comparison and got a number",
    "not 3": "wants a comparison and got a number",
    "(1 < 2) + 1 > 0": "wants a number and got a comparison",
    "any(3)": "wants a comparison",
    "min(1 < 2) > 0": "wants a number",
    "mni(1, 2) > 0": "did you mean `min`",
    "abs(1, 2) > 0": "takes one value",
    "min() > 0": "a value",
    "1e999 > 0": "too large",
    "1.2.3 > 0": "stands where",
    "2 ** 3 > 7": "stands where a value",
    "1 < 2 && 2 < 3": "write `and`",
    "1 < 2 || 2 < 3": "write `or`",
    "!(1 < 2)": "write `not`",
    "and": "a value",
}

HOSTILE = [
    "__import__('os').system('touch hacked')",
    "__import__(os)",
    "().__class__.__bases__",
    "slice.__class__.__init__ > 0",
    "slice[embb].__class__ > 0",
    "slice[__import__('os')].x.ues > 0",
    "ue[__import__].x.cqi > 0",
    "exec(1)",
    "eval(1) > 0",
    "open(1) > 0",
    "lambda: 0",
    "[x for x in (1, 2)]",
    "{1: 2}",
    "f'{1}'",
    '"text" == "text"',
    "a := 1",
    "1; import os",
    "1 if 1 else 2",
    "getattr(1, 2)",
    "time_s.__class__ == 1",
    "step.real > 0",
    "x\x00y > 0",
    "１ > 0",
    "slice[²].x.ues > 0",
    "slice[embb].x.ues > 0\n; import os",
    "(" * 10_000,
    "(" * 300 + "1 > 0" + ")" * 300,
    "-" * 500 + "1 > 0",
    "not " * 400 + "1 > 0",
    "1" + " + 1" * 400 + " > 0",
    "9" * 1500 + " > 0",
]


@pytest.mark.parametrize(("text", "message"), MALFORMED.items())
def test_what_is_malformed_is_named(text: str, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(text, schema(), "high")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_type_of_two_slices_is_ambiguous() -> None:
    with pytest.raises(ConditionError, match="video, games"):
        compile_condition("slice[embb].x.ues > 0", schema(names={"video": 1, "games": 1}), "high")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_hostile_is_refused_and_nothing_is_executed(text: str) -> None:
    called: list[Any] = []
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event in ("exec", "compile", "import", "open", "os.system", "subprocess.Popen"):
            called.append((event, arguments))

    of = schema()
    sys.addaudithook(watch)  # which cannot be taken off again
    try:
        with pytest.raises(ConditionError) as caught:
            compile_condition(text, of, "high")
    finally:
        watching = False
    assert called == []
    assert str(caught.value)


WORDS = st.sampled_from(
    [
        *("slice[embb]", "slice[x]", ".x.ues", ".x.cqi", "ue[0]", "ue[*]", "cell[0]", ".", "(", ")", "[", "]", ","),
        *("and", "or", "not", "min", "any", "abs", "<", ">", "==", "+", "-", "*", "/", "1", "2.5", "1e9"),
        *("time_s", "step", "x", "__class__", "**", "=", "'", '"', "\\", "\x00", "\n", ""),
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=30).map(" ".join), st.lists(WORDS).map("".join)))
def test_whatever_the_text_there_is_a_truth_or_a_clear_error(text: str) -> None:
    of = schema()
    try:
        condition = compile_condition(text, of, "high")
    except ConditionError:
        return
    assert condition(observation(of)) in (True, False)


NUMBERS = st.integers(0, 50).map(str)
SUMS = st.recursive(
    NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({' '.join(t)})"),
    max_leaves=8,
)


@given(SUMS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), SUMS)
def test_arithmetic_agrees_with_python(left: str, operator: str, right: str) -> None:
    text = f"{left} {operator} {right}"
    assert holds(text) is eval(text)
