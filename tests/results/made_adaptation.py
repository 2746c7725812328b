# SPDX-License-Identifier: MIT
"""Adaptations of made-up numbers, in the files of the adaptation stage, whose verdicts are known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

EPISODES = (0, 1, 2, 4, 8, 16)
STEPS_PER_EPISODE = 50
SLICES = ("embb", "urllc", "mmtc")
FAMILIES = ("calm", "bursty", "crowded")

TRAINED = {
    "dpp": {"algorithm": "rule", "rule": "dpp"},
    "ppo": {"algorithm": "ppo", "steps": 5000},
    "multi-task": {"algorithm": "vector-ppo", "steps": 50000},
    "rl2": {"algorithm": "rl2", "steps": 50000},
    "hrl": {"algorithm": "meta-hrl", "variant": "ours", "adapt": False},
    "meta-hrl": {"algorithm": "meta-hrl", "variant": "ours"},
    "meta-hrl-paper": {"algorithm": "meta-hrl", "variant": "paper"},
}


@dataclass(frozen=True)
class Curve:
    """U of a method on a task: from `start` to `end`, the gap closing by `rate` per episode; spread over seeds."""

    start: float
    end: float
    rate: float = 0.5
    seed_sd: float = 0.004

    @property
    def level(self) -> bool:
        """Whether it does not adapt."""
        return self.start == self.end

    def at(self, episodes: Any) -> Any:
        """U after so many episodes."""
        return self.end + (self.start - self.end) * (1.0 - self.rate) ** np.asarray(episodes, dtype=float)


USUAL = {
    "static": Curve(0.40, 0.40, seed_sd=0.0),
    "dpp": Curve(0.48, 0.48),
    "dpp-retuned": Curve(0.48, 0.52, 0.2),
    "ppo": Curve(0.42, 0.46, 0.2),
    "multi-task": Curve(0.46, 0.50, 0.2),
    "rl2": Curve(0.45, 0.50, 0.3),
    "hrl": Curve(0.47, 0.52, 0.2),
    "meta-hrl": Curve(0.52, 0.60, 0.6),
    "meta-hrl-paper": Curve(0.47, 0.55, 0.4),
}


@dataclass(frozen=True)
class Made:
    """An adaptation campaign."""

    curves: Mapping[str, Curve] = field(default_factory=lambda: dict(USUAL))
    seeds: int = 10
    tasks: int = 20
    tracks: tuple[str, ...] = ("hidden",)
    qos: bool = True
    trainings: bool = False
    large_rates: Mapping[str, float] = field(default_factory=dict)
    """Rate of a method on large networks, where it is not that on small ones."""


def write(root: Path, made: Made) -> None:
    """A campaign of trainings and adaptations without evaluations, below `root`."""
    root.mkdir(parents=True, exist_ok=True)
    pairs = [(method, seed) for method in made.curves for seed in range(1, made.seeds + 1)]
    jobs = [job for method, seed in pairs for job in _jobs(root, made, method, seed)]
    (root / "campaign.json").write_text(json.dumps({"name": "made-up", "campaign": describe(made), "jobs": jobs}))


def describe(made: Made) -> dict[str, Any]:
    """What campaign.json holds of the campaign file."""
    methods = [
        {"name": name, "label": name, "train": TRAINED.get(name), "policy": None}
        | ({"trained_as": "dpp", "adapt": "retune"} if name == "dpp-retuned" else {})
        | ({"policy": name} if name == "static" else {})
        for name in made.curves
    ]
    sizes = [
        {"name": "small", "label": "up to 30 UEs", "max_ues": 30},
        {"name": "large", "label": "above 30 UEs", "max_ues": None},
    ]
    adaptation = {"tracks": list(made.tracks), "episodes": list(EPISODES), "judging": 2, "sizes": sizes}
    axes = {"rans": [{"name": "nr"}], "sizes": [{"name": "one"}], "mixes": [{"name": "plain"}]}
    seeds = list(range(1, made.seeds + 1))
    roles = {"baseline": "static", "claimant": "meta-hrl"}
    return {"methods": methods, **roles, "seeds": seeds, "adaptation": adaptation, **axes}


def _jobs(root: Path, made: Made, method: str, seed: int) -> list[dict[str, Any]]:
    jobs = []
    if made.trainings and method in TRAINED:
        jobs.append({"id": f"train-{method}-s{seed}", "kind": "train", "method": method, "seed": seed})
        write_training(root / "runs" / jobs[-1]["id"], method, seed)
    for track in made.tracks:
        job = {"id": f"adapt-{method}-{track}-s{seed}", "kind": "adapt", "method": method, "seed": seed, "track": track}
        write_adaptation(root / "runs" / job["id"], made, method, seed)
        jobs.append(job)
    return jobs


def write_training(directory: Path, method: str, seed: int) -> None:
    """Learning curve and the learner's scalars of one training."""
    directory.mkdir(parents=True)
    random = np.random.default_rng(seed)
    steps = np.arange(1, 101) * 50
    reward = 0.6 - 0.3 * np.exp(-steps / 1500) + 0.02 * random.normal(size=len(steps))
    pl.DataFrame({"step": steps, "mean_reward": reward}).write_parquet(directory / "learning_curve.parquet")
    if TRAINED[method]["algorithm"] == "meta-hrl":
        rows = [
            (int(step), index, f"{what}/{family}", float(level * (1 + 0.3 * k) + 0.05 * random.normal()))
            for index, step in enumerate(steps[::5])
            for k, family in enumerate(FAMILIES)
            for what, level in (("weight", 0.8), ("td_variance", 0.02))
        ]
        schema = ["step", "iteration", "name", "value"]
        pl.DataFrame(rows, schema=schema, orient="row").write_parquet(directory / "training.parquet")
    _finish(directory)


def write_adaptation(directory: Path, made: Made, method: str, seed: int) -> None:
    """Judged points and played episodes of one method, seed and track."""
    directory.mkdir(parents=True)
    curve = made.curves[method]
    shift = curve.seed_sd * float(np.random.default_rng([seed, list(made.curves).index(method)]).normal())
    points = EPISODES[:1] if curve.level else EPISODES
    judged, played = [], []
    for index in range(made.tasks):
        own, (size, place) = _of_task(made, method, index), _place(index)
        task = {"task": f"task-{index:02d}", **place}
        level = shift + 0.02 * np.sin(index)
        for episodes in points:
            utility = float(own.at(episodes) + level)
            qos = {f"qos_{name}": min(1.0, utility + 0.2 + 0.02 * k) for k, name in enumerate(SLICES)}
            point = {**task, "size": size, "episodes": episodes, **_scored(episodes, utility)}
            judged.append(point | (qos if made.qos else {}))
        for episode in range(1, points[-1] + 1):
            utility = float(own.at(episode - 1) + level)
            played.append({"task": task["task"], "episode": episode, **_scored(episode, utility)})
    pl.DataFrame(judged).write_parquet(directory / "adaptation.parquet")
    kinds = {"task": pl.String, "episode": pl.Int64, "env_steps": pl.Int64, "reward": pl.Float64, "utility": pl.Float64}
    pl.DataFrame(played, schema=kinds).write_parquet(directory / "played.parquet")
    _finish(directory)


def _scored(episodes: int, utility: float) -> dict[str, Any]:
    return {"env_steps": episodes * STEPS_PER_EPISODE, "reward": utility, "utility": utility}


def _of_task(made: Made, method: str, index: int) -> Curve:
    curve = made.curves[method]
    rate = made.large_rates.get(method, curve.rate) if _place(index)[0] == "large" else curve.rate
    return Curve(curve.start, curve.end, rate)


def _place(index: int) -> tuple[str, dict[str, int]]:
    large = index % 2 == 1
    return ("large" if large else "small"), {"cells": 3 if large else 1, "ues": 60 + index if large else 12 + index}


def _finish(directory: Path) -> None:
    manifest = {"exit_code": 0, "wall_s": 300.0, "files": {}, "versions": {"slicebridge": "0.1.0", "torch": "2.13.0"}}
    (directory / "manifest.json").write_text(json.dumps(manifest))
