# SPDX-License-Identifier: MIT
"""A peer that keeps docs/protocol.md to the letter, but for the rules that `--break` names."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from fake_simulation import (
    ACTION,
    BYE,
    ERROR,
    HEARTBEAT,
    HELLO,
    HIGH_DECISION,
    LAST,
    LOW_PER_HIGH,
    REFUSE,
    SLICE_KPMS,
    STATE,
    UE_KPMS,
    WELCOME,
    Peer,
)

POLICY = 9
HANDSHAKE_S = 10.0
LOST, VIOLATION, FAILED = 3, 4, 5
LOW_POLICY_KEYS = {"features", "slice_features", "context", "encoder", "head", "activation", "stochastic", "record"}


class End(Exception):
    """The program ends with this code, and says ERROR before if there is something to say."""

    def __init__(self, code: int, error: str = "") -> None:
        super().__init__(error)
        self.code = code


class ConformingPeer(Peer):
    """Waits, checks and answers as it has to."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments)
        self._broken = set(arguments.broken)
        self._welcomed = self._recorded = False
        self._deadline_s = 0.0

    def breaks(self, rule: str) -> bool:
        """This rule is not kept."""
        return rule in self._broken

    def play(self) -> None:
        """An episode. Raises `End`."""
        self._introduce()
        self._await_welcome()
        both = self.levels == "both"
        last = self.scenario["epochs"] * (LOW_PER_HIGH if both else 1)
        while True:
            high = not both or self.step % LOW_PER_HIGH == 0 or self.breaks("high-decision")
            flags = (HIGH_DECISION if high else 0) | (LAST if self.step == last else 0)
            skewed = self.breaks("levels-high") and self.levels == "high" and self.step == 3
            self.send(STATE, self._body(), flags=flags, step=self.step + skewed)
            if flags & LAST:
                if not self.breaks("end"):
                    self.send(BYE, b'{"reason": "over"}')
                raise End(0)
            self._await_action()
            self.step += 1

    def _introduce(self) -> None:
        changes: dict[str, Any] = {}
        if self.breaks("schema-text"):
            self.schema["nonce"] = os.urandom(8).hex()
        if self.breaks("schema-hash"):
            changes["schema_hash"] = "0" * 64
        if self.breaks("hello"):
            changes["pid"] = "unknown"
        self.hello(**changes)

    def _body(self) -> bytes:
        if self.breaks("levels-both") and self.levels == "both" and self.step == 3:
            return self.state()[:-8]
        body = self.state()
        if self._recorded and not self.breaks("levels-delegated"):
            for item in self.schema["trajectory"]:
                size = 4 * math.prod(item["shape"])
                body += bytes(size + -size % 8)
        return body

    def _await_welcome(self) -> None:
        kind, body = self._await(HANDSHAKE_S, "deadline-welcome")
        self._require(kind == WELCOME, "no WELCOME", "malformed-type")
        try:
            welcome = json.loads(body)
            self.episode, self.levels = welcome["episode"], welcome["levels"]
            self._deadline_s = welcome["action_deadline_ms"] / 1000
            sound = self.levels in ("high", "both", "delegated") and 0 <= self.episode < 2**64
        except (ValueError, KeyError, TypeError, RecursionError):
            sound = False
        self._require(sound, "WELCOME is malformed", "malformed-welcome")
        self._welcomed = True
        if self.levels == "delegated":
            self._await_policy(welcome["low_policy"])

    def _await_policy(self, description: dict[str, Any]) -> None:
        wrong = [item["kpm"] for item in description["features"] if item["kpm"] not in UE_KPMS]
        wrong += [item["kpm"] for item in description["slice_features"] if item["kpm"] not in SLICE_KPMS]
        wrong += sorted(LOW_POLICY_KEYS ^ set(description))
        self._require(not wrong, f"low_policy: {wrong}", "low-policy-malformed", told=True)
        kind, body = self._await(HANDSHAKE_S, "deadline-policy")
        inputs = len(description["features"]) + len(description["slice_features"]) + 6 + description["context"]
        count = 2 + description["context"]
        for width in description["encoder"]:
            count, inputs = count + width * (inputs + 1), width
        inputs = 3 * inputs + 1
        for width in description["head"]:
            count, inputs = count + width * (inputs + 1), width
        sound = kind == POLICY and len(body) == 4 * count
        sound = sound and all(map(math.isfinite, struct.unpack(f"<{count}f", body)))
        self._require(sound, "POLICY is malformed", "low-policy-malformed", told=True)
        self._recorded = description["record"]

    def _await_action(self) -> None:
        kind, body = self._await(self._deadline_s or math.inf, "deadline-action")
        if kind == BYE:
            raise End(FAILED if self.breaks("bye") else 0)
        self._require(kind == ACTION, "no ACTION", "malformed-type")
        tensors = [item for item in self.schema["action"] if "levels" not in item or self.levels == "both"]
        sizes = [4 * math.prod(item["shape"]) for item in tensors]
        size = sum(part + -part % 8 for part in sizes)
        self._require(len(body) == size, f"an ACTION has {size} bytes", "malformed-body")
        at = 0
        for item, part in zip(tensors, sizes, strict=True):
            values = struct.unpack_from(f"<{part // 4}f", body.ljust(size, b"\0"), at)
            at += part + -part % 8
            for index, value in enumerate(values):
                inside = (
                    item["low"] <= value <= item["high"] or value == struct.unpack("<f", struct.pack("<f", 0.01))[0]
                )
                named = ", ".join(map(str, unravel(index, item["shape"])))
                self._require(inside, f"{item['name']}[{named}] is {value}", "action-out-of-range", told=True)

    def _await(self, within_s: float, rule: str) -> tuple[int, bytes]:
        """Next message that is of concern."""
        deadline = time.monotonic() + (math.inf if self.breaks(rule) else within_s)
        while True:
            left_s = min(deadline - time.monotonic(), 1.0)
            if left_s <= 0.0:
                raise End(LOST)
            if self.socket.poll(int(left_s * 1000) + 1):
                message = self._understand(self.socket.recv_multipart())
                if message is not None:
                    return message
            elif self._welcomed and self.breaks("heartbeat-silence"):
                self.send(HEARTBEAT, b"")

    def _understand(self, frames: list[bytes]) -> tuple[int, bytes] | None:
        header = frames[0]
        sound = len(header) == 32 and header[:4] == b"SLB1" and 1 <= header[4] <= POLICY and header[6:8] == b"\0\0"
        self._require(sound, "malformed header", "malformed-header")
        self._require(len(frames) <= 2, "too many frames", "malformed-frames")
        if not sound:
            return None
        kind, _, _, episode, step = struct.unpack("<4sBBHQQq", header)[1:6]
        if kind == REFUSE:
            raise End(0 if self.breaks("refusal") else VIOLATION)
        if kind in (HELLO, STATE, ERROR):
            self._require(False, "not from a learner", "malformed-type")
            return None
        if kind == HEARTBEAT:
            self._require(not self.breaks("heartbeat-of-learner"), "a heartbeat")
            return None
        if self._welcomed and (episode, step) != (self.episode, self.step):
            taken = self.breaks("repeated-action" if step < self.step else "stale")
            return (kind, frames[-1]) if taken else None
        return kind, frames[1] if len(frames) > 1 else b""

    def _require(self, holds: bool, otherwise: str, rule: str = "", *, told: bool = False) -> None:
        """A violation ends the program, unless the rule against it is not kept."""
        if not holds and not self.breaks(rule):
            raise End(VIOLATION, otherwise if told else "")


def unravel(index: int, shape: list[int]) -> list[int]:
    """Index of an element in each dimension."""
    where = []
    for extent in reversed(shape):
        index, at = divmod(index, extent)
        where.append(at)
    return where[::-1]


def watch(parent: int) -> None:
    """End with the process that started this one."""
    while True:
        time.sleep(0.2)
        try:
            stat = Path(f"/proc/{parent}/stat").read_text()
        except OSError:
            os._exit(LOST)
        if stat.rpartition(")")[2].split()[0] == "Z":
            os._exit(LOST)


def stop(number: int, frame: object) -> NoReturn:
    """Handler of signals."""
    raise End(128 + number, f"signal {number}")


def main() -> int:
    """Play an episode and say why it ended, where that is due."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--break", dest="broken", nargs="*", default=[])
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--agent", required=True)
    parser.add_argument("--run-id", required=True)
    arguments = parser.parse_args()
    if not Path(arguments.scenario).is_file():
        return 1 if "bad-scenario" in arguments.broken else 2
    if "parent" not in arguments.broken:
        threading.Thread(target=watch, args=(int(os.environ["SLICEBRIDGE_PARENT_PID"]),), daemon=True).start()
    if "signals" not in arguments.broken:
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
    peer = ConformingPeer(arguments)
    try:
        peer.play()
    except End as end:
        if str(end):
            peer.send(ERROR, json.dumps({"reason": str(end)}).encode())
        peer.socket.close()
        peer.context.term()
        return end.code


if __name__ == "__main__":
    sys.exit(main())
