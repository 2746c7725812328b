# SPDX-License-Identifier: MIT
"""Many simulations beside each other, and what a reset costs.

* `link_steps_per_s_{1,2,8,32}`: steps per second in all, `SliceVectorEnv.step()` on so many simulations that compute
  nothing (`trivial.large`), on whatever processors there are; measured in turns, medians of the rounds;
* `reset_ms`: `SliceEnv.reset()` on NR of 30 UEs with 0.01 s of warm-up, the process before ended in good order, forked;
  `reset_exec_ms`: the same with the program executed. In turns, medians.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from pybridge import SliceEnv, SliceVectorEnv, load_scenario
from pybridge.process import find_binary
from tests.bench import trivial

REPOSITORY = Path(__file__).resolve().parents[2]
SIZES = (1, 2, 8, 32)
ROUNDS = 7
ROUND_S = 0.5
RESETS = 25
ENDLESS = 10**12


def _steps_per_s(env: SliceVectorEnv) -> float:
    actions = np.full(env.action_space.shape or (), 0.5, np.float32)
    begin, steps = time.perf_counter(), 0
    while (taken_s := time.perf_counter() - begin) < ROUND_S:
        env.step(actions)
        steps += env.num_envs
    return steps / taken_s


def steps_per_s() -> dict[str, float]:
    """Of each size."""
    with ExitStack() as stack:
        envs = [
            stack.enter_context(SliceVectorEnv(trivial.large(ENDLESS), size, program=[trivial.PROGRAM]))
            for size in SIZES
        ]
        for env in envs:
            env.reset()
            _steps_per_s(env)
        rounds = [[_steps_per_s(env) for env in envs] for _ in range(ROUNDS)]
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    return {f"link_steps_per_s_{size}": median for size, median in zip(SIZES, medians, strict=True)}


def reset_ms(program: Path) -> dict[str, float]:
    """Forked and executed."""
    scenario = load_scenario("nr-small", {"timing.warm_up_s": 0.01, "timing.duration_s": 1.0})
    envs = {"reset_ms": SliceEnv(scenario), "reset_exec_ms": SliceEnv(scenario, program=[program])}
    taken: dict[str, list[float]] = {name: [] for name in envs}
    with ExitStack() as stack:
        for env in envs.values():
            stack.callback(env.close)
            env.reset()
        for seed in range(1, RESETS + 1):
            for name, env in envs.items():
                begin = time.perf_counter()
                env.reset(seed=seed)
                taken[name].append((time.perf_counter() - begin) * 1e3)
    return {name: statistics.median(values) for name, values in taken.items()}


def run() -> dict[str, float]:
    """All figures.

    Raises:
        subprocess.CalledProcessError: the programs do not build.
    """
    trivial.build()
    build = ["tools/build.sh", "build", "ran-slicing", "-DCMAKE_BUILD_TYPE=Release"]
    subprocess.run(build, cwd=REPOSITORY, check=True, timeout=1800)
    return reset_ms(find_binary()) | steps_per_s()
