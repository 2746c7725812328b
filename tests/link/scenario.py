# SPDX-License-Identifier: MIT
"""A small scenario for the tests of the link; all that a session needs of one."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from sys import executable
from typing import Self

REAL_SCENARIO = """
name: link-test
timing: {warm_up_s: 0.1, duration_s: 0.5}
carrier: {bandwidth_prb: 6}
slices:
  - {name: embb, s_nssai: {sst: 1}, five_qi: 9, ues: 2, policy: {min: 0.5}, sla: {ue_throughput_mbps: 0.3},
     traffic: {model: poisson, arrival_rate_hz: 40.0, packet_bytes: 1000}}
  - {name: urllc, s_nssai: {sst: 2}, five_qi: 82, ues: 2, policy: {min: 0.5}, rule: m-lwdf,
     sla: {delay_budget_ms: 20.0, reliability: 0.99},
     traffic: {model: periodic, period_ms: 10.0, jitter_ms: 2.0, packet_bytes: 100}}
"""
"""For the real program: one cell of 6 PRBs, two slices, four UEs, half a second."""

FAKE = Path(__file__).with_name("fake_simulation.py")


@dataclass(frozen=True)
class TestScenario:
    """Two cells, three slices, six UEs (one per cell and slice)."""

    __test__ = False

    seed: int = 1
    cells: int = 2
    epochs: int = 5

    def resolved_json(self) -> str:
        """What the fake simulation reads."""
        slas = (
            {"ue_throughput_mbps": 1.0, "delay_budget_ms": None, "reliability": None, "weight": 2.0},
            {"ue_throughput_mbps": None, "delay_budget_ms": 10.0, "reliability": 0.99, "weight": 1.0},
            {"ue_throughput_mbps": None, "delay_budget_ms": None, "reliability": None, "weight": 1.0},
        )
        slices = [
            {
                "name": name,
                "s_nssai": {"sst": index + 1, "sd": None},
                "five_qi": 9,
                "ues": 1,
                "sla": slas[index],
                "policy": {"dedicated": 0.0, "min": 0.25, "max": 1.0},
            }
            for index, name in enumerate(("embb", "urllc", "mmtc"))
        ]
        data = {"seed": self.seed, "epochs": self.epochs, "cells": {"count": self.cells}, "slices": slices}
        return json.dumps(data)

    def with_seed(self, seed: int) -> Self:
        """Another RngRun."""
        return replace(self, seed=seed)


def fake(*behaviour: str) -> list[str]:
    """Command of a fake simulation that behaves as named."""
    return [executable, str(FAKE), *(["--behave", *behaviour] if behaviour else [])]
