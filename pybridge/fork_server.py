# SPDX-License-Identifier: MIT
"""Simulations forked from a process that has the program's libraries loaded (docs/fork-server.md)."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import select
import signal
import socket
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_log = logging.getLogger(__name__)

VERSION = 1
"""Of the packets between this module and the program's `--serve`."""

ANSWER_DEADLINE_S = 10.0
"""For the server to start, to fork, or to tell how a process ended; then it counts as lost, and is killed."""

_PACKET_MAX_BYTES = 65_536


class ForkServerLost(Exception):
    """The server did not start, has gone, or does not answer."""


class NotForkable(Exception):
    """No packet can carry what is to be started; it can be executed."""


class ForkServer:
    """A server process of this process, shared by all that start simulations here. Safe to use from any thread."""

    def __init__(self, program: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start `program --serve` and wait until it is ready. Raises `ForkServerLost`."""
        self.key = (tuple(program), dict(environment))
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._ids = itertools.count()
        self._ended: dict[int, int] = {}
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [*program, "--serve"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**environment, "SLICEBRIDGE_PARENT_PID": str(self._owner)},
                start_new_session=True,
            )
        except OSError as error:
            self._socket.close()
            raise ForkServerLost(f"cannot start {program[0]}: {error.strerror}") from None
        finally:
            theirs.close()
        self.pid: int = self._process.pid
        self._finalizer = weakref.finalize(self, _end, self._socket, self._process, self._owner)
        hello, _ = self._receive(time.monotonic() + ANSWER_DEADLINE_S)
        if hello.get("serve") != VERSION:
            self.close()
            raise ForkServerLost(f"{program[0]} serves in another way; run `make build`")

    @property
    def usable(self) -> bool:
        """It runs, and belongs to this process (a fork of it must not use the socket)."""
        return self._owner == os.getpid() and self._finalizer.alive and self._process.poll() is None

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> ForkedProcess:
        """Fork a simulation with this command line, in the current directory; its output goes to `log`.

        environment: variables besides those of the server.

        Raises `ForkServerLost`, `NotForkable`, `OSError` if there can be no further process.
        """
        with self._lock:
            number = next(self._ids)
            request = {
                "id": number,
                "arguments": list(arguments),
                "environment": dict(environment),
                "directory": str(Path.cwd()),
            }
            packet = _pack(request)
            try:
                socket.send_fds(self._socket, [packet], [log.fileno()])
            except OSError as error:
                raise self._lost(f"its socket failed: {error.strerror}") from None
            deadline = time.monotonic() + ANSWER_DEADLINE_S
            while True:
                answer, handle = self._receive(deadline)
                if answer.get("id") == number or "error" in answer:
                    break
        if handle is None:
            raise OSError(f"the fork server says: {answer.get('error')}")
        return ForkedProcess(self, number, int(answer["pid"]), handle)

    def code_of(self, number: int) -> int:
        """Return code of a forked process that has ended. If the server is gone: −SIGKILL, as it takes all along."""
        with self._lock, contextlib.suppress(ForkServerLost):
            deadline = time.monotonic() + ANSWER_DEADLINE_S
            while number not in self._ended:
                self._receive(deadline)
        return self._ended.pop(number, -signal.SIGKILL)

    def close(self) -> None:
        """End the server, and every simulation of it. May be called twice."""
        self._finalizer()

    def _receive(self, deadline: float) -> tuple[dict[str, Any], int | None]:
        """Next packet, with the file descriptor in it; return codes are noted on the way."""
        ready = select.poll()
        try:
            ready.register(self._socket, select.POLLIN)
            if not ready.poll(max(deadline - time.monotonic(), 0.0) * 1000.0):
                raise self._lost(f"it did not answer within {ANSWER_DEADLINE_S:g} s")
            packet, descriptors, _, _ = socket.recv_fds(self._socket, _PACKET_MAX_BYTES, 1)
        except (OSError, ValueError) as error:
            raise self._lost(f"its socket failed: {error}") from None
        if not packet:
            raise self._lost("it ended")
        content: dict[str, Any] = json.loads(packet)
        if "code" in content:
            self._ended[content["id"]] = content["code"]
            return {}, None
        return content, descriptors[0] if descriptors else None

    def _lost(self, why: str) -> ForkServerLost:
        self.close()
        return ForkServerLost(f"the fork server is lost: {why}")


class ForkedProcess:
    """A simulation that a server forked, with the methods of `subprocess.Popen` that are needed of one.

    It is the server's child, so it is known by its handle: no signal can hit another process of the same id.
    """

    def __init__(self, server: ForkServer, number: int, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self._server = server
        self._number = number
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return code, None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0.0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Return code. Raises `subprocess.TimeoutExpired` if it still runs after `timeout` seconds."""
        if self._code is None:
            poller = select.poll()
            poller.register(self.pidfd, select.POLLIN)
            if not poller.poll(None if timeout is None else max(timeout, 0.0) * 1000.0):
                raise subprocess.TimeoutExpired("a forked simulation", timeout or 0.0)
            self._code = self._server.code_of(self._number)
        return self._code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def end(self) -> None:
        """Kill it, if how it ended is not known, and wait until it is gone.

        The server is not asked: a finalizer may run in a thread that is asking it something.
        """
        if self._code is None:
            self.kill()
            poller = select.poll()
            poller.register(self.pidfd, select.POLLIN)
            poller.poll()


_current: ForkServer | None = None
_unable: set[tuple[str, ...]] = set()
_guard = threading.Lock()


def shared_server(program: Sequence[str], environment: Mapping[str, str]) -> ForkServer | None:
    """The server of this process for this program and these environment variables; None where there can be none.

    One that was started with others ends when its last simulation has.
    """
    global _current
    if not hasattr(os, "pidfd_open") or tuple(program) in _unable:
        return None
    with _guard:
        if _current is None or not _current.usable or _current.key != (tuple(program), dict(environment)):
            try:
                _current = ForkServer(program, environment)
            except ForkServerLost as error:
                _log.info("%s; simulations are started by exec", error)
                _unable.add(tuple(program))
                return None
        return _current


def _pack(request: dict[str, Any]) -> bytes:
    """One packet. Raises `NotForkable`."""
    try:
        packet = json.dumps(request, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NotForkable("a name in it is no UTF-8") from None
    if len(packet) > _PACKET_MAX_BYTES:
        raise NotForkable(f"it takes {len(packet)} bytes, {_PACKET_MAX_BYTES} is the most")
    return packet


def _end(ours: socket.socket, process: subprocess.Popen[bytes], owner: int) -> None:
    """Finalizer: a closed socket ends the server; a fork of the owner only forgets its copy."""
    ours.close()
    if os.getpid() != owner:
        return
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
