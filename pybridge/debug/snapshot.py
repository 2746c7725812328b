# SPDX-License-Identifier: MIT
"""What the debugger shows of one moment. Immutable: made in one thread, drawn in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pybridge.observation import Action, FloatArray, IntArray, Observation
from pybridge.schema import Schema

Phase = Literal["starting", "paused", "running", "over", "failed"]


@dataclass(frozen=True, eq=False)
class SlotWindow:
    """The last slots: who had which PRB."""

    first_slot: int
    """Number of the first one shown; slot n begins n slot lengths after the end of warm-up."""
    slot_ns: int
    prb_slice: IntArray
    """Slice index, `pybridge.slots.NOBODY` or `SIGNALLING`; shape (cells, slots, PRBs)."""
    ue_mcs: IntArray
    """Index of the last grant in the window, −1 if there was none, shape (UEs,)."""
    ue_prbs: IntArray
    """PRBs over the window, shape (UEs,)."""


@dataclass(frozen=True, eq=False)
class Queues:
    """Queues of the RAN between epochs, newer than the observation."""

    buffer_bytes: FloatArray
    """Shape (UEs,)."""
    hol_delay_ms: FloatArray
    """Shape (UEs,)."""
    cell: IntArray
    """Shape (UEs,), −1 if none."""


@dataclass(frozen=True)
class Compared:
    """A KPM of one slice under two policies, over all cells, since they parted."""

    slice: str
    kpm: str
    ours: float
    """Mean over high-level periods; NaN before the first one."""
    theirs: float


@dataclass(frozen=True)
class Comparison:
    """Two branches that were one simulation until `since_s`."""

    ours: str
    theirs: str
    since_s: float
    periods: int
    """High-level periods since then."""
    identical: bool
    """So far both have shown the same bits."""
    rows: tuple[Compared, ...]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One moment."""

    phase: Phase
    note: str
    """What goes on, or why it stopped; one line."""
    time_s: float
    """Simulated time since the end of warm-up."""
    observation: Observation | None = None
    """The last decision epoch; None before the first."""
    trail: Sequence[Observation] = ()
    """The epochs up to it, oldest first."""
    between: bool = False
    """It is later than the observation: the simulation waits between decision epochs."""
    queues: Queues | None = None
    slots: SlotWindow | None = None
    action: Action | None = None
    """The last decision."""
    edits: tuple[str, ...] = ()
    """Changes by hand that wait for the next decision."""
    comparison: Comparison | None = None
    place: str = ""
    """Where this is in a recording."""

    @property
    def schema(self) -> Schema | None:
        """None before the first observation."""
        return None if self.observation is None else self.observation.schema

    def ue_kpm(self, name: str) -> npt.NDArray[np.float32] | None:
        """A KPM of all UEs, from the newest of observation and queues; None if the simulation lacks it."""
        if self.queues is not None:
            if name == "x.buffer_bytes":
                return self.queues.buffer_bytes
            if name == "x.hol_delay_ms":
                return self.queues.hol_delay_ms
        assert self.observation is not None
        return self.observation.ue_kpm(name) if name in self.observation.schema.ue_kpm_index else None

    @property
    def ue_cell(self) -> IntArray:
        """Serving cells, shape (UEs,)."""
        assert self.observation is not None
        return self.observation.ue_cell if self.queues is None else self.queues.cell
