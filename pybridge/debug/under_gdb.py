# SPDX-License-Identifier: MIT
"""A simulation under gdb: the terminal is gdb's, and the learner's side decides in the background."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pybridge.debug.branch import Branch
from pybridge.debug.deciding import decider_of, low_policy_of, session_levels
from pybridge.policies import resolve_policy
from pybridge.scenario import Scenario
from pybridge.session import Session


def run_under_gdb(
    scenario: Scenario,
    policy: str,
    *,
    ns_log: Sequence[str] = (),
    pcap_dir: Path | None = None,
    record: Path | None = None,
) -> None:
    """One episode, without deadlines. Raises `PolicyError`, `BinaryNotFound` (no gdb), `SimulationError`."""
    found = resolve_policy(policy)
    watching = found.kind == "built-in" and found.name != "static"
    with Session(
        scenario,
        levels=session_levels(found),
        policy=found.name if watching else None,
        ns_log=ns_log,
        pcap_dir=pcap_dir,
        record=record,
        history=0,
        debug=True,
        gdb=True,
    ) as session:
        observation = session.reset(low_policy=low_policy_of(found))
        branch = Branch(session, decider_of(found, scenario, session.schema), observation, watching)
        while not branch.observation.last:
            branch.step("low")
