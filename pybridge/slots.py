# SPDX-License-Identifier: MIT
"""What happened slot by slot (NR) or TTI by TTI (LTE): grants, feedback, queues (docs/protocol.md, "Debugging")."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pybridge.errors import ProtocolError, SchemaError
from pybridge.observation import FloatArray, IntArray, Observation
from pybridge.schema import Schema

NOBODY = -1
"""In maps of PRBs: idle."""

SIGNALLING = -2
"""In maps of PRBs: signalling, which is in no slice."""

GRANT_COLUMNS = ("slot", "cell", "ue", "slice", "process", "layer", "mcs", "tbs_bits", "prbs", "transmission")
FEEDBACK_COLUMNS = ("slot", "sent_slot", "cell", "ue", "process", "layer", "ack")

FEEDBACK_DTYPE = np.dtype([(name, "<i4") for name in FEEDBACK_COLUMNS])

MAX_PRBS = 1000
"""More than any carrier has."""

MAX_SLOTS_BYTES = 16 * 2**20
"""Largest SLOTS message taken."""

_COUNTS_BYTES = 16


@dataclass(frozen=True)
class SlotGrid:
    """Time and frequency as the scheduler cuts them; the same in every cell."""

    slot_ns: int
    """Length of a slot; 1 ms on LTE."""
    prbs: int
    """Of a cell. LTE may have some that no resource block group holds (one at 25 PRBs)."""
    rbg_prbs: int
    """PRBs of a resource block group (RBG), the unit of allocation; the last one of NR may have fewer."""

    @property
    def rbgs(self) -> int:
        """Resource block groups: ⌈prbs / rbg_prbs⌉."""
        return -(-self.prbs // self.rbg_prbs)

    @property
    def words(self) -> int:
        """Words of 32 bits that a bitmap of RBGs has."""
        return -(-self.rbgs // 32)


@dataclass(frozen=True, eq=False)
class SlotReport:
    """Slots that a simulation has gone through since it last said something.

    Slot n of an episode is the time [n, n + 1) · `grid.slot_ns` after the end of warm-up.
    """

    grid: SlotGrid
    schema: Schema
    time_ns: int
    """Now: end of the last slot, since the end of warm-up."""
    slots: int
    """How many are reported on. They end with the slot that ends now."""
    grants: npt.NDArray[np.void]
    """One per transport block sent, in order of time and cell; on LTE with two layers there are two per grant.

    Fields (int32): `slot`; `cell`; `ue` (−1: left the cell since it was decided on); `slice` (−1: signalling);
    `process` (tells blocks of a UE that are under way apart); `layer`; `mcs` (index); `tbs_bits`; `prbs` (how many);
    `transmission` (1: new data, 2 and up: HARQ repetitions); and `rbgs` (uint32 words): bit g % 32 of word g // 32 is
    RBG g.
    On LTE a slot is that of the scheduler's decision, which is on the air some ms later.
    """
    feedback: npt.NDArray[np.void]
    """HARQ feedback that reached the base station, one per transport block.

    Fields (int32): `slot` (of arrival), `sent_slot`, `cell`, `ue`, `process`, `layer`, `ack` (1 or 0). A grant's is the
    one with its (`slot`, `cell`, `ue`, `process`, `layer`) as (`sent_slot`, …).
    """
    ue_buffer_bytes: FloatArray
    """In the queues of the RAN now, shape (UEs,)."""
    ue_hol_delay_ms: FloatArray
    """Age of the oldest packet in them, 0 if none, shape (UEs,)."""
    ue_cell: IntArray
    """Serving cell now, −1 if none, shape (UEs,)."""
    observation: Observation | None = None
    """If a decision epoch has been reached: what it shows."""

    @property
    def first_slot(self) -> int:
        """Number of the first slot reported on."""
        return self.time_ns // self.grid.slot_ns - self.slots

    @property
    def time_s(self) -> float:
        """`time_ns` in seconds."""
        return self.time_ns * 1e-9

    def prb_slice(self, cell: int) -> IntArray:
        """Which slice had a PRB: shape (slots, PRBs), slice index, `NOBODY` or `SIGNALLING`."""
        slices = self.grants["slice"]
        return self._prb_map(cell, np.where(slices < 0, SIGNALLING, slices))

    def prb_ue(self, cell: int) -> IntArray:
        """Which UE had a PRB: shape (slots, PRBs), UE index or `NOBODY`."""
        return self._prb_map(cell, self.grants["ue"])

    def rbg_mask(self) -> npt.NDArray[np.bool_]:
        """RBGs of each grant, shape (grants, RBGs)."""
        words = np.ascontiguousarray(self.grants["rbgs"]).astype("<u4", copy=False)
        bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
        return bits[:, : self.grid.rbgs].astype(np.bool_)

    def _prb_map(self, cell: int, values: npt.NDArray[Any]) -> IntArray:
        by_rbg = np.full((self.slots, self.grid.rbgs), NOBODY, np.int32)
        mask = self.rbg_mask()
        for index in np.flatnonzero(self.grants["cell"] == cell):
            by_rbg[self.grants["slot"][index] - self.first_slot, mask[index]] = values[index]
        return np.repeat(by_rbg, self.grid.rbg_prbs, axis=1)[:, : self.grid.prbs]


def slot_grid(offer: dict[str, Any] | None) -> SlotGrid:
    """The grid that a simulation tells in HELLO. Raises `SchemaError` if it cannot be debugged."""
    if offer is None:
        raise SchemaError("the simulation cannot be debugged: run `make build`")
    try:
        grid = SlotGrid(int(offer["slot_ns"]), int(offer["prbs"]), int(offer["rbg_prbs"]))
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise SchemaError(f"what the simulation offers to a debugger is malformed: {error!r}") from None
    if min(grid.slot_ns, grid.prbs, grid.rbg_prbs) < 1 or grid.prbs > MAX_PRBS:
        raise SchemaError(f"a simulation cannot have {grid}")
    return grid


def joined(reports: list[SlotReport], observation: Observation | None) -> SlotReport:
    """Reports that follow each other, at least one, as one that ends at `observation`."""
    if len(reports) == 1:
        return dataclasses.replace(reports[0], observation=observation)
    return dataclasses.replace(
        reports[-1],
        slots=sum(report.slots for report in reports),
        grants=np.concatenate([report.grants for report in reports]),
        feedback=np.concatenate([report.feedback for report in reports]),
        observation=observation,
    )


def grant_dtype(words: int) -> np.dtype[np.void]:
    """Row of `SlotReport.grants` with so many words of bitmap."""
    return np.dtype([*((name, "<i4") for name in GRANT_COLUMNS), ("rbgs", "<u4", (words,))])


def parse_slots(body: bytes, time_ns: int, grid: SlotGrid, schema: Schema) -> SlotReport:
    """Read the body of a SLOTS message. Raises `ProtocolError`."""
    words = grid.words
    counts = np.frombuffer(body[:_COUNTS_BYTES], "<i4")
    if counts.size != 4 or (counts < 0).any() or counts[3] != words:
        raise ProtocolError("a SLOTS message begins with counts of slots, grants, feedback, and words of a bitmap")
    n_slots, n_grants, n_feedback = (int(count) for count in counts[:3])
    sections: list[tuple[np.dtype[Any], int]] = [(np.dtype("<f4"), schema.n_ues)] * 2 + [
        (np.dtype("<i4"), schema.n_ues)
    ]
    sections += [(grant_dtype(words), n_grants), (FEEDBACK_DTYPE, n_feedback)]
    arrays: list[Any] = []
    end = _COUNTS_BYTES
    for dtype, count in sections:
        if end + dtype.itemsize * count > len(body):
            break
        arrays.append(np.frombuffer(body, dtype, count, end))
        end += -(-dtype.itemsize * count // 8) * 8
    if len(arrays) != len(sections) or end != len(body):
        raise ProtocolError(f"a SLOTS message of {n_slots} slots has another length than its counts say: {len(body)}")
    report = SlotReport(grid, schema, time_ns, n_slots, arrays[3], arrays[4], arrays[0], arrays[1], arrays[2])
    _check(report)
    return report


def _check(report: SlotReport) -> None:
    """Indices that maps are made by."""
    begin, end = report.first_slot, report.first_slot + report.slots
    grants, feedback, schema = report.grants, report.feedback, report.schema
    bounds = [(grants, "slot", begin, end), (grants, "cell", 0, schema.n_cells), (grants, "ue", -1, schema.n_ues)]
    bounds += [(grants, "slice", -1, schema.n_slices), (feedback, "slot", begin, end)]
    bounds += [(feedback, "cell", 0, schema.n_cells), (feedback, "ue", 0, schema.n_ues)]
    for table, name, low, high in bounds:
        column = table[name]
        if column.size and not (int(column.min()) >= low and int(column.max()) < high):
            raise ProtocolError(f"a SLOTS message has a `{name}` outside of {low} .. {high - 1}")
