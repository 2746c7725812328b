# SPDX-License-Identifier: MIT
"""What recording costs a run: processor time with it over that without, and bytes per simulated minute.

`slicebridge run` with an agent of a few lines of NumPy, as a user writes one, on 20 UEs with fading: the whole command,
with its start, its simulation and its tables. An agent that computes more makes the ratio smaller.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pybridge.recording import Recording, check_recording

ROUNDS = 12
AGENTS = {"high": "tests.bench.deciding:PerSlice", "both": "tests.bench.deciding:PerUe"}
DURATION_S = {"nr": 60.0, "lte": 5.0}

SCENARIO = """
name: bench-record
ran: {ran}
timing: {{duration_s: {duration_s}}}
du: {{compute_bps: 1.0e+9}}
slices:
  - {{name: embb, s_nssai: {{sst: 1}}, five_qi: 9, ues: 12, policy: {{min: 0.5}},
     traffic: {{model: constant, rate_mbps: 1.0, packet_bytes: 1250}}}}
  - {{name: urllc, s_nssai: {{sst: 2}}, five_qi: 82, ues: 4, policy: {{min: 0.3}}, rule: m-lwdf,
     sla: {{delay_budget_ms: 10, reliability: 0.9999}},
     traffic: {{model: periodic, period_ms: 5, jitter_ms: 1, packet_bytes: 255}}}}
  - {{name: mmtc, s_nssai: {{sst: 3}}, five_qi: 9, ues: 4, policy: {{min: 0.1}},
     traffic: {{model: poisson, arrival_rate_hz: 10.0, packet_bytes: 128}}}}
"""


def _run(scenario: Path, agent: str, record: Path | None) -> tuple[float, float]:
    """Processor and wall seconds of a command, the simulation included."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    out = scenario.with_name("out")
    command = [sys.executable, "-m", "pybridge", "run", "--scenario", scenario, "--policy", agent, "--out", out]
    command += [] if record is None else ["--record", record]
    subprocess.run(command, check=True, capture_output=True)
    shutil.rmtree(out)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, time.perf_counter() - begin


def _measure(ran: str, levels: str, folder: Path) -> dict[str, float]:
    """With recording over without, interleaved. The last recording must also pass its check."""
    scenario, file = folder / "scenario.yaml", folder / "recording"
    scenario.write_text(SCENARIO.format(ran=ran, duration_s=DURATION_S[ran]))
    agent = AGENTS[levels]
    rounds = [(_run(scenario, agent, None), _run(scenario, agent, file)) for _ in range(ROUNDS)]
    cpu, wall = (
        _undisturbed([with_it[i] for _, with_it in rounds]) / _undisturbed([without[i] for without, _ in rounds])
        for i in range(2)
    )
    difference = check_recording(Recording(file))
    if difference is not None:
        raise RuntimeError(f"the recording does not happen again: {difference}")
    return {
        f"record_cpu_ratio_{ran}_{levels}": cpu,
        f"record_wall_ratio_{ran}_{levels}": wall,
        f"record_mb_per_min_{ran}_{levels}": file.stat().st_size / 1e6 * 60.0 / DURATION_S[ran],
    }


def _undisturbed(seconds: list[float]) -> float:
    """Mean of the faster half: what else a machine does only ever adds, and by more than what is measured here."""
    return statistics.fmean(sorted(seconds)[: len(seconds) // 2])


def run() -> dict[str, float]:
    """Of LTE and NR, for agents that decide about slices and about UEs too."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for ran in DURATION_S:
            for levels in AGENTS:
                figures |= _measure(ran, levels, Path(folder))
    return figures
