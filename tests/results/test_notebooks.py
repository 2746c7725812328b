# SPDX-License-Identifier: MIT
"""The notebooks as they are committed; tests/campaigns/test_smoke.py executes them on a real campaign."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from results.campaign_choice import VARIABLE, chosen_campaign
from results.load import ResultsError
from tests.results.synthetic import write_campaign

NOTEBOOKS = Path(__file__).parents[2] / "results/notebooks"
NAMES = ("01_quickstart", "02_campaign", "03_adaptation", "04_ablations", "05_inspect_run")


def test_the_five_are_there_and_no_other() -> None:
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_opens_with_what_it_shows_and_has_no_outputs(name: str) -> None:
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(book)
    first = book.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert len(first.source.splitlines()) >= 3
    for cell in book.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_campaign_is_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_campaign(tmp_path, seeds=(1,), methods=("static",))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert chosen_campaign().root == tmp_path


def test_without_a_campaign_the_error_says_how_to_run_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("results.campaign_choice.CAMPAIGNS", tmp_path)
    with pytest.raises(ResultsError, match="make campaign CAMPAIGN=smoke"):
        chosen_campaign()
