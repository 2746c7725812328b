# SPDX-License-Identifier: MIT
"""Keeps reports of the last slots and makes the PRB grid of them."""

from __future__ import annotations

import dataclasses
from collections import deque

import numpy as np

from pybridge.debug.snapshot import SlotWindow
from pybridge.slots import SlotReport, joined

WINDOW_SLOTS = 64
"""Kept; more than a terminal has lines."""


class SlotHistory:
    """The last `WINDOW_SLOTS` slots."""

    def __init__(self) -> None:
        self._reports: deque[SlotReport] = deque()

    def add(self, report: SlotReport) -> None:
        """What the simulation went through just now."""
        self._reports.append(_last_slots(report, WINDOW_SLOTS))
        while sum(kept.slots for kept in self._reports) - self._reports[0].slots >= WINDOW_SLOTS:
            self._reports.popleft()

    def window(self) -> SlotWindow | None:
        """None before the first slot."""
        if not self._reports:
            return None
        return slot_window(_last_slots(joined(list(self._reports), None), WINDOW_SLOTS))


def slot_window(report: SlotReport) -> SlotWindow:
    """The PRB grid of all slots of a report."""
    schema, grants = report.schema, report.grants
    mcs = np.full(schema.n_ues, -1, np.int32)
    prbs = np.zeros(schema.n_ues, np.int32)
    known = grants[(grants["ue"] >= 0) & (grants["layer"] == grants["layer"].min(initial=0))]
    mcs[known["ue"]] = known["mcs"]  # in order of time: the last one stays
    np.add.at(prbs, known["ue"], known["prbs"])
    maps = np.stack([report.prb_slice(cell) for cell in range(schema.n_cells)])
    return SlotWindow(report.first_slot, report.grid.slot_ns, maps, mcs, prbs)


def _last_slots(report: SlotReport, slots: int) -> SlotReport:
    if report.slots <= slots:
        return report
    first = report.first_slot + report.slots - slots
    kept = report.grants[report.grants["slot"] >= first]
    return dataclasses.replace(report, slots=slots, grants=kept)
