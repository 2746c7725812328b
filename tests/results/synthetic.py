# SPDX-License-Identifier: MIT
"""A finished campaign of made-up numbers, in the files that real runs write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

SLICES = {
    "embb": {"ue_throughput_mbps": 1.0, "delay_budget_ms": None, "reliability": None, "weight": 1.0},
    "urllc": {"ue_throughput_mbps": None, "delay_budget_ms": 10.0, "reliability": 0.99, "weight": 1.0},
    "mmtc": {"ue_throughput_mbps": None, "delay_budget_ms": 1000.0, "reliability": 0.95, "weight": 1.0},
}
METHODS = ("static", "proportional", "max-weight", "ppo")
SIZES = {"small": 2, "large": 4}
MIXES = ("balanced", "heavy")
PERIOD_S, PERIODS = 0.1, 40


def write_campaign(root: Path, seeds: tuple[int, ...] = (1, 2), methods: tuple[str, ...] = METHODS) -> None:
    """Write a campaign of all methods, sizes, mixes and seeds below `root`."""
    jobs: list[dict[str, Any]] = []
    for method in methods:
        for seed in seeds:
            if method == "ppo":
                jobs.append({"id": f"train-{method}-s{seed}", "kind": "train", "method": method, "seed": seed})
                _write_training(root / "runs" / jobs[-1]["id"], seed)
            for size in SIZES:
                for mix in MIXES:
                    labels = {"kind": "evaluate", "method": method, "ran": "nr", "size": size, "mix": mix, "seed": seed}
                    jobs.append({"id": f"{method}-{size}-{mix}-s{seed}", **labels})
                    _write_evaluation(root / "runs" / jobs[-1]["id"], METHODS.index(method), SIZES[size], seed)
    axis = {
        "rans": [{"name": "nr"}],
        "sizes": [{"name": n, "label": f"{3 * u} UEs"} for n, u in SIZES.items()],
        "mixes": [{"name": m} for m in MIXES],
    }
    described = [
        {"name": m, "label": None, "train": {"algorithm": "ppo", "steps": 5000} if m == "ppo" else None}
        for m in methods
    ]
    campaign = {"description": "Made up.", "methods": described, "baseline": "static", "seeds": list(seeds), **axis}
    (root / "campaign.json").write_text(json.dumps({"name": "made-up", "campaign": campaign, "jobs": jobs}))


def _write_training(directory: Path, seed: int) -> None:
    directory.mkdir(parents=True)
    steps = np.arange(50, 5001, 50)
    reward = 0.8 - 0.3 * np.exp(-steps / 1500) + 0.03 * np.random.default_rng(seed).normal(size=len(steps))
    pl.DataFrame({"step": steps, "mean_reward": reward}).write_parquet(directory / "learning_curve.parquet")
    (directory / "manifest.json").write_text('{"exit_code": 0, "wall_s": 300.0, "files": {}}')


def _write_evaluation(directory: Path, method: int, ues: int, seed: int) -> None:
    directory.mkdir(parents=True)
    random = np.random.default_rng([method, ues, seed])
    names = list(SLICES)
    sla = [{"name": name, "sla": sla} for name, sla in SLICES.items()]
    (directory / "scenario.json").write_text(json.dumps({"slices": sla}))
    manifest = {
        "exit_code": 0, "files": {}, "wall_s": 7.5,
        "versions": {"slicebridge": "0.1.0"}, "program": {"version": "ns-3 3.44"},
    }  # fmt: skip
    (directory / "manifest.json").write_text(json.dumps(manifest))
    rows = [row for k, name in enumerate(names) for row in _slice_rows(name, k, ues, method, random)]
    schema = ["time_s", "cell", "slice", "ue", "name", "value"]
    kpm = pl.DataFrame(rows, schema=schema, orient="row", strict=False).with_columns(pl.lit("1").alias("unit"))
    kpm.write_parquet(directory / "kpm.parquet")
    edges = (10 ** (np.arange(1, 257) / 64) * 1e4).astype(np.int64)
    parts = []
    for k, name in enumerate(names):
        drawn = random.lognormal(np.log(3 + 4 * method + 3 * k), 0.7 + 0.1 * k, 20_000)
        counts, _ = np.histogram(drawn * 1e6, bins=[0, *edges])
        lost = [20 * (method + 1), 3]
        parts.append(
            pl.DataFrame({"slice": name, "delay_upper_ns": [*edges, -1, -2], "count": [*counts, *lost]}, strict=False)
        )
    pl.concat(parts).write_parquet(directory / "packets.parquet")


def _slice_rows(name: str, k: int, ues: int, method: int, random: np.random.Generator) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for period in range(1, PERIODS + 1):
        time_s = period * PERIOD_S
        share = float(np.clip(0.25 + 0.05 * k * method + 0.05 * random.normal(), 0, 0.33))
        values = {
            "x.prb_used_ratio": share,
            "x.power_used_ratio": share,
            "x.compute_used_ratio": 0.8 * share,
            "x.ues": float(ues),
            "x.goodput_kbps": 900.0 * ues,
            "x.offered_kbps": 1000.0 * ues,
            "x.packets_delivered": 100.0,
            "x.packets_late": float(k),
            "x.packets_dropped": 0.0,
            "x.packets_lost": 1.0,
        }
        rows += [(time_s, 0, name, None, kpm, value) for kpm, value in values.items()]
        for ue in range(ues):
            goodput = 850.0 + 20.0 * method + 60.0 * random.random()
            late = float(random.random() < 0.02 * (method + 1))
            mine = {
                "x.goodput_kbps": goodput,
                "x.offered_kbps": 1000.0,
                "x.packets_delivered": 20.0,
                "x.packets_late": late,
                "x.packets_lost": 0.0,
            }
            rows += [(time_s, 0, name, 10 * k + ue, kpm, value) for kpm, value in mine.items()]
    return rows
