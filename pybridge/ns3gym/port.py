# SPDX-License-Identifier: MIT
"""The client's end of ns3-gym's protocol: a port on loopback that one simulation after the other dials."""

from __future__ import annotations

import logging
import os
import time
import weakref
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from pybridge.errors import EndpointError, ProtocolError
from pybridge.ns3gym import messages as wire
from pybridge.process import SimulationProcess, poll_interval_s

_log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 32 * 2**20
_LINGER_MS = 1_000
_WATCHED = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED


class Ns3GymPort:
    """Speaks to the REQ socket of one simulation at a time; others are told to stop.

    A ROUTER in place of ns3-gym's REP: the bytes are the same, and a simulation that dies in the middle of an exchange
    leaves no state behind. From one thread.
    """

    def __init__(self, number: int) -> None:
        """Bind on loopback. number: 1..65535, or 0 for any free port. Raises `EndpointError`."""
        self._peer: bytes | None = None
        self._retired: set[bytes] = set()
        self._connections: set[int] = set()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._monitor = self._socket.get_monitor_socket(_WATCHED)
        self._finalizer = weakref.finalize(self, _release, self._context, self._socket, self._monitor, os.getpid())
        self._socket.linger = _LINGER_MS
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        try:
            self._socket.bind(f"tcp://127.0.0.1:{number or '*'}")
        except zmq.ZMQError as error:
            self._finalizer()
            raise EndpointError(f"cannot listen on port {number} of 127.0.0.1: {error.strerror}") from None
        self.number = int(self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])

    @property
    def is_connected(self) -> bool:
        """Whether any simulation holds a connection."""
        self._read_monitor()
        return bool(self._connections)

    def receive(self, deadline: float, process: SimulationProcess | None) -> bytes | None:
        """Next message of the simulation, the first of a new one if there is none.

        None when the deadline (`time.monotonic()`) passed, the process ended or the connection was closed first.
        Raises `ProtocolError`.
        """
        watched: list[tuple[Any, int]] = [(self._socket, zmq.POLLIN), (self._monitor, zmq.POLLIN)]
        if process is not None and process.pidfd is not None:
            watched.append((process.pidfd, zmq.POLLIN))
        interval_s = poll_interval_s(process)
        while True:
            body = self._take()
            if body is not None:
                return body
            gone = (process is not None and process.returncode is not None) or (
                self._peer is not None and not self.is_connected
            )
            left_s = deadline - time.monotonic()
            if gone or left_s <= 0.0:
                return self._take()  # it may have spoken and gone
            wait_s = left_s if interval_s is None else min(left_s, interval_s)
            zmq.zmq_poll(watched, int(wait_s * 1000) + 1)

    def send(self, message: Any) -> None:
        """Answer the simulation."""
        assert self._peer is not None
        self._send(self._peer, message)

    def hang_up(self) -> None:
        """Forget the simulation; the next one may introduce itself."""
        if self._peer is not None:
            self._retired.add(self._peer)
            self._peer = None

    def close(self) -> None:
        """Give the port back. May be called twice."""
        self._finalizer()

    def _take(self) -> bytes | None:
        """A message of the simulation that is there already, or None."""
        while True:
            try:
                sender, *frames = self._socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return None
            if sender in self._retired:
                continue
            if self._peer is None:
                self._peer = sender
            if sender == self._peer:
                if len(frames) != 2 or frames[0]:
                    raise ProtocolError("the simulation does not speak as a REQ socket, ns3-gym's do")
                return frames[1]
            _log.warning("port %d: a second simulation is told to stop", self.number)
            self._retired.add(sender)
            self._send(sender, wire.new("Welcome", stop=True))

    def _send(self, peer: bytes, message: Any) -> None:
        self._socket.send_multipart([peer, b"", message.SerializeToString()])

    def _read_monitor(self) -> None:
        while self._monitor.poll(0):
            event = parse_monitor_message(self._monitor.recv_multipart())
            if event["event"] == zmq.EVENT_ACCEPTED:
                self._connections.add(int(event["value"]))
            else:
                self._connections.discard(int(event["value"]))


def _release(context: zmq.Context[Any], socket: zmq.Socket[Any], monitor: zmq.Socket[Any], owner: int) -> None:
    """Finalizer; a fork of the process that bound must not touch its context."""
    if os.getpid() == owner:
        socket.disable_monitor()
        monitor.close(0)
        socket.close()
        context.term()
