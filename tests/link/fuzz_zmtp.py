# SPDX-License-Identifier: MIT
"""Malformed ZMTP against the learner, below its frames.

    python -m tests.link.fuzz_zmtp [CASES] [FIRST]

A case is what a peer sends, damaged. It is read twice, in pieces of two kinds, which must make no difference.
"""

from __future__ import annotations

import random
import sys
from collections import Counter

from pybridge.errors import ProtocolError
from pybridge.wire import HEADER_BYTES
from pybridge.zmtp import GREETING, Conversation, frame

MAX_FRAME_BYTES, MAX_FRAMES = 512, 3
ROOM_BYTES = 2**14
"""Of a conversation whose frames are small."""
_MORE, _COMMAND = 1, 4
READY = frame(b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER", _COMMAND)
PING = frame(b"\x04PING\0\x64context", _COMMAND)


def conversation(rng: random.Random) -> bytes:
    """Well-formed."""
    parts = [GREETING, READY]
    for _ in range(rng.randrange(5)):
        if rng.random() < 0.2:
            parts.append(PING)
        size = HEADER_BYTES if rng.random() < 0.7 else rng.randrange(300)
        parts.append(frame(rng.randbytes(size), _MORE) if rng.random() < 0.9 else b"")
        parts.append(frame(rng.randbytes(rng.choice((0, 1, 255, 256, 512)))))
    return b"".join(parts)


def damaged(rng: random.Random, stream: bytes) -> bytes:
    """The same with a few changes, none at times."""
    data = bytearray(stream)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data) + 1)
        until = min(at + rng.randrange(12), len(data))
        match rng.randrange(4):
            case 0:
                data[at:until] = rng.randbytes(rng.randrange(12))
            case 1:
                del data[at:until]
            case 2:
                data[at:at] = frame(b"", rng.randrange(256))
            case _:
                data[at : at + 1] = bytes([rng.choice((0, 1, 2, 4, 5, 8, 255))])
    return bytes(data)


def read(stream: bytes, pieces: list[int]) -> tuple[list[list[bytes]], str, bytes]:
    """Messages, why no more were taken, and what was answered."""
    peer = Conversation(MAX_FRAME_BYTES, MAX_FRAMES)
    messages: list[list[bytes]] = []
    at = turn = 0
    try:
        while at < len(stream):
            room = peer.room()
            size = min(len(room), pieces[turn % len(pieces)], len(stream) - at)
            assert size > 0, "there is no room"
            room[:size] = stream[at : at + size]
            peer.filled(size)
            at, turn = at + size, turn + 1
            while (message := peer.take()) is not None:
                assert 1 <= len(message) <= MAX_FRAMES
                assert all(len(part) <= MAX_FRAME_BYTES for part in message)
                messages.append(message)
            assert len(peer.room()) <= ROOM_BYTES
    except ProtocolError as error:
        return messages, str(error), peer.answer
    return messages, "", peer.answer


def fuzz(cases: int, first: int = 0) -> Counter[str]:
    """Run cases; how many ended how. Raises `AssertionError` at the first that makes a difference."""
    outcomes: Counter[str] = Counter()
    for number in range(first, first + cases):
        rng = random.Random(number)
        stream = damaged(rng, conversation(rng))
        in_pieces = read(stream, [rng.randrange(1, 200) for _ in range(4)])
        if in_pieces != read(stream, [len(stream) + 1]):
            raise AssertionError(f"pieces make a difference; repeat it by: python -m tests.link.fuzz_zmtp 1 {number}")
        outcomes[in_pieces[1].partition(" of ")[0] or "taken"] += 1
    return outcomes


def main() -> None:
    """Say how it went."""
    cases, first = (int(text) for text in [*sys.argv[1:], *("100000", "0")[len(sys.argv) - 1 :]])
    outcomes = fuzz(cases, first)
    print(f"{cases} malformed streams: no harm done")
    for name, count in outcomes.most_common():
        print(f"{count:9d} {name}")


if __name__ == "__main__":
    main()
