# SPDX-License-Identifier: MIT
"""A simulation that was forked from another one, and so is no child of this process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
import weakref
from pathlib import Path

from pybridge.errors import SimulationDied
from pybridge.process import tail_of

UNKNOWN_CODE = 255
"""Stands for the exit code of a forked simulation that ended without good-bye."""


class ForkedSimulation:
    """Has the methods of `SimulationProcess`. Known by its handle, so no other process of the same id can be hit.

    How it ends only its parent could tell, so what it says counts: after BYE its return code is 0. It watches this
    process as every simulation does, and is killed when this object is forgotten.
    """

    def __init__(self, pid: int, log: Path) -> None:
        """Take over a process that has just been forked. Raises `SimulationDied` if it has ended already."""
        self.pid = pid
        self.log = log
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            what = "the forked simulation died before it dialled in"
            raise SimulationDied(what, UNKNOWN_CODE, log, tail_of(log)) from None
        self.pidfd: int | None = handle
        self._said_bye = False
        self._gone = False
        self._finalizer = weakref.finalize(self, _end, handle, os.getpid())

    def ended(self) -> None:
        """It has said, or was told, that the episode is over."""
        self._said_bye = True

    def computes(self) -> None:
        """Nothing to note: its end is seen by its handle."""

    @property
    def returncode(self) -> int | None:
        """None while it runs; 0 if it had said that it would end, else `UNKNOWN_CODE`."""
        return self.wait(0.0)

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the end at most this long."""
        if not self._gone and self.pidfd is not None:
            poller = select.poll()
            poller.register(self.pidfd, select.POLLIN)
            self._gone = bool(poller.poll(max(timeout_s, 0.0) * 1000.0))
        if not self._gone:
            return None
        return 0 if self._said_bye else UNKNOWN_CODE

    def terminate(self, grace_s: float = 1.0) -> int:
        """End it: SIGTERM, and SIGKILL after `grace_s`."""
        deadline = time.monotonic() + grace_s
        for number in (signal.SIGTERM, signal.SIGCONT):
            self._signal(number)
        if self.wait(deadline - time.monotonic()) is None:
            self._signal(signal.SIGKILL)
            self.wait(grace_s)
        return UNKNOWN_CODE if self.returncode is None else self.returncode

    def release(self) -> None:
        """Kill it if it still runs, and give the handle back. May be called twice."""
        self._finalizer()
        self._gone = True
        self.pidfd = None

    def describe_end(self) -> str:
        """How it ended, as far as it is known."""
        code = self.returncode
        if code is None:
            return "still running"
        return "orderly" if code == 0 else "without good-bye, its exit code is not known here"

    def log_tail(self, lines: int = 20) -> str:
        """Last lines of the log, at most 8 KiB of it."""
        return tail_of(self.log, lines)

    def _signal(self, number: int) -> None:
        if self.pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)


def _end(handle: int, owner: int) -> None:
    """Finalizer; a fork of the owner leaves the simulation alone."""
    if os.getpid() == owner:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)
