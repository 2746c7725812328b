# SPDX-License-Identifier: MIT
"""Small networks with data in most slots, for the tests of debugging."""

from __future__ import annotations

from pybridge.scenario import Scenario, parse_scenario

_SLICES = """
slices:
  - {name: embb, s_nssai: {sst: 1}, five_qi: 9, ues: 3, policy: {min: 0.5}, sla: {ue_throughput_mbps: 0.3},
     traffic: {model: poisson, arrival_rate_hz: 150.0, packet_bytes: 1200}}
  - {name: urllc, s_nssai: {sst: 2}, five_qi: 82, ues: 2, policy: {min: 0.5}, rule: m-lwdf,
     sla: {delay_budget_ms: 20.0, reliability: 0.99},
     traffic: {model: periodic, period_ms: 10.0, jitter_ms: 2.0, packet_bytes: 100}}
"""

LTE = "name: debug-lte\ntiming: {warm_up_s: 0.1, duration_s: 0.5}\ncarrier: {bandwidth_prb: 25}\n" + _SLICES
NR = (
    "name: debug-nr\nran: nr\ntiming: {warm_up_s: 0.1, duration_s: 0.5}\n"
    "carrier: {numerology: 1, bandwidth_mhz: 20, frequency_ghz: 3.5}\n" + _SLICES
)


def scenario(ran: str, core: str = "none") -> Scenario:
    """ran: "lte" or "nr"; core: of NR."""
    return parse_scenario(LTE if ran == "lte" else f"{NR}core: {core}\n", f"debug-{ran}")
