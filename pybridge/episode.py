# SPDX-License-Identifier: MIT
"""One simulation process of a session, from its start to its end."""

from __future__ import annotations

import json
import logging
import math
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from pybridge.errors import (
    ProtocolError,
    SchemaError,
    SessionStateError,
    SimulationDied,
    SimulationError,
    SimulationFailed,
    SimulationTimeout,
)
from pybridge.forked_simulation import ForkedSimulation
from pybridge.listener import MAX_REASON_BYTES, Connection, Listener, Message, Ticket, parse_object
from pybridge.observation import FLOAT, Action, Observation
from pybridge.process import Program, SimulationProcess, Watched
from pybridge.remote import Remote, RemotePeer, start_command, write_ticket
from pybridge.schema import Levels, Schema
from pybridge.slots import MAX_SLOTS_BYTES, SlotGrid, SlotReport, joined, parse_slots, slot_grid
from pybridge.wire import Flag, Header, MessageType

if TYPE_CHECKING:
    from pybridge.low_policy import LowPolicy

_log = logging.getLogger(__name__)

# Plain integers: an IntFlag costs a microsecond at every use.
_LAST = int(Flag.LAST)
_PAUSED = int(Flag.PAUSED)
_STATE, _ACTION, _SLOTS = int(MessageType.STATE), int(MessageType.ACTION), int(MessageType.SLOTS)

LATE_NEWS_S = 0.05
"""For messages to arrive that were sent by a process that has ended."""

LATE_END_S = 1.0
"""The same for one that ended in good order, which it does after its last STATE only."""

END_GRACE_S = 30.0
"""Time that a simulation has to write its records and exit once the episode has ended in good order."""


class ResolvedScenario(Protocol):
    """What a session needs of a scenario; `pybridge.Scenario` is one."""

    @property
    def seed(self) -> int:
        """ns-3 RngRun, 1..2^32−1."""

    def resolved_json(self) -> str:
        """The scenario with every default filled in, as the program reads it."""

    def with_seed(self, seed: int) -> Self:
        """The same scenario under another RngRun."""


class Episode:
    """A fresh process, its place on the listener, and the lock-step of STATE and ACTION."""

    def __init__(
        self,
        listener: Listener,
        number: int,
        levels: Levels,
        step_timeout_s: float,
        low_policy: LowPolicy | None = None,
        *,
        debug: bool = False,
    ) -> None:
        """low_policy: what the simulation shall decide about UEs by, with levels "delegated".

        debug: it may be stopped between epochs, and forked.
        """
        self.awaits_action = False
        self.paused = False
        """It waits for `go_on`."""
        self.dropped = 0
        self.deadline = math.inf
        """Of what is being waited for, on the clock `time.monotonic()`."""
        self._listener = listener
        self._number = number
        self._levels = levels
        self._step_timeout_s = step_timeout_s
        self._low_policy = low_policy
        self._debug = debug
        self._grid: SlotGrid | None = None
        self._slots: list[SlotReport] = []
        self._step = 0
        self._shown: Observation | None = None
        self._last: Observation | None = None
        self._private: Path | None = None
        self._ticket: Ticket | None = None
        self._link: Connection | None = None
        self._child: SimulationProcess | RemotePeer | ForkedSimulation | None = None
        self._foreign: RemotePeer | ForkedSimulation | None = None
        """If it is no child of this process, and counts as ended when it says so."""
        self._dtype: np.dtype[Any] = np.dtype([])

    @property
    def shown(self) -> Observation | None:
        """The last observation."""
        return self._shown

    @property
    def process(self) -> SimulationProcess | RemotePeer | ForkedSimulation:
        """The simulation. Raises `SessionStateError` before `launch()`."""
        if self._child is None:
            raise SessionStateError("the simulation has not been started")
        return self._child

    @property
    def connection(self) -> Connection:
        """Its end of the link. Raises `SessionStateError` before `launch()`."""
        if self._link is None:
            raise SessionStateError("the simulation has not dialled in")
        return self._link

    def launch(
        self, scenario: ResolvedScenario, program: Program | Remote, out_dir: Path | None, connect_timeout_s: float
    ) -> None:
        """Start the process, or tell how to on another host.

        What it says comes by `wait`, or by `advance` and `conclude`.
        """
        directory = out_dir
        if directory is None:
            directory = self._private = Path(tempfile.mkdtemp(prefix="slb-run-"))
        directory.mkdir(parents=True, exist_ok=True)
        scenario_file = directory / "scenario.json"
        scenario_file.write_text(scenario.resolved_json() + "\n", encoding="utf-8")
        run_id, token = f"run-{self._number}-{secrets.token_hex(8)}", secrets.token_hex(32)
        self._ticket = self._listener.expect(run_id, token)
        if isinstance(program, Remote):
            self._child = self._foreign = RemotePeer(program.heartbeat_timeout_s)
            ticket = write_ticket(directory, run_id, token)
            print(
                start_command(scenario_file, ticket, self._listener.endpoint, program.keyed),
                file=sys.stderr,
                flush=True,
            )
        else:
            arguments = ["--scenario", str(scenario_file), "--agent", self._listener.endpoint, "--run-id", run_id]
            if out_dir is not None:
                arguments += ["--out", str(out_dir)]
            self._child = SimulationProcess(
                [*program.command, *arguments],
                directory / "log.txt",
                {"SLICEBRIDGE_TOKEN": token},
                fork=program.fork,
                terminal=program.terminal,
            )
        self.deadline = time.monotonic() + connect_timeout_s

    def wait(self) -> Observation:
        """Next observation. Raises `SimulationError`, `ProtocolError`, `SchemaError`."""
        while True:
            has_news = self.has_news or self._pump(self.deadline, self._child)
            observation = self.advance() if has_news else self.conclude()
            if observation is not None:
                return observation

    @property
    def has_news(self) -> bool:
        """Something has arrived, and `advance` is to be called."""
        if self._link is not None:
            return self._link.has_news
        ticket = self._ticket
        return ticket is not None and (ticket.connection is not None or ticket.failure is not None)

    def advance(self) -> Observation | None:
        """Go on with what has arrived, without waiting: the next observation once it is complete.

        The last one is held back until the process has exited in good order, see `conclude`.
        Raises `SimulationError`, `ProtocolError`, `SchemaError`.
        """
        if self._link is None and not self._accept():
            return None
        while (message := self.connection.take_next()) is not None:
            if self._last is not None:
                if message.header.type == MessageType.ERROR:
                    raise self._unexpected_end(message)
                if self._foreign is not None:
                    self._foreign.ended()
            elif message.header.type == _SLOTS:
                self._take_slots(message)
            elif message.header.type != _STATE:
                raise self._unexpected_end(message)
            elif message.header.episode != self._number or message.header.step != self._step:
                self.dropped += 1
            else:
                observation = self._observation(message)
                if not observation.last:
                    return observation
                self._last, self.deadline = observation, time.monotonic() + END_GRACE_S
        return None

    def conclude(self) -> Observation | None:
        """When the process has ended or the deadline has passed: the last observation, or an error that says why.

        Raises `SimulationError`, `ProtocolError`, `SchemaError`.
        """
        # What the process sent before it ended may arrive a moment after the news of its end.
        grace = time.monotonic() + (LATE_END_S if self.process.returncode == 0 else LATE_NEWS_S)
        while True:
            observation = self.advance()
            if observation is not None:
                return observation
            if self._last is not None and self.process.returncode is not None:
                break
            if not self._pump(grace):
                raise self._overdue()
        code = self.process.returncode
        if code != 0:
            raise self._died(f"the simulation failed after its last step: {self.process.describe_end()}")
        self._clean_up(keep_log=False)
        return self._last

    def _pump(self, deadline: float, process: Watched | None = None) -> bool:
        """As `Listener.pump`, but a flood of messages does not hide the deadline."""
        return self._listener.pump(deadline, process) and (self.has_news or time.monotonic() < deadline)

    def send_action(self, action: Action, flags: int = 0) -> None:
        """Answer the STATE that was received last.

        flags: bits of `Flag` that ask for slots, for a simulation that is debugged.
        """
        header = Header(_ACTION, flags, self._number, self._step)
        self.awaits_action = False
        self._step += 1
        self.deadline = time.monotonic() + self._step_timeout_s
        if self._foreign is not None:
            self._foreign.computes()
        self._send(header, action.flat)

    @property
    def grid(self) -> SlotGrid:
        """How slots are cut. Raises `SessionStateError` unless it is debugged."""
        if self._grid is None:
            raise SessionStateError("slots are told of in a session with debug=True, after reset()")
        return self._grid

    def go_on(self, flags: int) -> None:
        """Answer a pause. flags: as in `send_action`."""
        self.paused = False
        self.deadline = time.monotonic() + self._step_timeout_s
        if self._foreign is not None:
            self._foreign.computes()
        self._send(Header(MessageType.CONTINUE, flags, episode=self._number, step=self._step), b"")

    def wait_slots(self) -> SlotReport:
        """Wait for a pause or an observation, and report on all slots since. Raises as `wait`."""
        observation = None
        while observation is None and not self.paused:
            observation = self.advance()
            if observation is None and not self.paused and not self._pump(self.deadline, self._child):
                observation = self.conclude()
        if not self._slots:
            raise ProtocolError("the simulation reports no slots")
        return joined(self.take_slots(), observation)

    def take_slots(self) -> list[SlotReport]:
        """Reports on slots that have arrived, for whoever waits by `wait` or `advance`."""
        reports, self._slots = self._slots, []
        return reports

    def fork(self, directory: Path | None, timeout_s: float) -> Episode:
        """A copy of the simulation, which waits for the same answer as it does.

        directory: where the copy goes on with the records; None: it keeps none.
        timeout_s: for each of the two to dial in again.

        Raises `SimulationError`; the simulation can go on if it still `awaits_action`.
        """
        shown, ticket = self._shown, self._ticket
        assert shown is not None
        assert ticket is not None
        child = Episode(
            self._listener, self._number, self._levels, self._step_timeout_s, self._low_policy, debug=self._debug
        )
        log = child._prepare_fork(directory) / "log.txt"
        child._step = self._step
        resume, new = secrets.token_hex(32), secrets.token_hex(32)
        self._listener.forget(ticket)
        self._ticket = self._listener.expect(ticket.run_id, resume)
        child._ticket = self._listener.expect(f"{ticket.run_id}-{secrets.token_hex(4)}", new)
        order = {"token": resume, "out": None if directory is None else str(directory.absolute())}
        order |= {"fork_run_id": child._ticket.run_id, "fork_token": new, "log": str(log.absolute())}
        self.awaits_action = False
        self._send(Header(MessageType.FORK, episode=self._number, step=self._step), json.dumps(order).encode())
        self._link = None
        self.deadline = time.monotonic() + timeout_s
        try:
            self._expect_same(shown, self.wait())
            child._adopt(self.connection.debug or {}, log)
            child.deadline = time.monotonic() + timeout_s
            child._expect_same(shown, child.wait())
            if child.connection.pid != child.process.pid:
                raise SimulationError("who dialled in with the token of the fork is another process", log)
        except BaseException:
            child.kill()
            raise
        return child

    def _prepare_fork(self, directory: Path | None) -> Path:
        if directory is None:
            directory = self._private = Path(tempfile.mkdtemp(prefix="slb-run-"))
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def _adopt(self, offer: dict[str, Any], log: Path) -> None:
        """Supervise the process that a simulation has forked, by what it says when it dials in again."""
        fork = offer.get("fork")
        if not isinstance(fork, dict) or not isinstance(fork.get("pid"), int):
            reason = fork.get("error") if isinstance(fork, dict) else "it does not tell of a process"
            raise SimulationError(f"the simulation cannot be forked: {reason}")
        self._child = self._foreign = ForkedSimulation(fork["pid"], log)

    def _expect_same(self, shown: Observation, again: Observation) -> None:
        if again.header != shown.header or again.flat.tobytes() != shown.flat.tobytes():
            raise SimulationError("the simulation shows another state after it was forked", self.process.log)

    def _take_slots(self, message: Message) -> None:
        header, body = message
        if header.episode != self._number or header.step != self._step:
            self.dropped += 1
            return
        self._slots.append(parse_slots(body, header.time_ns, self.grid, self.connection.schema))
        self.paused = bool(header.flags & _PAUSED)

    def stop(self) -> None:
        """End early: BYE if the simulation waits for an answer, else at once. Never raises for its sake."""
        if self._child is None or not (self.awaits_action or self.paused):
            self._end_now(keep_log=False)  # nothing has failed, and nobody is told of the log
            return
        self.awaits_action = self.paused = False
        header = Header(MessageType.BYE, episode=self._number, step=self._step)
        try:
            self.connection.send(header, json.dumps({"reason": "the learner ended the episode"}).encode())
            if self._foreign is not None:
                self._foreign.ended()
            code = self._child.wait(END_GRACE_S)
        except ProtocolError:
            code = self._child.terminate()
        except BaseException:
            self.kill()
            raise
        if code != 0:
            self._child.terminate()
            _log.warning(
                "the simulation ended by %s when asked to end: %s", self._child.describe_end(), self._child.log
            )
        self._clean_up(keep_log=code != 0)

    def kill(self) -> None:
        """End the process at once, whatever it does; its log stays."""
        self._end_now(keep_log=True)

    def _end_now(self, keep_log: bool) -> None:
        if self._child is not None:
            self._child.terminate()
        self._clean_up(keep_log)

    def _send(self, header: Header, body: Any) -> None:
        try:
            self.connection.send(header, body)
        except ProtocolError:
            # A process that is being killed closes its sockets a moment before its end can be seen.
            self.process.wait(1.0)
            raise self._last_words() or self._silence("has closed its end of the link") from None

    def _last_words(self) -> SimulationError | None:
        """Why a simulation has gone, if it said so before."""
        self._listener.pump(time.monotonic())
        message = self.connection.take_next()
        if message is None or message.header.type not in (MessageType.ERROR, MessageType.BYE):
            return None
        return self._unexpected_end(message)

    def _accept(self) -> bool:
        """Welcome the simulation, once it has dialled in."""
        ticket = self._ticket
        assert ticket is not None
        if ticket.failure is not None:
            raise ticket.failure
        self._link = ticket.connection
        if self._link is None:
            return False
        if isinstance(self._child, RemotePeer):
            self._child.attach(self._link)
        if self._debug:
            self._grid = slot_grid(self._link.debug)
            self._link.max_slots_bytes = MAX_SLOTS_BYTES
        self._welcome(self._link.schema)
        self.deadline = time.monotonic() + self._step_timeout_s
        return True

    def _welcome(self, schema: Schema) -> None:
        """Send the terms of the episode, and its low-level policy."""
        policy = self._low_policy
        welcome: dict[str, Any] = {"episode": self._number, "levels": self._levels, "action_deadline_ms": 0}
        if policy is not None:
            policy.check_kpms(schema)
            if not schema.trajectory:
                raise SchemaError("the simulation takes no low-level policy")
            welcome["low_policy"] = policy.description()
        self._dtype = schema.state_dtype(self._levels, recorded=policy is not None and policy.record)
        self.connection.max_body_bytes = max(MAX_REASON_BYTES, self._dtype.itemsize)
        self._send(Header(MessageType.WELCOME, episode=self._number), json.dumps(welcome).encode())
        if policy is not None:
            self._send(Header(MessageType.POLICY, episode=self._number), policy.weights())

    def _observation(self, message: Message) -> Observation:
        header, body = message
        if len(body) != self._dtype.itemsize:
            raise ProtocolError(f"a STATE has {self._dtype.itemsize} bytes by its schema, got {len(body)}")
        self.awaits_action = not header.flags & _LAST
        flat = np.frombuffer(body, FLOAT)
        self._shown = Observation(self.connection.schema, self._levels, header, flat, self._dtype)
        return self._shown

    def _unexpected_end(self, message: Message) -> SimulationError:
        """The simulation said BYE or ERROR in place of a STATE."""
        reason = str(parse_object(message.body).get("reason", "no reason given"))
        self.process.wait(1.0)
        what = f"the simulation failed: {reason}"
        if message.header.type == MessageType.BYE:
            what = f"the simulation ended the episode early: {reason}"
        return SimulationFailed(what, self.process.log, self.process.log_tail())

    def _overdue(self) -> SimulationError:
        """Nothing came, and the deadline or the process is over."""
        if self._link is None:
            return self._silence("did not dial in before the deadline")
        if self._last is not None:
            return self._silence(f"did not exit within {END_GRACE_S:g} s after the end of the episode")
        return self._silence(f"did not send step {self._step} within {self._step_timeout_s:g} s")

    def _silence(self, what: str) -> SimulationError:
        """Nothing more comes: tell a dead process from one that hangs."""
        if self.process.wait(0.0) is not None:
            return self._died(f"the simulation died: {self.process.describe_end()}, before step {self._step}")
        idle_s = time.monotonic() - self._link.last_seen if self._link is not None else float("nan")
        what = f"the simulation {what} (last sign of life {idle_s:.1f} s ago); it was ended"
        return SimulationTimeout(what, self.process.log, self.process.log_tail())

    def _died(self, what: str) -> SimulationDied:
        return SimulationDied(what, self.process.returncode or 0, self.process.log, self.process.log_tail())

    def _clean_up(self, keep_log: bool) -> None:
        if self._ticket is not None:
            self._listener.forget(self._ticket)
        if self._child is not None:
            self._child.release()
        if self._private is not None and not keep_log:
            shutil.rmtree(self._private, ignore_errors=True)
