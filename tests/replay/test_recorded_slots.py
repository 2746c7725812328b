# SPDX-License-Identifier: MIT
"""Grants in recordings, on LTE and NR: what was told live is found again, and shown, and checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pybridge import Session
from pybridge.cli import main
from pybridge.debug.app import DebugApp
from pybridge.debug.lines_view import LinesView
from pybridge.debug.playback import Playback
from pybridge.recording import Recording, check_recording
from pybridge.schema import Levels
from pybridge.slots import SlotReport
from tests.debug.scenarios import scenario

pytestmark = pytest.mark.usefixtures("simulation_program")
rans = pytest.mark.parametrize("ran", ["nr", "lte"])


def record(ran: str, file: Path, levels: Levels = "high") -> list[SlotReport]:
    """An episode, and what it told of slots."""
    reports = []
    with Session(scenario(ran), levels=levels, record=file, record_slots=True, debug=True) as session:
        observation = session.reset()
        while not observation.last:
            reports.append(session.step_low() if levels == "both" else session.step_high())
            assert reports[-1].observation is not None
            observation = reports[-1].observation
    return reports


@rans
@pytest.mark.parametrize("levels", ["high", "both"])
@pytest.mark.parametrize("batch_bytes", [1, 4 << 20])
def test_grants_come_back_as_they_were_told(
    tmp_path: Path, ran: str, levels: Levels, batch_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pybridge.recording.recorder.BATCH_GRANTS_BYTES", batch_bytes)
    reports = record(ran, tmp_path / "a", levels)
    recording = Recording(tmp_path / "a")
    assert recording.grid == reports[0].grid
    assert recording.slots(0) is None
    for step in reversed(range(1, len(recording))):
        told, kept = reports[step - 1], recording.slots(step)
        assert kept is not None
        assert (kept.first_slot, kept.slots, kept.time_ns) == (told.first_slot, told.slots, told.time_ns)
        assert kept.grants.tobytes() == told.grants.tobytes()
        assert (kept.prb_slice(0) == told.prb_slice(0)).all()
    assert sum(len(report.grants) for report in reports) > 100
    more = recording.slots(3, at_least=10_000)
    assert more is not None
    assert len(more.grants) == sum(len(report.grants) for report in reports[:3])


@rans
def test_observations_are_those_of_a_recording_without(tmp_path: Path, ran: str) -> None:
    record(ran, tmp_path / "with")
    with Session(scenario(ran), record=tmp_path / "without") as session:
        observation = session.reset()
        while not observation.last:
            observation = session.step()
    with_slots, without = Recording(tmp_path / "with"), Recording(tmp_path / "without")
    assert [seen.flat.tobytes() for seen in with_slots] == [seen.flat.tobytes() for seen in without]
    assert without.grid is None
    assert without.slots(1) is None


@rans
@pytest.mark.parametrize("levels", ["high", "both"])
def test_the_check_compares_grants_too(tmp_path: Path, ran: str, levels: Levels) -> None:
    record(ran, tmp_path / "a", levels)
    assert check_recording(Recording(tmp_path / "a")) is None
    altered = Recording(tmp_path / "a")
    grants = altered._decode_grants(0)
    place = len(grants) // 2
    grants["mcs"][place] += 1
    difference = check_recording(altered)
    assert difference is not None
    assert difference.tensor == "grants"
    assert difference.element == f"slot {grants['slot'][place]}"
    assert difference.recorded.replace(f"mcs {grants['mcs'][place]}", "") != difference.recorded
    assert difference.rerun != difference.recorded


@pytest.mark.asyncio
@rans
async def test_replay_shows_the_prb_grid_of_any_epoch(tmp_path: Path, ran: str) -> None:
    reports = record(ran, tmp_path / "a")
    driver = Playback(Recording(tmp_path / "a"))
    async with DebugApp(driver).run_test(size=(80, 24)) as pilot:
        await pilot.press("2", "right", "right", "right", "left")
        await pilot.pause(0.3)
        lines = pilot.app.query_one("#prbs", LinesView).text().splitlines()[1:]
        owners = reports[1].prb_slice(0)
        assert len(lines) == max(len(owners), 64)
        for line, expected in zip(lines[-len(owners) :], owners, strict=True):
            assert line[8:] == "".join("·" if owner < 0 else "eu"[owner] for owner in expected)
        assert int(lines[-1].split()[0]) == reports[1].first_slot + len(owners) - 1


def test_the_command_records_slots_under_a_built_in_policy(tmp_path: Path) -> None:
    file, runner = str(tmp_path / "a.slbrec"), CliRunner()
    run = ["run", "--scenario", "nr-small", "--set", "timing.duration_s=0.3", "--policy", "max-weight"]
    done = runner.invoke(main, [*run, "--out", str(tmp_path / "o"), "--record", file, "--slots"])
    assert done.exit_code == 0, done.output
    checked = runner.invoke(main, ["replay", "--check", file])
    assert checked.exit_code == 0, checked.output
    report = Recording(file).slots(-1)
    assert report is not None
    assert np.isin(report.grants["slice"], [0, 1, 2]).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.slbrec", "o"]


def test_slots_without_a_recording_are_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["run", "--scenario", "nr-small", "--out", str(tmp_path / "o"), "--slots"])
    assert done.exit_code == 2
    assert "--record FILE" in done.output
