# SPDX-License-Identifier: MIT
"""A thousand resets, and 200 simulations beside each other: nothing leaks, nothing clashes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import psutil
import pytest

from pybridge import SliceEnv, SliceVectorEnv
from pybridge.scenario import Scenario, load_scenario

pytestmark = [pytest.mark.usefixtures("simulation_program"), pytest.mark.slow, pytest.mark.timeout(900)]

RESETS = 1000
SIMULATIONS = 200
SETTLED = 100
"""Resets after which allocators have what they keep."""


def nr() -> Scenario:
    """Five steps of NR."""
    return load_scenario("nr-small", {"timing.duration_s": 0.5, "timing.warm_up_s": 0.1})


def holdings() -> dict[str, int]:
    """What this process and its children hold: descriptors, processes, bytes, entries of the temporary directory."""
    own = psutil.Process()
    children = [child for child in own.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    servers = [child for child in children if child.ppid() == own.pid]
    return {
        "descriptors": own.num_fds() + sum(server.num_fds() for server in servers),
        "processes": len(children),
        "threads": own.num_threads(),
        "rss": own.memory_info().rss + sum(server.memory_info().rss for server in servers),
        "files": len(list(Path(os.environ["TMPDIR"]).iterdir())),
    }


def assert_flat(before: dict[str, int], after: dict[str, int]) -> None:
    """Memory within 5 %, all else the same."""
    memory = after.pop("rss") / before.pop("rss")
    assert after == before
    assert memory < 1.05


def test_a_thousand_resets_leave_nothing_behind() -> None:
    env = SliceEnv(nr())
    before: dict[str, int] = {}
    try:
        first = env.reset(seed=1)[0]
        for number in range(1, RESETS + 1):
            observation = env.reset(seed=1 + number % 7)[0]
            if number % 7 == 0:
                assert (observation == first).all()
            if number % 3 == 0:
                env.step(env.action_space.sample())
            if number == SETTLED:
                before = holdings()
        assert_flat(before, holdings())
    finally:
        env.close()


def test_two_hundred_simulations_beside_each_other() -> None:
    held = []
    for _ in range(2):
        with SliceVectorEnv(nr(), SIMULATIONS) as env:
            _, infos = env.reset(seed=1)
            assert "simulation_lost" not in infos
            pids = {one.session.pid for one in env.envs}
            assert len(pids) == SIMULATIONS
            assert all(psutil.pid_exists(pid or 0) for pid in pids)
            for _ in range(7):
                infos = env.step(np.full(env.action_space.shape, 0.5, np.float32))[4]
                assert "simulation_lost" not in infos
            alone = SliceEnv(nr())
            assert (alone.reset(seed=100)[0] == env.reset(seed=1)[0][99]).all()
            alone.close()
        held.append(holdings())
    assert_flat(*held)
