# SPDX-License-Identifier: MIT
"""A ROUTER socket of Python's own, for simulations that this process has started.

libzmq moves every message through a thread of its own, which has to be woken up on the way in and on the way out: that
takes longer than all else that a step needs (docs/protocol.md, "What a step costs"). Here the thread that waits for the
message reads it. What is unread stays with the simulation, which waits; and ZeroMQ's heartbeats are answered only while
something is waited for, so that a simulation must watch this process (`SLICEBRIDGE_PARENT_PID`) rather than send any.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pybridge.errors import ProtocolError
from pybridge.router import CLOSED, MAX_MESSAGE_BYTES, QUICK_MS, Arrival
from pybridge.zmtp import GREETING, Conversation, frame_header

_MAX_FRAMES = 3
"""Of a message, which has two at most."""
_QUICK = struct.pack("ll", 0, QUICK_MS * 1000)
_BACKLOG = 1024
_DONTWAIT, _NOW = socket.MSG_DONTWAIT, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_HEADER = b"\x01\x20"
"""Before a header: another frame follows, 32 bytes."""


class _Peer:
    """A connection."""

    __slots__ = ("conversation", "name", "recv_into", "socket", "unsent")

    def __init__(self, connection: socket.socket, name: bytes) -> None:
        self.name = name
        self.socket = connection
        self.recv_into = connection.recv_into
        self.conversation = Conversation(MAX_MESSAGE_BYTES, _MAX_FRAMES)
        self.unsent = bytearray(GREETING)


class LocalRouter:
    """As `pybridge.router.Router`."""

    def __init__(self, endpoint: str, refused: Callable[[str], None]) -> None:
        """Bind. refused: called with a reason for who does not speak ZMTP. Raises `OSError`."""
        self._refused = refused
        self._owner = os.getpid()
        self._listening, self.endpoint, self._path = _listen(endpoint)
        self._events = select.epoll()
        self._events.register(self._listening, select.EPOLLIN)
        self.fd = self._events.fileno()
        self._peers: dict[bytes, _Peer] = {}
        self._by_descriptor: dict[int, _Peer] = {}
        self._arrived: deque[Arrival] = deque()
        self._names = 0

    def receive(self, quick: bool) -> Arrival | None:
        """As `Router.receive`; quick: nobody but the one peer is waited for."""
        arrived = self._arrived
        if not arrived:
            if quick and len(self._peers) == 1:
                self._read(next(iter(self._peers.values())), 0)
            else:
                self._look()
        return arrived.popleft() if arrived else None

    def has_message(self) -> bool:
        """As `Router.has_message`."""
        if not self._arrived:
            self._look()
        return bool(self._arrived)

    def send(self, peer: bytes, header: bytes, body: Any) -> None:
        """As `Router.send`. What the socket has no room for leaves while something is waited for."""
        to = self._peers.get(peer)
        if to is None:
            raise ProtocolError(CLOSED)
        message = b"".join((_HEADER, header, frame_header(memoryview(body).nbytes), body))
        if to.unsent:
            to.unsent += message
            return
        try:
            sent = to.socket.send(message, _NOW)
        except BlockingIOError:
            sent = 0
        except OSError:
            raise ProtocolError(CLOSED) from None  # not dropped: its last words may lie here unread
        if sent < len(message):
            to.unsent += message[sent:]
            self._events.modify(to.socket, select.EPOLLIN | select.EPOLLOUT)

    def close(self) -> None:
        """As `Router.close`. A fork of the process that bound leaves everything alone."""
        if os.getpid() != self._owner or self._events.closed:
            return
        for peer in list(self._peers.values()):
            self._drop(peer)
        self._listening.close()
        self._events.close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _look(self) -> None:
        """Take what has come, from everybody a piece, and who has come."""
        for descriptor, events in self._events.poll(0.0):
            peer = self._by_descriptor.get(descriptor)
            if peer is None:
                self._accept()
                continue
            if events & select.EPOLLOUT:
                self._flush(peer)
            if events & ~select.EPOLLOUT:
                self._read(peer, _DONTWAIT)

    def _accept(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except OSError:  # it has gone again, or there are no descriptors left
            return
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _QUICK)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._names += 1
        peer = _Peer(connection, struct.pack(">Q", self._names))
        self._peers[peer.name] = self._by_descriptor[connection.fileno()] = peer
        self._events.register(connection, select.EPOLLIN | select.EPOLLOUT)

    def _read(self, peer: _Peer, flags: int) -> None:
        conversation = peer.conversation
        try:
            size = peer.recv_into(conversation.room(), 0, flags)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size:
            self._drop(peer)
            return
        conversation.filled(size)
        try:
            while (frames := conversation.take()) is not None:
                body = frames[-1] if len(frames) > 1 else b""
                self._arrived.append(Arrival(peer.name, frames[0], body, len(frames)))
        except ProtocolError as error:
            self._refused(str(error))
            self._drop(peer)
            return
        if conversation.answer:
            peer.unsent += conversation.answer
            conversation.answer = b""
            self._flush(peer)

    def _flush(self, peer: _Peer) -> None:
        try:
            sent = peer.socket.send(peer.unsent, _NOW)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(peer)
            return
        del peer.unsent[:sent]
        rest = select.EPOLLOUT if peer.unsent else 0
        self._events.modify(peer.socket, select.EPOLLIN | rest)

    def _drop(self, peer: _Peer) -> None:
        if self._peers.pop(peer.name, None) is not None:
            del self._by_descriptor[peer.socket.fileno()]
            peer.socket.close()


def _listen(endpoint: str) -> tuple[socket.socket, str, Path | None]:
    """A socket, where it listens, and the path that it has made."""
    scheme, _, rest = endpoint.partition("://")
    if scheme == "ipc":
        listening = socket.socket(socket.AF_UNIX)
        is_abstract = rest.startswith("@")
        address: Any = f"\0{rest[1:]}" if is_abstract else rest
        if not is_abstract:
            _remove_left_over(Path(rest))
    else:
        host, _, port = rest.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        address = (host.strip("[]"), 0 if port == "*" else int(port))
    try:
        listening.bind(address)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    if scheme == "ipc":
        return listening, endpoint, None if is_abstract else Path(rest)
    return listening, f"tcp://{host}:{listening.getsockname()[1]}", None


def _remove_left_over(path: Path) -> None:
    """A socket that nobody listens at any more keeps its file. Raises `OSError` if somebody does."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as trial:
        if trial.connect_ex(str(path)) == 0:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    path.unlink()
