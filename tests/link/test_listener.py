# SPDX-License-Identifier: MIT
"""A listener among strangers: whatever they send, the simulations that are expected are served."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pybridge.errors import EndpointError, ProtocolError, SchemaError
from pybridge.listener import Listener, Ticket
from pybridge.schema import parse_schema
from pybridge.wire import Header, MessageType, pack_header, unpack_header
from tests.link.fake_simulation import make_schema
from tests.link.scenario import TestScenario

TOKEN = "ab" * 32
SCHEMA = json.dumps(make_schema(json.loads(TestScenario().resolved_json())))
HELLO = {
    "protocol": 1,
    "run_id": "r",
    "token": TOKEN,
    "pid": 1,
    "schema_hash": sha256(SCHEMA.encode()).hexdigest(),
    "schema": SCHEMA,
    "versions": {},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(params=[False, True], ids=["libzmq", "own"])
def listener(request: pytest.FixtureRequest) -> Iterator[Listener]:
    """On a private ipc endpoint."""
    with_socket = Listener(children=request.param)
    yield with_socket
    with_socket.close()


class Dealer:
    """A peer, played by hand."""

    def __init__(self, listener: Listener) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(listener.endpoint)

    def __enter__(self) -> Dealer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self.context.term()

    def send(self, kind: int, body: Any) -> None:
        """A message with a JSON body."""
        self.socket.send_multipart([pack_header(Header(kind)), json.dumps(body).encode()])

    def answer(self) -> tuple[int, dict[str, Any]]:
        """Type and body of what the listener says."""
        assert self.socket.poll(5000)
        header, body = self.socket.recv_multipart()
        return unpack_header(header).type, json.loads(body)


def pump(listener: Listener, ticket: Ticket | None = None, for_s: float = 5.0) -> None:
    """Serve until the ticket is used, or something came, or time is up."""
    deadline = time.monotonic() + for_s
    while listener.pump(deadline) and ticket is not None and ticket.connection is None and ticket.failure is None:
        pass


def test_headers_come_back_and_have_the_documented_bytes() -> None:
    header = Header(MessageType.STATE, 2, 0x0102030405060708, 5, -2)
    wire = pack_header(header)
    assert wire == b"SLB1\x04\x02\0\0" + bytes(range(8, 0, -1)) + struct.pack("<Qq", 5, -2)
    assert unpack_header(wire) == header


@given(st.binary(max_size=64))
def test_no_bytes_are_a_header_by_accident(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        unpack_header(frame[:4].replace(b"SLB1", b"SLB2") + frame[4:])


@pytest.mark.parametrize(("at", "value"), [(0, 0), (4, 0), (4, 13), (6, 1), (7, 1)])
def test_a_header_with_one_wrong_byte_is_refused(at: int, value: int) -> None:
    wire = bytearray(pack_header(Header(MessageType.HELLO)))
    wire[at] = value
    with pytest.raises(ProtocolError):
        unpack_header(bytes(wire))


@given(JSON)
def test_no_json_is_a_schema_by_accident(data: Any) -> None:
    with pytest.raises(SchemaError):
        parse_schema(json.dumps(data))


@settings(max_examples=300)
@given(st.data())
def test_a_schema_with_one_value_replaced_is_refused_or_well_formed(data: st.DataObject) -> None:
    schema = json.loads(SCHEMA)
    owner: Any = schema
    while True:
        key = data.draw(st.sampled_from(sorted(owner) if isinstance(owner, dict) else range(len(owner))))
        if isinstance(owner[key], (dict, list)) and owner[key] and data.draw(st.booleans()):
            owner = owner[key]
            continue
        owner[key] = data.draw(JSON)
        break
    try:
        parsed = parse_schema(json.dumps(schema))
    except SchemaError:
        return
    assert parsed.state_dtype("both").itemsize % 8 == 0
    assert parsed.n_ues == 6


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "9" * 5000, "null", "NaN"])
def test_text_that_is_no_json_is_no_schema(text: str) -> None:
    with pytest.raises(SchemaError):
        parse_schema(text)


def test_the_holder_of_the_token_is_accepted_once(listener: Listener) -> None:
    ticket = listener.expect("r", TOKEN)
    with Dealer(listener) as first, Dealer(listener) as second:
        first.send(MessageType.HELLO, HELLO)
        pump(listener, ticket)
        assert ticket.connection is not None
        assert ticket.connection.schema.n_cells == 2
        second.send(MessageType.HELLO, HELLO)
        pump(listener)
        kind, body = second.answer()
    assert kind == MessageType.REFUSE
    assert "connected already" in body["reason"]
    assert listener.refused == 1


@pytest.mark.parametrize(
    "lie",
    [
        {"token": "cd" * 32},
        {"token": ""},
        {"token": TOKEN.upper()},
        {"token": "\ud800"},
        {"run_id": "other"},
        {"token": 7},
        {"versions": []},
    ],
)
def test_strangers_are_refused_and_do_not_use_up_the_ticket(listener: Listener, lie: dict[str, Any]) -> None:
    ticket = listener.expect("r", TOKEN)
    with Dealer(listener) as stranger, Dealer(listener) as expected:
        stranger.send(MessageType.HELLO, HELLO | lie)
        pump(listener)
        assert stranger.answer()[0] == MessageType.REFUSE
        assert ticket.connection is None
        assert ticket.failure is None
        expected.send(MessageType.HELLO, HELLO)
        pump(listener, ticket)
        assert ticket.connection is not None


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.one_of(
            st.lists(st.binary(max_size=48), min_size=1, max_size=4),
            st.tuples(st.sampled_from(MessageType), st.binary(max_size=32)).map(
                lambda message: [pack_header(Header(message[0])), message[1]]
            ),
            JSON.map(lambda body: [pack_header(Header(MessageType.HELLO)), json.dumps(body).encode()]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_noise_from_strangers_harms_nobody(listener: Listener, messages: list[list[bytes]]) -> None:
    ticket = listener.expect("r", TOKEN)
    try:
        with Dealer(listener) as stranger, Dealer(listener) as expected:
            for frames in messages:
                stranger.socket.send_multipart(frames)
            expected.send(MessageType.HELLO, HELLO)
            pump(listener, ticket)
            assert ticket.connection is not None
            expected.send(MessageType.ERROR, {"reason": "fine"})
            while not ticket.connection.has_news:
                assert listener.pump(time.monotonic() + 5.0)
            message = ticket.connection.take_next()
            assert message is not None
            assert json.loads(message.body) == {"reason": "fine"}
    finally:
        listener.forget(ticket)


def test_the_loopback_address_of_ipv6_is_listened_at() -> None:
    try:
        listener = Listener("tcp://[::1]:*")
    except EndpointError:
        pytest.skip("this machine has no IPv6")
    assert listener.endpoint.startswith("tcp://[::1]:")
    listener.close()


def test_two_listeners_never_clash_and_leave_nothing_behind() -> None:
    first, second = Listener(), Listener()
    assert first.endpoint != second.endpoint
    directory = first._directory
    assert directory is not None
    assert directory.stat().st_mode & 0o777 == 0o700
    first.close()
    first.close()
    second.close()
    assert not directory.exists()
