# SPDX-License-Identifier: MIT
"""Python side of the co-simulation: scenarios, the link to ns-3, environments and the command line.

The names below are loaded on first use, so that `import pybridge` costs nothing and a tool that only
reads scenarios needs no ZeroMQ.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pybridge.errors import SliceBridgeError

if TYPE_CHECKING:
    from pybridge.envs import RanParallelEnv, SliceEnv, SliceVectorEnv
    from pybridge.low_policy import LowPolicy
    from pybridge.observation import Action, Observation
    from pybridge.policies import Policy
    from pybridge.scenario import Scenario, ScenarioError, load_scenario
    from pybridge.schema import Schema
    from pybridge.session import Session
    from pybridge.slots import SlotReport
    from pybridge.task import Task

__version__ = "0.1.0"

_HOMES = {
    "Action": "pybridge.observation",
    "LowPolicy": "pybridge.low_policy",
    "Observation": "pybridge.observation",
    "Policy": "pybridge.policies",
    "RanParallelEnv": "pybridge.envs",
    "Scenario": "pybridge.scenario",
    "ScenarioError": "pybridge.scenario",
    "Schema": "pybridge.schema",
    "Session": "pybridge.session",
    "SlotReport": "pybridge.slots",
    "SliceEnv": "pybridge.envs",
    "SliceVectorEnv": "pybridge.envs",
    "Task": "pybridge.task",
    "load_scenario": "pybridge.scenario",
}

__all__ = [
    "Action",
    "LowPolicy",
    "Observation",
    "Policy",
    "RanParallelEnv",
    "Scenario",
    "ScenarioError",
    "Schema",
    "Session",
    "SliceBridgeError",
    "SliceEnv",
    "SliceVectorEnv",
    "SlotReport",
    "Task",
    "__version__",
    "load_scenario",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'pybridge' has no attribute '{name}'")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
