# SPDX-License-Identifier: MIT
"""The application on the real NR program, driven by its keys."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from pybridge.debug.app import DebugApp
from pybridge.debug.engine import Engine
from pybridge.debug.lines_view import LinesView
from pybridge.debug.options import LiveOptions
from pybridge.debug.prompt import Prompt
from pybridge.debug.slot_window import WINDOW_SLOTS
from pybridge.debug.snapshot import Snapshot
from pybridge.errors import SimulationDied
from pybridge.recording import Recording
from pybridge.scenario import load_scenario

pytestmark = [pytest.mark.usefixtures("simulation_program"), pytest.mark.asyncio]

networks = pytest.mark.parametrize("network", ["nr-small", "lte-small"])

SIZE = 80, 24
DURATION_S = 20.0


def engine(
    duration_s: float = DURATION_S, policy: str = "static", network: str = "nr-small", **options: object
) -> Engine:
    """Of a shipped scenario, not started."""
    scenario = load_scenario(network, {"timing.duration_s": duration_s})
    return Engine(scenario, LiveOptions(policy, **options))  # type: ignore[arg-type]


async def until(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    deadline = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < deadline
        await pilot.pause(0.02)


async def begun(pilot: Pilot[int], driver: Engine) -> Snapshot:
    """Wait for the end of warm-up."""
    await until(pilot, lambda: driver.snapshot().phase == "paused")
    return driver.snapshot()


async def write(pilot: Pilot[int], key: str, text: str) -> None:
    """Answer the prompt behind a key."""
    await pilot.press(key)
    pilot.app.query_one("Input").value = text  # type: ignore[attr-defined]
    await pilot.press("enter")
    await pilot.pause()


def gone(pid: int) -> bool:
    """There is no such process, or a corpse that its parent collects in its time."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_steps_by_slot_low_and_high_epoch() -> None:
    driver = engine()
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        assert (await begun(pilot, driver)).time_s == 0.0
        for keys, time_s in [("s", 0.0005), ("ss", 0.0015), ("l", 0.01), ("l", 0.02), ("h", 0.1), ("hs", 0.2005)]:
            await pilot.press(*keys)
            await until(pilot, lambda time_s=time_s: driver.snapshot().time_s == pytest.approx(time_s))  # type: ignore[misc]
            await until(pilot, lambda: driver.snapshot().phase == "paused")
        window = driver.snapshot().slots
        assert window is not None
        assert window.first_slot + window.prb_slice.shape[1] == 401
        await pilot.press("2")
        await pilot.pause(0.3)
        grid = pilot.app.query_one("#prbs", LinesView).text().splitlines()
        assert grid[-1].split()[0] == "400"
        assert len(grid[-1].split()[1]) == 51
        running = driver.pids()
    assert all(gone(pid) for pid in running)


async def test_runs_until_a_condition_and_names_what_is_wrong_with_one() -> None:
    driver = engine()
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        await write(pilot, "r", "slice[urlc].x.hol_delay_ms > 8")
        prompt = pilot.app.query_one(Prompt)
        assert prompt.display
        assert "did you mean `urllc`" in prompt.complaint
        assert driver.snapshot().time_s == 0.0
        await pilot.press("escape")
        await write(pilot, "r", "time_s >= 0.37")
        await until(pilot, lambda: driver.snapshot().note.startswith("holds"))
        assert driver.snapshot().time_s == pytest.approx(0.37)


async def test_a_change_by_hand_is_in_force_after_the_next_high_decision() -> None:
    driver = engine()
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        await pilot.press("h")
        await until(pilot, lambda: driver.snapshot().time_s == pytest.approx(0.1))
        await write(pilot, "e", "urllc.min=0.2 embb.power=0.25")
        await until(pilot, lambda: len(driver.snapshot().edits) == 2)
        await pilot.press("h")
        await until(pilot, lambda: driver.snapshot().time_s == pytest.approx(0.2))
        requested = driver.snapshot().observation.requested  # type: ignore[union-attr]
        assert requested[0, 1, 1] == pytest.approx(0.2)
        assert requested[0, 0, 4] == pytest.approx(0.25)
        assert driver.snapshot().edits == ()


@networks
async def test_forks_under_equal_actions_stay_equal_and_under_others_do_not(network: str) -> None:
    driver = engine(network=network)
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        await write(pilot, "c", "hold")
        await until(pilot, lambda: driver.snapshot().comparison is not None)
        await pilot.press("h", "h")
        await until(pilot, lambda: driver.snapshot().time_s == pytest.approx(0.2))
        comparison = driver.snapshot().comparison
        assert comparison is not None
        assert comparison.identical
        assert comparison.periods == 2
        await write(pilot, "e", "embb.max=0.1")
        await pilot.press("h", "h")
        await until(pilot, lambda: driver.snapshot().time_s == pytest.approx(0.4))
        comparison = driver.snapshot().comparison
        assert comparison is not None
        assert not comparison.identical
        used = next(row for row in comparison.rows if row.slice == "embb" and row.kpm == "x.prb_used_ratio")
        assert used.ours < used.theirs
        running = driver.pids()
        assert len(running) == 2
        await write(pilot, "c", "")
        await until(pilot, lambda: driver.snapshot().comparison is None)
        assert len(driver.pids()) == 1
    assert all(gone(pid) for pid in running)


async def test_a_rival_that_cannot_take_over_is_refused_and_nothing_else_happens() -> None:
    driver = engine()
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        for name in ("max-weight", "nowhere:Nobody"):
            await write(pilot, "c", name)
            await until(pilot, lambda name=name: f"policy `{name}`" in driver.snapshot().note)  # type: ignore[misc]
        await pilot.press("h")
        await until(pilot, lambda: driver.snapshot().time_s == pytest.approx(0.1))
        assert driver.snapshot().comparison is None


@pytest.mark.parametrize("runs", [False, True])
async def test_a_simulation_that_is_killed_says_so_and_the_application_goes_on(runs: bool) -> None:
    driver = engine(duration_s=600.0)
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        if runs:
            await pilot.press("space")
            await until(pilot, lambda: driver.snapshot().phase == "running")
        os.kill(driver.pids()[0], signal.SIGKILL)
        await until(pilot, lambda: driver.snapshot().phase == "failed")
        await pilot.press("5")
        await pilot.pause(0.3)
        log = pilot.app.query_one("#log", LinesView).text()
        assert "SIGKILL" in log
        assert "log.txt" in log
        await pilot.press("h", "space")
    assert isinstance(driver.failure, SimulationDied)


async def test_the_end_of_the_episode_is_no_failure() -> None:
    driver = engine(duration_s=0.3)
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        await pilot.press("space")
        await until(pilot, lambda: driver.snapshot().phase == "over")
        await pilot.press("s", "space")
        await pilot.pause(0.3)
        assert driver.snapshot().time_s == pytest.approx(0.3)
    assert driver.failure is None


async def test_ns3_logging_goes_to_the_event_log_and_a_built_in_policy_takes_no_changes() -> None:
    driver = engine(policy="proportional")
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        await write(pilot, "e", "urllc.min=0.5")
        await until(pilot, lambda: "decides inside the simulation" in driver.snapshot().note)
        await pilot.press("h", "h")
        await until(pilot, lambda: driver.snapshot().time_s == pytest.approx(0.2))
        first = driver.snapshot().observation.requested  # type: ignore[union-attr]
        assert first[0, 0, 1] != pytest.approx(0.34)


async def test_a_small_terminal_is_told_and_the_application_resumes_when_it_grows() -> None:
    driver = engine()
    async with DebugApp(driver).run_test(size=(40, 10)) as pilot:
        await begun(pilot, driver)
        assert pilot.app.query_one("#small").display
        assert not pilot.app.query_one("#main").display
        await pilot.resize_terminal(*SIZE)
        await pilot.press("h")
        await until(pilot, lambda: driver.snapshot().time_s == pytest.approx(0.1))
        await pilot.pause(0.3)
        assert not pilot.app.query_one("#small").display
        assert "urllc" in pilot.app.query_one("#slices", LinesView).text()


@pytest.mark.timed
@networks
async def test_keys_answer_while_the_simulation_runs(
    network: str, record_property: Callable[[str, object], None]
) -> None:
    driver = engine(duration_s=120.0, network=network)
    delays_ms = []
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        await pilot.press("space")
        await until(pilot, lambda: driver.snapshot().phase == "running")
        for key, view in [*zip("12345", ("ues", "prbs", "actions", "compare", "log"), strict=True)] * 4:
            begin = time.monotonic()
            pilot.app.simulate_key(key)
            while not pilot.app.query_one(f"#{view}").display:
                await asyncio.sleep(0.001)
            delays_ms.append(1e3 * (time.monotonic() - begin))
            await pilot.pause(0.05)
        assert driver.snapshot().phase == "running"
    median_ms = statistics.median(delays_ms)
    record_property("median_key_ms", median_ms)
    print(f"keys: median {median_ms:.1f} ms, largest {max(delays_ms):.1f} ms")
    assert median_ms < 1000.0


async def test_quitting_while_it_runs_leaves_nothing() -> None:
    driver = engine(duration_s=120.0)
    app = DebugApp(driver)
    async with app.run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        await pilot.press("space")
        await until(pilot, lambda: driver.snapshot().phase == "running")
        running = driver.pids()
        await pilot.press("q")
        await pilot.pause()
    assert running
    assert all(gone(pid) for pid in running)
    assert app.return_code == 0


async def test_of_several_cells_one_is_chosen_and_fits_a_small_terminal() -> None:
    driver = engine(network="nr-urban-7cell")
    async with DebugApp(driver).run_test(size=SIZE) as pilot:

        def shown(name: str) -> list[str]:
            return pilot.app.query_one(f"#{name}", LinesView).text().splitlines()

        def slices() -> set[str]:
            return {line.split()[0] for line in shown("slices")[1:]}

        await begun(pilot, driver)
        await pilot.press("l")
        await until(pilot, lambda: driver.snapshot().time_s == pytest.approx(0.01))
        await pilot.pause(0.3)
        assert slices() == {"cell0"}
        assert len(shown("slices")) == 1 + 3
        served = driver.snapshot().ue_cell
        for cell in (1, 2):
            await pilot.press("right_square_bracket")
            await pilot.pause(0.3)
            assert slices() == {f"cell{cell}"}
            assert [int(line.split()[0]) for line in shown("ues")[1:]] == (served == cell).nonzero()[0].tolist()
            assert max(map(len, shown("slices") + shown("ues"))) <= SIZE[0]
        await pilot.press("2")
        await pilot.pause(0.3)
        assert "cell2" in shown("prbs")[0]
        assert len(shown("prbs")) == 1 + 20
        await pilot.press("3")
        await pilot.pause(0.3)
        assert {line.split()[0] for line in shown("actions")[2:]} == {"cell2"}
        await pilot.press(*["left_square_bracket"] * 3)
        await pilot.pause(0.3)
        assert slices() == {f"cell{cell}" for cell in range(7)}
        assert "all cells" in str(pilot.app.query_one("#tabs").render())


async def test_where_gdb_finds_the_simulation_is_told() -> None:
    driver = engine()
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        await pilot.press("d")
        await pilot.pause(0.3)
        assert f"gdb -p {driver.pids()[0]}" in pilot.app.query_one("#log", LinesView).text()


async def test_a_recording_with_slots_is_made_while_debugging(tmp_path: Path) -> None:
    driver = engine(record=tmp_path / "a.slbrec", slots=True)
    async with DebugApp(driver).run_test(size=SIZE) as pilot:
        await begun(pilot, driver)
        await pilot.press("s", "l", "h")
        await until(pilot, lambda: driver.snapshot().time_s == pytest.approx(0.1))
        window = driver.snapshot().slots
    report = Recording(tmp_path / "a.slbrec").slots(-1, WINDOW_SLOTS)
    assert window is not None
    assert report is not None
    assert (report.prb_slice(0)[-WINDOW_SLOTS:] == window.prb_slice[0]).all()
