# SPDX-License-Identifier: MIT
"""Goes through a recording: any epoch at any time, without a simulation."""

from __future__ import annotations

import time

from pybridge.conditions import Condition
from pybridge.debug.driver import Command, GoTo, Pause, Run, Step
from pybridge.debug.slot_window import WINDOW_SLOTS, slot_window
from pybridge.debug.snapshot import Phase, Snapshot
from pybridge.recording import Recording

TRAIL = 100
"""Epochs shown in sparklines and counted in percentiles."""

PLAY_STEPS_PER_S = 20.0
SEARCH_S = 0.03
"""Looked for a condition at a time, so that keys are answered in between."""


class Playback:
    """A `Driver` on a recording. Everything happens in `snapshot`, which the application calls all the time."""

    live = False
    failure = None

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        built_in = recording.description.get("built_in")
        self.title = f"{recording.path.name} · seed {recording.seed}" + (f" · {built_in}" if built_in else "")
        self._at = 0
        self._until: Condition | None = None
        self._playing = False
        self._next_step = 0.0
        self._note = f"recorded: {recording.end}"
        self._events = [f"{recording.path}: {len(recording)} epochs, {recording.end}"]
        self._shown: Snapshot | None = None

    def start(self) -> None:
        """Nothing to do."""

    def pids(self) -> list[int]:
        """None: nothing is simulated."""
        return []

    def close(self) -> None:
        """Nothing to do."""

    def events(self) -> list[str]:
        """Lines of the event log since the last call."""
        lines, self._events = self._events, []
        return lines

    def send(self, command: Command) -> None:
        """Go somewhere. What only a simulation can do is refused in the event log."""
        self._playing, self._until = False, None
        if isinstance(command, Step):
            self._go(self._at_high(command.count) if command.unit == "high" else self._at + command.count)
        elif isinstance(command, GoTo):
            self._go(self._recording.step_at(command.time_s))
        elif isinstance(command, Run):
            self._playing, self._until = True, command.until
            self._next_step = time.monotonic()
            self._note = "playing" if command.until is None else f"looking for {command.until.text}"
        elif isinstance(command, Pause):
            self._note = "paused"
        else:
            self._events.append("a recording cannot be changed; `slicebridge debug` simulates")
        self._shown = None

    def snapshot(self) -> Snapshot:
        """Where this is now."""
        if self._playing:
            self._play() if self._until is None else self._search(self._until)
        if self._shown is None:
            self._shown = self._make()
        return self._shown

    @property
    def _last(self) -> int:
        return len(self._recording) - 1

    def _go(self, step: int) -> None:
        self._at = min(max(step, 0), self._last)
        self._note = "the end: " + self._recording.end if self._at == self._last else "paused"
        self._shown = None

    def _at_high(self, count: int) -> int:
        """Next high-level epoch in a direction."""
        direction = 1 if count > 0 else -1
        step = self._at + direction
        while 0 < step < self._last and not self._recording.observation(step).high_decision:
            step += direction
        return step

    def _play(self) -> None:
        now = time.monotonic()
        if now < self._next_step:
            return
        self._next_step = now + 1.0 / PLAY_STEPS_PER_S
        self._at = min(self._at + 1, self._last)
        if self._at == self._last:
            self._playing = False
            self._note = "the end: " + self._recording.end
        self._shown = None

    def _search(self, condition: Condition) -> None:
        end = time.monotonic() + SEARCH_S
        while time.monotonic() < end:
            if self._at == self._last:
                self._arrive(f"never again: {condition.text}")
                return
            self._at += 1
            observation = self._recording.observation(self._at)
            if condition(observation):
                self._arrive(f"holds: {condition.text}")
                return
        self._shown = None

    def _arrive(self, note: str) -> None:
        self._playing, self._until, self._shown = False, None, None
        self._note = note
        self._events.append(f"{self._recording.time_s[self._at]:.4f} s: {note}")

    def _make(self) -> Snapshot:
        trail = [self._recording.observation(step) for step in range(max(self._at - TRAIL + 1, 0), self._at + 1)]
        phase: Phase = "running" if self._playing else "over" if self._at == self._last else "paused"
        observation = trail[-1]
        report = self._recording.slots(self._at, WINDOW_SLOTS)
        return Snapshot(
            phase,
            self._note,
            observation.time_s,
            observation,
            trail=trail,
            slots=None if report is None else slot_window(report),
            action=self._recording.action(self._at),
            place=f"{self._at + 1}/{len(self._recording)}",
        )
