# SPDX-License-Identifier: MIT
"""The simulation program without a link: its built-in policies, its schema and its version."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pybridge.errors import SchemaError, SimulationDied, SimulationFailed, SimulationTimeout
from pybridge.process import SimulationProcess, find_binary
from pybridge.records import last_time_s
from pybridge.scenario import Scenario

QUESTION_TIMEOUT_S = 60.0
"""For answers that need no simulation."""

POLL_S = 0.5
"""How often the progress of a built-in policy's simulation is looked at."""

SILENCE_S = 300.0
"""A built-in policy's simulation that uses next to no processor time for so long hangs, and is ended."""

SIGN_OF_LIFE_S = 0.1
"""Processor time that shows life. Its thread that watches the parent may use a little while the rest hangs."""

Progress = Callable[[float], None]
"""Is told the simulated time since the end of warm-up, in seconds."""


def run_built_in(scenario_file: Path, policy: str, out: Path, progress: Progress, options: Sequence[str] = ()) -> None:
    """Simulate under a built-in policy; records and log.txt go to `out`, which exists.

    options: further ones of the program, e.g. ["--log", "LteRlcUm=info"].

    Raises `SimulationFailed` if the program refuses or fails, `SimulationDied` if a signal ended it,
    `SimulationTimeout` if it hangs (stopped, or blocked for `SILENCE_S`).
    """
    command = [str(find_binary()), "--scenario", str(scenario_file), "--policy", policy, "--out", str(out)]
    command += options
    process = SimulationProcess(command, out / "log.txt", {})
    try:
        code = _await_end(process, out / "slices.raw", progress)
        if code < 0:
            what = f"the simulation died: {process.describe_end()}"
            raise SimulationDied(what, code, process.log, process.log_tail())
        if code:
            raise SimulationFailed(f"the simulation failed: {process.describe_end()}", process.log, process.log_tail())
    finally:
        process.terminate()
        process.release()


def _await_end(process: SimulationProcess, records: Path, progress: Progress) -> int:
    """Return code of the process. Its processor time is the sign of life: a large scenario may be slow to record."""
    seen_s = silent_s = 0.0
    while (code := process.wait(POLL_S)) is None:
        progress(last_time_s(records))
        used_s = process.cpu_s()
        if used_s is None or used_s - seen_s >= SIGN_OF_LIFE_S:
            seen_s, silent_s = used_s or 0.0, 0.0
            continue
        # Polls are counted, no clock is read: who pauses this process (a container, a laptop) pauses both.
        silent_s += POLL_S
        if silent_s >= SILENCE_S:
            what = f"the simulation has made no progress for {SILENCE_S:g} s; it was ended"
            raise SimulationTimeout(what, process.log, process.log_tail())
    return code


def program_schema(scenario: Scenario) -> dict[str, Any]:
    """Schema of a simulation (docs/protocol.md), from the program itself, without simulating.

    Raises `BinaryNotFound`, `SimulationFailed`, `SchemaError`.
    """
    with tempfile.TemporaryDirectory(prefix="slicebridge-") as folder:
        file = Path(folder) / "scenario.json"
        file.write_text(scenario.resolved_json(), encoding="utf-8")
        answer = _ask("--schema", "--scenario", str(file))
    try:
        schema: dict[str, Any] = json.loads(answer)
    except ValueError as error:
        raise SchemaError(f"the simulation program printed a schema that is no JSON: {error}") from None
    return schema


def program_version() -> str:
    """What the program says of itself and of its ns-3, on one line. Raises `BinaryNotFound`, `SimulationFailed`."""
    return " ".join(_ask("--version").split())


def _ask(*arguments: str) -> str:
    binary = find_binary()
    try:
        done = subprocess.run(
            [str(binary), *arguments], capture_output=True, text=True, timeout=QUESTION_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise SimulationFailed(f"{binary} {arguments[0]} gave no answer in {QUESTION_TIMEOUT_S:g} s") from None
    except OSError as error:
        raise SimulationFailed(f"{binary} cannot be run: {error.strerror}") from None
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())[-500:]
        raise SimulationFailed(f"{binary.name} {arguments[0]} failed with exit code {done.returncode}: {reason}")
    return done.stdout
