# SPDX-License-Identifier: MIT
"""The application on recordings: no simulation runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from textual.pilot import Pilot

from pybridge.cli import main
from pybridge.debug.app import DebugApp
from pybridge.debug.lines_view import LinesView
from pybridge.debug.playback import Playback
from pybridge.debug.prompt import Prompt
from pybridge.recording import Recording
from pybridge.session import Session
from tests.link.scenario import TestScenario, fake

EPOCHS = 30
SIZE = 80, 24


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Of a fake simulation, 31 epochs of 100 ms that differ."""
    path = tmp_path / "fake.slbrec"
    with Session(TestScenario(epochs=EPOCHS), program=fake(), record=path) as session:
        observation = session.reset()
        while not observation.last:
            observation = session.step()
    return Recording(path)


async def until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    deadline = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline
        await pilot.pause(0.02)


@pytest.mark.asyncio
async def test_time_travel(recording: Recording) -> None:
    driver = Playback(recording)

    def at(step: int) -> bool:
        return driver.snapshot().observation.flat.tobytes() == recording.observation(step).flat.tobytes()  # type: ignore[union-attr]

    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        assert at(0)
        for keys, step in [
            (["right", "right", "right"], 3),
            (["left"], 2),
            (["end"], EPOCHS),
            (["right"], EPOCHS),
            (["home"], 0),
            (["left"], 0),
            (["h"], 1),
        ]:
            await pilot.press(*keys)
            assert at(step), (keys, step)
        times = recording.time_s
        await pilot.press("g")
        pilot.app.query_one("Input").value = f"{times[7] + 1e-6:.6f}"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: at(7))


@pytest.mark.asyncio
async def test_the_tables_show_what_was_recorded(recording: Recording) -> None:
    driver = Playback(recording)
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await pilot.press("left_square_bracket")  # before the first cell: all of them
        await pilot.press("right", "right")
        await pilot.pause(0.3)
        table = pilot.app.query_one("#ues", LinesView).text().splitlines()
        cqi = recording.observation(2).ue_kpm("x.cqi")
        place = table[0].index("CQI")
        assert len(table) == 1 + len(cqi)
        assert [line[place : place + 3].strip() for line in table[1:]] == [f"{value:.0f}" for value in cqi]


@pytest.mark.asyncio
async def test_a_condition_is_looked_for_from_here_on(recording: Recording) -> None:
    hol = [float(seen.kpm("x.hol_delay_ms")[0, 1]) for seen in recording]
    limit = sorted(hol)[-3]
    expected = [step for step, value in enumerate(hol) if value >= limit and step > 0]
    driver = Playback(recording)
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        for step in expected:
            await pilot.press("r")
            pilot.app.query_one("Input").value = f"cell[0].slice[urllc].x.hol_delay_ms >= {limit - 0.001:.12g}"  # type: ignore[attr-defined]
            await pilot.press("enter")
            shown = recording.observation(step).flat.tobytes()
            await until(pilot, lambda shown=shown: driver.snapshot().observation.flat.tobytes() == shown)  # type: ignore[misc,union-attr]
            assert driver.snapshot().note.startswith("holds:")


@pytest.mark.asyncio
async def test_what_only_a_simulation_can_do_is_refused(recording: Recording) -> None:
    driver = Playback(recording)
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await pilot.press("e", "c", "s")
        await pilot.pause()
        assert not pilot.app.query_one(Prompt).display
        assert driver.snapshot().observation.step == 0  # type: ignore[union-attr]


def test_without_a_terminal_a_summary_is_printed(recording: Recording) -> None:
    result = CliRunner().invoke(main, ["replay", str(recording.path)])
    assert result.exit_code == 0, result.output
    assert "urllc" in result.output


@pytest.mark.parametrize("at", [0, -3])
def test_an_altered_file_is_refused_before_the_application_starts(recording: Recording, at: int) -> None:
    content = bytearray(recording.path.read_bytes())
    content[at] ^= 1
    recording.path.write_bytes(content)
    result = CliRunner().invoke(main, ["replay", str(recording.path)])
    assert result.exit_code != 0
    assert str(recording.path) in result.output
    assert "Traceback" not in result.output
