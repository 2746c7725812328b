# SPDX-License-Identifier: MIT
"""Simulations that speak the protocol of ns3-gym (docs/ns3gym.md). Needs the extra `slicebridge[ns3gym]`.

`Ns3GymEnv` is loaded on first use, so that what needs the messages alone loads no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pybridge.ns3gym.env import Ns3GymEnv

__all__ = ["Ns3GymEnv"]


def __getattr__(name: str) -> Any:
    if name != "Ns3GymEnv":
        raise AttributeError(f"module 'pybridge.ns3gym' has no attribute '{name}'")
    from pybridge.ns3gym.env import Ns3GymEnv

    return Ns3GymEnv
