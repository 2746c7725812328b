# SPDX-License-Identifier: MIT
"""Stepping by slot: what is reported adds up to the KPMs, and looking changes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from pybridge import Observation, Session, SlotReport
from pybridge.errors import ProtocolError, SchemaError, SessionStateError
from pybridge.slots import NOBODY, SlotGrid, joined, parse_slots, slot_grid
from tests.debug.scenarios import scenario
from tests.link.scenario import TestScenario, fake

real = pytest.mark.usefixtures("simulation_program")
rans = pytest.mark.parametrize("ran", ["nr", "lte"])


def slots_to_the_next_epoch(session: Session) -> Iterator[SlotReport]:
    """One report per slot, the last one with an observation."""
    observation = None
    while observation is None:
        report = session.step_slot()
        observation = report.observation
        yield report


@real
@rans
def test_grants_of_every_slot_add_up_to_the_kpms(ran: str) -> None:
    with Session(scenario(ran), debug=True) as session:
        session.reset()
        for _ in range(3):
            reports = list(slots_to_the_next_epoch(session))
            period = joined(reports, reports[-1].observation)
            assert all(report.slots == 1 for report in reports)
            assert period.slots == 100_000_000 // session.grid.slot_ns
            assert_adds_up(period)


@real
@rans
def test_one_report_of_a_period_adds_up_as_well(ran: str) -> None:
    with Session(scenario(ran), debug=True) as session:
        session.reset()
        for _ in range(3):
            assert_adds_up(session.step_high())


def assert_adds_up(period: SlotReport) -> None:
    """KPMs of a high-level period count what its slots granted."""
    seen = period.observation
    assert seen is not None
    granted = np.zeros((seen.schema.n_cells, seen.schema.n_slices))
    blocks = np.zeros_like(granted)
    for grant in period.grants[period.grants["slice"] >= 0]:
        granted[grant["cell"], grant["slice"]] += grant["prbs"]
        blocks[grant["cell"], grant["slice"]] += 1
    assert granted.sum() > 100
    np.testing.assert_allclose(seen.kpm("RRU.PrbUsedDl") * period.slots, granted, rtol=1e-5)
    np.testing.assert_allclose(seen.kpm("TB.TotNbrDl"), blocks)
    data = period.grants["slice"] >= 0
    mapped = [np.count_nonzero(period.prb_slice(cell) >= 0) for cell in range(seen.schema.n_cells)]
    assert sum(mapped) == period.grants["prbs"][data].sum()


@real
@rans
def test_looking_at_slots_changes_nothing(ran: str) -> None:
    with Session(scenario(ran)) as session:
        plain = [session.reset()]
        while not plain[-1].last:
            plain.append(session.step(session.action()))
    watched: list[Observation] = []
    with Session(scenario(ran), debug=True) as session:
        watched.append(session.reset())
        watched += [report.observation for report in slots_to_the_next_epoch(session) if report.observation]
        watched.append(session.step(session.action()))
        while not watched[-1].last:
            observation = session.step_low().observation
            if observation is not None:
                watched.append(observation)
    assert [seen.flat.tobytes() for seen in watched] == [seen.flat.tobytes() for seen in plain]


@real
@rans
def test_feedback_names_grants(ran: str) -> None:
    """Every feedback answers a grant, none twice; what is answered by NACK is sent again."""
    keys = ["cell", "ue", "process", "layer"]
    with Session(scenario(ran), debug=True) as session:
        session.reset()
        report = joined([session.step_high() for _ in range(4)], None)
    # On LTE signalling that shares a block with data has a row of its own.
    sent = {tuple(row[["slot", *keys]].tolist()) for row in report.grants}
    answered = [tuple(row[["sent_slot", *keys]].tolist()) for row in report.feedback]
    inside = [key for key in answered if key[0] >= report.first_slot]
    assert len(inside) > 50
    assert set(inside) <= sent
    assert len(set(answered)) == len(answered)
    assert (report.feedback["slot"] > report.feedback["sent_slot"]).all()
    failed = int((report.feedback["ack"] == 0).sum())
    repeated = int((report.grants["transmission"] > 1).sum())
    assert abs(failed - repeated) <= 8  # those under way at either end


@real
@rans
def test_queues_are_those_of_the_moment(ran: str) -> None:
    with Session(scenario(ran), debug=True) as session:
        session.reset()
        *_, last = slots_to_the_next_epoch(session)
    seen = last.observation
    assert seen is not None
    np.testing.assert_array_equal(last.ue_buffer_bytes, seen.ue_kpm("x.buffer_bytes"))
    np.testing.assert_array_equal(last.ue_cell, seen.ue_cell)
    np.testing.assert_allclose(last.ue_hol_delay_ms, seen.ue_kpm("x.hol_delay_ms"), rtol=1e-6)


@real
@rans
def test_steps_end_where_they_say(ran: str) -> None:
    with Session(scenario(ran), debug=True) as session:
        session.reset()
        slot_ns = session.grid.slot_ns
        assert session.step_slot().time_ns == slot_ns
        assert session.paused
        assert session.step_low().time_ns == 10_000_000
        assert session.step_low().time_ns == 20_000_000
        high = session.step_high()
        assert high.observation is not None
        assert (high.time_ns, high.first_slot, high.slots) == (
            high.observation.time_ns,
            20_000_000 // slot_ns,
            80_000_000 // slot_ns,
        )
        assert not session.paused
        assert session.step(session.action()).time_ns == 200_000_000


@real
def test_low_level_epochs_are_epochs() -> None:
    with Session(scenario("nr"), debug=True, levels="both") as session:
        session.reset()
        low = session.step_low()
        assert low.observation is not None
        assert (low.time_ns, low.observation.high_decision) == (10_000_000, False)
        high = session.step_high()
        assert high.observation is not None
        assert (high.time_ns, high.slots, high.observation.high_decision) == (100_000_000, 180, True)


@real
@rans
def test_the_last_slot_ends_the_episode(ran: str) -> None:
    with Session(scenario(ran), debug=True) as session:
        observation: Observation | None = session.reset()
        while observation is None or not observation.last:
            report = session.step_low()
            observation = report.observation
        assert report.time_ns == 500_000_000
        with pytest.raises(SessionStateError):
            session.step_slot()


@real
def test_the_session_ends_in_good_order_between_epochs() -> None:
    with Session(scenario("lte"), debug=True) as session:
        session.reset()
        session.step_slot()
        child = session.process
        session.end_episode()
        assert child.returncode == 0
        assert session.reset().step == 0


@real
def test_actions_are_repeated_until_another_one_comes() -> None:
    with Session(scenario("nr"), debug=True) as session:
        session.reset()
        action = session.action()
        action.prb_policy[0, :, 1] = (0.9, 0.1)
        session.step_slot(action)
        with pytest.raises(SessionStateError, match="not due"):
            session.step_slot(action)
        with pytest.raises(SessionStateError, match="paused between"):
            session.step(action)
        action.prb_policy[0, :, 1] = (0.2, 0.3)
        for _ in range(2):
            seen = session.step_high().observation
            assert seen is not None
            np.testing.assert_allclose(seen.requested[0, :, 1], (0.9, 0.1))


def test_slots_are_for_sessions_that_asked() -> None:
    with Session(TestScenario(), program=fake()) as session:
        with pytest.raises(SessionStateError, match="reset"):
            session.step_slot()
        session.reset()
        for call in (session.step_slot, session.step_low, session.step_high, session.fork):
            with pytest.raises(SessionStateError, match="debug=True"):
                call()


def test_a_simulation_that_cannot_be_debugged_is_refused() -> None:
    with Session(TestScenario(), program=fake(), debug=True) as session, pytest.raises(SchemaError, match="make build"):
        session.reset()


@pytest.mark.parametrize(
    "offer", [[], {}, {"slot_ns": 1, "prbs": 25}, {"slot_ns": 0, "prbs": 25, "rbg_prbs": 2}, {"slot_ns": "x"}]
)
def test_malformed_offers_are_refused(offer: object) -> None:
    with pytest.raises(SchemaError):
        slot_grid(offer)  # type: ignore[arg-type]


@real
def test_damaged_reports_are_refused() -> None:
    grid = SlotGrid(1_000_000, 25, 2)
    with Session(scenario("lte"), debug=True) as session:
        schema = session.reset().schema
    n_ues = schema.n_ues
    queues = bytes(-(-4 * n_ues // 8) * 8)
    grant = np.array([7, 0, 1, 0, 3, 0, 5, 1000, 4, 1, 0b1010], "<i4")
    body = np.array([1, 1, 0, 1], "<i4").tobytes() + 3 * queues + grant.tobytes() + bytes(4)
    report = parse_slots(body, 8_000_000, grid, schema)
    expected = np.full((1, 25), NOBODY)
    expected[0, [2, 3, 6, 7]] = 0
    np.testing.assert_array_equal(report.prb_slice(0), expected)
    assert report.prb_ue(0)[0, 2] == 1
    for wrong in (b"", body[:12], body[:-8], body + bytes(8), body.replace(grant.tobytes(), (grant * 0).tobytes())):
        with pytest.raises(ProtocolError):
            parse_slots(wrong, 8_000_000, grid, schema)
    assert dataclasses.replace(report, slots=2).first_slot == 6


@real
def test_reports_follow_each_other() -> None:
    with Session(scenario("lte"), debug=True) as session:
        session.reset()
        reports = [session.step_slot() for _ in range(30)]
    assert all(after.first_slot == before.first_slot + 1 for before, after in pairwise(reports))


@real
def test_stepping_both_ways_keeps_one_decision() -> None:
    with Session(scenario("nr"), debug=True) as session:
        session.reset()
        action = session.action()
        action.prb_policy[0, :, 1] = (0.9, 0.1)
        session.step(action)
        seen = session.step_high().observation
        assert seen is not None
        np.testing.assert_allclose(seen.requested[0, :, 1], (0.9, 0.1))


@real
def test_a_built_in_policy_is_watched_slot_by_slot() -> None:
    with Session(scenario("nr"), policy="proportional") as session:
        session.reset()
        plain = [session.step(), session.step()]
    with Session(scenario("nr"), policy="proportional", debug=True) as session:
        session.reset()
        *_, first = slots_to_the_next_epoch(session)
        with session.fork() as branch:
            second = branch.step_high()
    assert [report.observation and report.observation.flat.tobytes() for report in (first, second)] == [
        observation.flat.tobytes() for observation in plain
    ]
