# SPDX-License-Identifier: MIT
"""A simulation that computes nothing, for measuring the link alone: `cosim-link-bench` and its scenarios."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pybridge.envs import DEFAULT_SLICE_FEATURES

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "cosim-link-bench"
PROGRAM = REPOSITORY / "build" / "bin" / NAME

PACKETS = ("x.packets_delivered", "x.packets_late", "x.packets_dropped", "x.packets_lost")
RATES = ("x.goodput_kbps", "x.offered_kbps")


@dataclass(frozen=True)
class TrivialScenario:
    """What the program and `SliceEnv` need of a scenario."""

    cells: int
    ues: tuple[int, ...]
    """Of each slice, per cell."""
    slice_kpms: tuple[str, ...]
    ue_kpms: tuple[str, ...]
    epochs: int
    """Steps of an episode."""
    seed: int = 1

    def resolved_json(self) -> str:
        """What the program reads."""
        slices = [
            {
                "name": f"slice{index}",
                "s_nssai": {"sst": index + 1, "sd": None},
                "five_qi": 9,
                "ues": ues,
                "sla": {"ue_throughput_mbps": 1.0, "delay_budget_ms": 10.0, "reliability": 0.99, "weight": 1.0},
                "policy": {"dedicated": 0.0, "min": 1.0 / len(self.ues), "max": 1.0},
            }
            for index, ues in enumerate(self.ues)
        ]
        data: dict[str, Any] = {
            "seed": self.seed,
            "epochs": self.epochs,
            "cells": {"count": self.cells},
            "slices": slices,
            "slice_kpms": self.slice_kpms,
            "ue_kpms": self.ue_kpms,
        }
        return json.dumps(data)

    def with_seed(self, seed: int) -> Self:
        """The same under another seed; nothing is random here."""
        return replace(self, seed=seed)


def small(epochs: int) -> TrivialScenario:
    """The least that `SliceEnv` takes, a cell with a slice with a UE: 22 elements up, 5 floats down."""
    return TrivialScenario(1, (1,), PACKETS, RATES, epochs)


def large(epochs: int) -> TrivialScenario:
    """Four cells with three slices: 400 elements (1,600 B) up, 60 floats (240 B) down; the default features."""
    kpms = tuple(feature.kpm for feature in DEFAULT_SLICE_FEATURES) + PACKETS
    return TrivialScenario(4, (1, 0, 0), kpms, (*RATES, "x.cqi"), epochs)


def build() -> None:
    """Build the program. Raises `subprocess.CalledProcessError`."""
    command = ["tools/build.sh", "build", NAME, "-DCMAKE_BUILD_TYPE=Release"]
    subprocess.run(command, cwd=REPOSITORY, check=True, timeout=1800)
