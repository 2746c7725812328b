# SPDX-License-Identifier: MIT
"""Malformed conversations against the learner, below its socket.

    python -m tests.link.fuzz [SEQUENCES] [FIRST]

A case is the conversation of a peer, and one of a stranger, both damaged, while a well-behaved simulation is being
served. The number of a case decides all of it, so that a failure is repeated by `python -m tests.link.fuzz 1 NUMBER`.
"""

from __future__ import annotations

import json
import logging
import math
import resource
import sys
import time
import tracemalloc
from collections import Counter, deque
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import zmq

from pybridge.episode import Episode
from pybridge.errors import SliceBridgeError
from pybridge.listener import Listener
from pybridge.observation import Action, Observation
from pybridge.router import ZmqRouter
from pybridge.schema import Levels
from pybridge.wire import MessageType, unpack_header
from tests.link.frames import (
    FROM_SIMULATIONS,
    SCHEMA,
    Damage,
    Frames,
    conversation,
    hello,
    is_malformed,
    state,
)
from tests.link.low_policies import random_policy

TOKEN = "ab" * 32
POLICY = random_policy(width=2, record=True)
GOOD, BAD, STRANGER = b"good", b"bad", b"stranger"
GOOD_CASES = 200
"""Cases that the well-behaved simulation's episode lasts."""
TRACED_EVERY = 100
"""One case in so many has its memory looked at, which makes it slow."""
PEAK_BYTES = 16 * 2**20
"""Far above what a case sends, far below what its schemas may declare."""


class ScriptedFrame(NamedTuple):
    """In place of `zmq.Frame`."""

    bytes: bytes
    more: bool


class ScriptedSocket:
    """In place of the ROUTER: gives what is put in, keeps what is sent."""

    def __init__(self) -> None:
        self.sent: dict[bytes, list[Frames]] = {}
        self._incoming: deque[Frames] = deque()
        self._current: deque[bytes] = deque()
        self._outgoing: Frames = []

    def put(self, peer: bytes, frames: Frames) -> None:
        """A message arrives."""
        self._incoming.append([peer, *frames])

    def recv(self, flags: int = 0, copy: bool = True) -> bytes | ScriptedFrame:
        """Next frame."""
        if not self._current:
            if not self._incoming:
                raise zmq.Again
            self._current.extend(self._incoming.popleft())
        frame = self._current.popleft()
        return frame if copy else ScriptedFrame(frame, bool(self._current))

    def get(self, option: int) -> int:
        """Whether more messages follow."""
        assert option == zmq.EVENTS
        return int(zmq.POLLIN) if self._incoming else 0

    def send(self, frame: Any, flags: int = 0) -> None:
        """Next frame of an answer."""
        self._outgoing.append(bytes(frame))
        if not flags & zmq.SNDMORE:
            peer, *frames = self._outgoing
            self._outgoing = []
            self.sent.setdefault(peer, []).append(frames)


class NoProcess:
    """In place of the process of a simulation, which has ended well."""

    log = Path("log.txt")
    returncode = 0

    def wait(self, timeout_s: float) -> int:
        """It has ended."""
        return 0

    def log_tail(self) -> str:
        """It said nothing."""
        return ""

    def terminate(self) -> int:
        """It has ended."""
        return 0

    def release(self) -> None:
        """There is no handle."""


class Seat(Episode):
    """An episode whose simulation is played."""

    def __init__(self, listener: Listener, run_id: str, number: int, levels: Levels) -> None:
        super().__init__(listener, number, levels, math.inf, POLICY if levels == "delegated" else None)
        self._ticket = listener.expect(run_id, TOKEN)
        self._child = NoProcess()  # type: ignore[assignment]

    @property
    def connected(self) -> bool:
        """The peer has been let in."""
        return self._ticket is not None and self._ticket.connection is not None


class Fuzz:
    """A learner with one good simulation, and case after case of bad ones."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self._listener = Listener()
        self._socket = ScriptedSocket()
        router = self._listener._router
        assert isinstance(router, ZmqRouter)
        router.use(self._socket)
        self._actions = {levels: Action(SCHEMA, levels) for levels in ("high", "both", "delegated")}
        self._good: Seat | None = None

    def close(self) -> None:
        """Give the real socket back."""
        self._listener.close()

    def run(self, number: int) -> None:
        """One case."""
        damage = Damage(number)
        levels: Levels = damage.random.choice(("high", "both", "delegated"))
        run_id, episode = f"bad-{number}", number % 1000
        of_peer = conversation(run_id, TOKEN, episode, levels, recorded=levels == "delegated")
        of_stranger = conversation(run_id, "cd" * 32, episode, levels, recorded=False)[:2]
        turns = [(BAD, frames) for frames in damage.conversation(of_peer, partial(hello, run_id, TOKEN))]
        turns += [(STRANGER, frames) for frames in damage.conversation(of_stranger, partial(hello, run_id, ""))]
        if damage.random.random() < 0.3:
            damage.random.shuffle(turns)
        seat = Seat(self._listener, run_id, episode, levels)
        try:
            self._play(seat, turns, levels)
        finally:
            seat.kill()
        self._serve_the_good_one(number)
        self._check_tables()

    def _play(self, seat: Seat, turns: list[tuple[bytes, Frames]], levels: Levels) -> None:
        expected = 0
        over = False
        for peer, frames in turns:
            self._deliver(peer, frames)
            if over:
                continue
            try:
                observation = seat.advance() or (seat.conclude() if seat._last is not None else None)
                if observation is None:
                    continue
                self._check(observation, seat, expected)
                expected += 1
                if observation.last:
                    self.outcomes["completed"] += 1
                    over = True
                else:
                    seat.send_action(self._actions[levels])
            except SliceBridgeError as error:
                self.outcomes[type(error).__name__] += 1
                over = True
        if not over:
            self.outcomes["connected" if seat.connected else "never connected"] += 1

    def _deliver(self, peer: bytes, frames: Frames) -> None:
        """A peer is refused at once for what is malformed, and nobody else is."""
        self._socket.sent.clear()
        accepted = peer in self._listener._connections
        self._socket.put(peer, frames)
        assert self._listener.pump(0.0)
        refusals = {to: [m for m in sent if m[0][4] == MessageType.REFUSE] for to, sent in self._socket.sent.items()}
        assert set(refusals) <= {peer}
        malformed = is_malformed(frames) or (accepted and unpack_header(frames[0]).type not in FROM_SIMULATIONS)
        assert len(refusals.get(peer, [])) <= 1
        if malformed:
            assert refusals[peer], "what is malformed was taken"
            assert isinstance(json.loads(refusals[peer][0][1])["reason"], str)
            self.outcomes["refused"] += 1

    @staticmethod
    def _check(observation: Observation, seat: Seat, expected: int) -> None:
        assert observation.step == expected
        assert observation.episode == seat._number
        assert observation.flat.nbytes == observation.dtype.itemsize

    def _serve_the_good_one(self, number: int) -> None:
        """One step; its episode is new now and then."""
        step = number % GOOD_CASES
        if self._good is None or step == 0:
            if self._good is not None:
                self._good.kill()
            self._good = Seat(self._listener, f"good-{number}", 7, "high")
            self._socket.put(GOOD, hello(f"good-{number}", TOKEN))
            assert self._listener.pump(0.0)
            self._good_step = 0
            assert self._good.advance() is None
        frames = state(7, self._good_step, "high", last=False)
        self._socket.put(GOOD, frames)
        assert self._listener.pump(0.0)
        observation = self._good.advance()
        assert observation is not None, "the good simulation is not served"
        assert observation.step == self._good_step
        assert observation.flat.tobytes() == frames[1]
        self._good.send_action(self._actions["high"])
        self._good_step += 1

    def _check_tables(self) -> None:
        """Nothing of a bad peer stays."""
        assert len(self._listener._connections) == 1
        assert len(self._listener._tickets) == 1


def fuzz(sequences: int, first: int = 0) -> Counter[str]:
    """Run cases; how many ended how. Raises `AssertionError` at the first that does harm."""
    run = Fuzz()
    # Each refusal is logged: a million lines that nobody reads. Undone below, for tests that follow in this process.
    logging.disable(logging.ERROR)
    try:
        for number in range(first, first + sequences):
            traced = number % TRACED_EVERY == 0
            if traced:
                tracemalloc.start()
            try:
                run.run(number)
            except BaseException as error:
                error.add_note(f"repeat it by: python -m tests.link.fuzz 1 {number}")
                raise
            if traced:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                assert peak < PEAK_BYTES, f"case {number} allocated {peak} bytes"
    finally:
        logging.disable(logging.NOTSET)
        run.close()
    return run.outcomes


def peak_memory_mib() -> float:
    """Most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Say how it went."""
    sequences, first = (int(text) for text in [*sys.argv[1:], *("100000", "0")[len(sys.argv) - 1 :]])
    begin = time.process_time()
    outcomes = fuzz(sequences, first)
    used_s = time.process_time() - begin
    print(
        f"{sequences} malformed conversations in {used_s:.0f} s of processor time, "
        f"at most {peak_memory_mib():.0f} MiB: no harm done"
    )
    for name, count in outcomes.most_common():
        print(f"{count:9d} {name}")


if __name__ == "__main__":
    main()
