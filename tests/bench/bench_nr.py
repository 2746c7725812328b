# SPDX-License-Identifier: MIT
"""User CPU of NR cells per simulated second and of IP per packet: fading, 20 MHz, µ = 1, pf, KPM recorded, no agent."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from pybridge.scenario import parse_scenario

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "build" / "bin" / "ran-slicing"
RUNS = 5
SHORT_S = 1.0


def _scenario(ues: int, traffic: str, cells: int, duration_s: float, core: str = "none") -> str:
    """One slice of static UEs around 500 m apart sites."""
    return f"""
name: bench-nr
ran: nr
core: {core}
timing: {{duration_s: {duration_s}}}
cells: {{count: {cells}, inter_site_distance_m: 500.0}}
mobility: {{model: static}}
du: {{compute_bps: 1.0e+9}}
slices:
  - {{name: ues, s_nssai: {{sst: 1}}, five_qi: 9, ues: {ues}, policy: {{min: 1.0}}, traffic: {{{traffic}}}}}
"""


_VIDEO = "model: constant, rate_mbps: 1.0, packet_bytes: 1250"
_METERS = "model: poisson, arrival_rate_hz: 1.0, packet_bytes: 128"
CASES: dict[str, dict[str, Any]] = {
    **{f"{ues}ue": {"ues": ues, "traffic": _VIDEO, "cells": 1} for ues in (10, 20, 50, 100, 200)},
    **{f"{ues}mmtc": {"ues": ues, "traffic": _METERS, "cells": 1} for ues in (1000, 5000)},
    "7x60ue": {"ues": 60, "traffic": "model: constant, rate_mbps: 0.6, packet_bytes: 1250", "cells": 7},
    "7x60ue_load40": {"ues": 60, "traffic": "model: constant, rate_mbps: 0.14, packet_bytes: 1250", "cells": 7},
}
"""Traffic per UE; the first of 7 cells is saturated, the second uses about 40 % of its PRBs."""
CORES = ("none", "epc-like")
LONG_S = {
    "10ue": 21.0, "20ue": 21.0, "50ue": 11.0, "100ue": 6.0, "200ue": 4.0, "1000mmtc": 21.0, "5000mmtc": 6.0,
    "7x60ue": 3.0, "7x60ue_load40": 5.0,
}  # fmt: skip


def _user_cpu_s(program: Path, scenario: str, folder: Path) -> float:
    file = folder / "scenario.json"
    file.write_text(parse_scenario(scenario).resolved_json())
    command = [str(program), "--scenario", str(file), "--policy", "static", "--out", str(folder / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime


def cpu_s_per_simulated_s(program: Path, name: str) -> float:
    """Of one case, once: the difference between a long and a short run, so that start-up does not count."""
    with tempfile.TemporaryDirectory() as text:
        short, long = (
            _user_cpu_s(program, _scenario(**CASES[name], duration_s=duration_s), Path(text))
            for duration_s in (SHORT_S, LONG_S[name])
        )
    return (long - short) / (LONG_S[name] - SHORT_S)


def ip_us_per_packet(program: Path) -> float:
    """User CPU that `core: epc-like` takes above `core: none`, in microseconds per packet of 20 UEs, once."""
    packets_per_s = 20 * 1.0e6 / (8 * 1250)
    case, duration_s = CASES["20ue"], LONG_S["20ue"]
    with tempfile.TemporaryDirectory() as text:
        short, long = (
            [_user_cpu_s(program, _scenario(**case, duration_s=length_s, core=core), Path(text)) for core in CORES]
            for length_s in (SHORT_S, duration_s)
        )
    without, with_core = (long_s - short_s for long_s, short_s in zip(long, short, strict=True))
    return (with_core - without) / (packets_per_s * (duration_s - SHORT_S)) * 1e6


def run() -> dict[str, float]:
    """Medians over `RUNS` rounds through all cases, CPU seconds per simulated second, and microseconds per packet.

    Raises:
        subprocess.CalledProcessError: the program does not build or run.
    """
    build = ["tools/build.sh", "build", "ran-slicing", "-DCMAKE_BUILD_TYPE=Release"]
    subprocess.run(build, cwd=REPOSITORY, check=True, timeout=1800)
    rounds = [
        {f"nr_cpu_s_per_sim_s_{name}": cpu_s_per_simulated_s(PROGRAM, name) for name in CASES}
        | {"nr_ip_us_per_packet": ip_us_per_packet(PROGRAM)}
        for _ in range(RUNS)
    ]
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
