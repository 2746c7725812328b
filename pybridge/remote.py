# SPDX-License-Identifier: MIT
"""A simulation on another host: started there by hand, known here by what it sends."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import time
from pathlib import Path
from typing import NamedTuple

from pybridge.errors import ProtocolError
from pybridge.listener import Connection
from pybridge.wire import Header, MessageType

TICKET_FILE = "run.env"

_VANISHED = 3


class Remote(NamedTuple):
    """Terms for simulations on other hosts."""

    heartbeat_timeout_s: float
    """Silence after which one that should be computing counts as gone."""
    keyed: bool
    """The link is encrypted, and the simulation needs its key."""


class RemotePeer:
    """Stands for the process that is not here: it has ended when it says so, or when it falls silent."""

    pid: int | None = None
    log: Path | None = None
    pidfd: int | None = None

    def __init__(self, heartbeat_timeout_s: float) -> None:
        self._timeout_s = heartbeat_timeout_s
        self._connection: Connection | None = None
        self._computing_since = time.monotonic()
        self._code: int | None = None

    def attach(self, connection: Connection) -> None:
        """It has dialled in."""
        self._connection = connection
        self.computes()

    def computes(self) -> None:
        """From now on it sends heartbeats; while it waited for an answer it did not."""
        self._computing_since = time.monotonic()

    def ended(self) -> None:
        """It has said, or was told, that the episode is over."""
        self._code = 0

    @property
    def returncode(self) -> int | None:
        """0 after an orderly end, 3 once it has vanished, None before."""
        if self._code is None and self._connection is not None:
            heard = max(self._connection.last_seen, self._computing_since)
            if time.monotonic() - heard > self._timeout_s:
                self._code = _VANISHED
        return self._code

    def wait(self, timeout_s: float) -> int | None:
        """`returncode`: there is nothing to wait for by."""
        return self.returncode

    def terminate(self) -> int:
        """Tell it to end, if it can still be told."""
        if self._code is None and self._connection is not None:
            self._code = _VANISHED
            reason = json.dumps({"reason": "the learner has given this episode up"}).encode()
            with contextlib.suppress(ProtocolError):
                self._connection.send(Header(MessageType.REFUSE), reason)
        return self._code or 0

    def release(self) -> None:
        """Nothing is held."""

    def describe_end(self) -> str:
        """How it ended."""
        return "orderly" if self._code == 0 else f"no sign of life from its host for {self._timeout_s:g} s"

    def log_tail(self) -> str:
        """Empty: its log is on its host."""
        return ""


def write_ticket(folder: Path, run_id: str, token: str) -> Path:
    """File that lets one simulation in, as lines for a shell, readable by its owner alone."""
    path = folder / TICKET_FILE
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(f"SLICEBRIDGE_RUN_ID={run_id}\nSLICEBRIDGE_TOKEN={token}\n")
    return path


def start_command(scenario: Path, ticket: Path, endpoint: str, keyed: bool) -> str:
    """What to type where the simulation shall run; secrets are in files."""
    key = " --key simulation.key" if keyed else ""
    files = f"{shlex.quote(str(scenario))} and {shlex.quote(str(ticket))}"
    return (
        f"copy {files} to the host that simulates, and start there:\n"
        f"  (set -a; . ./{ticket.name}; exec ran-slicing --scenario {scenario.name} --agent {endpoint}{key})"
    )
