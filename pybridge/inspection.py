# SPDX-License-Identifier: MIT
"""What a person does with a session besides stepping it: tables, conditions, plots, a recording."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from pybridge.errors import SessionStateError, SliceBridgeError
from pybridge.observation import Action, Observation
from pybridge.schema import Levels, Schema

if TYPE_CHECKING:
    from pybridge.episode import ResolvedScenario
    from pybridge.low_policy import LowPolicy
    from pybridge.plotting import Plot
    from pybridge.process import Program
    from pybridge.recording import Recorder
    from pybridge.remote import Remote
    from pybridge.slots import SlotReport
    from pybridge.tables import Level

_log = logging.getLogger(__name__)

HISTORY = 1000
"""Observations that a session keeps."""

Decide = Callable[[Observation], Action]


class Decider(Protocol):
    """A policy that an episode may already have been running without."""

    def act(self, observation: Observation) -> Action:
        """As `pybridge.Policy.act`."""


class Inspection:
    """The part of `pybridge.Session` for interactive use. It knows of the link only what `step` and `action` do."""

    if TYPE_CHECKING:  # of the session

        @property
        def schema(self) -> Schema: ...

        @property
        def levels(self) -> Levels: ...

        def action(self) -> Action: ...

        def step(self, action: Action | None = None) -> Observation: ...

    def _begin_inspection(
        self, record: Path | str | None, history: int, built_in: str | None, *, slots: bool = False
    ) -> None:
        self._record = None if record is None else Path(record)
        self._records_slots = slots and record is not None
        self._recordings = 0
        self._recorder: Recorder | None = None
        self._built_in = built_in
        self._history: deque[Observation] = deque(maxlen=history)
        self._held: Action | None = None
        self._recorded_terms: Mapping[str, Any] = {}

    @property
    def history(self) -> Sequence[Observation]:
        """The last observations of this episode, oldest first; as many as the session was told to keep."""
        return tuple(self._history)

    def slice_table(self, level: Level | None = None) -> pl.DataFrame:
        """The last observation: a row per cell and slice, with all KPMs and controls (`pybridge.tables.slice_table`).

        Raises `SessionStateError` before `reset()`.
        """
        from pybridge.tables import slice_table

        return slice_table(self._newest(), level)

    def ue_table(self) -> pl.DataFrame:
        """The last observation: a row per UE, with all KPMs (`pybridge.tables.ue_table`).

        Raises `SessionStateError` before `reset()`.
        """
        from pybridge.tables import ue_table

        return ue_table(self._newest())

    def run_until(
        self, condition: str | Callable[[Observation], bool], policy: Decider | Decide | None = None
    ) -> Observation | None:
        """Step until a condition holds after a step; that observation, or None if the episode ended before.

        condition: text (docs/conditions.md), e.g. "slice[urllc].x.hol_delay_ms > 8", or a function.
        policy: decides at every step, an object with `act` or a function. None: what is in force stays.

        At least one step is made, so that the same call goes on to the next time. Raises `ConditionError` before the
        first step, and what `step` raises.
        """
        observation = self._newest()
        holds = self._condition(condition)
        decide = policy.act if policy is not None and hasattr(policy, "act") else policy
        while not observation.last:
            observation = self.step(None if decide is None else decide(observation))
            if holds(observation):
                return observation
        return None

    def plot(
        self, *kpms: str, slices: Sequence[str] | None = None, ues: Sequence[int] | None = None, level: Level = "high"
    ) -> Plot:
        """KPMs of this episode's kept observations over time, one diagram per KPM (`pybridge.plotting.plot_history`).

        Raises `SessionStateError` before `reset()`, `KeyError` for a KPM or slice that there is not.
        """
        from pybridge.plotting import plot_history

        self._newest()
        return plot_history(self._history, kpms, slices=slices, ues=ues, level=level)

    def _newest(self) -> Observation:
        if self._history.maxlen == 0:
            raise SessionStateError("this session keeps no observations: it was made with history=0")
        if not self._history:
            raise SessionStateError("call reset() first")
        return self._history[-1]

    def _condition(self, condition: str | Callable[[Observation], bool]) -> Callable[[Observation], bool]:
        if not isinstance(condition, str):
            return condition
        from pybridge.conditions import compile_condition

        return compile_condition(condition, self.schema, self._newest().levels)

    def _chosen(self, action: Action | None) -> Action:
        """What a step without an action sends."""
        if self._built_in is not None and action is not None:
            raise SessionStateError(f"the built-in policy `{self._built_in}` decides; step() takes no action here")
        if action is not None:
            return action
        return self.action() if self._held is None else self._held

    def _note_terms(self, scenario: ResolvedScenario, low_policy: LowPolicy | None, program: Program | Remote) -> None:
        """An episode begins."""
        self._history.clear()
        self._held = None
        self._recorded_terms = {}
        if self._record is not None:
            from pybridge.recording.provenance import describe_command

            self._recorded_terms = {
                "scenario": scenario.resolved_json(),
                "seed": scenario.seed,
                "built_in": self._built_in,
                "low_policy": None if low_policy is None else _as_json(low_policy),
                "program": describe_command(program),
            }

    def _note_action(self, action: Action) -> None:
        """An action is about to be sent."""
        if self._held is None:
            self._held = self.action()
        if action is not self._held:
            self._held.flat[...] = action.flat
        if self._recorder is not None:
            self._recorder.act(action)

    def _note(self, observation: Observation) -> None:
        """The simulation has answered. Raises `RecordingError`."""
        self._history.append(observation)
        if self._record is None:
            return
        if observation.step == 0:
            from pybridge.recording import Recorder

            self._recorder = Recorder(self._recording_path(self._record), observation, self._recorded_terms)
            self._recordings += 1
        if self._recorder is not None:
            self._recorder.observe(observation)
            if observation.last:
                self._end_recording("complete")

    def _note_slots(self, reports: Sequence[SlotReport]) -> None:
        """The simulation has told of slots. Raises `RecordingError`."""
        if self._recorder is not None:
            for report in reports:
                self._recorder.slots(report)

    def _recording_path(self, path: Path) -> Path:
        return path if self._recordings == 0 else path.with_name(f"{path.stem}-episode-{self._recordings}{path.suffix}")

    def _end_recording(self, end: str) -> None:
        """Write what there is. Raises `RecordingError`."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.finish(end)

    def _save_recording(self) -> None:
        """After a failure, which is what is told: the recording up to it is most wanted then."""
        error = sys.exception()
        why = "stopped" if error is None or not isinstance(error, Exception) else f"failed: {_first_line(error)}"
        try:
            self._end_recording(why)
        except SliceBridgeError as lost:
            _log.warning("%s", lost)

    def _branch_inspection(self) -> None:
        """This is a shallow copy of a session whose simulation was forked: nothing may be shared with it."""
        self._history = deque(self._history, maxlen=self._history.maxlen)
        self._held = None if self._held is None else self._held.copy()
        self._record, self._recorder, self._records_slots = None, None, False


def _as_json(low_policy: LowPolicy) -> dict[str, Any]:
    from pybridge.recording.low_policy import low_policy_to_json

    return low_policy_to_json(low_policy)


def _first_line(error: BaseException) -> str:
    with contextlib.suppress(IndexError):
        return str(error).splitlines()[0]
    return type(error).__name__
