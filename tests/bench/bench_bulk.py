# SPDX-License-Identifier: MIT
"""Bulk experience: low-level decisions inside the simulation, beside decisions over the link and beside no agent.

All in turns, medians over the rounds:

* `bulk_low_level_steps_per_s`: low-level periods per second of wall time on a network of one UE that computes nothing,
  decided by a policy of the default size inside, every period recorded and brought back, 100 of them per message;
  `bulk_low_level_steps_per_s_t10`: 10 per message, as by default;
* `bulk_env_steps_per_s`: `SliceEnv.step()` on the same network, one low-level period each; `bulk_ratio`: low-level
  periods per second of a `SliceEnv` with the policy inside, 100 per step, over that;
* `bulk_link_steps_per_s`: the same network, every low-level period one exchange of messages, decided by nobody, by a
  bare `Session`; `bulk_link_ratio`: the first over this one;
* `bulk_cpu_us_per_low_level_step`, `bulk_link_cpu_us_per_step`, `bulk_link_cpu_ratio`: these two by processor time of
  both sides together, which other work on the machine changes less;
* `bulk_nr_wall_ratio`, `bulk_nr_cpu_ratio`: an NR cell, 20 UEs at 1 Mbit/s in three slices, with such a policy inside,
  over the same cell without any agent, per simulated second without start-up: wall time, and user CPU time of the
  simulation. The learner decides every second here, so that this is the policy's cost more than the link's;
  `…_100ms`: the learner decides every 100 ms, as by default; `…_recorded`: with the trajectory.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pybridge import SliceEnv
from pybridge.low_policy import LowPolicy
from pybridge.scenario import Scenario, parse_scenario
from pybridge.schema import Levels
from pybridge.session import Session
from tests.bench import bulk
from tests.bench.bench_link import processor_s

ROUNDS = 5
IDLE_S = {1: 20.0, 10: 50.0, 100: 1000.0}
"""Simulated, by low-level periods per message."""
SHORT_S, LONG_S = 1.0, 121.0


class Cost(NamedTuple):
    """Of a run of the NR cell."""

    wall_s: float
    user_s: float


class Rate(NamedTuple):
    """Of low-level periods on the idle network, start-up left out."""

    per_s: float
    """Of wall time."""
    cpu_us: float
    """Processor time of both sides for each."""


def low_level_rate(levels: Levels, low_per_message: int, policy: LowPolicy | None) -> Rate:
    """Of an episode on the idle network."""
    scenario = bulk.IdleScenario(max(low_per_message, 10), IDLE_S[low_per_message])
    low_periods = round(scenario.duration_s * 1000.0 / bulk.LOW_PERIOD_MS)
    with Session(scenario, levels=levels, program=[bulk.BINARIES / bulk.NAMES[0]]) as session:
        session.reset(low_policy=policy)
        action, pid = session.action(), session.process.pid
        begin, cpu_s = time.perf_counter(), processor_s(os.getpid()) + processor_s(pid)
        # The last message is left out, since the simulation ends with it.
        messages = low_periods // low_per_message - 1
        for _ in range(messages):
            session.step(action)
        wall_s = time.perf_counter() - begin
        cpu_s = processor_s(os.getpid()) + processor_s(pid) - cpu_s
    steps = messages * low_per_message
    return Rate(steps / wall_s, cpu_s / steps * 1e6)


def env_rate(low_per_step: int, policy: LowPolicy | None) -> float:
    """Low-level periods per second of wall time that a `SliceEnv` on the idle network goes through."""
    scenario = bulk.IdleScenario(low_per_step, IDLE_S[low_per_step])
    with SliceEnv(scenario, program=[bulk.BINARIES / bulk.NAMES[0]]) as env:
        env.reset(options=None if policy is None else {"low_policy": policy})
        action = np.full(env.action_space.shape, 0.5, np.float32)
        steps = round(scenario.duration_s * 1000.0 / bulk.LOW_PERIOD_MS) // low_per_step - 1
        begin = time.perf_counter()
        for _ in range(steps):
            env.step(action)
        return steps * low_per_step / (time.perf_counter() - begin)


def nr_cell(duration_s: float, high_period_ms: int) -> Scenario:
    """20 static UEs at 1 Mbit/s, 20 MHz at µ = 1."""
    slices = "".join(
        f"""
  - {{name: slice{sst}, s_nssai: {{sst: {sst}}}, five_qi: 9, ues: {ues}, policy: {{min: 0.33}},
     traffic: {{model: constant, rate_mbps: 1.0, packet_bytes: 1250}}}}"""
        for sst, ues in ((1, 7), (2, 7), (3, 6))
    )
    text = f"""
name: bench-bulk
ran: nr
timing: {{duration_s: {duration_s}, high_period_ms: {high_period_ms}}}
cells: {{count: 1, inter_site_distance_m: 500.0}}
mobility: {{model: static}}
du: {{compute_bps: 1.0e+9}}
slices:{slices}
"""
    return parse_scenario(text)


def without_agent(scenario: Scenario) -> Cost:
    """A run under the built-in policy that decides nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.json"
        file.write_text(scenario.resolved_json())
        command = [str(bulk.BINARIES / bulk.NAMES[1]), "--scenario", str(file), "--policy", "static"]
        before, begin = _children_user_s(), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
        return Cost(time.perf_counter() - begin, _children_user_s() - before)


def with_policy(scenario: Scenario, policy: LowPolicy) -> Cost:
    """A run under a learner that leaves everything as it is, with a low-level policy inside."""
    before, begin = _children_user_s(), time.perf_counter()
    with Session(scenario, levels="delegated", program=[bulk.BINARIES / bulk.NAMES[1]]) as session:
        observation = session.reset(low_policy=policy)
        action = session.action()
        while not observation.last:
            observation = session.step(action)
    return Cost(time.perf_counter() - begin, _children_user_s() - before)


def per_simulated_s(run: Callable[[float], Cost]) -> Cost:
    """Of a long run without what a short one takes too."""
    long, short = run(LONG_S), run(SHORT_S)
    return Cost(*((a - b) / (LONG_S - SHORT_S) for a, b in zip(long, short, strict=True)))


def nr_round() -> dict[str, float]:
    """Ratios to no agent, all measured one after the other."""
    figures = {}
    for suffix, high_period_ms, record in (("", 1000, False), ("_100ms", 100, False), ("_recorded", 1000, True)):
        policy = bulk.default_policy(record)
        alone = per_simulated_s(lambda s, high=high_period_ms: without_agent(nr_cell(s, high)))  # type: ignore[misc]
        steered = per_simulated_s(
            lambda s, high=high_period_ms, policy=policy: with_policy(nr_cell(s, high), policy)  # type: ignore[misc]
        )
        figures[f"bulk_nr_wall_ratio{suffix}"] = steered.wall_s / alone.wall_s
        figures[f"bulk_nr_cpu_ratio{suffix}"] = steered.user_s / alone.user_s
    return figures


def idle_round() -> dict[str, float]:
    """Rates on the idle network."""
    policy = bulk.default_policy(record=True)
    link = low_level_rate("both", 1, None)
    inside = low_level_rate("delegated", 100, policy)
    env_steps_per_s = env_rate(1, None)
    return {
        "bulk_env_steps_per_s": env_steps_per_s,
        "bulk_ratio": env_rate(100, policy) / env_steps_per_s,
        "bulk_link_steps_per_s": link.per_s,
        "bulk_low_level_steps_per_s": inside.per_s,
        "bulk_low_level_steps_per_s_t10": low_level_rate("delegated", 10, policy).per_s,
        "bulk_link_ratio": inside.per_s / link.per_s,
        "bulk_cpu_us_per_low_level_step": inside.cpu_us,
        "bulk_link_cpu_us_per_step": link.cpu_us,
        "bulk_link_cpu_ratio": link.cpu_us / inside.cpu_us,
    }


def run() -> dict[str, float]:
    """Medians over `ROUNDS`. Raises `subprocess.CalledProcessError`: a program does not build or run."""
    bulk.build()
    rounds = [idle_round() | nr_round() for _ in range(ROUNDS)]
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def _children_user_s() -> float:
    """User CPU time of all children that have ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
