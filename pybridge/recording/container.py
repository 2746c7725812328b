# SPDX-License-Identifier: MIT
"""The file around a recording: an Arrow IPC stream, then a description in JSON, then a SHA-256 over all of it.

    steps, Arrow IPC stream | grants, Arrow IPC stream | description, JSON | its length, u64
    | SHA-256 of all before, 32 bytes | b"SLBREC01"

Arrow readers stop at the end of the first stream, so its table opens without this package. Grants are there if they
were recorded. Streams are appended to batch by batch (Arrow Columnar Format 1.5, "IPC Streaming Format": messages
follow each other, 0xFFFFFFFF 0x00000000 ends them).
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import io
import json
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from pybridge.recording.stream import RecordingError, StreamReader, StreamWriter

FORMAT = "slicebridge-recording/2"

MAGIC = b"SLBREC01"
_LENGTH = struct.Struct("<Q")
_DIGEST_BYTES = 32
_COPY_BYTES = 1 << 20
_TAIL_BYTES = _LENGTH.size + _DIGEST_BYTES + len(MAGIC)


class ContainerWriter:
    """A recording under construction: beside its place until it is complete, then moved there."""

    def __init__(self, path: Path) -> None:
        """Raises `RecordingError` if there can be no file."""
        self.path = Path(os.path.realpath(path))
        self._partial = self.path.parent / f".{self.path.name}.{os.getpid()}.partial"
        self._digest = hashlib.sha256()
        self._size = 0
        self._steps = StreamWriter(self._write)
        self._grants: StreamWriter | None = None
        try:
            if self.path.is_dir():
                raise RecordingError(f"{path}: is a directory; a recording is a file")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _clear_killed(self.path)
            self._file = self._partial.open("wb")
        except OSError as error:
            raise RecordingError(f"{path}: cannot be written: {error.strerror}") from None

    def append(self, table: pl.DataFrame) -> None:
        """One batch of steps; all have the same columns. Raises `RecordingError`, and the file is gone then."""
        self._steps.append(table)

    def append_grants(self, table: pl.DataFrame, first_slot: int, end_slot: int) -> None:
        """Grants of these slots, which follow those before. Raises `RecordingError`, and the file is gone then."""
        if self._grants is None:
            # Streams are contiguous in the file: this one waits in a file of its own, which has no name.
            with self._writable():
                self._waiting = tempfile.TemporaryFile(dir=self._partial.parent)  # noqa: SIM115 - closed by discard()
            self._grants = StreamWriter(self._write_waiting)
        self._grants.append(table, first_slot=first_slot, end_slot=end_slot)

    def finish(self, description: dict[str, Any]) -> None:
        """Complete the file and give it its name, replacing an older one. Raises `RecordingError`."""
        self._steps.finish()
        description = {"format": FORMAT, **description, "batches": self._steps.batches}
        if self._grants is not None:
            description["grants"] |= {"offset": self._size, "batches": self._grants.batches}
            self._grants.finish()
            self._copy_waiting()
        text = json.dumps(description).encode()
        self._write(text)
        self._write(_LENGTH.pack(len(text)))
        self._write(self._digest.digest() + MAGIC)
        with self._writable():
            self._file.close()
            self._partial.replace(self.path)

    def discard(self) -> None:
        """Leave nothing behind. May be called twice, and after `finish`."""
        with contextlib.suppress(OSError):
            self._file.close()
        if self._grants is not None:
            self._waiting.close()
        self._partial.unlink(missing_ok=True)

    def _write(self, data: bytes | memoryview) -> None:
        with self._writable():
            self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def _write_waiting(self, data: bytes | memoryview) -> None:
        with self._writable():
            self._waiting.write(data)

    def _copy_waiting(self) -> None:
        with self._writable():
            self._waiting.seek(0)
            while part := self._waiting.read(_COPY_BYTES):
                self._write(part)

    @contextlib.contextmanager
    def _writable(self) -> Iterator[None]:
        """What the system says becomes a `RecordingError`, and the file is gone."""
        try:
            yield
        except OSError as error:
            self.discard()
            raise RecordingError(f"{self.path}: cannot be written: {error.strerror}") from None


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
        self.steps = StreamReader(self._content, 0, self.description["batches"])
        grants = self.description.get("grants")
        self.grants = None if grants is None else StreamReader(self._content, grants["offset"], grants["batches"])
        """None if they were not recorded."""

    def columns(self, names: list[str]) -> pl.DataFrame:
        """Some columns of all steps."""
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


def _clear_killed(path: Path) -> None:
    """Removes what recorders of this file left behind that were killed before they could tidy up."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        owner = left.name.split(".")[-2]
        if owner.isdecimal() and (int(owner) == os.getpid() or not Path("/proc", owner).exists()):
            left.unlink(missing_ok=True)
