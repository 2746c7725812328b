# SPDX-License-Identifier: MIT
"""Simulations under a built-in policy that are watched over the link."""

from __future__ import annotations

from pybridge.policies import BUILT_IN
from pybridge.process import Program
from pybridge.remote import Remote


def watched(program: Program | Remote, policy: str) -> Program:
    """The program, deciding by a built-in policy itself. Raises `ValueError`."""
    if policy not in BUILT_IN:
        raise ValueError(f"a policy that decides inside the simulation is one of {', '.join(BUILT_IN)}, got {policy!r}")
    if isinstance(program, Remote):
        raise ValueError("a built-in policy on another host is for whoever starts the simulation there")
    return program._replace(command=(*program.command, "--policy", policy))
