# SPDX-License-Identifier: MIT
"""The learner's own ROUTER socket, below messages: ZMTP by hand, by libzmq, and by nobody who knows it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from pybridge.errors import EndpointError, ProtocolError
from pybridge.listener import Listener
from pybridge.local_router import LocalRouter
from pybridge.router import Arrival
from pybridge.zmtp import GREETING, frame
from tests.link.fuzz_zmtp import PING, READY, fuzz

CASES = 100_000
HEADER = b"h" * 32
WELCOME = GREETING + frame(b"\x05READY\x0bSocket-Type\0\0\0\x06ROUTER\x08Identity\0\0\0\0", 4)
"""What the router says to everybody."""


@pytest.fixture
def refusals() -> list[str]:
    """Why peers were turned away."""
    return []


@pytest.fixture
def router(tmp_path: Path, refusals: list[str]) -> Iterator[LocalRouter]:
    """Listening at a path."""
    local = LocalRouter(f"ipc://{tmp_path}/link", refusals.append)
    yield local
    local.close()


def dial(router: LocalRouter, greeting: bytes = GREETING + READY) -> socket.socket:
    """A peer that speaks bytes."""
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(5.0)
    peer.connect(router.endpoint.removeprefix("ipc://"))
    peer.sendall(greeting)
    return peer


def await_message(router: LocalRouter) -> Arrival:
    """Next message, within 5 s."""
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        if router.has_message():
            arrival = router.receive(quick=False)
            assert arrival is not None
            return arrival
        time.sleep(0.001)
    raise AssertionError("no message")


def read(peer: socket.socket, size: int, router: LocalRouter) -> bytes:
    """So many bytes, while the router goes on."""
    data = b""
    while len(data) < size:
        router.has_message()
        data += peer.recv(size - len(data))
    return data


def test_a_hundred_thousand_malformed_streams() -> None:
    outcomes = fuzz(CASES)
    for outcome in ("taken", "the peer sent a malformed frame", "the peer does not speak ZMTP 3"):
        assert outcomes[outcome] > CASES / 200


def test_it_talks_to_a_dealer_of_libzmq(router: LocalRouter) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.connect(router.endpoint)
        for body in (b"", b"short", b"x" * 1600, b"y" * 3_000_000):
            dealer.send_multipart([HEADER, body])
            arrival = await_message(router)
            assert (arrival.header, arrival.body, arrival.n_frames) == (HEADER, body, 2)
            router.send(arrival.peer, HEADER, body)
            while not dealer.poll(1):
                router.has_message()
            assert dealer.recv_multipart() == [HEADER, body]


def test_it_waits_for_one_peer_without_looking_at_others(router: LocalRouter) -> None:
    with dial(router) as peer:
        peer.sendall(frame(HEADER, 1) + frame(b"first"))
        assert await_message(router).body == b"first"
        assert router.receive(quick=True) is None
        peer.sendall(frame(HEADER, 1) + frame(b"second"))
        arrival = router.receive(quick=True)
        assert arrival is not None
        assert arrival.body == b"second"


def test_messages_of_one_frame_and_of_too_many(router: LocalRouter) -> None:
    with dial(router) as peer:
        peer.sendall(frame(HEADER) + frame(HEADER, 1) * 9 + frame(b"end"))
        assert await_message(router)[1:] == (HEADER, b"", 1)
        assert await_message(router).n_frames > 2


def test_what_a_peer_does_not_read_waits_and_keeps_nobody(router: LocalRouter) -> None:
    body = bytes(range(256)) * 8192
    with dial(router) as slow:
        slow.sendall(frame(HEADER))
        name = await_message(router).peer
        begin = time.monotonic()
        router.send(name, HEADER, body)
        router.send(name, HEADER, b"next")
        assert time.monotonic() - begin < 1.0
        expected = frame(HEADER, 1) + frame(body) + frame(HEADER, 1) + frame(b"next")
        assert read(slow, len(WELCOME + expected), router) == WELCOME + expected


def test_ping_is_answered(router: LocalRouter) -> None:
    with dial(router) as peer:
        peer.sendall(PING + frame(HEADER))
        await_message(router)
        expected = WELCOME + frame(b"\x04PONGcontext", 4)
        assert read(peer, len(expected), router) == expected


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\n\r\n" + bytes(64), GREETING + READY + b"\x40\0", GREETING + b"\0\0"]
)
def test_who_speaks_something_else_is_hung_up_on_and_told_of(
    router: LocalRouter, refusals: list[str], noise: bytes
) -> None:
    with dial(router) as good, dial(router, noise) as bad:
        good.sendall(frame(HEADER))
        name = await_message(router).peer
        while not refusals:
            router.has_message()
        rest = b"?"
        while rest:
            rest = bad.recv(1000)
        router.send(name, HEADER, b"still here")
        expected = WELCOME + frame(HEADER, 1) + frame(b"still here")
        assert read(good, len(expected), router) == expected


def test_a_peer_that_has_gone_cannot_be_sent_to(router: LocalRouter) -> None:
    with dial(router) as peer:
        peer.sendall(frame(HEADER))
        name = await_message(router).peer
    with pytest.raises(ProtocolError, match="has closed its end"):
        router.send(name, HEADER, b"")
    with pytest.raises(ProtocolError, match="has closed its end"):
        router.send(name, HEADER, b"")


def test_a_path_that_was_left_over_is_taken_and_one_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "link"
    left_over = socket.socket(socket.AF_UNIX)
    left_over.bind(str(path))
    left_over.close()
    first = Listener(f"ipc://{path}", children=True)
    with pytest.raises(EndpointError, match="Address already in use"):
        Listener(f"ipc://{path}", children=True)
    first.close()
    assert not path.exists()
    path.write_text("not a socket")
    with pytest.raises(EndpointError):
        Listener(f"ipc://{path}", children=True)
    assert path.read_text() == "not a socket"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_over_tcp_it_listens_at_loopback_alone(host: str) -> None:
    try:
        listener = Listener(f"tcp://{host}:*", children=True)
    except EndpointError:
        pytest.skip("this machine has no IPv6")
    assert listener.endpoint.startswith(f"tcp://{host}:")
    with pytest.raises(EndpointError, match="Address already in use"):
        Listener(listener.endpoint, children=True)
    listener.close()
