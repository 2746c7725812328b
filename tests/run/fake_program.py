# SPDX-License-Identifier: MIT
"""Stands in for the simulation program: same command line, link and records, no network behind them.

FAKE_FAULT: fail (exit 5), cut (a record that is cut off), hang, busy (hang for 3 s at full load, then go on),
die (SIGKILL to itself), stop (SIGSTOP to itself).
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

KPMS = [
    {"name": "RRU.PrbUsedDl", "unit": "%", "type": "DER"},
    {"name": "DRB.PdcpSduVolumeDL", "unit": "kbit", "type": "CC"},
]
FEATURES = (
    "prb_used_ratio power_used_ratio compute_used_ratio ues offered_kbps goodput_kbps buffer_bytes hol_delay_ms "
    "packet_delay_ms deadline_miss_ratio air_loss_ratio packets_delivered packets_late packets_dropped packets_lost"
)
KPMS += [{"name": f"x.{name}", "unit": "1", "type": "DER"} for name in FEATURES.split()]
KPMS += [{"name": f"DRB.{name}", "unit": "1", "type": "DER"} for name in ("MeanActiveUeDl", "UEThpDl")]
UE_KPMS = [{"name": name, "unit": "1", "type": "SI"} for name in ("x.goodput_kbps", "x.offered_kbps")]
CONTROLS = ("dedicated", "min", "max", "compute", "power")


def option(name: str) -> str | None:
    """Value of a command line option."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def describe(scenario: dict[str, Any]) -> dict[str, Any]:
    """Schema of a scenario, as docs/protocol.md has it."""
    cells, slices = scenario["cells"]["count"], scenario["slices"]
    ue_slice = [index for index, item in enumerate(slices) for _ in range(item["ues"] * cells)]
    per_slice, n_ues = [cells, len(slices)], len(ue_slice)

    def tensor(name: str, shape: list[int], dtype: str = "<f4", **more: Any) -> dict[str, Any]:
        return {"name": name, "dtype": dtype, "shape": shape, **more}

    state = [tensor("slice_high", [*per_slice, len(KPMS)]), tensor("slice_low", [*per_slice, len(KPMS)], levels="both")]
    state += [tensor("ue", [n_ues, len(UE_KPMS)]), tensor("ue_cell", [n_ues], "<i4")]
    state += [tensor(name, [*per_slice, 5]) for name in ("requested", "projected", "achieved")]
    action = [tensor("prb_policy", [*per_slice, 3], low=0, high=1)]
    action += [tensor(name, per_slice, low=0, high=1) for name in ("compute_share", "power_share")]
    action += [tensor("ue_weight", [n_ues], low=0.01, high=100, levels="both")]
    action += [tensor("ue_power_offset_db", [n_ues], low=-6, high=3, levels="both")]
    return {
        "protocol": 1,
        "periods_ms": {"low": scenario["timing"]["low_period_ms"], "high": scenario["timing"]["high_period_ms"]},
        "cells": [{"name": f"cell{index}"} for index in range(cells)],
        "slices": [{key: item[key] for key in ("name", "s_nssai", "five_qi", "sla", "policy")} for item in slices],
        "ue_slice": ue_slice,
        "slice_kpms": KPMS,
        "ue_kpms": UE_KPMS,
        "state": state,
        "action": action,
    }


def write_raw(path: Path, columns: list[tuple[str, str]], rows: list[tuple[float, ...]]) -> None:
    """A record file of docs/records.md."""
    described = [{"name": name, "dtype": dtype} for name, dtype in columns]
    header = json.dumps({"format": "slicebridge-record/1", "columns": described})
    header += " " * (-(len(header) + 1) % 64) + "\n"
    body = np.array(rows, dtype=columns).tobytes()
    path.write_bytes(header.encode() + (body[:-3] if os.environ.get("FAKE_FAULT") == "cut" else body))


def write_records(scenario: dict[str, Any], out: Path) -> None:
    """Rows that depend on the scenario and the seed alone."""
    period_ns = scenario["timing"]["high_period_ms"] * 1_000_000
    epochs = round(scenario["timing"]["duration_s"] * 1e9) // period_ns
    keys = [("time_ns", "<i8"), ("cell", "<i4"), ("slice", "<i4")]
    places = [
        ((epoch + 1) * period_ns, cell, index)
        for epoch in range(epochs)
        for cell in range(scenario["cells"]["count"])
        for index in range(len(scenario["slices"]))
    ]
    values = np.random.default_rng(scenario["seed"]).random((len(places), len(KPMS) + 15))
    kpms, n_kpms = [(kpm["name"], "<f8") for kpm in KPMS], len(KPMS)
    write_raw(
        out / "slices.raw", keys + kpms, [(*place, *row[:n_kpms]) for place, row in zip(places, values, strict=True)]
    )
    names = [(f"{kind}_{name}", "<f4") for kind in ("requested", "projected", "achieved") for name in CONTROLS]
    write_raw(
        out / "controls.raw", keys + names, [(*place, *row[n_kpms:]) for place, row in zip(places, values, strict=True)]
    )
    bins = [("slice", "<i4"), ("pad", "<i4"), ("delay_upper_ns", "<i8"), ("count", "<i8")]
    write_raw(out / "packets.raw", bins, [(0, 0, 10_000, 5), (1, 0, -1, 2)])


def fault() -> None:
    """Fail in the way that the environment asks for."""
    kind = os.environ.get("FAKE_FAULT")
    if kind == "fail":
        print("NS_ASSERT failed: the sky is falling")
        sys.exit(5)
    if kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "stop":
        print("about to stop", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
    if kind == "busy":
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            pass
    if kind == "hang":
        Path(os.environ["FAKE_MARK"]).write_text(str(os.getpid()))
        time.sleep(120)


def serve(scenario: dict[str, Any]) -> None:
    """Speak docs/protocol.md, a step per high-level period, states of zeros."""
    import zmq

    text = json.dumps(describe(scenario), sort_keys=True, separators=(",", ":"))
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(option("--agent") or "")

    episode = 0

    def send(kind: int, body: bytes, step: int = 0, flags: int = 0, time_ns: int = 0) -> None:
        socket.send_multipart([struct.pack("<4sBBHQQq", b"SLB1", kind, flags, 0, episode, step, time_ns), body])

    hello = {"protocol": 1, "run_id": option("--run-id"), "token": os.environ["SLICEBRIDGE_TOKEN"], "pid": os.getpid()}
    hello |= {"schema_hash": hashlib.sha256(text.encode()).hexdigest(), "schema": text, "versions": {}}
    send(1, json.dumps(hello).encode())
    welcome = json.loads(socket.recv_multipart()[1])
    episode = welcome["episode"]
    fault()
    sizes = [
        (4 * int(np.prod(item["shape"])) + 7) // 8 * 8
        for item in describe(scenario)["state"]
        if welcome["levels"] == "both" or "levels" not in item
    ]
    epochs = round(scenario["timing"]["duration_s"] * 1000) // scenario["timing"]["high_period_ms"]
    for step in range(epochs + 1):
        flags = 1 | (2 if step == epochs else 0)
        send(4, bytes(sum(sizes)), step, flags, step * scenario["timing"]["high_period_ms"] * 1_000_000)
        if step < epochs and socket.recv_multipart()[0][4] == 6:
            return
    if "--out" in sys.argv:
        write_records(scenario, Path(option("--out") or ""))
    send(6, b'{"reason": "done"}', epochs)
    socket.close()
    zmq.Context.instance().term()


def main() -> None:
    """As the real program's."""
    if "--version" in sys.argv:
        print("fake 1\nns-3 0")
        return
    scenario = json.loads(Path(option("--scenario") or "").read_text())
    if "--schema" in sys.argv:
        print(json.dumps(describe(scenario)))
    elif "--agent" in sys.argv:
        serve(scenario)
    else:
        print(f"policy {option('--policy')}")
        fault()
        write_records(scenario, Path(option("--out") or ""))


if __name__ == "__main__":
    main()
