# SPDX-License-Identifier: MIT
"""A proxy between simulations and a learner that loses, repeats, holds up or cuts messages."""

from __future__ import annotations

import random
import shlex
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import zmq

Kind = Literal["drop", "duplicate", "delay", "truncate"]
DELAY_MAX_S = 0.1


class FaultyLink:
    """Simulations dial `program`'s endpoint; each is passed on by a DEALER of its own, as if it dialled the learner.

    Every message, of either direction and any type, meets the fault with the same probability.
    """

    def __init__(self, directory: Path, program: Path, kind: Kind, seed: int, probability: float) -> None:
        self.endpoint = f"ipc://{directory}/learner"
        """Where the learner shall listen."""
        self.faults = 0
        self._kind = kind
        self._random = random.Random(seed)
        self._probability = probability
        self._context = zmq.Context()
        self._front = self._context.socket(zmq.ROUTER)
        self._front.bind(f"ipc://{directory}/proxy")
        self._backs: dict[bytes, zmq.Socket[bytes]] = {}
        self._free: dict[tuple[Any, ...], float] = {}
        self._held: list[tuple[float, Callable[[], None]]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.program = directory / "dial-the-proxy"
        """Command that runs the real one, with another endpoint."""
        # ran-slicing takes the last of options given twice.
        command = f'exec {shlex.quote(str(program))} "$@" --agent ipc://{directory}/proxy'
        self.program.write_text(f"#!/bin/sh\n{command}\n")
        self.program.chmod(0o755)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._context.destroy(linger=0)

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._front, zmq.POLLIN)
        while not self._stop.is_set():
            for socket, _ in poller.poll(5):
                frames = socket.recv_multipart()
                if socket is self._front:
                    peer = frames.pop(0)
                    if peer not in self._backs:
                        self._backs[peer] = self._context.socket(zmq.DEALER)
                        self._backs[peer].connect(self.endpoint)
                        poller.register(self._backs[peer], zmq.POLLIN)
                    self._pass(self._backs[peer], [], frames)
                else:
                    peer = next(name for name, back in self._backs.items() if back is socket)
                    self._pass(self._front, [peer], frames)
            now = time.monotonic()
            due = [send for when, send in self._held if when <= now]
            self._held = [item for item in self._held if item[0] > now]
            for send in due:
                send()

    def _pass(self, socket: zmq.Socket[Any], address: list[bytes], frames: list[bytes]) -> None:
        faulty = self._random.random() < self._probability
        self.faults += faulty
        if self._kind == "delay":
            # As on a wire: what comes behind waits as well.
            key = (id(socket), *address)
            delay_s = self._random.uniform(0.0, DELAY_MAX_S) if faulty else 0.0
            self._free[key] = max(self._free.get(key, 0.0), time.monotonic() + delay_s)
            self._held.append((self._free[key], lambda: socket.send_multipart(address + frames)))
        elif not faulty:
            socket.send_multipart(address + frames)
        elif self._kind == "duplicate":
            socket.send_multipart(address + frames)
            socket.send_multipart(address + frames)
        elif self._kind == "truncate":
            where = self._random.randrange(len(frames))
            size = self._random.randrange(max(len(frames[where]), 1))
            socket.send_multipart([*address, *frames[:where], frames[where][:size], *frames[where + 1 :]])
