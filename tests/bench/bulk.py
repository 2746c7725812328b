# SPDX-License-Identifier: MIT
"""The network that computes nothing of `scenarios-bulk-bench`, and a low-level policy of the default size."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from pybridge.envs import DEFAULT_UE_FEATURES
from pybridge.low_policy import Layer, LowPolicy, n_inputs

REPOSITORY = Path(__file__).resolve().parents[2]
BINARIES = REPOSITORY / "build" / "bin"
NAMES = ("scenarios-bulk-bench", "ran-slicing")

LOW_PERIOD_MS = 10
WIDTH = 32


@dataclass(frozen=True)
class IdleScenario:
    """Cells with one slice each, whose UEs always have data and never get any."""

    low_per_high: int
    """Low-level periods in a high-level one."""
    duration_s: float
    cells: int = 1
    ues: int = 1
    """Of each cell."""
    seed: int = 1

    def resolved_json(self) -> str:
        """What the program reads."""
        timing = {"low_period_ms": LOW_PERIOD_MS, "high_period_ms": LOW_PERIOD_MS * self.low_per_high}
        slices = [{"name": "ues", "ues": self.ues}]
        data = {"seed": self.seed, "cells": {"count": self.cells}, "slices": slices}
        return json.dumps(data | {"timing": timing | {"duration_s": self.duration_s}})

    def with_seed(self, seed: int) -> Self:
        """The same under another seed."""
        return replace(self, seed=seed)


def default_policy(record: bool) -> LowPolicy:
    """Random weights, 32-32 and 32-2 with relu: the size that agents use."""
    random = np.random.default_rng(1)

    def layer(outputs: int, inputs: int) -> Layer:
        weight = random.normal(size=(outputs, inputs)) / np.sqrt(inputs)
        return weight.astype(np.float32), np.zeros(outputs, np.float32)

    return LowPolicy(
        encoder=[layer(WIDTH, n_inputs(len(DEFAULT_UE_FEATURES), 0, 0)), layer(WIDTH, WIDTH)],
        head=[layer(WIDTH, 3 * WIDTH + 1), layer(2, WIDTH)],
        record=record,
    )


def build() -> None:
    """Build the programs. Raises `subprocess.CalledProcessError`."""
    for name in NAMES:
        command = ["tools/build.sh", "build", name, "-DCMAKE_BUILD_TYPE=Release"]
        subprocess.run(command, cwd=REPOSITORY, check=True, timeout=1800)
