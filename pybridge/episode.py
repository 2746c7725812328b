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
from pybridge.listener import MAX_REASON_BYTES, Connection, Listener, Message, Ticket, parse_object
from pybridge.observation import FLOAT, Action, Observation
from pybridge.process import Program, SimulationProcess, Watched
from pybridge.remote import Remote, RemotePeer, start_command, write_ticket
from pybridge.schema import Levels, Schema
from pybridge.wire import Flag, Header, MessageType

if TYPE_CHECKING:
    from pybridge.low_policy import LowPolicy

_log = logging.getLogger(__name__)

# A plain integer: an IntFlag costs a microsecond at every use.
_LAST = int(Flag.LAST)

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
    ) -> None:
        """low_policy: what the simulation shall decide about UEs by, with levels "delegated"."""
        self.awaits_action = False
        self.dropped = 0
        self.deadline = math.inf
        """Of what is being waited for, on the clock `time.monotonic()`."""
        self._listener = listener
        self._number = number
        self._levels = levels
        self._step_timeout_s = step_timeout_s
        self._low_policy = low_policy
        self._step = 0
        self._last: Observation | None = None
        self._private: Path | None = None
        self._ticket: Ticket | None = None
        self._link: Connection | None = None
        self._child: SimulationProcess | RemotePeer | None = None
        self._remote: RemotePeer | None = None
        self._dtype: np.dtype[Any] = np.dtype([])

    @property
    def process(self) -> SimulationProcess | RemotePeer:
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
            self._child = self._remote = RemotePeer(program.heartbeat_timeout_s)
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
                [*program.command, *arguments], directory / "log.txt", {"SLICEBRIDGE_TOKEN": token}, fork=program.fork
            )
        self.deadline = time.monotonic() + connect_timeout_s

    def wait(self) -> Observation:
        """Next observation. Raises `SimulationError`, `ProtocolError`, `SchemaError`."""
        while True:
            observation = self.advance()
            if observation is None and not self._pump(self.deadline, self._child):
                observation = self.conclude()
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
                if self._remote is not None:
                    self._remote.ended()
            elif message.header.type != MessageType.STATE:
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

    def send_action(self, action: Action) -> None:
        """Answer the STATE that was received last."""
        header = Header(MessageType.ACTION, episode=self._number, step=self._step)
        self.awaits_action = False
        self._step += 1
        self.deadline = time.monotonic() + self._step_timeout_s
        if self._remote is not None:
            self._remote.computes()
        self._send(header, action.flat)

    def stop(self) -> None:
        """End early: BYE if the simulation waits for an action, else at once. Never raises for its sake."""
        if self._child is None or not self.awaits_action:
            self.kill()
            return
        self.awaits_action = False
        header = Header(MessageType.BYE, episode=self._number, step=self._step)
        try:
            self.connection.send(header, json.dumps({"reason": "the learner ended the episode"}).encode())
            if self._remote is not None:
                self._remote.ended()
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
        if self._child is not None:
            self._child.terminate()
        self._clean_up(keep_log=True)

    def _send(self, header: Header, body: Any) -> None:
        try:
            self.connection.send(header, body)
        except ProtocolError:
            # A process that is being killed closes its sockets a moment before its end can be seen.
            self.process.wait(1.0)
            raise self._silence("has closed its end of the link") from None

    def _accept(self) -> bool:
        """Welcome the simulation, once it has dialled in."""
        ticket = self._ticket
        assert ticket is not None
        if ticket.failure is not None:
            raise ticket.failure
        self._link = ticket.connection
        if self._link is None:
            return False
        if self._remote is not None:
            self._remote.attach(self._link)
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
        return Observation(self.connection.schema, self._levels, header, flat, self._dtype)

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
