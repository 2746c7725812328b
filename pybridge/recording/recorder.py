# SPDX-License-Identifier: MIT
"""Writes a recording while an episode runs."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pybridge.manifest import describe_software, now_text
from pybridge.observation import Action, Observation
from pybridge.recording.columns import to_columns
from pybridge.recording.container import ContainerWriter
from pybridge.schema import Levels, Schema

BATCH_BYTES = 16 << 20
"""Bodies held in memory until they are compressed."""

BATCH_STEPS = 4096


@dataclass
class _Batch:
    steps: list[int] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)
    actions: list[bytes] = field(default_factory=list)
    acted: list[bool] = field(default_factory=list)


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
        self._schema: Schema = first.schema
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
        self._pending: Observation | None = None
        self._action: bytes | None = None
        self._steps = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._writing: Future[None] | None = None

    @property
    def path(self) -> Path:
        """Where the file will be."""
        return self._writer.path

    def observe(self, observation: Observation) -> None:
        """The simulation has answered, or begun. Raises `RecordingError` if the disk does not take it."""
        if self._pending is not None:
            self._keep(self._pending, self._decided(observation))
        self._pending, self._action = observation, None

    def act(self, action: Action) -> None:
        """An action was sent."""
        self._action = action.flat.tobytes()

    def finish(self, end: str) -> None:
        """The episode is over. May be called twice. Raises `RecordingError`.

        end: "complete", "stopped", or why the simulation failed.
        """
        if self._pending is not None:
            self._keep(self._pending, None if self._watching else self._action)
            self._pending = None
            self._flush()
            self._settle()
            self._writer.finish({**self._description, "ended": now_text(), "end": end, "steps": self._steps})
        self.discard()

    def discard(self) -> None:
        """Leave no file, if `finish` has not made one."""
        self._thread.shutdown(wait=True)
        self._writer.discard()

    def _decided(self, following: Observation) -> bytes | None:
        """The action between the pending observation and the following one."""
        if not self._watching:
            return self._action
        # What a built-in policy decided is told as `requested` by the observation that follows.
        requested, decided = following.requested, self._neutral
        decided.prb_policy[...] = requested[:, :, :3]
        decided.compute_share[...] = requested[:, :, 3]
        decided.power_share[...] = requested[:, :, 4]
        return decided.flat.tobytes()

    def _keep(self, observation: Observation, action: bytes | None) -> None:
        batch, header = self._batch, observation.header
        batch.steps.append(header.step)
        batch.times_ns.append(header.time_ns)
        batch.flags.append(header.flags)
        batch.states.append(observation.flat)
        batch.actions.append(bytes(self._action_dtype.itemsize) if action is None else action)
        batch.acted.append(action is not None)
        self._steps += 1
        if len(batch.steps) == self._capacity:
            self._flush()

    def _flush(self) -> None:
        """Hand the batch to the thread. There is one under way at most, so that memory stays bounded."""
        if self._batch.steps:
            self._settle()
            self._writing = self._thread.submit(self._write, self._batch)
            self._batch = _Batch()

    def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            try:
                writing.result()
            except BaseException:
                self._pending = None
                self.discard()
                raise

    def _write(self, batch: _Batch) -> None:
        states = np.frombuffer(b"".join(batch.states), self._state_dtype)
        actions = np.frombuffer(b"".join(batch.actions), self._action_dtype)
        header = {
            "step": pl.Series(batch.steps, dtype=pl.UInt64),
            "time_ns": pl.Series(batch.times_ns, dtype=pl.Int64),
            "flags": pl.Series(batch.flags, dtype=pl.UInt8),
            "acted": pl.Series(batch.acted, dtype=pl.Boolean),
        }
        columns = to_columns(self._schema, states) | to_columns(self._schema, actions, "action/")
        self._writer.append(pl.DataFrame(header | columns))
