# SPDX-License-Identifier: MIT
"""Reads a recording: any step, without a simulation."""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pybridge.observation import Action, FloatArray, Observation
from pybridge.recording.columns import from_columns, grants_array
from pybridge.recording.container import Container
from pybridge.schema import Levels, parse_schema
from pybridge.slots import FEEDBACK_DTYPE, SlotGrid, SlotReport, grant_dtype
from pybridge.tables import slice_table, ue_table
from pybridge.wire import Header, MessageType

BATCHES_IN_MEMORY = 4
"""Decoded, 16 MiB each."""


class _Decoded(NamedTuple):
    states: FloatArray
    actions: FloatArray
    head: pl.DataFrame


class Recording:
    """A recorded episode. Steps are 0 … `len() − 1`, also counted from the end by negative numbers."""

    def __init__(self, path: Path | str) -> None:
        """Open and verify. Raises `RecordingError` (missing, altered, of another version), `SchemaError`."""
        self._file = Container(path)
        self.path = Path(path)
        self.description: dict[str, Any] = self._file.description
        """Everything that the file says of itself (docs/recording.md)."""
        self.schema = parse_schema(self.description["schema"])
        self.levels: Levels = self.description["levels"]
        self.seed: int = self.description["seed"]
        self.scenario_json: str = self.description["scenario"]
        """The scenario with every default filled in, as the simulation read it."""
        self.end: str = self.description["end"]
        """"complete", "stopped", or why the simulation failed."""
        self._dtype = self.schema.state_dtype(self.levels, recorded=bool(self.description["trajectory"]))
        self._ends = list(itertools.accumulate(self._file.steps.rows))
        self._decode = functools.lru_cache(BATCHES_IN_MEMORY)(self._decode_batch)
        self._decode_grants = functools.lru_cache(BATCHES_IN_MEMORY)(self._decode_grants_batch)
        told = self.description.get("grants")
        self.grid = None if told is None else SlotGrid(told["slot_ns"], told["prbs"], told["rbg_prbs"])
        """How slots are cut; None if grants were not recorded."""

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Observation]:
        return (self.observation(step) for step in range(len(self)))

    @functools.cached_property
    def time_s(self) -> npt.NDArray[np.float64]:
        """Simulated time of every step since the end of warm-up, in seconds, shape (steps,)."""
        return self._file.columns(["time_ns"])["time_ns"].to_numpy() * 1e-9

    def step_at(self, time_s: float) -> int:
        """The last step not after this time; the first one, if all are."""
        # Times are whole nanoseconds; what is nearer is the same.
        return max(int(np.searchsorted(self.time_s, time_s + 5e-10, side="right")) - 1, 0)

    def observation(self, step: int) -> Observation:
        """What the learner saw. Raises `IndexError`."""
        batch, row = self._locate(step)
        flags, time_ns = batch.head["flags"][row], batch.head["time_ns"][row]
        header = Header(MessageType.STATE, flags=flags, step=batch.head["step"][row], time_ns=time_ns)
        return Observation(self.schema, self.levels, header, batch.states[row], self._dtype)

    def action(self, step: int) -> Action | None:
        """What was decided then; None at the end of an episode. Raises `IndexError`."""
        batch, row = self._locate(step)
        if not batch.head["acted"][row]:
            return None
        action = Action(self.schema, self.levels)
        action.flat[...] = batch.actions[row]
        return action

    def slots(self, step: int, at_least: int = 0) -> SlotReport | None:
        """The slots between the step before and this one, or more of those before if these are fewer than `at_least`.

        Without feedback, which is not recorded; queues are those of the observation, NaN if it does not tell. None if
        grants were not recorded, or there are no slots before this step. Raises `IndexError`.
        """
        observation = self.observation(step)
        if self.grid is None:
            return None
        end = observation.time_ns // self.grid.slot_ns
        before = self.observation(observation.step - 1).time_ns // self.grid.slot_ns if observation.step else end
        first = max(min(before, end - at_least), 0)
        if first == end:
            return None
        buffer, hol = (
            observation.ue_kpm(name) if name in self.schema.ue_kpm_index else np.full(self.schema.n_ues, np.nan, "<f4")
            for name in ("x.buffer_bytes", "x.hol_delay_ms")
        )
        return SlotReport(
            self.grid,
            self.schema,
            observation.time_ns,
            end - first,
            self._grants(first, end),
            np.empty(0, FEEDBACK_DTYPE),
            buffer,
            hol,
            observation.ue_cell,
            observation,
        )

    def slice_table(self, step: int = -1) -> pl.DataFrame:
        """KPMs and controls per cell and slice: `pybridge.tables.slice_table`. Raises `IndexError`."""
        return slice_table(self.observation(step))

    def ue_table(self, step: int = -1) -> pl.DataFrame:
        """KPMs per UE: `pybridge.tables.ue_table`. Raises `IndexError`."""
        return ue_table(self.observation(step))

    def _grants(self, first_slot: int, end_slot: int) -> npt.NDArray[np.void]:
        assert self._file.grants is not None
        assert self.grid is not None
        parts = [np.empty(0, grant_dtype(self.grid.words))]
        for number, batch in enumerate(self._file.grants.batches):
            if batch["first_slot"] < end_slot and batch["end_slot"] > first_slot:
                grants = self._decode_grants(number)
                parts.append(grants[(grants["slot"] >= first_slot) & (grants["slot"] < end_slot)])
        return np.concatenate(parts)

    def _locate(self, step: int) -> tuple[_Decoded, int]:
        index = step + len(self) if step < 0 else step
        if not 0 <= index < len(self):
            raise IndexError(f"step {step} is not in this recording of {len(self)} steps")
        number = bisect_right(self._ends, index)
        begin = self._ends[number - 1] if number else 0
        return self._decode(number), index - begin

    def _decode_batch(self, number: int) -> _Decoded:
        table = self._file.steps.batch(number)
        states = from_columns(table, self._dtype)
        actions = from_columns(table, self.schema.action_dtype(self.levels), "action/")
        for array in (states, actions):
            array.flags.writeable = False
        return _Decoded(states, actions, table.select("step", "time_ns", "flags", "acted"))

    def _decode_grants_batch(self, number: int) -> npt.NDArray[np.void]:
        assert self._file.grants is not None
        assert self.grid is not None
        return grants_array(self._file.grants.batch(number), self.grid.words)
