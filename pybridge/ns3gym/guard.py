# SPDX-License-Identifier: MIT
"""Runs a command that knows nothing of its parent, and ends it, with all that it started, when the parent is gone.

    python guard.py DIRECTORY COMMAND [ARGUMENT...]

A simulation behind ns3-gym's `ns3 run` is a grandchild that waits for its client for ever. This program leads the
process group that all of them are in; it is a file that needs nothing but the standard library, so it starts fast. It
ends as the command does: same exit code, same signal.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys

POLL_S = 0.25


def main() -> int:
    """Exit code of the command."""
    directory, *command = sys.argv[1:]
    parent = int(os.environ["SLICEBRIDGE_PARENT_PID"])
    try:
        child = subprocess.Popen(command, cwd=directory)
    except OSError as error:
        print(f"cannot start {command[0]} in {directory}: {error.strerror}", file=sys.stderr)
        return 127
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return _as_own_end(child.wait(POLL_S))
        if os.getppid() != parent:
            os.killpg(0, signal.SIGKILL)


def _as_own_end(returncode: int) -> int:
    if returncode < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            signal.signal(-returncode, signal.SIG_DFL)
        os.kill(os.getpid(), -returncode)
    return returncode


if __name__ == "__main__":
    sys.exit(main())
