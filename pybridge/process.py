# SPDX-License-Identifier: MIT
"""Child processes that cannot be lost: started, watched and ended here."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from pybridge.errors import BinaryNotFound, signal_name
from pybridge.fork_server import ForkedProcess, ForkServerLost, NotForkable, shared_server

BINARY_VARIABLE = "SLICEBRIDGE_BIN"
BINARY_NAME = "ran-slicing"

DEBUGGER = ("gdb", "--quiet", "--args")

Child = subprocess.Popen[bytes] | ForkedProcess

_LOG_TAIL_BYTES = 8192
_FALLBACK_POLL_S = 0.05


def find_binary() -> Path:
    """The simulation program: $SLICEBRIDGE_BIN, else build/bin/ of this repository, else the search path.

    Raises `BinaryNotFound` naming the command that mends it.
    """
    chosen = os.environ.get(BINARY_VARIABLE)
    if chosen:
        path = Path(chosen)
        if not os.access(path, os.X_OK) or not path.is_file():
            raise BinaryNotFound(f"{BINARY_VARIABLE}={chosen} is no executable file")
        return path.absolute()
    built = Path(__file__).resolve().parents[1] / "build" / "bin" / BINARY_NAME
    if os.access(built, os.X_OK):
        return built
    on_path = shutil.which(BINARY_NAME)
    if on_path:
        return Path(on_path).absolute()
    raise BinaryNotFound(
        f"the simulation program {built} is missing: run `make build`, or set {BINARY_VARIABLE} to one that you built"
    )


class Program(NamedTuple):
    """What simulates, and how it is started."""

    command: tuple[str, ...]
    fork: bool
    """From a server that has it loaded (docs/fork-server.md), where that can be; else executed."""
    terminal: bool = False
    """It has this process's terminal, and no log."""


def chosen_program(command: Sequence[str | Path] | None, options: Sequence[str] = (), *, gdb: bool = False) -> Program:
    """The user's own command, executed; None: the built program, forked.

    options: of the simulation program, behind the command.
    gdb: executed under gdb, which gets the terminal.

    Raises `BinaryNotFound`.
    """
    parts = [str(find_binary())] if command is None else [str(part) for part in command]
    if gdb:
        if shutil.which(DEBUGGER[0]) is None:
            raise BinaryNotFound(f"{DEBUGGER[0]} is not installed")
        return Program((*DEBUGGER, *parts, *options), fork=False, terminal=True)
    return Program((*parts, *options), fork=command is None)


def program_options(ns_log: Sequence[str], pcap_dir: Path | str | None) -> list[str]:
    """Options of the simulation program: ns-3 log components to turn on, and where packets are captured to."""
    options = [part for name in ns_log for part in ("--log", name)]
    return options if pcap_dir is None else [*options, "--pcap", str(Path(pcap_dir).absolute())]


SIGNAL_BASE = 128
"""Exit code of a simulation that was ended by signal n, less n."""


class SimulationProcess:
    """A simulation as a child process: output to a log file, own session, ended with its owner at the latest.

    The child gets no terminal signals (Ctrl-C goes to Python alone) and learns this process's id from
    SLICEBRIDGE_PARENT_PID, so that it ends by itself when Python is killed. If the object is forgotten, or the
    interpreter exits, the child is killed; a fork of this process leaves it alone.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
        *,
        fork: bool = False,
        terminal: bool = False,
    ) -> None:
        """Start `command`.

        environment: variables besides those of this process.
        fork: command[0] has `--serve` (docs/fork-server.md): fork from a server that has it loaded, where that can be.
        terminal: it reads from and writes to the terminal, Ctrl-C is for it alone, and the log stays empty.

        Raises `BinaryNotFound` if it cannot be executed.
        """
        self.log = log
        variables = dict(os.environ)
        # The ns-3 wheel refers to GTK symbols that are nowhere; eager binding would refuse to start.
        variables.pop("LD_BIND_NOW", None)
        with log.open("wb") as output:
            try:
                forked = _fork(command, variables, environment, output) if fork else None
                if forked is not None:
                    self._child: Child = forked
                else:
                    execute = _execute_in_terminal if terminal else _execute
                    self._child = execute(command, {**variables, **environment}, output)
            except OSError as error:
                raise BinaryNotFound(f"cannot start {command[0]}: {error.strerror or error}") from error
        self._pidfd = _open_pidfd(self._child.pid) if forked is None else forked.pidfd
        self._owner = os.getpid()
        self._finalizer = weakref.finalize(self, _end, self._child, self._pidfd, self._owner, terminal)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._child.pid

    @property
    def pidfd(self) -> int | None:
        """Handle that becomes readable when the process ends; None where the system has no such thing."""
        return self._pidfd

    @property
    def returncode(self) -> int | None:
        """As `subprocess` gives it (negative: signal); None while the process runs."""
        return self._child.poll()

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the end at most this long; its return code, or None if it still runs."""
        if self._pidfd is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._child.wait(max(timeout_s, 0.0))
            return None
        poller = select.poll()
        poller.register(self._pidfd, select.POLLIN)
        poller.poll(max(timeout_s, 0.0) * 1000.0)
        return self._child.poll()

    def cpu_s(self) -> float | None:
        """Processor time used so far, all threads, in seconds; None where the system does not tell (no /proc)."""
        try:
            stat = Path("/proc", str(self.pid), "stat").read_text()
        except OSError:
            return None
        # utime and stime; the name of the program, in brackets, may hold anything (proc_pid_stat(5)).
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def terminate(self, grace_s: float = 1.0) -> int:
        """End the process: SIGTERM, and SIGKILL after `grace_s`. Its return code."""
        if self.returncode is None:
            self._child.send_signal(signal.SIGTERM)
            # A stopped process takes SIGTERM only when it continues.
            self._child.send_signal(signal.SIGCONT)
            if self.wait(grace_s) is None:
                return self.kill()
        return self._child.wait()

    def kill(self) -> int:
        """End the process now. Its return code."""
        if self.returncode is None:
            self._child.kill()
        return self._child.wait()

    def release(self) -> None:
        """Kill the process if it still runs, and give the handle back. May be called twice."""
        if self._finalizer.alive and os.getpid() == self._owner:
            self.kill()
        self._finalizer()
        self._pidfd = None

    def describe_end(self) -> str:
        """How the process ended, e.g. "exit code 5", "signal SIGKILL" or "exit code 143 (SIGTERM)".

        A simulation that hears SIGINT or SIGTERM ends in good order with 128 + n (docs/protocol.md, exit codes).
        """
        code = self.returncode
        if code is None:
            return "still running"
        name = signal_name(code)
        if name is not None:
            return f"signal {name}"
        heard = signal_name(SIGNAL_BASE - code) if code > SIGNAL_BASE else None
        return f"exit code {code}" if heard is None else f"exit code {code} ({heard})"

    def log_tail(self, lines: int = 20) -> str:
        """Last lines of the log, at most 8 KiB of it."""
        return tail_of(self.log, lines)


def tail_of(log: Path, lines: int = 20) -> str:
    """Last lines of a file, at most 8 KiB of it; empty if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


class Watched(Protocol):
    """What can end while something is waited for: a process, or any of several."""

    @property
    def pidfd(self) -> int | None:
        """Handle that becomes readable at the end; None where the system has no such thing."""

    @property
    def returncode(self) -> int | None:
        """None before the end."""


class ProcessWatch:
    """Several processes, of which the first that ends ends a wait."""

    def __init__(self) -> None:
        self._handles = select.epoll() if hasattr(select, "epoll") and hasattr(os, "pidfd_open") else None
        self._members: dict[int, SimulationProcess] = {}

    @property
    def pidfd(self) -> int | None:
        """Readable once a member has ended; None where the system has no handles of processes."""
        return None if self._handles is None else self._handles.fileno()

    @property
    def returncode(self) -> int | None:
        """Of a member that has ended, None if there is none; with handles, `ended` is cheaper."""
        return next((code for member in self._members.values() if (code := member.returncode) is not None), None)

    def add(self, key: int, process: SimulationProcess) -> None:
        """Watch a process from now on."""
        self._members[key] = process
        if self._handles is not None and process.pidfd is not None:
            self._handles.register(process.pidfd, select.EPOLLIN)

    def discard(self, key: int) -> None:
        """Watch it no more. Nothing happens if it is not watched, or has been released."""
        process = self._members.pop(key, None)
        if process is not None and self._handles is not None and process.pidfd is not None:
            self._handles.unregister(process.pidfd)

    def ended(self) -> list[int]:
        """Keys of the members that have ended."""
        if self._handles is not None and not self._handles.poll(0.0):
            return []
        return [key for key, member in self._members.items() if member.returncode is not None]

    def close(self) -> None:
        """Give the handle back."""
        if self._handles is not None:
            self._handles.close()


def poll_interval_s(process: Watched | None) -> float | None:
    """How often a wait must look after a process by itself: never (None) where a handle tells of its end."""
    return _FALLBACK_POLL_S if process is not None and process.pidfd is None else None


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _execute(command: Sequence[str], variables: Mapping[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**variables, "SLICEBRIDGE_PARENT_PID": str(os.getpid())},
        start_new_session=True,
    )


def _execute_in_terminal(
    command: Sequence[str], variables: Mapping[str, str], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    """In a process group of its own, which the terminal's keys go to from now on, if there is a terminal."""
    child = subprocess.Popen(
        list(command), env={**variables, "SLICEBRIDGE_PARENT_PID": str(os.getpid())}, process_group=0
    )
    if sys.stdin.isatty():
        # A process in the background may name another group only if it ignores this signal.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(sys.stdin.fileno(), child.pid)
        child.send_signal(signal.SIGCONT)  # it may have read before that, and been stopped
    return child


def _take_terminal_back() -> None:
    if sys.stdin.isatty():
        os.tcsetpgrp(sys.stdin.fileno(), os.getpgrp())


def _fork(
    command: Sequence[str], variables: Mapping[str, str], further: Mapping[str, str], output: IO[bytes]
) -> ForkedProcess | None:
    """A process of the shared server, None if there is no server for it. One that was killed is replaced, once."""
    for _ in range(2):
        server = shared_server(command[:1], variables)
        if server is None:
            return None
        try:
            return server.start(command[1:], further, output)
        except NotForkable:
            return None
        except ForkServerLost:
            continue
    return None


def _end(child: Child, pidfd: int | None, owner: int, terminal: bool) -> None:
    """Finalizer: kill and reap the child, unless this is a fork of the process that started it."""
    if os.getpid() == owner:
        if isinstance(child, ForkedProcess):
            child.end()
        elif child.poll() is None:
            child.kill()
            child.wait()
        if terminal:
            _take_terminal_back()
    if pidfd is not None:
        with contextlib.suppress(OSError):
            os.close(pidfd)
