# SPDX-License-Identifier: MIT
"""A peer written from docs/protocol.md alone, which can misbehave. Its numbers follow from the seed and the actions."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq

HELLO, WELCOME, REFUSE, STATE, ACTION, BYE, ERROR, HEARTBEAT = range(1, 9)
HIGH_DECISION, LAST = 1, 2
LOW_PER_HIGH = 10
SLICE_KPMS = [
    "x.prb_used_ratio",
    "x.power_used_ratio",
    "x.compute_used_ratio",
    "x.ues",
    "DRB.MeanActiveUeDl",
    "x.offered_kbps",
    "x.goodput_kbps",
    "DRB.UEThpDl",
    "x.buffer_bytes",
    "x.hol_delay_ms",
    "x.packet_delay_ms",
    "x.deadline_miss_ratio",
    "x.air_loss_ratio",
    "x.packets_delivered",
    "x.packets_late",
    "x.packets_dropped",
    "x.packets_lost",
]
UE_KPMS = [
    "x.buffer_bytes",
    "x.hol_delay_ms",
    "x.delay_budget_ms",
    "x.cqi",
    "x.spectral_efficiency_bps_hz",
    "x.ewma_throughput_kbps",
    "x.time_since_served_ms",
    "x.offered_kbps",
    "x.goodput_kbps",
]


def tensor(name: str, shape: list[int], both: bool = False, **extra: Any) -> dict[str, Any]:
    """An entry of the schema."""
    return {"name": name, "dtype": "<f4", "shape": shape, **({"levels": "both"} if both else {}), **extra}


def make_schema(scenario: dict[str, Any]) -> dict[str, Any]:
    """The schema that a real simulation of this scenario would send."""
    cells, slices = scenario["cells"]["count"], scenario["slices"]
    ue_slice = [index for index, item in enumerate(slices) for _ in range(item["ues"] * cells)]
    per_slice, ues = [cells, len(slices)], len(ue_slice)
    keys = ("name", "s_nssai", "five_qi", "sla", "policy")
    return {
        "protocol": 1,
        "periods_ms": {"low": 10, "high": 10 * LOW_PER_HIGH},
        "cells": [{"name": f"cell{index}"} for index in range(cells)],
        "slices": [{key: item[key] for key in keys} for item in slices],
        "ue_slice": ue_slice,
        "slice_kpms": [{"name": name, "unit": "1", "type": "DER"} for name in SLICE_KPMS],
        "ue_kpms": [{"name": name, "unit": "1", "type": "SI"} for name in UE_KPMS],
        "state": [
            tensor("slice_high", [*per_slice, len(SLICE_KPMS)]),
            tensor("slice_low", [*per_slice, len(SLICE_KPMS)], both=True),
            tensor("ue", [ues, len(UE_KPMS)]),
            tensor("ue_cell", [ues]) | {"dtype": "<i4"},
            *(tensor(name, [*per_slice, 5]) for name in ("requested", "projected", "achieved")),
        ],
        "action": [
            tensor("prb_policy", [*per_slice, 3], low=0, high=1),
            tensor("compute_share", per_slice, low=0, high=1),
            tensor("power_share", per_slice, low=0, high=1),
            tensor("ue_weight", [ues], both=True, low=0.01, high=100),
            tensor("ue_power_offset_db", [ues], both=True, low=-6, high=3),
        ],
        "trajectory": [
            tensor("low_ue", [LOW_PER_HIGH + 1, ues, len(UE_KPMS)]),
            tensor("low_ue_cell", [LOW_PER_HIGH + 1, ues]) | {"dtype": "<i4"},
            tensor("low_slice", [LOW_PER_HIGH + 1, *per_slice, len(SLICE_KPMS)]),
            tensor("low_share", [LOW_PER_HIGH, *per_slice, 3]),
            tensor("low_raw_action", [LOW_PER_HIGH, ues, 2]),
        ],
    }


class Peer:
    """The DEALER, the header codec and the numbers."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.scenario = json.loads(Path(arguments.scenario).read_text())
        self.schema = make_schema(self.scenario)
        self.random = random.Random(self.scenario["seed"])
        self.run_id, self.token = arguments.run_id, os.environ["SLICEBRIDGE_TOKEN"]
        self.episode = self.step = 0
        self.levels = "high"
        self.action = b""
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 1000
        self.socket.connect(arguments.agent)

    def header(self, kind: int, flags: int = 0, episode: int | None = None, step: int | None = None) -> bytes:
        """Of this episode and step, unless told otherwise."""
        episode = self.episode if episode is None else episode
        step = self.step if step is None else step
        return struct.pack("<4sBBHQQq", b"SLB1", kind, flags, 0, episode, step, self.step * 10**7)

    def send(
        self, kind: int, body: bytes, *, flags: int = 0, episode: int | None = None, step: int | None = None
    ) -> None:
        """Send a message."""
        self.socket.send_multipart([self.header(kind, flags, episode, step), body])

    def receive(self, timeout_ms: int = 20_000) -> tuple[int, bytes]:
        """Type and body of the next message."""
        if not self.socket.poll(timeout_ms):
            sys.exit(3)
        header, *body = self.socket.recv_multipart()
        kind, episode = struct.unpack("<4sBBHQQq", header)[1], struct.unpack("<4sBBHQQq", header)[4]
        if kind == WELCOME:
            self.episode = episode
        return kind, b"".join(body)

    def hello(self, **changes: Any) -> None:
        """Introduce this peer; `changes` are lies."""
        text = json.dumps(self.schema)
        hello = {
            "protocol": 1,
            "run_id": self.run_id,
            "token": self.token,
            "pid": os.getpid(),
            "schema_hash": hashlib.sha256(text.encode()).hexdigest(),
            "schema": text,
            "versions": {"fake": "1"},
        }
        self.send(HELLO, json.dumps(hello | changes).encode())

    def welcome(self) -> None:
        """Await the answer."""
        kind, body = self.receive()
        if kind != WELCOME:
            print(f"refused: {json.loads(body)['reason']}", file=sys.stderr, flush=True)
            sys.exit(4)
        self.levels = json.loads(body)["levels"]

    def state(self) -> bytes:
        """Body of a STATE: random numbers, moved by the last action; UEs change cells."""
        lean = sum(self.action) / 1e4
        body = b""
        for item in self.schema["state"]:
            if item.get("levels") == "both" and self.levels != "both":
                continue
            count = math.prod(item["shape"])
            if item["dtype"] == "<i4":
                part = struct.pack(
                    f"<{count}i", *(self.random.randrange(-1, self.scenario["cells"]["count"]) for _ in range(count))
                )
            else:
                scale = 0.2 if item["name"] in ("requested", "projected", "achieved") else 100.0
                part = struct.pack(f"<{count}f", *(scale * self.random.random() + lean for _ in range(count)))
            body += part + b"\0" * (-len(part) % 8)
        return body


def run(peer: Peer, behaviour: list[str]) -> int:
    """An episode, well-behaved but for what `behaviour` says happens at step 2."""
    mode = behaviour[0] if behaviour else "well"
    both = peer.levels == "both"
    last = peer.scenario["epochs"] * (LOW_PER_HIGH if both else 1)
    while True:
        high = HIGH_DECISION if not both or peer.step % LOW_PER_HIGH == 0 else 0
        if peer.step == 2 and mode in MISBEHAVIOURS:
            MISBEHAVIOURS[mode](peer)
        flags = high | (LAST if peer.step == last else 0)
        peer.send(STATE, peer.state(), flags=flags)
        if flags & LAST:
            peer.send(BYE, b'{"reason": "over"}')
            if mode == "linger":
                time.sleep(600)
            return 5 if mode == "fail-at-the-end" else 0
        if mode == "leave":
            # The socket goes first, the process a little later: as when a process with much memory is killed.
            peer.socket.close()
            peer.context.term()
            time.sleep(0.7)
            kill_itself(peer)
        kind, peer.action = peer.receive(120_000)
        if kind == BYE:
            if mode == "linger":
                time.sleep(600)
            return 0
        peer.step += 1


def kill_itself(peer: Peer) -> None:
    """As a crash does."""
    print("about to be killed", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def fail(peer: Peer) -> None:
    """As a failed assertion does."""
    print("something is wrong", file=sys.stderr, flush=True)
    sys.exit(5)


def say_and_exit(peer: Peer, kind: int, reason: str, code: int) -> None:
    """Send a reason, make sure that it leaves, and exit."""
    peer.send(kind, json.dumps({"reason": reason}).encode())
    peer.socket.close()
    peer.context.term()
    sys.exit(code)


def send_stale(peer: Peer) -> None:
    """Of an older step, a newer step, and another episode."""
    peer.send(STATE, peer.state(), step=peer.step - 1)
    peer.send(STATE, peer.state(), step=peer.step + 1)
    peer.send(STATE, peer.state(), episode=peer.episode + 1)


def flood(peer: Peer) -> None:
    """Heartbeats as fast as they are taken, and nothing else."""
    while True:
        peer.send(HEARTBEAT, b"")


def send_and_hang(peer: Peer, frames: list[bytes]) -> None:
    """Send what is malformed and wait to be ended for it."""
    peer.socket.send_multipart(frames)
    time.sleep(600)


def beat(peer: Peer) -> None:
    """Compute for four seconds, with five heartbeats a second."""
    for _ in range(20):
        time.sleep(0.2)
        peer.send(HEARTBEAT, b"")


MISBEHAVIOURS: dict[str, Callable[[Peer], None]] = {
    "die": kill_itself,
    "exit": fail,
    "error": lambda peer: say_and_exit(peer, ERROR, "the radio caught fire", 5),
    "early-bye": lambda peer: say_and_exit(peer, BYE, "tired", 0),
    "beats": beat,
    "hang": lambda peer: time.sleep(600),
    "slow": lambda peer: time.sleep(1.0),
    "stale": send_stale,
    "heartbeat": lambda peer: [peer.send(HEARTBEAT, b"") for _ in range(3)].clear(),
    "flood": flood,
    "short-body": lambda peer: send_and_hang(peer, [peer.header(STATE), peer.state()[:-8]]),
    "bad-magic": lambda peer: send_and_hang(peer, [b"XXXX" + b"\0" * 28, b""]),
    "many-frames": lambda peer: send_and_hang(peer, [peer.header(STATE), b"", b"", b""]),
    "action": lambda peer: send_and_hang(peer, [peer.header(ACTION), b""]),
}
"""What happens at step 2; those that return let the episode go on."""


def main() -> int:
    """Dial in as told, or with a lie."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--behave", nargs=1, default=[])
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--agent", required=True)
    parser.add_argument("--run-id", required=True)
    parser.add_argument("--out")
    peer = Peer(arguments := parser.parse_args())
    lies: dict[str, dict[str, Any]] = {
        "wrong-token": {"token": "0" * 64},
        "wrong-run": {"run_id": "nobody"},
        "wrong-hash": {"schema_hash": "0" * 64},
        "wrong-protocol": {"protocol": 2},
        "no-schema": {"schema": None},
    }
    mode = arguments.behave[0] if arguments.behave else "well"
    if mode == "silent":
        time.sleep(600)
    if mode == "ignore-sigterm":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "die-at-start":
        print("no such radio", file=sys.stderr, flush=True)
        return 2
    if mode == "wrong-shape":
        peer.schema["state"][0]["shape"][0] += 1
    if mode == "huge":
        peer.schema["state"].append(tensor("extra", [2**31 - 1]))
    peer.hello(**lies.get(mode, {}))
    peer.welcome()
    if mode == "die-welcomed":
        kill_itself(peer)
    return run(peer, arguments.behave)


if __name__ == "__main__":
    sys.exit(main())
