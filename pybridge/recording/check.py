# SPDX-License-Identifier: MIT
"""Reruns a simulation with the actions of a recording, and compares every bit."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pybridge.observation import Observation
from pybridge.recording.columns import last_axis
from pybridge.recording.low_policy import low_policy_from_json
from pybridge.recording.reader import Recording
from pybridge.recording.stream import RecordingError
from pybridge.schema import Schema
from pybridge.session import Session
from pybridge.slots import GRANT_COLUMNS, SlotReport

if TYPE_CHECKING:
    from pybridge.low_policy import LowPolicy


@dataclass(frozen=True)
class Difference:
    """The first place where a rerun departs from its recording."""

    step: int
    time_s: float
    tensor: str
    """Name of the tensor, or "time", "flags", "schema"."""
    element: str
    """E.g. "cell0, slice urllc, x.hol_delay_ms"; empty if there is but one."""
    recorded: str
    rerun: str

    def __str__(self) -> str:
        place = f"{self.tensor}[{self.element}]" if self.element else self.tensor
        return f"step {self.step}, {self.time_s:g} s: {place} was {self.recorded}, the rerun gives {self.rerun}"


@dataclass(frozen=True)
class RecordedScenario:
    """The scenario of a recording, as a session takes it."""

    text: str
    seed: int

    def resolved_json(self) -> str:
        """As it was recorded."""
        return self.text if json.loads(self.text)["seed"] == self.seed else _with_seed(self.text, self.seed)

    def with_seed(self, seed: int) -> Self:
        """The same under another RngRun."""
        return replace(self, seed=seed)


def check_recording(
    recording: Recording,
    *,
    program: Sequence[str | Path] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Difference | None:
    """Simulate again with the recorded actions; the first difference, or None if all bits are the same.

    program: as for `Session`. progress: is told the simulated seconds.

    Raises `RecordingError` if there is nothing to compare, and what `Session` raises.
    """
    if not len(recording):
        raise RecordingError(f"{recording.path}: has no steps")
    text = recording.description.get("low_policy")
    low_policy = None if text is None else low_policy_from_json(text)
    with _session(recording, low_policy, program) as session:
        observation = session.reset(low_policy=low_policy)
        report: SlotReport | None = None
        for step in range(len(recording)):
            recorded = recording.observation(step)
            difference = first_difference(recorded, observation)
            if difference is None and report is not None:
                difference = _grants_difference(recording.slots(step), report)
            if difference is not None:
                return difference
            if progress is not None:
                progress(observation.time_s)
            action = recording.action(step)
            if action is None or step + 1 == len(recording):
                break
            sent = session.action()
            sent.flat[...] = action.flat
            if recording.grid is None:
                observation = session.step(sent)
                continue
            report = session.step_low(sent) if session.levels == "both" else session.step_high(sent)
            assert report.observation is not None
            observation = report.observation
    return None


def first_difference(recorded: Observation, rerun: Observation) -> Difference | None:
    """Where two observations of one step differ first, by the order of tensors; None if nowhere."""
    step, time_s = recorded.step, recorded.time_s

    def differ(what: str, element: str, before: object, now: object) -> Difference:
        return Difference(step, time_s, what, element, str(before), str(now))

    if recorded.schema != rerun.schema:
        return differ("schema", *_schema_difference(recorded.schema, rerun.schema))
    if recorded.time_ns != rerun.time_ns:
        return differ("time", "ns", recorded.time_ns, rerun.time_ns)
    if recorded.header.flags != rerun.header.flags:
        return differ("flags", "", recorded.header.flags, rerun.header.flags)
    if recorded.flat.tobytes() == rerun.flat.tobytes():
        return None
    for tensor in recorded.dtype.names or ():
        before, now = recorded.body[tensor], rerun.body[tensor]
        unequal = np.argwhere(before.view("<u4") != now.view("<u4"))
        if len(unequal):
            index = tuple(int(i) for i in unequal[0])
            element = _element(recorded.schema, tensor, index)
            return differ(tensor, element, _exact(before[index]), _exact(now[index]))
    return None


def _grants_difference(recorded: SlotReport | None, rerun: SlotReport) -> Difference | None:
    """Where two reports on the same slots differ first."""
    step, time_s = (0, rerun.time_s) if rerun.observation is None else (rerun.observation.step, rerun.time_s)
    before, now = [] if recorded is None else recorded.grants.tolist(), rerun.grants.tolist()
    for one, other in itertools.zip_longest(before, now):
        if repr(one) != repr(other):
            slot = min(grant[0] for grant in (one, other) if grant is not None)
            return Difference(step, time_s, "grants", f"slot {slot}", _grant(one), _grant(other))
    return None


def _grant(grant: tuple[Any, ...] | None) -> str:
    if grant is None:
        return "none"
    return ", ".join(f"{name} {value}" for name, value in zip(GRANT_COLUMNS[1:], grant[1:], strict=False))


def _session(recording: Recording, low_policy: LowPolicy | None, program: Sequence[str | Path] | None) -> Session:
    scenario = RecordedScenario(recording.scenario_json, recording.seed)
    if recording.levels == "delegated" and low_policy is None:
        raise RecordingError(f"{recording.path}: lacks the low-level policy that decided about UEs")
    return Session(scenario, levels=recording.levels, program=program, history=0, debug=recording.grid is not None)


def _exact(value: Any) -> str:
    """All digits, and the bits where they say more than the digits (NaN, zeros)."""
    bits = int(np.asarray(value).view("<u4"))
    return f"{value:.9g} (0x{bits:08x})" if np.asarray(value).dtype.kind == "f" else str(value)


def _element(schema: Schema, tensor: str, index: tuple[int, ...]) -> str:
    """Names of an element's axes, as far as they have some."""
    names = last_axis(schema, tensor)
    last = [] if names is None else [names[index[-1]]]
    rest = index if names is None else index[:-1]
    if tensor.startswith("low_"):
        last, rest = [f"period {rest[0]}", *last], rest[1:]
    if tensor in ("ue", "ue_cell", "low_ue", "low_ue_cell", "low_raw_action"):
        places = [f"UE {rest[0]}", *map(str, rest[1:])]
    else:
        places = [schema.cells[rest[0]], f"slice {schema.slices[rest[1]].name}", *map(str, rest[2:])]
    return ", ".join([*places, *last])


def _schema_difference(recorded: Schema, rerun: Schema) -> tuple[str, object, object]:
    before, now = json.loads(recorded.text), json.loads(rerun.text)
    for key in dict.fromkeys([*before, *now]):
        if before.get(key) != now.get(key):
            return key, _short(before.get(key)), _short(now.get(key))
    return "text", recorded.digest, rerun.digest


def _short(value: object, limit: int = 200) -> str:
    text = json.dumps(value)
    return text if len(text) <= limit else text[:limit] + " …"


def _with_seed(text: str, seed: int) -> str:
    return json.dumps(json.loads(text) | {"seed": seed})
