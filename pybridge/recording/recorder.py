# SPDX-License-Identifier: MIT
"""Writes a recording while an episode runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pybridge.manifest import describe_software, now_text
from pybridge.observation import Action, Observation
from pybridge.recording.columns import grants_table, to_columns
from pybridge.recording.container import ContainerWriter
from pybridge.schema import Levels
from pybridge.slots import SlotReport, joined

BATCH_BYTES = 2 << 20
"""Bodies held in memory until they are compressed. Larger batches leave the processor's caches on their way through
columns, and take twice the time."""

BATCH_STEPS = 512

BATCH_GRANTS_BYTES = 4 << 20
"""The same for grants, so that a reader finds those of a moment without reading many."""


class _Batch:
    """Steps that are written together; the last one may lack its action still."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        """As they came: they stay valid, and copying each for itself would take longer than all at once."""
        self.actions: list[bytes | None] = []


class Recorder:
    """Takes every observation and action of one episode, and writes them in batches by a thread of its own.

    The file appears when the episode is over, however it ended; a killed process leaves none.
    """

    def __init__(self, path: Path | str, first: Observation, description: Mapping[str, Any]) -> None:
        """Begin.

        first: observation of step 0, for the schema and the tensors that there are; it is still to be taken.
        description: scenario (resolved JSON, text), seed, policy, low_policy, program.

        Raises `RecordingError`.
        """
        self._levels: Levels = first.levels
        self._state_dtype = first.dtype
        self._action_dtype = first.schema.action_dtype(first.levels)
        self._watching = description.get("built_in") is not None
        self._neutral = Action(first.schema, first.levels)
        self._description = {
            **description,
            "levels": first.levels,
            "schema": first.schema.text,
            "trajectory": "low_ue" in (first.dtype.names or ()),
            **describe_software(),
            "started": now_text(),
        }
        self._capacity = min(max(BATCH_BYTES // first.dtype.itemsize, 1), BATCH_STEPS)
        self._writer = ContainerWriter(Path(path))
        self._batch = _Batch()
        self._steps = 0
        self._slots: list[SlotReport] = []
        self._slots_bytes = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._writing: Future[None] | None = None

    @property
    def path(self) -> Path:
        """Where the file will be."""
        return self._writer.path

    def observe(self, observation: Observation) -> None:
        """The simulation has answered, or begun. Raises `RecordingError` if the disk does not take it."""
        batch = self._batch
        count = len(batch.observations)
        if len(batch.actions) < count:
            batch.actions.append(self._decided(observation) if self._watching else None)
        if count == self._capacity:
            self._flush()
            batch = self._batch
        batch.observations.append(observation)

    def act(self, action: Action) -> None:
        """An action was sent, in answer to the newest observation; the last one counts."""
        batch = self._batch
        if self._watching or not batch.observations:
            return
        if len(batch.actions) == len(batch.observations):
            batch.actions.pop()
        batch.actions.append(action.flat.tobytes())

    def slots(self, report: SlotReport) -> None:
        """The simulation has told of slots; they follow those that it told of before. Raises `RecordingError`."""
        self._slots.append(report)
        self._slots_bytes += report.grants.nbytes
        if self._slots_bytes >= BATCH_GRANTS_BYTES:
            self._flush_slots()

    def finish(self, end: str) -> None:
        """The episode is over. May be called twice. Raises `RecordingError`.

        end: "complete", "stopped", or why the simulation failed.
        """
        if self._batch.observations:
            if len(self._batch.actions) < len(self._batch.observations):
                self._batch.actions.append(None)
            self._flush()
            self._flush_slots()
            self._settle()
            self._writer.finish({**self._description, "ended": now_text(), "end": end, "steps": self._steps})
        self.discard()

    def discard(self) -> None:
        """Leave no file, if `finish` has not made one."""
        self._thread.shutdown(wait=True)
        self._writer.discard()

    def _decided(self, following: Observation) -> bytes:
        """What a built-in policy decided before the following observation, which tells it as `requested`."""
        requested, decided = following.requested, self._neutral
        decided.prb_policy[...] = requested[:, :, :3]
        decided.compute_share[...] = requested[:, :, 3]
        decided.power_share[...] = requested[:, :, 4]
        return decided.flat.tobytes()

    def _flush(self) -> None:
        full, self._batch = self._batch, _Batch()
        self._steps += len(full.observations)
        self._hand_over(lambda: self._write(full))

    def _flush_slots(self) -> None:
        if self._slots:
            reports, self._slots, self._slots_bytes = self._slots, [], 0
            self._description["grants"] = asdict(reports[0].grid)
            self._hand_over(lambda: self._write_slots(joined(reports, None)))

    def _hand_over(self, work: Callable[[], None]) -> None:
        """To the thread. There is one batch under way at most, so that memory stays bounded."""
        self._settle()
        self._writing = self._thread.submit(work)

    def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            try:
                writing.result()
            except BaseException:
                self._batch = _Batch()
                self.discard()
                raise

    def _write(self, batch: _Batch) -> None:
        absent = bytes(self._action_dtype.itemsize)
        states = np.frombuffer(
            b"".join([observation.flat.data for observation in batch.observations]), self._state_dtype
        )
        actions = np.frombuffer(
            b"".join([absent if action is None else action for action in batch.actions]), self._action_dtype
        )
        _, flags, _, steps, times_ns = zip(*(observation.header for observation in batch.observations), strict=True)
        header = {
            "step": pl.Series(steps, dtype=pl.UInt64),
            "time_ns": pl.Series(times_ns, dtype=pl.Int64),
            "flags": pl.Series(flags, dtype=pl.UInt8),
            "acted": pl.Series([action is not None for action in batch.actions], dtype=pl.Boolean),
        }
        columns = to_columns(states) | to_columns(actions, "action/")
        self._writer.append(pl.DataFrame(header | columns))

    def _write_slots(self, report: SlotReport) -> None:
        end = report.first_slot + report.slots
        self._writer.append_grants(grants_table(report.grants), report.first_slot, end)
