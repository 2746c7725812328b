# SPDX-License-Identifier: MIT
"""Saturated NR cells without errors carry what the standard's arithmetic gives: block size x slots, less headers."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from pybridge.run import run
from pybridge.scenario import parse_scenario

pytestmark = pytest.mark.usefixtures("simulation_program")

PACKET_BYTES = 1250
PER_PACKET_BYTES = PACKET_BYTES + 28 + 8
"""With IP and UDP, and with the headers of MAC, RLC, PDCP and SDAP; each block adds one segment, with headers again."""

HIGHEST_MCS = {1: (6, 948), 2: (8, 948)}
"""By MCS table: modulation order, code rate x 1024 (TS 38.214, 5.1.3.1)."""


def block_bits(prbs: int, symbols: int, overhead: int, table: int) -> int:
    """TBS by TS 38.214, 5.1.3.2, of blocks over 3824 bits at a rate above 1/4, with 12 DM-RS elements."""
    order, rate = HIGHEST_MCS[table]
    information = min(156, 12 * symbols - 12 - overhead) * prbs * rate / 1024 * order
    unit = 2 ** (math.floor(math.log2(information - 24)) - 5)
    quantised = unit * round((information - 24) / unit)
    assert quantised > 8424
    blocks = math.ceil((quantised + 24) / 8424)
    return 8 * blocks * math.ceil((quantised + 24) / (8 * blocks)) - 24


CASES = {
    "mu0-fdd": ("numerology: 0, bandwidth_mhz: 20", 106, "D", {}),
    "mu1-tdd-256qam": ("numerology: 1, bandwidth_mhz: 40, slot_pattern: DDDSU, mcs_table: 2", 106, "DDDSU", {"ues": 3}),
    "mu3-fr2-tdd": (
        "numerology: 3, bandwidth_mhz: 100, frequency_ghz: 28.0, slot_pattern: DDSU, special_symbols: 6", 66, "DDSU",
        {"ues": 2, "special": 6},
    ),
    "mu2-overhead-cap": (
        "numerology: 2, bandwidth_mhz: 60, control_symbols: 2, data_symbols: 11, overhead_res_per_prb: 6, "
        "rbg_size_prb: 1", 39, "D", {"symbols": 11, "overhead": 6, "share": 0.5},
    ),
    "mu1-100mhz": ("numerology: 1, bandwidth_mhz: 100, control_symbols: 2, rbg_size_prb: 1", 273, "D", {"ues": 8}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_goodput_is_block_size_times_slots_less_headers(name: str, tmp_path: Path) -> None:
    carrier, prbs, pattern, more = CASES[name]
    share, ues = more.get("share", 1.0), more.get("ues", 1)
    scenario = parse_scenario(
        f"""
name: arithmetic
ran: nr
carrier: {{{carrier}}}
propagation: {{model: constant-sinr, sinr_db: 45.0}}
timing: {{duration_s: 1.0, warm_up_s: 0.2}}
mobility: {{model: static}}
du: {{compute_bps: 1.0e+11}}
slices:
  - name: one
    s_nssai: {{sst: 1}}
    five_qi: 9
    ues: {ues}
    policy: {{min: {share}, max: {share}}}
    traffic: {{model: constant, rate_mbps: {480.0 / ues}, packet_bytes: {PACKET_BYTES}}}
"""
    )
    kpm = run(scenario, "static", 1, tmp_path / "run").kpm()
    goodput_mbps = kpm.filter(pl.col("name") == "x.goodput_kbps")["value"].mean() / 1e3

    symbols = {"D": more.get("symbols", 12), "S": more.get("special", 9)}
    blocks = [block_bits(prbs, symbols[kind], more.get("overhead", 0), 2 if "mcs_table: 2" in carrier else 1)
              for kind in pattern if kind != "U"]  # fmt: skip
    slots_per_s = 1000 * 2 ** int(carrier[len("numerology: ")])
    payload_bits = sum(bits - 8 * 8 for bits in blocks) * PACKET_BYTES / PER_PACKET_BYTES
    assert goodput_mbps == pytest.approx(payload_bits / len(pattern) * slots_per_s / 1e6, rel=2e-3)
