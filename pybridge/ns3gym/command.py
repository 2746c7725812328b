# SPDX-License-Identifier: MIT
"""A foreign simulation as a group of processes that cannot be lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path

from pybridge.errors import BinaryNotFound
from pybridge.process import SimulationProcess

_GUARD = Path(__file__).with_name("guard.py")


class GuardedCommand:
    """A command with everything it starts, in a process group of its own that ends with its owner at the latest.

    If this object is forgotten or the interpreter exits, the group is killed; if this process is killed, its guard does
    so within a second. A process that leaves the group (setsid) is not found.
    """

    def __init__(self, command: Sequence[str], directory: Path, log: Path) -> None:
        """Start it in `directory`, its output to `log`. Raises `BinaryNotFound`."""
        if not _is_program(command[0], directory):
            raise BinaryNotFound(f"cannot start {command[0]}: no such program in {directory} or on the search path")
        guarded = [sys.executable, "-I", "-S", str(_GUARD), str(directory), *command]
        self.process = SimulationProcess(guarded, log, {})
        self._finalizer = weakref.finalize(self, _kill_group, self.process.pid, os.getpid())

    def end(self, grace_s: float) -> None:
        """Wait for the end of the command at most this long, then kill what is left. May be called twice."""
        self.process.wait(grace_s)
        self._finalizer()
        self.process.release()


def _is_program(name: str, directory: Path) -> bool:
    if os.sep not in name:
        return shutil.which(name) is not None
    return os.access(directory / name, os.X_OK) and (directory / name).is_file()


def _kill_group(group: int, owner: int) -> None:
    if os.getpid() == owner:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
