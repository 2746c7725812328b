# SPDX-License-Identifier: MIT
"""The conformance kit: what keeps the protocol passes, what breaks a rule fails that rule and no other."""

from __future__ import annotations

import re
from pathlib import Path
from sys import executable

import pytest
from click.testing import CliRunner

from pybridge.cli import main
from pybridge.conformance import RULES, examine
from pybridge.scenario import load_scenario
from tests.link.scenario import FAKE, TestScenario
from tests.link.test_orphans import ROOT

PEER = [executable, str(FAKE.with_name("conforming_simulation.py"))]
ALL = [rule.name for rule in RULES]
FAILS_TOO = {"levels-high": {"end"}, "levels-both": {"high-decision"}}
"""Rules that cannot hold either once this one is broken: they look at the same messages."""

pytestmark = pytest.mark.slow


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """For the peer of the tests; nothing that hangs is waited for longer than its deadlines need."""
    monkeypatch.setattr("pybridge.conformance.trial.END_S", 20.0)
    file = tmp_path / "scenario.json"
    file.write_text(TestScenario().resolved_json())
    return file


def test_every_rule_is_a_sentence_of_the_protocol() -> None:
    def plain(text: str) -> str:
        return re.sub(r"\s+", " ", text)

    page = plain((ROOT / "docs" / "protocol.md").read_text())
    assert [rule.name for rule in RULES if plain(rule.sentence) not in page] == []
    assert len(set(ALL)) == len(ALL)


def test_a_peer_that_keeps_the_protocol_passes(scenario: Path) -> None:
    verdicts = examine(PEER, scenario, jobs=8)
    assert [(verdict.rule.name, verdict.seen) for verdict in verdicts if verdict.outcome != "pass"] == []


@pytest.mark.parametrize("part", range(3))
def test_a_peer_fails_exactly_the_rules_that_it_breaks(scenario: Path, part: int) -> None:
    broken = ALL[part::3]
    verdicts = examine([*PEER, "--break", *broken], scenario, jobs=10)
    failed = {verdict.rule.name for verdict in verdicts if verdict.outcome == "fail"}
    assert failed == set(broken).union(*(FAILS_TOO.get(name, set()) for name in broken))


def test_our_own_simulation_passes(simulation_program: Path, tmp_path: Path) -> None:
    file = tmp_path / "scenario.json"
    file.write_text(load_scenario("nr-small", {"timing.duration_s": 0.5, "timing.warm_up_s": 0.1}).resolved_json())
    verdicts = examine([str(simulation_program)], file, jobs=6)
    assert [(verdict.rule.name, verdict.seen) for verdict in verdicts if verdict.outcome != "pass"] == []


def test_the_command_prints_a_table_and_tells_by_its_exit_code(scenario: Path) -> None:
    arguments = ["conformance", "--scenario", str(scenario), "--rule", "bye", "--rule", "hello", "--", *PEER]
    well = CliRunner().invoke(main, arguments)
    assert well.exit_code == 0
    assert "2 pass, 0 fail, 0 absent" in well.output
    badly = CliRunner().invoke(main, [*arguments, "--break", "bye"])
    assert badly.exit_code == 1
    assert "1 pass, 1 fail, 0 absent" in badly.output
    assert "exit code 0 was due" in badly.output
