# SPDX-License-Identifier: MIT
"""The rules of docs/protocol.md that can be checked from the learner's side, each with the sentence that gives it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pybridge.conformance.trial import EPISODE, Absent, Broken, Trial
from pybridge.wire import PROTOCOL_VERSION, Flag, Header, MessageType, pack_header

Start = Callable[..., Trial]
"""Starts the simulation; `parent` is the process that it shall watch."""

HANDSHAKE_S = 10.0
"""What a simulation waits for WELCOME and POLICY."""

STEPS = 4
"""Of an episode that is looked at; it may be shorter."""


@dataclass(frozen=True)
class Rule:
    """One rule."""

    name: str
    sentence: str
    """Of docs/protocol.md."""
    check: Callable[[Start], None]


@dataclass(frozen=True)
class Verdict:
    """What came of a rule."""

    rule: Rule
    outcome: Literal["pass", "fail", "absent"]
    """"absent": it is about something that this simulation does not offer."""
    seen: str = ""
    """Why it failed, or what is absent."""


RULES: list[Rule] = []


def rule(sentence: str) -> Callable[[Callable[[Start], None]], Callable[[Start], None]]:
    """Enters a check into `RULES` under the name of its function."""

    def enter(check: Callable[[Start], None]) -> Callable[[Start], None]:
        RULES.append(Rule(check.__name__.removeprefix("_").replace("_", "-"), sentence, check))
        return check

    return enter


def examine(
    command: Sequence[str],
    scenario: Path,
    *,
    rules: Sequence[Rule] | None = None,
    jobs: int = 4,
    told: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Check every rule with a process of its own, `jobs` at a time.

    command: of the simulation; --scenario, --agent and --run-id are added.
    scenario: file that it understands, of an episode of a few seconds at most.
    told: called with each verdict, from the calling thread.
    """

    def start(**options: Any) -> Trial:
        file = options.pop("scenario", scenario)
        return Trial(command, file, **options)

    def judge(one: Rule) -> Verdict:
        try:
            one.check(start)
        except Absent as absent:
            return Verdict(one, "absent", str(absent))
        except Broken as broken:
            return Verdict(one, "fail", str(broken))
        return Verdict(one, "pass")

    verdicts = []
    with ThreadPoolExecutor(jobs) as pool:
        for verdict in pool.map(judge, RULES if rules is None else rules):
            told(verdict)
            verdicts.append(verdict)
    return verdicts


def require(holds: bool, seen: str) -> None:
    """Raise `Broken` unless it holds."""
    if not holds:
        raise Broken(seen)


@rule("Headers before `WELCOME` have episode 0 and step 0")
def _hello(start: Start) -> None:
    with start() as trial:
        message = trial.hello()
        header, hello = message.header, message.json()
        require((header.episode, header.step) == (0, 0), f"HELLO names episode {header.episode}, step {header.step}")
        expected = {"protocol": PROTOCOL_VERSION, "run_id": trial.run_id, "token": trial.token}
        for key, value in expected.items():
            require(hello.get(key) == value, f"`{key}` is {hello.get(key)!r}")
        require(type(hello.get("pid")) is int, f"`pid` is {hello.get('pid')!r}")
        versions = hello.get("versions")
        plain = isinstance(versions, dict) and all(isinstance(value, (str, int)) for value in versions.values())
        require(plain, f"`versions` is {versions!r}")


@rule("`schema_hash` is the SHA-256 of that string's UTF-8 bytes, in lower-case hexadecimal.")
def _schema_hash(start: Start) -> None:
    with start() as trial:
        hello = trial.hello().json()
        digest = hashlib.sha256(hello["schema"].encode()).hexdigest()
        require(hello.get("schema_hash") == digest, f"it says {hello.get('schema_hash')!r}, it is {digest}")


@rule("A simulation writes the same text for the same scenario")
def _schema_text(start: Start) -> None:
    texts = set()
    for _ in range(2):
        with start() as trial:
            trial.hello()
            texts.add(trial.schema.text)
    require(len(texts) == 1, "two processes sent two texts")


@rule("Only the last two end the episode that the peer was meant for")
def _refusal(start: Start) -> None:
    with start() as trial:
        trial.hello()
        trial.send(MessageType.REFUSE, b'{"reason": "checking"}', episode=0)
        trial.exit_code(4)


def _play(start: Start, levels: Any, **further: Any) -> None:
    with start() as trial:
        trial.open(levels, **further)
        for _ in range(STEPS):
            trial.act()
            if trial.is_last(trial.state()):
                return


@rule("0 for the first `STATE`, +1 for each further one; an `ACTION` repeats that of the `STATE` that it answers")
def _levels_high(start: Start) -> None:
    _play(start, "high")


@rule('those marked `"levels": "both"` are left out of the body when the levels are `high` or `delegated`.')
def _levels_both(start: Start) -> None:
    _play(start, "both")


def _low_policy(**changes: Any) -> dict[str, Any]:
    return {
        "features": [{"kpm": "x.buffer_bytes", "scale": 1e7, "curve": "log"}],
        "slice_features": [],
        "context": 0,
        "encoder": [2],
        "head": [2],
        "activation": "relu",
        "stochastic": False,
        "record": True,
        **changes,
    }


# One feature, one-hot of SST and three shares in; encoder of 2; head of 2; two log standard deviations.
_POLICY = np.zeros((7 * 2 + 2) + (7 * 2 + 2) + 2, "<f4").tobytes()


@rule("With `record`, the tensors of `trajectory` follow those of `state` in the body.")
def _levels_delegated(start: Start) -> None:
    with start() as trial:
        trial.welcome("delegated", low_policy=_low_policy())
        trial.send(MessageType.POLICY, _POLICY)
        trial.state()
        for _ in range(STEPS):
            trial.act()
            if trial.is_last(trial.state()):
                return


@rule("is answered by `ERROR` and exit code 4.")
def _low_policy_malformed(start: Start) -> None:
    for changes, policy in (
        ({"features": [{"kpm": "x.no_such_kpm", "scale": 1.0, "curve": "log"}]}, _POLICY),
        ({"surplus": 1}, _POLICY),
        ({}, _POLICY[:-4]),
        ({}, np.full(len(_POLICY) // 4, np.nan, "<f4").tobytes()),
    ):
        with start() as trial:
            trial.welcome("delegated", low_policy=_low_policy(**changes))
            trial.send(MessageType.POLICY, policy)
            trial.expect(MessageType.ERROR)
            trial.exit_code(4)


@rule("bit 0 `high_decision`, bit 1 `last`")
def _high_decision(start: Start) -> None:
    with start() as trial:
        trial.welcome("both")
        ratio = trial.schema.high_period_ms // trial.schema.low_period_ms
        for step in range(ratio + 1):
            message = trial.state()
            flagged = bool(message.header.flags & Flag.HIGH_DECISION)
            if trial.is_last(message):
                return
            require(flagged == (step % ratio == 0), f"step {step} says high_decision = {flagged}")
            trial.act()


@rule("whose episode or step is not the expected one is dropped and counted.")
def _stale(start: Start) -> None:
    with start() as trial:
        trial.open()
        action = trial.action()
        trial.send(MessageType.ACTION, action, step=trial.step + 1)
        trial.send(MessageType.ACTION, action, episode=EPISODE + 1)
        trial.send(MessageType.BYE, b'{"reason": "stale"}', episode=EPISODE - 1)
        trial.silence(0.5)
        trial.act()
        trial.state()


@rule("A `STATE`, `ACTION` or (from the learner) `BYE`")
def _repeated_action(start: Start) -> None:
    with start() as trial:
        trial.open()
        trial.send(MessageType.ACTION, trial.action())
        trial.act()
        trial.state()
        trial.silence(0.5)
        trial.act()
        trial.state()


@rule("The learner ends an episode early by `BYE` in place of an `ACTION`, with that step; the simulation exits 0.")
def _bye(start: Start) -> None:
    with start() as trial:
        trial.open()
        trial.send(MessageType.BYE, b'{"reason": "checking"}')
        trial.exit_code(0)


@rule("the simulation sends `BYE` after it, completes its records, and exits 0.")
def _end(start: Start) -> None:
    with start() as trial:
        trial.welcome()
        while not trial.is_last(trial.state()):
            trial.act()
        trial.expect(MessageType.BYE)
        trial.exit_code(0)


@rule("A simulation that gets no `WELCOME` in 10 s")
def _deadline_welcome(start: Start) -> None:
    with start() as trial:
        trial.hello()
        begin = time.monotonic()
        trial.exit_code(3)
        require(time.monotonic() - begin > 0.8 * HANDSHAKE_S, "it did not wait so long")


@rule("no `POLICY` in another 10 s")
def _deadline_policy(start: Start) -> None:
    with start() as trial:
        trial.welcome("delegated", low_policy=_low_policy())
        begin = time.monotonic()
        trial.exit_code(3)
        require(time.monotonic() - begin > 0.8 * HANDSHAKE_S, "it did not wait so long")


@rule("or no `ACTION` within `action_deadline_ms`, says so and exits with code 3.")
def _deadline_action(start: Start) -> None:
    with start() as trial:
        trial.open(deadline_ms=500)
        trial.exit_code(3)


@rule("while it waits for an answer it sends none.")
def _heartbeat_silence(start: Start) -> None:
    with start() as trial:
        trial.open()
        trial.silence(2.5)


@rule("| 8 | `HEARTBEAT` | either | absent |")
def _heartbeat_of_learner(start: Start) -> None:
    with start() as trial:
        trial.open()
        trial.send(MessageType.HEARTBEAT)
        trial.act()
        trial.state()


def _end_by(start: Start, *messages: Callable[[Trial], list[bytes]]) -> None:
    """Each of these, in answer to a STATE, must be taken for a violation."""
    for message in messages:
        with start() as trial:
            trial.open()
            trial.send_frames(message(trial))
            trial.exit_code(4)


def _header(trial: Trial, kind: int = MessageType.ACTION) -> bytes:
    return pack_header(Header(kind, 0, EPISODE, trial.step))


@rule("**Malformed messages** (frames, size, magic, type, reserved field, body length")
def _malformed_header(start: Start) -> None:
    _end_by(
        start,
        lambda trial: [b"XXXX" + _header(trial)[4:], trial.action()],
        lambda trial: [_header(trial)[:4] + b"\xff" + _header(trial)[5:], trial.action()],
        lambda trial: [_header(trial)[:6] + b"\1\0" + _header(trial)[8:], trial.action()],
        lambda trial: [_header(trial)[:31], trial.action()],
        lambda trial: [_header(trial) + b"\0", trial.action()],
    )


@rule("A message is one or two frames (a body without content may be an empty frame, or none).")
def _malformed_frames(start: Start) -> None:
    _end_by(start, lambda trial: [_header(trial), trial.action(), b""])


@rule("A body has exactly the length that the schema says.")
def _malformed_body(start: Start) -> None:
    _end_by(
        start,
        lambda trial: [_header(trial), trial.action()[:-8]],
        lambda trial: [_header(trial), trial.action() + bytes(8)],
        lambda trial: [_header(trial)],
    )


@rule("a type that the sender may not send): a simulation exits with code 4")
def _malformed_type(start: Start) -> None:
    _end_by(
        start,
        lambda trial: [_header(trial, MessageType.STATE), trial.action()],
        lambda trial: [_header(trial, MessageType.HELLO), b"{}"],
        lambda trial: [pack_header(Header(MessageType.ERROR, 0, EPISODE + 1, 7)), b"{}"],
    )


@rule("| 2 | `WELCOME` | learner | JSON object: `episode`, `levels`")
def _malformed_welcome(start: Start) -> None:
    well = {"episode": EPISODE, "levels": "high", "action_deadline_ms": 0}
    for body in (
        json.dumps(well | {"levels": "all"}),
        json.dumps(well | {"episode": -1}),
        json.dumps({"levels": "high"}),
        "{",
        '{"episode": ' + "[" * 400_000 + "]" * 400_000 + "}",
    ):
        with start() as trial:
            trial.hello()
            trial.send(MessageType.WELCOME, body.encode())
            trial.exit_code(4)


@rule("ends the episode with `ERROR` naming the tensor and the index")
def _action_out_of_range(start: Start) -> None:
    for value in (float("nan"), 1.5, -0.5):
        with start() as trial:
            trial.open()
            trial.send(MessageType.ACTION, trial.action(power_share=value))
            reason = str(trial.expect(MessageType.ERROR).json().get("reason"))
            require("power_share" in reason, f"ERROR says {reason!r}")
            require("0, 0" in reason, f"ERROR says {reason!r}")


@rule("when the process of this id is gone, the simulation ends within 2 s, with exit code 3.")
def _parent(start: Start) -> None:
    with subprocess.Popen(["sleep", "600"]) as parent:
        try:
            with start(parent=parent.pid) as trial:
                trial.open()
                parent.kill()
                parent.wait()
                # Twice as long: the machine may be busy.
                trial.exit_code(3, 4.0)
        finally:
            parent.kill()


@rule("SIGINT and SIGTERM stop it in good order, records included, also while it waits for an answer")
def _signals(start: Start) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with start() as trial:
            trial.open()
            os.kill(trial.process.pid, number)
            trial.expect(MessageType.ERROR)
            trial.exit_code(128 + number)


@rule("2 bad scenario or command line")
def _bad_scenario(start: Start) -> None:
    with start(scenario=Path("no-such-scenario.json")) as trial:
        trial.exit_code(2)
