# SPDX-License-Identifier: MIT
"""Conversations of simulations as frames, and seeded ways to damage them."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np

from pybridge.schema import Levels, Schema, parse_schema
from pybridge.wire import HEADER_BYTES, Flag, Header, MessageType, pack_header
from tests.link.fake_simulation import make_schema
from tests.link.scenario import TestScenario

Frames = list[bytes]

STATES = 3
"""STATEs of a conversation; the last one has the flag `last`."""

FROM_SIMULATIONS = (MessageType.STATE, MessageType.BYE, MessageType.ERROR, MessageType.HEARTBEAT)
"""What a simulation may send once it is connected."""

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 1.5, -0.0, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**400, 1e308),
    *(float("nan"), float("inf"), "", "x", "\ud800", "\0", "é" * 9, "9" * 5000, "<f4", "both", [], {}, [[]], [{}]),
    *([0], [1], [2**31], [2**40, 0], [1] * 65, [-1], ["1"], [1.5], [None], {"name": 1}),
)
"""Where JSON holds something, any of these may be found instead."""

ODD_SHAPES = ((), (0,), (2**40, 0), (2**31,), (2**22,), (2**21,), (1,) * 65, (1,) * 32, (7, 0, 2**70), (2**64,))

ODD_TEXTS = (b"", b"{", b"[" * 100_000, b"9" * 5000, b"null", b"NaN", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"a":' * 3000)
"""In place of JSON."""


def small_schema() -> dict[str, Any]:
    """One cell, three slices, three UEs; of the measurements only those that a default low-level policy reads."""
    scenario = json.loads(TestScenario(cells=1).resolved_json())
    return make_schema(scenario)


SCHEMA_TEXT = json.dumps(small_schema())
SCHEMA: Schema = parse_schema(SCHEMA_TEXT)


def hello(run_id: str, token: str, text: str = SCHEMA_TEXT, **changes: Any) -> Frames:
    """The HELLO of a simulation whose schema reads `text`; `changes` are lies."""
    body = {"protocol": 1, "run_id": run_id, "token": token, "pid": 1, "schema": text, "versions": {"fuzz": "1"}}
    body["schema_hash"] = sha256(text.encode(errors="surrogatepass")).hexdigest()
    return [pack_header(Header(MessageType.HELLO)), json.dumps(body | changes).encode()]


def state(episode: int, step: int, levels: Levels, *, recorded: bool = False, last: bool | None = None) -> Frames:
    """A STATE whose bytes tell which one it is."""
    size = SCHEMA.state_dtype(levels, recorded=recorded).itemsize
    flags = Flag.LAST if (step == STATES - 1 if last is None else last) else Flag.HIGH_DECISION
    return [
        pack_header(Header(MessageType.STATE, flags, episode, step, step * 10**8)),
        np.full(size // 4, episode * 100 + step, "<f4").tobytes(),
    ]


def conversation(run_id: str, token: str, episode: int, levels: Levels, recorded: bool) -> list[Frames]:
    """All that a well-behaved simulation sends."""
    states = [state(episode, step, levels, recorded=recorded) for step in range(STATES)]
    beat = [pack_header(Header(MessageType.HEARTBEAT, 0, episode, 1)), b""]
    bye = [pack_header(Header(MessageType.BYE, 0, episode, STATES - 1)), b'{"reason": "over"}']
    return [hello(run_id, token), states[0], beat, *states[1:], bye]


def is_malformed(frames: Frames) -> bool:
    """By docs/protocol.md, whoever sent it."""
    header = frames[0]
    return (
        len(frames) > 2
        or len(header) != HEADER_BYTES
        or header[:4] != b"SLB1"
        or header[4] not in tuple(MessageType)
        or header[6:8] != b"\0\0"
    )


class Damage:
    """Damages conversations; the same seed damages them the same way."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._ways: tuple[Callable[[Frames], Frames], ...] = (
            self._flip,
            self._flip,
            self._cut,
            self._grow,
            self._frames,
            self._type,
            self._number,
            self._noise,
            self._body,
            self._reason,
        )

    def conversation(self, messages: list[Frames], rename: Callable[[str], Frames]) -> list[Frames]:
        """Some messages damaged, lost, repeated or out of order. `rename` makes the HELLO with another schema."""
        messages = [list(frames) for frames in messages]
        if self.random.random() < 0.25:
            messages[0] = self.hello(messages[0], rename)
        for _ in range(self.random.randrange(1, 4)):
            if not messages:
                break
            at = self.random.randrange(len(messages))
            what = self.random.random()
            if what < 0.7:
                messages[at] = self.random.choice(self._ways)(messages[at])
            elif what < 0.8:
                del messages[at]
            elif what < 0.9:
                messages.insert(self.random.randrange(len(messages) + 1), messages[at])
            else:
                self.random.shuffle(messages)
        return messages

    def hello(self, frames: Frames, rename: Callable[[str], Frames]) -> Frames:
        """A HELLO with an odd value somewhere: in itself, or in its schema with the right hash for it."""
        if self.random.random() < 0.3:
            body = json.loads(frames[1])
            self._odd(body)
            return [frames[0], json.dumps(body).encode()]
        schema = json.loads(SCHEMA_TEXT)
        if self.random.random() < 0.3:
            # Nothing but its own shape contradicts a tensor that the protocol does not name.
            further = {"name": "x.further", "dtype": "<f4", "shape": list(self.random.choice(ODD_SHAPES))}
            schema[self.random.choice(("state", "action", "trajectory"))].append(further)
        for _ in range(self.random.randrange(3)):
            self._odd(schema)
        return rename(json.dumps(schema))

    def _odd(self, owner: Any) -> None:
        while True:
            key = self.random.choice(list(owner) if isinstance(owner, dict) else range(len(owner)))
            if isinstance(owner[key], (dict, list)) and owner[key] and self.random.random() < 0.8:
                owner = owner[key]
                continue
            break
        if isinstance(owner, dict) and self.random.random() < 0.1:
            del owner[key]
        elif isinstance(owner, list) and self.random.random() < 0.3:
            owner.insert(key, owner[key])
        else:  # a copy, since the next odd value may go into this one
            owner[key] = copy.deepcopy(self.random.choice(ODD_VALUES))

    def _flip(self, frames: Frames) -> Frames:
        at = self.random.randrange(len(frames))
        data = bytearray(frames[at])
        if data:
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        return [*frames[:at], bytes(data), *frames[at + 1 :]]

    def _cut(self, frames: Frames) -> Frames:
        at = self.random.randrange(len(frames))
        return [*frames[:at], frames[at][: self.random.randrange(len(frames[at]) + 1)], *frames[at + 1 :]]

    def _grow(self, frames: Frames) -> Frames:
        at = self.random.randrange(len(frames))
        return [*frames[:at], frames[at] + self.random.randbytes(self.random.choice((1, 8, 100))), *frames[at + 1 :]]

    def _frames(self, frames: Frames) -> Frames:
        return self.random.choice((frames[:1], frames[::-1], frames + frames, [*frames, b""], [b""], frames[-1:]))

    def _type(self, frames: Frames) -> Frames:
        return [self._with(frames[0], 4, bytes([self.random.randrange(12)])), *frames[1:]]

    def _number(self, frames: Frames) -> Frames:
        value = self.random.choice((0, 1, 2, 2**63 - 1, 2**63, 2**64 - 1)).to_bytes(8, "little")
        return [self._with(frames[0], self.random.choice((8, 16, 24)), value), *frames[1:]]

    def _noise(self, frames: Frames) -> Frames:
        return [self.random.randbytes(self.random.randrange(80)) for _ in range(self.random.randrange(1, 5))]

    def _body(self, frames: Frames) -> Frames:
        return [frames[0], self.random.choice(ODD_TEXTS)]

    def _reason(self, frames: Frames) -> Frames:
        body = json.dumps({"reason": self.random.choice(ODD_VALUES)}).encode()
        kind = self.random.choice((MessageType.BYE, MessageType.ERROR))
        return [self._with(frames[0], 4, bytes([kind])), body]

    @staticmethod
    def _with(header: bytes, at: int, value: bytes) -> bytes:
        return header[:at] + value + header[at + len(value) :]
