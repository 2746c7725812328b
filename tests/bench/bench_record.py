# SPDX-License-Identifier: MIT
"""What recording costs: processor time of runs with it over that of runs without, and bytes per simulated minute.

NR, 20 UEs with fading, an agent that answers at once with what is in force: every other agent makes the ratio smaller.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from pathlib import Path

from pybridge.process import find_binary
from pybridge.recording import Recording, check_recording
from pybridge.scenario import Scenario, parse_scenario
from pybridge.schema import Levels
from pybridge.session import Session

ROUNDS = 7
DURATION_S: dict[Levels, float] = {"high": 60.0, "both": 30.0}

SCENARIO = """
name: bench-record
ran: nr
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


def _cpu_s() -> float:
    """Of this process, all threads, and of the simulations that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _episode(scenario: Scenario, levels: Levels, record: Path | None) -> tuple[float, float]:
    """Processor and wall seconds of an episode, its start and its end included."""
    cpu_s, wall_s = _cpu_s(), time.perf_counter()
    # Executed and not forked from the server, so that its processor time is told when it has ended.
    with Session(scenario, levels=levels, program=[find_binary()], record=record, history=0) as session:
        observation = session.reset()
        action = session.action()
        while not observation.last:
            observation = session.step(action)
    return _cpu_s() - cpu_s, time.perf_counter() - wall_s


def _measure(scenario: Scenario, levels: Levels, file: Path) -> dict[str, float]:
    """Medians of interleaved rounds, with recording over without."""
    rounds = [(_episode(scenario, levels, None), _episode(scenario, levels, file)) for _ in range(ROUNDS)]
    cpu, wall = ([with_it[i] / without[i] for without, with_it in rounds] for i in range(2))
    return {
        f"record_cpu_ratio_{levels}": statistics.median(cpu),
        f"record_wall_ratio_{levels}": statistics.median(wall),
    }


def run() -> dict[str, float]:
    """Processor and wall time with recording over those without, and megabytes per simulated minute.

    The recording made last must also pass its check.
    """
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for levels, duration_s in DURATION_S.items():
            file = Path(folder) / levels
            scenario = parse_scenario(SCENARIO.format(duration_s=duration_s))
            figures |= _measure(scenario, levels, file)
            figures[f"record_mb_per_min_{levels}"] = file.stat().st_size / 1e6 * 60.0 / duration_s
            difference = check_recording(Recording(file))
            if difference is not None:
                raise RuntimeError(f"the recording does not happen again: {difference}")
    return figures
