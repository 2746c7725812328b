# SPDX-License-Identifier: MIT
"""Meta-training on NR: how fast environments are stepped, and where the time goes.

* `train_env_steps_per_s`: high-level decisions per second of wall time while `ours` trains both levels with its default
  sizes (8 tasks × 8 episodes of 50 decisions, 32 simulations), the first iteration left out;
* `train_learner_share`: part of that time that is spent on learning; also `train_simulation_share`, `train_link_share`
  and `train_inference_share`;
* `train_cpu_ms_per_env_step`: processor time of the learner itself, without simulations;
* `train_paper_…`: the same of `paper`, which takes inner steps.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from agents.meta_hrl import MetaHrl, Network
from agents.meta_hrl_config import MetaHrlConfig
from agents.network import simulation_task, vector_factory
from agents.network_task import TaskDistribution, load_task_ranges
from agents.rollout import Clock, NetworkRollout, Simulations

TASKS = Path(__file__).resolve().parents[2] / "agents" / "nr-tasks.yaml"
STEPS = 50
ITERATIONS = 5


def run() -> dict[str, float]:
    """Means over `ITERATIONS`."""
    paper = {f"train_paper_{name}": value for name, value in figures_of("paper").items()}
    return {f"train_{name}": value for name, value in figures_of("ours").items()} | paper


def figures_of(variant: Literal["ours", "paper"]) -> dict[str, float]:
    """Of training both levels."""
    tasks = TaskDistribution(load_task_ranges(TASKS))
    config = MetaHrlConfig(variant=variant)
    learner = MetaHrl(config, Network(1, 3, False, STEPS), seed=1)
    meta = learner.learner("joint")
    with vector_factory(tasks.task("train", 0))(config.simulations) as vector:
        simulations = Simulations(vector, simulation_task, STEPS)
        rollout = NetworkRollout(simulations, learner.controls, learner.prior(tasks))
        meta.iterate(tasks.sample, rollout)
        clock = simulations.clock = Clock()
        begun, processor = time.perf_counter(), time.process_time()
        for _ in range(ITERATIONS):
            meta.iterate(tasks.sample, rollout)
        wall, processor = time.perf_counter() - begun, time.process_time() - processor
    parts = {name: getattr(clock, name) / wall for name in ("simulation", "link", "inference")}
    return {
        "env_steps_per_s": clock.env_steps / wall,
        "learner_share": max(0.0, 1.0 - sum(parts.values())),
        **{f"{name}_share": part for name, part in parts.items()},
        "cpu_ms_per_env_step": 1e3 * processor / clock.env_steps,
    }
