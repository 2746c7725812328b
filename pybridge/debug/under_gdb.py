# SPDX-License-Identifier: MIT
"""A simulation under gdb: the terminal is gdb's, and the learner's side decides in the background."""

from __future__ import annotations

from pybridge.debug.branch import Branch
from pybridge.debug.deciding import decider_of, low_policy_of, session_levels
from pybridge.debug.options import LiveOptions
from pybridge.policies import resolve_policy
from pybridge.scenario import Scenario
from pybridge.session import Session


def run_under_gdb(scenario: Scenario, options: LiveOptions) -> None:
    """One episode, without deadlines. Raises `PolicyError`, `BinaryNotFound` (no gdb), `SimulationError`."""
    found = resolve_policy(options.policy)
    watching = found.kind == "built-in" and found.name != "static"
    with Session(
        scenario,
        levels=session_levels(found),
        policy=found.name if watching else None,
        ns_log=options.ns_log,
        pcap_dir=options.pcap_dir,
        record=options.record,
        record_slots=options.slots,
        history=0,
        debug=True,
        gdb=True,
    ) as session:
        observation = session.reset(low_policy=low_policy_of(found))
        branch = Branch(session, decider_of(found, scenario, session.schema), observation, watching)
        while not branch.observation.last:
            branch.step("low")
