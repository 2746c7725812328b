# SPDX-License-Identifier: MIT
"""Whatever peers send, the learner refuses it, serves the others, and keeps no more than the protocol allows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pybridge.errors import ProtocolError, SchemaError
from pybridge.listener import MAX_REASON_BYTES, Connection, Listener, Message
from pybridge.router import MAX_UNREAD
from pybridge.schema import parse_schema
from pybridge.wire import Header, MessageType
from tests.link.frames import ODD_SHAPES, SCHEMA, small_schema
from tests.link.fuzz import fuzz, peak_memory_mib

SEQUENCES = 100_000
MEMORY_MIB = 64
"""What 100,000 conversations may add to a process that has run a thousand."""


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A simulation that has been let in."""
    listener = Listener()
    yield Connection(listener, b"peer", SCHEMA, {"pid": 1, "versions": {}})
    listener.close()


def test_a_hundred_thousand_malformed_conversations() -> None:
    fuzz(1000)
    before_mib = peak_memory_mib()
    outcomes = fuzz(SEQUENCES, 1000)
    assert peak_memory_mib() - before_mib < MEMORY_MIB
    # All ways for a conversation to end were taken, many times.
    for outcome in ("refused", "completed", "connected", "never connected"):
        assert outcomes[outcome] > SEQUENCES / 100
    for error in ("ProtocolError", "SchemaError", "SimulationFailed"):
        assert outcomes[error] > SEQUENCES / 100


def test_what_nobody_reads_does_not_pile_up(connection: Connection) -> None:
    message = Message(Header(MessageType.STATE), b"")
    for _ in range(MAX_UNREAD):
        connection.take(message)
    with pytest.raises(ProtocolError, match="without any answer being waited for"):
        connection.take(message)


def test_nothing_is_kept_of_a_peer_that_has_been_refused(connection: Connection) -> None:
    connection.failure = ProtocolError("refused")
    for _ in range(2 * MAX_UNREAD):
        connection.take(Message(Header(MessageType.STATE), b""))
    with pytest.raises(ProtocolError, match="refused"):
        connection.take_next()


def test_no_body_is_kept_that_is_larger_than_what_was_declared(connection: Connection) -> None:
    connection.take(Message(Header(MessageType.ERROR), bytes(MAX_REASON_BYTES)))
    with pytest.raises(ProtocolError, match="of up to 65536 bytes was due, got 65537"):
        connection.take(Message(Header(MessageType.STATE), bytes(MAX_REASON_BYTES + 1)))


@pytest.mark.parametrize("tensors", ["state", "action", "trajectory"])
@pytest.mark.parametrize("shape", ODD_SHAPES)
def test_tensors_of_odd_shapes_are_refused_with_the_schema_or_fit(tensors: str, shape: tuple[int, ...]) -> None:
    schema = small_schema()
    schema[tensors].append({"name": "x.further", "dtype": "<f4", "shape": shape})
    try:
        parsed = parse_schema(json.dumps(schema))
    except SchemaError:
        return
    for levels in ("high", "both"):
        assert parsed.state_dtype(levels).itemsize % 8 == 0
    assert parsed.state_dtype("delegated", recorded=True).itemsize % 8 == 0
