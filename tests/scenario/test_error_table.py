# SPDX-License-Identifier: MIT
"""`carrier.error_table_db`: lists, CSV files next to the scenario, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pybridge.scenario import NrScenario, ScenarioError, load_scenario, parse_scenario
from tests.scenario.scenario_factory import scenario_yaml

VALUES = [round(-6.0 + 0.9 * mcs, 2) for mcs in range(29)]


def table_text(values: list[float]) -> str:
    """A CSV file of thresholds with a further column in the middle."""
    rows = [f"{mcs},ignored,{value}" for mcs, value in enumerate(values)]
    return "\n".join(["mcs,note,sinr_db_bler10", *rows]) + "\n"


def scenario_with(folder: Path, table: object) -> Path:
    """A scenario file in `folder` that names `table`."""
    file = folder / "cell.yaml"
    file.write_text(scenario_yaml(ran="nr", carrier__error_table_db=table))
    return file


def test_a_file_next_to_the_scenario_becomes_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t1.csv").write_text(table_text(VALUES))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    scenario = load_scenario(scenario_with(tmp_path, "t1.csv"))
    assert isinstance(scenario, NrScenario)
    assert scenario.carrier.error_table_db == tuple(VALUES)
    assert json.loads(scenario.resolved_json())["carrier"]["error_table_db"] == VALUES
    assert parse_scenario(scenario.to_yaml()) == scenario
    assert load_scenario(scenario_with(tmp_path, VALUES)).content_hash() == scenario.content_hash()


def test_an_override_names_a_file_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t1.csv").write_text(table_text(VALUES))
    monkeypatch.chdir(tmp_path)
    scenario = load_scenario("nr-small", {"carrier.error_table_db": "t1.csv"})
    assert isinstance(scenario, NrScenario)
    assert scenario.carrier.error_table_db == tuple(VALUES)


def test_none_is_the_default() -> None:
    scenario = parse_scenario(scenario_yaml(ran="nr"))
    assert json.loads(scenario.resolved_json())["carrier"]["error_table_db"] is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no such file"),
        ("mcs,sinr\n0,1\n", "no column `sinr_db_bler10`"),
        ("", "no column `mcs`"),
        ("mcs,sinr_db_bler10\n0,1.0\n2,1.0\n", "line 3: MCS '2' where 1 should follow"),
        ("mcs,sinr_db_bler10\n0,low\n", "line 2: 'low' is no number"),
        ("mcs,sinr_db_bler10\n0\n", "line 2: None is no number"),
        (table_text(VALUES[:28]), "each of the 29 MCS of mcs_table 1, got 28"),
        (table_text([*VALUES[:28], 70.0]), "60"),
        (table_text([*VALUES[:28], float("nan")]), "finite"),
    ],
)
def test_a_bad_file_is_refused_by_the_scenarios_line(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "t1.csv").write_text(text)
    file = scenario_with(tmp_path, "t1.csv")
    with pytest.raises(ScenarioError) as refused:
        load_scenario(file)
    lines = str(refused.value).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"{file}:")
    assert "carrier.error_table_db" in lines[0]
    assert says in lines[0]


@pytest.mark.parametrize("values", [VALUES[:27], [], "none.csv", 3, [[1.0]] * 29])
def test_a_bad_value_is_refused(values: object) -> None:
    with pytest.raises(ScenarioError, match=r"carrier\.error_table_db"):
        parse_scenario(scenario_yaml(ran="nr", carrier__error_table_db=values))


def test_lte_has_no_error_table() -> None:
    with pytest.raises(ScenarioError, match=r"carrier\.error_table_db.*`ran: nr`"):
        parse_scenario(scenario_yaml(carrier__error_table_db=VALUES))
