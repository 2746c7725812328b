# SPDX-License-Identifier: MIT
"""The socket that simulations dial: who listens, and how frames come and go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import zmq

from pybridge.errors import ProtocolError
from pybridge.gate import Gate
from pybridge.keys import LearnerKey

MAX_MESSAGE_BYTES = 32 * 2**20
"""Larger messages make the peer's connection end."""

MAX_UNREAD = 64
"""Messages of one simulation that may wait to be read; in lock-step there is one."""

QUICK_MS = 20
"""How long the end of a process may stay unseen: so long only the socket is waited for. On a machine whose processors
are shared, waits of a few milliseconds are nothing unusual, and each that is given up costs more than a step."""

CLOSED = "the simulation has closed its end of the link"

_LINGER_MS = 200

# Plain integers: an IntFlag costs a microsecond at every use.
_DONTWAIT = int(zmq.DONTWAIT)
_MORE = int(zmq.SNDMORE | zmq.DONTWAIT)
_READABLE = int(zmq.POLLIN)
_EVENTS = int(zmq.EVENTS)


class Arrival(NamedTuple):
    """A message and who sent it."""

    peer: bytes
    header: bytes
    body: bytes
    """The last frame, empty if there is but one."""
    n_frames: int
    """More than two are too many, however many."""


class Router(Protocol):
    """What a `Listener` needs of a ROUTER socket. Not for use from two threads at once."""

    endpoint: str
    """Where it listens."""
    fd: int
    """Becomes readable when `has_message` is to be asked."""

    def receive(self, quick: bool) -> Arrival | None:
        """Next message; None if there is none, with `quick` not within `QUICK_MS` either."""

    def has_message(self) -> bool:
        """`receive` has one. Asking also makes `fd` tell of what comes next: it is never polled without."""

    def send(self, peer: bytes, header: bytes, body: Any) -> None:
        """Send a message, without waiting. Raises `ProtocolError` if the peer has gone."""

    def close(self) -> None:
        """What was sent before still leaves. May be called twice."""


class ZmqRouter:
    """libzmq's, for keys, simulations on other hosts, and all that is not started by the learner.

    Its threads read, write and answer ZeroMQ's heartbeats whatever Python is doing.
    """

    def __init__(self, endpoint: str, key: LearnerKey | None, refused: Callable[[str], None]) -> None:
        """Bind. refused: called with a reason for each stranger. Raises `zmq.ZMQError`."""
        # A context of its own: closing it disturbs nobody, and a fork of this process does not share it.
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        try:
            if key is not None:
                Gate(self._socket, key, refused)
            self._socket.linger = _LINGER_MS
            self._socket.router_mandatory = True
            self._socket.rcvtimeo = QUICK_MS
            self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
            self._socket.setsockopt(zmq.IPV6, int(endpoint.startswith("tcp://[")))
            self._socket.rcvhwm = MAX_UNREAD
            self._socket.bind(endpoint)
        except BaseException:
            self.close()
            raise
        self.fd: int = self._socket.getsockopt(zmq.FD)  # type: ignore[assignment]
        self.use(super(zmq.Socket, self._socket))  # the compiled class, without pyzmq's conveniences around it
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def use(self, socket: Any) -> None:
        """Send and receive by this, a `zmq.backend.Socket`."""
        self._send_frame, self._receive = socket.send, socket.recv
        self._option: Callable[[int], int] = socket.get

    def receive(self, quick: bool) -> Arrival | None:
        """As `Router.receive`."""
        receive = self._receive
        try:
            peer = receive(0 if quick else _DONTWAIT)
        except zmq.Again:
            return None
        frame = receive(_DONTWAIT, False)  # it knows whether another one follows, which is dear to ask the socket
        header, body, n_frames = frame.bytes, b"", 1
        while frame.more:
            frame, n_frames = receive(_DONTWAIT, False), n_frames + 1
            body = frame.bytes
        return Arrival(peer, header, body, n_frames)

    def has_message(self) -> bool:
        """As `Router.has_message`."""
        return self._option(_EVENTS) & _READABLE != 0

    def send(self, peer: bytes, header: bytes, body: Any) -> None:
        """As `Router.send`."""
        try:
            self._send_frame(peer, _MORE)
            self._send_frame(header, _MORE)
            self._send_frame(body, _DONTWAIT)
        except zmq.ZMQError as error:
            if error.errno in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise ProtocolError(CLOSED) from None
            raise

    def close(self) -> None:
        """As `Router.close`."""
        self._socket.close()
        self._context.term()
