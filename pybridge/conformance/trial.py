# SPDX-License-Identifier: MIT
"""A simulation that is started for one rule, and a learner that plays the other side by hand."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import zmq

from pybridge.errors import ProtocolError, SchemaError
from pybridge.schema import Levels, Schema, Tensor, parse_schema
from pybridge.wire import Flag, Header, MessageType, pack_header, unpack_header

EPISODE = 2**40 + 7
"""Needs more than 32 bits."""

PATIENCE_S = 120.0
"""For a simulation to compute."""

END_S = 30.0
"""For it to end when it has to."""

HEARTBEAT_MAX_S = 5.0
"""A simulation that computes says so once a second; this much silence is too much."""


class Broken(Exception):
    """The rule does not hold; the text says what was seen."""


class Absent(Exception):
    """The simulation does not offer what the rule is about."""


class Incoming(NamedTuple):
    """A message of the simulation."""

    header: Header
    body: bytes

    def json(self) -> dict[str, Any]:
        """Its body. Raises `Broken`."""
        with contextlib.suppress(ValueError, RecursionError):
            data = json.loads(self.body)
            if isinstance(data, dict):
                return data
        raise Broken(f"the body of {MessageType(self.header.type).name} is no JSON object")


class Trial:
    """One process, one socket."""

    def __init__(self, command: Sequence[str], scenario: Path, *, parent: int | None = None) -> None:
        """Start it. parent: id of the process whose end shall end it; None: this one."""
        self.run_id, self.token = f"trial-{secrets.token_hex(4)}", secrets.token_hex(32)
        self.levels: Levels = "high"
        self.recorded = False
        self.step = 0
        self._peer = b""
        self._schema: Schema | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="slb-")
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        endpoint = f"ipc://{self._directory.name}/link"
        self._socket.bind(endpoint)
        self._log = Path(self._directory.name, "log.txt")
        environment = {
            **os.environ,
            "SLICEBRIDGE_TOKEN": self.token,
            "SLICEBRIDGE_PARENT_PID": str(parent or os.getpid()),
        }
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--scenario", str(scenario), "--agent", endpoint, "--run-id", self.run_id],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._socket.close()
        self._context.term()
        self._directory.cleanup()

    @property
    def schema(self) -> Schema:
        """As HELLO carried it. Raises `Broken`."""
        if self._schema is None:
            raise Broken("there was no HELLO")
        return self._schema

    def receive(self, within_s: float = PATIENCE_S) -> Incoming:
        """Next message that is no heartbeat. Raises `Broken`."""
        deadline = time.monotonic() + within_s
        while (left_s := deadline - time.monotonic()) > 0.0:
            if not self._socket.poll(int(1000.0 * min(left_s, HEARTBEAT_MAX_S)) + 1):
                if self._peer and self.step and left_s > HEARTBEAT_MAX_S:
                    raise Broken(f"nothing came for {HEARTBEAT_MAX_S:g} s, not even HEARTBEAT ({self._state()})")
                continue
            message = self._next()
            if message.header.type != MessageType.HEARTBEAT:
                return message
        raise Broken(f"nothing came within {within_s:g} s ({self._state()})")

    def silence(self, for_s: float) -> None:
        """Nothing comes, heartbeats included. Raises `Broken`."""
        if self._socket.poll(int(for_s * 1000.0)):
            kind = self._next().header.type
            raise Broken(f"{MessageType(kind).name} came while an answer was awaited")

    def _next(self) -> Incoming:
        self._peer, *frames = self._socket.recv_multipart()
        if not 1 <= len(frames) <= 2:
            raise Broken(f"a message of {len(frames)} frames came")
        try:
            return Incoming(unpack_header(frames[0]), frames[1] if len(frames) == 2 else b"")
        except ProtocolError as error:
            raise Broken(str(error)) from None

    def _state(self) -> str:
        code = self.process.poll()
        return "it is running" if code is None else f"it ended with {code}: {self.log_tail()}"

    def log_tail(self) -> str:
        """Last line that the simulation wrote."""
        lines = self._log.read_text(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "")[-200:]

    def expect(self, kind: MessageType, within_s: float = PATIENCE_S) -> Incoming:
        """Next message, which must be of this type. Raises `Broken`."""
        message = self.receive(within_s)
        if message.header.type != kind:
            said = message.body[:200].decode(errors="replace") if message.header.type != MessageType.STATE else ""
            raise Broken(f"{MessageType(message.header.type).name} {said} came in place of {kind.name}")
        return message

    def hello(self) -> Incoming:
        """HELLO, with a schema that makes sense. Raises `Broken`."""
        message = self.expect(MessageType.HELLO)
        text = message.json().get("schema")
        try:
            self._schema = parse_schema(text if isinstance(text, str) else "")
        except SchemaError as error:
            raise Broken(str(error)) from None
        return message

    def send(self, kind: int, body: bytes = b"", *, episode: int = EPISODE, step: int | None = None) -> None:
        """A message of this step, unless told otherwise."""
        self.send_frames([pack_header(Header(kind, 0, episode, self.step if step is None else step)), body])

    def send_frames(self, frames: list[bytes]) -> None:
        """Whatever these are."""
        self._socket.send_multipart([self._peer, *frames])

    def welcome(self, levels: Levels = "high", deadline_ms: int = 0, **further: Any) -> None:
        """Await HELLO and answer it."""
        self.hello()
        self.levels = levels
        if levels == "delegated" and not self.schema.trajectory:
            raise Absent("its schema lists no trajectory")
        self.recorded = bool(further.get("low_policy", {}).get("record"))
        body = {"episode": EPISODE, "levels": levels, "action_deadline_ms": deadline_ms, **further}
        self.send(MessageType.WELCOME, json.dumps(body).encode())

    def state(self) -> Incoming:
        """The STATE of this step: number, episode and size are right. Raises `Broken`."""
        message = self.expect(MessageType.STATE)
        header, body = message
        if (header.episode, header.step) != (EPISODE, self.step):
            raise Broken(f"STATE names episode {header.episode}, step {header.step}, not {EPISODE}, {self.step}")
        size = self.schema.state_dtype(self.levels, recorded=self.recorded).itemsize
        if len(body) != size:
            raise Broken(f"STATE has {len(body)} bytes, {size} by the schema")
        return message

    def action(self, **changes: float) -> bytes:
        """Body of an ACTION that is in range; `changes` give the first element of a tensor another value."""
        dtype = self.schema.action_dtype(self.levels)
        body = np.zeros(1, dtype)
        for tensor in self.schema.action:
            if tensor.name in (dtype.names or ()):
                body[tensor.name] = changes.get(tensor.name, _neutral(tensor))
        return body.tobytes()

    def act(self) -> None:
        """Answer the STATE of this step."""
        self.send(MessageType.ACTION, self.action())
        self.step += 1

    def open(self, levels: Levels = "high", **further: Any) -> None:
        """Handshake and the first STATE."""
        self.welcome(levels, **further)
        self.state()

    def exit_code(self, code: int, within_s: float | None = None) -> None:
        """It ends so, within `END_S` unless told otherwise. Raises `Broken`."""
        within_s = END_S if within_s is None else within_s
        try:
            found = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise Broken(f"it did not end within {within_s:g} s (exit code {code} was due)") from None
        if found != code:
            raise Broken(f"it ended with {found}, exit code {code} was due: {self.log_tail()}")

    def is_last(self, message: Incoming) -> bool:
        """No ACTION is due."""
        return bool(message.header.flags & Flag.LAST)


def _neutral(tensor: Tensor) -> float:
    low, high = tensor.low, tensor.high
    return 0.0 if low is None or high is None else min(max(0.5, low), high)
