# SPDX-License-Identifier: MIT
"""Message headers of docs/protocol.md, version 1."""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

from pybridge.errors import ProtocolError

PROTOCOL_VERSION = 1
HEADER_BYTES = 32

_MAGIC = b"SLB1"
_HEADER = struct.Struct("<4sBBHQQq")
_pack, _unpack = _HEADER.pack, _HEADER.unpack


class MessageType(enum.IntEnum):
    """Kinds of message."""

    HELLO = 1
    WELCOME = 2
    REFUSE = 3
    STATE = 4
    ACTION = 5
    BYE = 6
    ERROR = 7
    HEARTBEAT = 8
    POLICY = 9
    SLOTS = 10
    CONTINUE = 11
    FORK = 12


class Flag(enum.IntFlag):
    """Bits of `Header.flags`."""

    HIGH_DECISION = 1
    LAST = 2
    SLOTS = 4
    """Of ACTION and CONTINUE: report slots."""
    PAUSE_SLOT = 8
    """Of ACTION and CONTINUE: stop after the next slot."""
    PAUSE_LOW = 16
    """Of ACTION and CONTINUE: stop at the end of the low-level period."""
    PAUSED = 32
    """Of SLOTS: the simulation waits for CONTINUE."""


class Header(NamedTuple):
    """First frame of every message."""

    type: int
    flags: int = 0
    episode: int = 0
    step: int = 0
    time_ns: int = 0


_FIRST_TYPE, _LAST_TYPE = min(MessageType), max(MessageType)


def pack_header(header: Header) -> bytes:
    """Wire form of a header, 32 bytes."""
    kind, flags, episode, step, time_ns = header
    return _pack(_MAGIC, kind, flags, 0, episode, step, time_ns)


def unpack_header(frame: bytes) -> Header:
    """Header in a frame. Raises `ProtocolError` on a wrong size, magic, type or reserved field."""
    if len(frame) != HEADER_BYTES:
        raise ProtocolError(f"a header has {HEADER_BYTES} bytes, got {len(frame)}")
    magic, kind, flags, reserved, episode, step, time_ns = _unpack(frame)
    if magic != _MAGIC:
        raise ProtocolError(f"a header begins with {_MAGIC!r}, got {magic!r}")
    if not _FIRST_TYPE <= kind <= _LAST_TYPE:
        raise ProtocolError(f"unknown message type {kind}")
    if reserved:
        raise ProtocolError(f"the reserved field of a header is 0, got {reserved}")
    return Header(kind, flags, episode, step, time_ns)
