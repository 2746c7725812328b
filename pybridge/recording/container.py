# SPDX-License-Identifier: MIT
"""The file around a recording: an Arrow IPC stream, then a description in JSON, then a SHA-256 over all of it.

    Arrow IPC stream | description, JSON | its length, u64 | SHA-256 of all before, 32 bytes | b"SLBREC01"

Arrow readers stop at the end of the stream, so the tables open without this package. The stream is appended to batch by
batch (Arrow Columnar Format 1.5, "IPC Streaming Format": messages follow each other, 0xFFFFFFFF 0x00000000 ends them).
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import io
import json
import os
import struct
from pathlib import Path
from typing import Any

import polars as pl

from pybridge.errors import SliceBridgeError

FORMAT = "slicebridge-recording/1"

MAGIC = b"SLBREC01"
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
_CONTINUATION = END_OF_STREAM[:4]
_LENGTH = struct.Struct("<Q")
_METADATA_LENGTH = struct.Struct("<4sI")
_DIGEST_BYTES = 32
_TAIL_BYTES = _LENGTH.size + _DIGEST_BYTES + len(MAGIC)


class RecordingError(SliceBridgeError):
    """A recording cannot be written, is damaged, or is of another version."""

    exit_code = 2


class ContainerWriter:
    """A recording under construction: beside its place until it is complete, then moved there."""

    def __init__(self, path: Path) -> None:
        """Raises `RecordingError` if there can be no file."""
        self.path = Path(os.path.realpath(path))
        self._partial = self.path.parent / f".{self.path.name}.{os.getpid()}.partial"
        self._digest = hashlib.sha256()
        self._batches: list[dict[str, int]] = []
        self._size = 0
        try:
            if self.path.is_dir():
                raise RecordingError(f"{path}: is a directory; a recording is a file")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _clear_killed(self.path)
            self._file = self._partial.open("wb")
        except OSError as error:
            raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None

    def append(self, table: pl.DataFrame) -> None:
        """One batch of rows; all have the same columns. Raises `RecordingError`, and the file is gone then."""
        buffer = io.BytesIO()
        table.rechunk().write_ipc_stream(buffer, compression="zstd")
        messages = buffer.getbuffer()
        begin = _schema_bytes(messages)
        if not self._batches:
            self._write(messages[:begin])
        end = len(messages) - len(END_OF_STREAM)
        self._batches.append({"offset": self._size, "bytes": end - begin, "rows": table.height})
        self._write(messages[begin:end])

    def finish(self, description: dict[str, Any]) -> None:
        """Complete the file and give it its name, replacing an older one. Raises `RecordingError`."""
        text = json.dumps({"format": FORMAT, **description, "batches": self._batches}).encode()
        self._write(END_OF_STREAM)
        self._write(text)
        self._write(_LENGTH.pack(len(text)))
        self._write(self._digest.digest() + MAGIC)
        try:
            self._file.close()
            self._partial.replace(self.path)
        except OSError as error:
            self.discard()
            raise RecordingError(f"{self.path}: cannot be written: {error.strerror}") from None

    def discard(self) -> None:
        """Leave nothing behind. May be called twice, and after `finish`."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._partial.unlink(missing_ok=True)

    def _write(self, data: bytes | memoryview) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            self.discard()
            raise RecordingError(f"{self.path}: cannot be written: {error.strerror}") from None
        self._digest.update(data)
        self._size += len(data)


class Container:
    """A complete recording: its description, and its batches by number."""

    def __init__(self, path: Path | str) -> None:
        """Read and verify a file. Raises `RecordingError`: missing, no recording, altered, of another version."""
        self.path = Path(path)
        try:
            with self.path.open("rb") as file:
                self._content = file.read()
        except OSError as error:
            raise RecordingError(f"{path}: cannot be read: {error.strerror}") from None
        self.description = self._verify()
        self._batches: list[dict[str, int]] = self.description["batches"]
        self._schema = b""
        if self._batches:
            self._schema = self._content[: self._batches[0]["offset"]]

    @property
    def rows(self) -> list[int]:
        """Rows of every batch."""
        return [batch["rows"] for batch in self._batches]

    def batch(self, number: int) -> pl.DataFrame:
        """Rows of one batch."""
        batch = self._batches[number]
        messages = self._content[batch["offset"] : batch["offset"] + batch["bytes"]]
        return pl.read_ipc_stream(io.BytesIO(self._schema + messages + END_OF_STREAM))

    def columns(self, names: list[str]) -> pl.DataFrame:
        """Some columns of all rows."""
        return pl.read_ipc_stream(io.BytesIO(self._content), columns=names)

    def _verify(self) -> dict[str, Any]:
        content, path = memoryview(self._content), self.path
        if content[-len(MAGIC) :] != MAGIC or len(content) < _TAIL_BYTES:
            raise RecordingError(f"{path}: is no recording, or its end is missing or altered")
        covered = len(content) - _DIGEST_BYTES - len(MAGIC)
        if hashlib.sha256(content[:covered]).digest() != content[covered : covered + _DIGEST_BYTES]:
            raise RecordingError(f"{path}: was altered or damaged after it was written: its SHA-256 does not fit")
        (length,) = _LENGTH.unpack(content[covered - _LENGTH.size : covered])
        text = bytes(content[max(covered - _LENGTH.size - length, 0) : covered - _LENGTH.size])
        description: dict[str, Any] = json.loads(text)
        if description.get("format") != FORMAT:
            raise RecordingError(
                f"{path}: is of format {description.get('format')!r}, this version of slicebridge reads {FORMAT!r}; "
                f"it was written by slicebridge {description.get('versions', {}).get('slicebridge', '?')}"
            )
        return description


def _schema_bytes(messages: memoryview) -> int:
    """Length of the first message of a stream, the schema, which has no body."""
    continuation, length = _METADATA_LENGTH.unpack_from(messages)
    if continuation != _CONTINUATION or messages[-len(END_OF_STREAM) :] != END_OF_STREAM:
        raise RecordingError("this version of polars writes another Arrow stream than the pinned one")
    return _METADATA_LENGTH.size + int(length)


def _clear_killed(path: Path) -> None:
    """Removes what recorders of this file left behind that were killed before they could tidy up."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        owner = left.name.split(".")[-2]
        if owner.isdecimal() and (int(owner) == os.getpid() or not Path("/proc", owner).exists()):
            left.unlink(missing_ok=True)
