# SPDX-License-Identifier: MIT
"""Lets through to a socket only who has the right key, and tells of all others (ZeroMQ ZAP, RFC 27)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import zmq
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from pybridge.keys import LearnerKey

_log = logging.getLogger(__name__)

_ZAP_ADDRESS = "inproc://zeromq.zap.01"
_MONITOR_ADDRESS = "inproc://slicebridge-gate"
_REFUSED_BY_ZMQ = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL


class Gate:
    """The server's side of CURVE for one socket: a thread that ends with the socket's context."""

    def __init__(self, socket: zmq.Socket[Any], key: LearnerKey, refused: Callable[[str], None]) -> None:
        """To be made before the socket binds. refused: called from the thread, with a reason, for each stranger."""
        context = socket.context
        self._key, self._refused = key, refused
        self._zap = context.socket(zmq.REP)
        self._zap.linger = 0
        self._zap.bind(_ZAP_ADDRESS)
        socket.monitor(_MONITOR_ADDRESS, _REFUSED_BY_ZMQ)
        self._monitor = context.socket(zmq.PAIR)
        self._monitor.linger = 0
        self._monitor.connect(_MONITOR_ADDRESS)
        socket.curve_server = True
        socket.curve_secretkey = key.secret
        socket.zap_domain = b"slicebridge"
        threading.Thread(target=self._serve, name="slicebridge-gate", daemon=True).start()

    def _serve(self) -> None:
        poller = zmq.Poller()
        for socket in (self._zap, self._monitor):
            poller.register(socket, zmq.POLLIN)
        try:
            while True:
                ready = dict(poller.poll())
                if self._zap in ready:
                    self._answer(self._zap.recv_multipart())
                if self._monitor in ready:
                    parse_monitor_message(self._monitor.recv_multipart())
                    self._refused("it has no key, or not this learner's")
        except zmq.ContextTerminated:
            pass
        finally:
            self._zap.close()
            self._monitor.close()

    def _answer(self, request: list[bytes]) -> None:
        version, number, _, address, _, mechanism, *credentials = request
        known = mechanism == b"CURVE" and [z85.encode(key) for key in credentials] == [self._key.simulation_public]
        if not known:
            self._refused(f"its key is unknown (from {address.decode(errors='replace')})")
        status = (b"200", b"OK") if known else (b"400", b"unknown key")
        self._zap.send_multipart((version, number, *status, b"", b""))
