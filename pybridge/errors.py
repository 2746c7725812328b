# SPDX-License-Identifier: MIT
"""Every error that this package raises on purpose, each a sentence that names what to do."""

from __future__ import annotations

import signal
from pathlib import Path


class SliceBridgeError(Exception):
    """Something that the user can understand and mend; its text is complete without a traceback.

    The command line prints the text of such an error and exits with `exit_code`.
    """

    exit_code: int = 1


class BinaryNotFound(SliceBridgeError):
    """The simulation program is not there."""

    exit_code = 2


class EndpointError(SliceBridgeError):
    """An endpoint is malformed, not allowed, too long, or cannot be bound."""

    exit_code = 2


class SchemaError(SliceBridgeError):
    """A schema is malformed, its hash is wrong, or it is not the one that was expected."""

    exit_code = 4


class ProtocolError(SliceBridgeError):
    """A peer broke docs/protocol.md."""

    exit_code = 4


class SessionStateError(SliceBridgeError):
    """A call that makes no sense now, e.g. `step()` before `reset()` or after the last observation."""


class ActionError(SliceBridgeError, ValueError):
    """An action has the wrong shape, a NaN, or a value out of its range."""


class LowPolicyError(SliceBridgeError, ValueError):
    """A low-level policy has layers that do not fit, a number that is not finite, or a KPM that nobody knows."""


class SimulationError(SliceBridgeError):
    """The simulation cannot go on. `log` is the path of its log, `log_tail` the last lines of it."""

    exit_code = 5

    def __init__(self, what: str, log: Path | None = None, log_tail: str = "") -> None:
        parts = [what]
        if log_tail:
            parts.append("last lines of its log:\n" + "\n".join(f"    {line}" for line in log_tail.splitlines()))
        if log is not None:
            parts.append(f"log: {log}")
        super().__init__("\n".join(parts))
        self.log = log
        self.log_tail = log_tail


class SimulationDied(SimulationError):
    """The simulation's process ended when it should not have. `returncode` is as `subprocess` gives it."""

    def __init__(self, what: str, returncode: int, log: Path | None = None, log_tail: str = "") -> None:
        super().__init__(what, log, log_tail)
        self.returncode = returncode

    @property
    def signal_name(self) -> str | None:
        """Name of the signal that ended the process, e.g. "SIGKILL"; None if it exited by itself."""
        return signal_name(self.returncode)


class SimulationFailed(SimulationError):
    """The simulation said why it fails (an ERROR message), and ended."""


class SimulationTimeout(SimulationError):
    """The simulation did not answer within its deadline; it was ended."""


def signal_name(returncode: int) -> str | None:
    """Signal behind a negative return code of `subprocess`, or None."""
    if returncode >= 0:
        return None
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"
