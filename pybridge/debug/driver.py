# SPDX-License-Identifier: MIT
"""What the application drives: a simulation or a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from pybridge.conditions import Condition
from pybridge.debug.edits import Edit
from pybridge.debug.snapshot import Snapshot

Unit = Literal["slot", "low", "high"]


@dataclass(frozen=True)
class Step:
    """Go on by one slot, or to the next low or high epoch. Recordings go back by a negative count."""

    unit: Unit
    count: int = 1


@dataclass(frozen=True)
class Run:
    """Go on until the end, or until a condition holds at an epoch."""

    until: Condition | None = None


@dataclass(frozen=True)
class Pause:
    """Stop running."""


@dataclass(frozen=True)
class Change:
    """Put these into the next decision, in place of the ones that waited for it."""

    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Compare:
    """Fork at the next high-level decision; the fork goes on under another policy. None: end the comparison."""

    policy: str | None


@dataclass(frozen=True)
class GoTo:
    """In a recording: to the last epoch that is not after this time."""

    time_s: float


Command = Step | Run | Pause | Change | Compare | GoTo


class Driver(Protocol):
    """Takes commands at once and carries them out in its own time."""

    title: str
    live: bool
    """A simulation, not a recording."""

    def start(self) -> None:
        """Begin. The first snapshot comes later."""

    def snapshot(self) -> Snapshot:
        """The newest one. Called from the application's thread, several times a second; returns at once."""

    def events(self) -> list[str]:
        """Lines of the event log since the last call."""

    def send(self, command: Command) -> None:
        """Do this next. Returns at once."""

    def pids(self) -> list[int]:
        """Processes of the simulation that run, the one that is compared with last."""

    def close(self) -> None:
        """End whatever runs. May be called twice."""

    @property
    def failure(self) -> BaseException | None:
        """Why it cannot go on, if so."""
