# SPDX-License-Identifier: MIT
"""What a ROUTER socket says and hears on the wire (ZMTP 3.0, RFC 23, mechanism NULL), apart from any socket."""

from __future__ import annotations

import struct

from pybridge.errors import ProtocolError
from pybridge.wire import HEADER_BYTES

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
"""Signature, version 3.0, mechanism, not as server, filler: 64 bytes."""

_MORE, _LONG, _COMMAND = 1, 2, 4
_SHORT_FRAME = 255
_FIRST_ROOM_BYTES = 16 * 2**10
_PING_CONTEXT_BYTES = 16


_USUAL = struct.Struct(f">2s{HEADER_BYTES}sBQ")
"""Flags and size, a header, flags and size."""
_USUAL_FIRST = bytes((_MORE, HEADER_BYTES))


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value


def frame(body: bytes, flags: int = 0) -> bytes:
    """Wire form of a frame."""
    return frame_header(len(body), flags) + body


def frame_header(size: int, flags: int = 0) -> bytes:
    """What stands before the body of a frame."""
    if size > _SHORT_FRAME:
        return struct.pack(">BQ", flags | _LONG, size)
    return bytes((flags, size))


READY = frame(b"\x05READY" + _property(b"Socket-Type", b"ROUTER") + _property(b"Identity", b""), _COMMAND)

Frames = list[bytes]


class Conversation:
    """Takes apart what a peer sends, in whatever pieces it comes: a greeting, READY, and then messages.

    Bytes are put into `room()`; `filled()` says how many. It holds no more than the largest frame allowed, a message
    of as many, and a little.
    """

    def __init__(self, max_frame_bytes: int, max_frames: int) -> None:
        """max_frames: of a message; further ones are left out."""
        self.answer = b""
        """What is to be sent because of what came; whoever sends it takes it away."""
        self._max_frame_bytes = max_frame_bytes
        self._max_frames = max_frames
        self._view = memoryview(bytearray(_FIRST_ROOM_BYTES))
        self._begin = self._end = 0
        self._needed = len(GREETING)
        self._greeted = self._ready = False
        self._frames: Frames = []

    def room(self) -> memoryview:
        """Where further bytes go. Everything that `take` gives must have been taken."""
        if self._begin == self._end:
            self._begin = self._end = 0
        if self._begin or self._needed > len(self._view):
            unread = bytes(self._view[self._begin : self._end])
            if self._needed > len(self._view):
                self._view = memoryview(bytearray(self._needed))
            self._view[: len(unread)] = unread
            self._begin, self._end = 0, len(unread)
        return self._view[self._end :]

    def filled(self, size: int) -> None:
        """So many were put there."""
        self._end += size

    def take(self) -> Frames | None:
        """Next message, once it is complete. Raises `ProtocolError` if what came is no ZMTP, or too large."""
        if self._ready:
            usual = self._take_usual()
            if usual is not None:
                return usual
        elif not self._greeted and not self._take_greeting():
            return None
        while (got := self._take_frame()) is not None:
            flags, body = got
            if flags & _COMMAND:
                self._take_command(body)
                continue
            if not self._ready:
                raise ProtocolError("a message came before READY")
            if len(self._frames) < self._max_frames:
                self._frames.append(body)
            if not flags & _MORE:
                frames, self._frames = self._frames, []
                return frames
        return None

    def _take_usual(self) -> Frames | None:
        """A short frame and a long one, if that is all there is: what a STATE looks like, at a quarter of the cost."""
        begin, end = self._begin, self._end
        if end - begin <= _USUAL.size or self._frames:
            return None
        of_first, first, of_second, size = _USUAL.unpack_from(self._view, begin)
        if (of_first, of_second) != (_USUAL_FIRST, _LONG) or begin + _USUAL.size + size != end:
            return None
        if size > self._max_frame_bytes:
            return None
        self._begin = end
        self._needed = 2
        return [first, bytes(self._view[begin + _USUAL.size : end])]

    def _take_greeting(self) -> bool:
        greeting = bytes(self._view[: self._end])
        if len(greeting) < len(GREETING):
            return False
        if greeting[0] != GREETING[0] or not greeting[9] & 1 or greeting[10] < GREETING[10]:
            raise ProtocolError("the peer does not speak ZMTP 3")
        if greeting[12:32].rstrip(b"\0") != b"NULL":
            raise ProtocolError("the peer has a key, and this learner none")
        self._begin, self._greeted = len(GREETING), True
        self.answer += READY
        return True

    def _take_frame(self) -> tuple[int, bytes] | None:
        buffer, begin = self._view, self._begin
        unread = self._end - begin
        self._needed = 2
        if unread < 2:
            return None
        flags = buffer[begin]
        if flags > _MORE | _LONG | _COMMAND or (flags & _MORE and flags & _COMMAND):
            raise ProtocolError("the peer sent a malformed frame")
        header = 9 if flags & _LONG else 2
        self._needed = header
        if unread < header:
            return None
        size = int.from_bytes(buffer[begin + 1 : begin + header])
        if size > self._max_frame_bytes:
            raise ProtocolError(f"the peer sent a frame of {size} bytes, {self._max_frame_bytes} are the most")
        self._needed = header + size
        if unread < header + size:
            return None
        self._begin = begin + header + size
        return flags, bytes(buffer[begin + header : self._begin])

    def _take_command(self, command: bytes) -> None:
        if command.startswith(b"\x05READY"):
            self._ready = True
        elif command.startswith(b"\x04PING") and len(command) >= 7:
            self.answer += frame(b"\x04PONG" + command[7 : 7 + _PING_CONTEXT_BYTES], _COMMAND)
