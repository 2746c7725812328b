# SPDX-License-Identifier: MIT
"""A small valid scenario for tests to bend."""

from __future__ import annotations

import copy
from typing import Any

import yaml

_BASE: dict[str, Any] = {
    "name": "tiny",
    "slices": [
        {
            "name": "embb",
            "s_nssai": {"sst": 1},
            "five_qi": 9,
            "ues": 2,
            "policy": {"min": 0.5},
            "traffic": {"model": "constant", "rate_mbps": 1.0},
        },
        {
            "name": "urllc",
            "s_nssai": {"sst": 2, "sd": 1},
            "five_qi": 82,
            "ues": 1,
            "policy": {"dedicated": 0.1, "min": 0.3},
            "sla": {"delay_budget_ms": 10, "reliability": 0.9999},
            "traffic": {"model": "periodic", "period_ms": 5, "jitter_ms": 1, "packet_bytes": 255},
        },
    ],
}


def scenario_data(**changes: Any) -> dict[str, Any]:
    """Plain data of the small scenario. A change is keyed by path, `slices__1__ues=0`; `...` removes the key."""
    data = copy.deepcopy(_BASE)
    for path, value in changes.items():
        here: Any = data
        *way, last = [int(part) if part.isdecimal() else part for part in path.split("__")]
        for part in way:
            here = here.setdefault(part, {}) if isinstance(here, dict) else here[part]
        if value is ...:
            del here[last]
        else:
            here[last] = value
    return data


def scenario_yaml(**changes: Any) -> str:
    """The same as YAML."""
    return str(yaml.safe_dump(scenario_data(**changes), sort_keys=False))
