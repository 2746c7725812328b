# SPDX-License-Identifier: MIT
"""Arrow IPC streams that are appended to, and read, batch by batch."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence

import polars as pl

from pybridge.errors import SliceBridgeError

END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
_CONTINUATION = END_OF_STREAM[:4]
_METADATA_LENGTH = struct.Struct("<4sI")


class RecordingError(SliceBridgeError):
    """A recording cannot be written, is damaged, or is of another version."""

    exit_code = 2


class StreamWriter:
    """An Arrow IPC stream under construction, and where its batches are."""

    def __init__(self, write: Callable[[bytes | memoryview], None]) -> None:
        self._write = write
        self._size = 0
        self.batches: list[dict[str, int]] = []
        """`offset` in the stream, `bytes`, `rows`, and what `append` was given."""

    def append(self, table: pl.DataFrame, **terms: int) -> None:
        """One batch of rows; all have the same columns."""
        buffer = io.BytesIO()
        table.rechunk().write_ipc_stream(buffer, compression="zstd")
        messages = buffer.getbuffer()
        begin = _schema_bytes(messages)
        if not self.batches:
            self._add(messages[:begin])
        end = len(messages) - len(END_OF_STREAM)
        self.batches.append({"offset": self._size, "bytes": end - begin, "rows": table.height, **terms})
        self._add(messages[begin:end])

    def finish(self) -> None:
        """Nothing more comes."""
        self._add(END_OF_STREAM)

    def _add(self, data: bytes | memoryview) -> None:
        self._write(data)
        self._size += len(data)


class StreamReader:
    """Batches of a complete stream, by number."""

    def __init__(self, content: bytes, begin: int, batches: Sequence[dict[str, int]]) -> None:
        """begin: where the stream begins in `content`; batches: as `StreamWriter.batches`."""
        self._content, self._begin, self.batches = content, begin, batches
        self._schema = content[begin : begin + batches[0]["offset"]] if batches else b""

    @property
    def rows(self) -> list[int]:
        """Rows of every batch."""
        return [batch["rows"] for batch in self.batches]

    def batch(self, number: int) -> pl.DataFrame:
        """Rows of one batch."""
        batch = self.batches[number]
        begin = self._begin + batch["offset"]
        messages = self._content[begin : begin + batch["bytes"]]
        return pl.read_ipc_stream(io.BytesIO(self._schema + messages + END_OF_STREAM))


def _schema_bytes(messages: memoryview) -> int:
    """Length of the first message of a stream, the schema, which has no body."""
    continuation, length = _METADATA_LENGTH.unpack_from(messages)
    if continuation != _CONTINUATION or messages[-len(END_OF_STREAM) :] != END_OF_STREAM:
        raise RecordingError("this version of polars writes another Arrow stream than the pinned one")
    return _METADATA_LENGTH.size + int(length)
