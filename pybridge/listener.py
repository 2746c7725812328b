# SPDX-License-Identifier: MIT
"""One ROUTER socket that any number of simulations dial (docs/protocol.md)."""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import os
import select
import shutil
import tempfile
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import zmq

from pybridge.errors import EndpointError, ProtocolError, SchemaError, SliceBridgeError
from pybridge.keys import read_learner_key
from pybridge.local_router import LocalRouter
from pybridge.process import Watched, poll_interval_s
from pybridge.router import MAX_UNREAD, QUICK_MS, Arrival, Router, ZmqRouter
from pybridge.schema import Schema, parse_schema, schema_digest
from pybridge.wire import PROTOCOL_VERSION, Header, MessageType, pack_header, unpack_header

_log = logging.getLogger(__name__)

IPC_PATH_MAX_BYTES = 107
"""sockaddr_un holds 108 bytes with the terminating zero."""

MAX_REASON_BYTES = 64 * 2**10
"""Largest body of what an accepted simulation sends besides its STATEs."""

_LOOPBACK_HOSTS = ("127.0.0.1", "[::1]", "localhost")
_QUICK_S = QUICK_MS * 1e-3
_LAST_WORDS_MS = 50.0

_KEPT = tuple(int(kind) for kind in (MessageType.STATE, MessageType.BYE, MessageType.ERROR))

_DRAIN_MAX = 256
"""Messages sorted at a time, so that a flood cannot keep a deadline from being looked at."""

_POLL_MAX_S = 86_400.0
"""Longest single poll; a longer wait is several."""

_HELLO_KEYS = {
    "protocol": int,
    "run_id": str,
    "token": str,
    "pid": int,
    "schema_hash": str,
    "schema": str,
    "versions": dict,
}


class Message(NamedTuple):
    """A message of an accepted simulation."""

    header: Header
    body: bytes


@dataclass(eq=False)
class Ticket:
    """A simulation that is expected: it must name this run id and prove it by the token."""

    run_id: str
    token: str = field(repr=False)
    connection: Connection | None = None
    failure: SliceBridgeError | None = None
    """Why the holder of the right token could not be accepted."""


class Listener:
    """Accepts simulations that are expected, refuses all others, and sorts what they send.

    Single-threaded: a listener and its connections belong to one thread. Strangers, wrong tokens and malformed
    messages are refused, logged and counted, and never disturb the other simulations.
    """

    def __init__(self, endpoint: str | None = None, key: Path | str | None = None, *, children: bool = False) -> None:
        """Bind.

        endpoint: "ipc://PATH", "tcp://127.0.0.1:PORT" (or `*` as PORT); None: ipc in a private directory. With a `key`
            also "tcp://HOST:PORT".
        key: `learner.key` of `slicebridge keys`: only who has `simulation.key` is let in, and all is encrypted.
        children: none is expected but processes that this one starts, which watch it: without a key, messages then
            take half the way (`pybridge.local_router`).

        Raises `EndpointError`, `KeyFileError`.
        """
        learner_key = None if key is None else read_learner_key(key)
        self.refused = 0
        self.endpoint = ""
        self._tickets: dict[str, Ticket] = {}
        self._connections: dict[bytes, Connection] = {}
        self._directory: Path | None = None
        if endpoint is None:
            self._directory = Path(tempfile.mkdtemp(prefix="slb-"))
            endpoint = f"ipc://{self._directory}/link"
        opened: list[Router] = []
        self._finalizer = weakref.finalize(self, _release, opened, self._directory, os.getpid())
        try:
            check_endpoint(endpoint, learner_key is not None)
            router: Router
            if children and learner_key is None and hasattr(select, "epoll"):
                router = LocalRouter(endpoint, self._note_refusal)
            else:
                router = ZmqRouter(endpoint, learner_key, self._note_refusal)
        except (OSError, zmq.ZMQError) as error:
            self.close()
            raise EndpointError(f"cannot listen on {endpoint}: {error.strerror}") from None
        except EndpointError:
            self.close()
            raise
        opened.append(router)
        self._router = router
        self._pollers: dict[int | None, Callable[[float], list[tuple[int, int]]]] = {}
        self.endpoint = router.endpoint

    def expect(self, run_id: str, token: str) -> Ticket:
        """Accept one simulation of this run id and token from now on."""
        if run_id in self._tickets:
            raise ValueError(f"run id `{run_id}` is taken")
        ticket = Ticket(run_id, token)
        self._tickets[run_id] = ticket
        return ticket

    def forget(self, ticket: Ticket) -> None:
        """Expect this simulation no more; what it may still send is dropped."""
        self._tickets.pop(ticket.run_id, None)
        if ticket.connection is not None:
            self._connections.pop(ticket.connection.peer, None)

    def pump(self, deadline: float, process: Watched | None = None) -> bool:
        """Wait until something arrives and sort it, whoever sent it; False once nothing can be waited for any more.

        deadline: on the clock `time.monotonic()`.
        process: stop waiting when it ends, and return False then if it left no message.
        """
        # The cheapest way to wait, for simulations that answer at once.
        arrival = self._router.receive(self._all_connected and monotonic() + _QUICK_S < deadline)
        if arrival is not None:
            self._sort(arrival)
            if len(self._connections) > 1 and self._router.has_message():
                self._drain()
            return True
        if self._router.has_message():
            self._drain()
            return True
        poll, slice_s = self._poller(process), poll_interval_s(process)
        while True:
            left_s = max(deadline - monotonic(), 0.0)
            wait_s = min(left_s, _POLL_MAX_S if slice_s is None else slice_s)
            events = poll(wait_s * 1000.0 + 0.999)
            if self._router.has_message():
                self._drain()
                return True
            if any(source != self._router.fd for source, _ in events) or (
                process is not None and process.returncode is not None
            ):
                # What the process sent before it ended may arrive a moment after the news of its end.
                if self._poller(None)(_LAST_WORDS_MS) and self._router.has_message():
                    self._drain()
                    return True
                return False
            if monotonic() >= deadline:
                return False

    def close(self) -> None:
        """Close the socket and remove the private directory. May be called twice."""
        self._finalizer()

    def send(self, peer: bytes, header: Header, body: Any) -> None:
        """Send one message. Raises `ProtocolError` if the peer has gone."""
        self._router.send(peer, pack_header(header), body)

    @property
    def _all_connected(self) -> bool:
        """Nobody is expected to dial in."""
        return len(self._connections) == len(self._tickets)

    def _poller(self, process: Watched | None) -> Callable[[float], list[tuple[int, int]]]:
        """`select.poll` on the socket and on the end of a process, made once per file descriptor."""
        pidfd = None if process is None else process.pidfd
        poll = self._pollers.get(pidfd)
        if poll is None:
            poller = select.poll()
            for descriptor in (self._router.fd, pidfd):
                if descriptor is not None:
                    poller.register(descriptor, select.POLLIN)
            poll = self._pollers[pidfd] = poller.poll
        return poll

    def _drain(self) -> None:
        """Sort what is there."""
        for _ in range(_DRAIN_MAX):
            arrival = self._router.receive(False)
            if arrival is None:
                return
            self._sort(arrival)

    def _sort(self, arrival: Arrival) -> None:
        """Give a message to whom it concerns."""
        peer, header, body, n_frames = arrival
        connection = self._connections.get(peer)
        try:
            if n_frames > 2:
                raise ProtocolError(f"a message has one or two frames, got {n_frames}")
            message = Message(unpack_header(header), body)
            if connection is not None:
                connection.take(message)
            elif message.header.type == MessageType.HELLO:
                self._greet(peer, message.body)
            # Anything else from a stranger was sent before its refusal reached it.
        except ProtocolError as error:
            if connection is not None:
                connection.failure = error
            self._refuse(peer, str(error))

    def _greet(self, peer: bytes, body: bytes) -> None:
        hello = _parse_hello(body)
        ticket = self._tickets.get(hello["run_id"])
        expected = "" if ticket is None else ticket.token
        if not _equal(expected, hello["token"]) or ticket is None:
            raise ProtocolError("unknown run id or wrong token")
        if ticket.connection is not None:
            raise ProtocolError(f"run id `{ticket.run_id}` is connected already")
        try:
            schema = _accept_schema(hello)
        except (ProtocolError, SchemaError) as error:
            ticket.failure = error
            raise ProtocolError(str(error)) from None
        ticket.connection = Connection(self, peer, schema, hello)
        self._connections[peer] = ticket.connection

    def _refuse(self, peer: bytes, reason: str) -> None:
        self._note_refusal(reason)
        with contextlib.suppress(ProtocolError):
            self.send(peer, Header(MessageType.REFUSE), json.dumps({"reason": reason}).encode())

    def _note_refusal(self, reason: str) -> None:
        self.refused += 1
        _log.warning("refused a peer on %s: %s", self.endpoint, reason)


class Connection:
    """An accepted simulation."""

    def __init__(self, listener: Listener, peer: bytes, schema: Schema, hello: dict[str, Any]) -> None:
        self.peer = peer
        self.schema = schema
        self.pid: int = hello["pid"]
        """Process id that the simulation states."""
        self.versions: dict[str, str] = hello["versions"]
        """Versions of the software on its side."""
        self.failure: ProtocolError | None = None
        self.max_body_bytes = MAX_REASON_BYTES
        """Largest body taken."""
        self.last_seen = monotonic()
        """When anything came last, on the clock `time.monotonic()`."""
        self.debug: dict[str, Any] | None = hello.get("debug")
        """What it offers to a debugger, as it came; None: nothing."""
        self.max_slots_bytes = 0
        """Largest SLOTS message taken; 0: none is due."""
        self._listener = listener
        self._inbox: deque[Message] = deque()

    def take(self, message: Message) -> None:
        """Called by the listener with what this peer sent."""
        self.last_seen = monotonic()
        kind = message.header.type
        if kind in _KEPT:
            self._keep(message, self.max_body_bytes)
        elif kind == MessageType.SLOTS and self.max_slots_bytes:
            self._keep(message, self.max_slots_bytes)
        elif kind != MessageType.HEARTBEAT:
            raise ProtocolError(f"a simulation may not send {MessageType(kind).name} now")

    def _keep(self, message: Message, max_bytes: int) -> None:
        """What a peer sends must not fill the memory, whether somebody reads it or not."""
        if self.failure is not None:
            return
        if len(message.body) > max_bytes:
            raise ProtocolError(f"a message of up to {max_bytes} bytes was due, got {len(message.body)}")
        if len(self._inbox) == MAX_UNREAD:
            raise ProtocolError(f"{MAX_UNREAD} messages came without any answer being waited for")
        self._inbox.append(message)

    @property
    def has_news(self) -> bool:
        """`take_next` has a message, or an error."""
        return bool(self._inbox) or self.failure is not None

    def take_next(self) -> Message | None:
        """Next message that has arrived. Raises `ProtocolError` if the peer sent something malformed."""
        if self._inbox:
            return self._inbox.popleft()
        if self.failure is not None:
            raise self.failure
        return None

    def send(self, header: Header, body: Any) -> None:
        """Send one message. `body` is any contiguous buffer. Raises `ProtocolError` if the peer has gone."""
        self._listener.send(self.peer, header, body)


def check_endpoint(endpoint: str, has_key: bool = False) -> None:
    """Raise `EndpointError` unless `endpoint` is a short enough ipc path or a TCP port on loopback.

    has_key: other hosts may dial in, so TCP may be on any address.
    """
    scheme, _, rest = endpoint.partition("://")
    if scheme == "ipc" and rest:
        size = len(os.fsencode(rest))
        if size > IPC_PATH_MAX_BYTES:
            raise EndpointError(
                f"the ipc path {rest} has {size} bytes, {IPC_PATH_MAX_BYTES} is the most that the system takes: "
                "choose a shorter one (TMPDIR decides where the private directory lies)"
            )
        return
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not (port == "*" or (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise EndpointError(f'an endpoint is "ipc://PATH" or "tcp://127.0.0.1:PORT", got {endpoint!r}')
    if host not in _LOOPBACK_HOSTS and not (has_key and host):
        raise EndpointError(
            f"without a key tcp is for loopback only (127.0.0.1), got host {host!r}; `slicebridge keys` makes one"
        )


def parse_object(body: bytes) -> dict[str, Any]:
    """JSON object in a body. Raises `ProtocolError`."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise ProtocolError("the body is no JSON object")
    return data


def _parse_hello(body: bytes) -> dict[str, Any]:
    hello = parse_object(body)
    for key, kind in _HELLO_KEYS.items():
        if not isinstance(hello.get(key), kind):
            raise ProtocolError(f"HELLO lacks `{key}`, or it is no {kind.__name__}")
    return hello


def _accept_schema(hello: dict[str, Any]) -> Schema:
    if hello["protocol"] != PROTOCOL_VERSION:
        raise ProtocolError(
            f"the simulation speaks protocol {hello['protocol']}, this side {PROTOCOL_VERSION}: run `make build`"
        )
    if not _equal(schema_digest(hello["schema"]), hello["schema_hash"]):
        raise SchemaError("the schema's text does not have the hash that the simulation gave for it")
    return parse_schema(hello["schema"])


def _equal(expected: str, given: str) -> bool:
    """Compares in a time that tells nothing; what JSON's escapes can hold, but UTF-8 cannot, is just unequal."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="surrogatepass"))


def _release(opened: list[Router], directory: Path | None, owner: int) -> None:
    """Finalizer; a fork of the process that bound must neither touch its sockets nor remove its directory."""
    if os.getpid() != owner:
        return
    for router in opened:
        router.close()
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)
