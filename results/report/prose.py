# SPDX-License-Identifier: MIT
"""Sentences of the report: what to know before comparing, definitions, provenance."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

import polars as pl

from results import adaptation
from results.claims import ALPHA, MARGINS, MIN_SEEDS, MIN_TASKS, MIN_TASKS_PER_SIZE, UNAVAILABLE, Claim
from results.load import CampaignResults
from results.methods import REQUIRED
from results.metrics import POWER_PRICE, PRB_PRICE, WINDOW_S
from results.statistics import MIN_REFERENCE_GAP, RESAMPLES


def notes(results: CampaignResults) -> list[str]:
    """What a reader must know before comparing numbers."""
    found = missing(results)
    seeds = len(results.axes.seeds)
    counted = f"n = {seeds} seed{'s' if seeds != 1 else ''}"
    if seeds < MIN_SEEDS:
        found.append(f"{counted}: too few to rank methods; a headline takes {MIN_SEEDS}.")
    else:
        found.append(f"{counted}, the same for every method.")
    return found


def missing(results: CampaignResults) -> list[str]:
    """What has not finished or cannot be read."""
    found = []
    if results.missing:
        found.append(f"{len(results.missing)} of {results.jobs} runs are missing; only what methods share is compared.")
        for (kind,), group in results.plan.group_by("kind", maintain_order=True):
            left = group.filter(~pl.col("done"))
            without = [name for name, rows in group.group_by("method") if not rows["done"].any()]
            names = ", ".join(sorted(results.axes.methods.get(str(name[0]), str(name[0])) for name in without))
            if len(left):
                never = f"; none has finished of {names}" if names else ""
                found.append(f"Missing of kind {kind}: {len(left)} of {len(group)}{never}.")
    if results.unusable:
        found.append(f"{len(results.unusable)} finished runs cannot be used and are left out:")
        found += [f"`{line}`" for line in results.unusable]
    return found


def verdict(found: Sequence[Claim], label: str) -> str:
    """One sentence on all claims."""
    counts: dict[str, list[str]] = {}
    for claim in found:
        counts.setdefault(str(claim.verdict), []).append(claim.name)
    parts = "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in counts.items())
    return f"Of the paper's five claims, this campaign says about {label}: {parts}. {UNAVAILABLE}"


def how_judged() -> list[str]:
    """The rules behind the verdicts."""
    required = ", ".join(f"`{name}`" for name in REQUIRED)
    margins = ", ".join(f"{name} {value:g}" for name, value in MARGINS.items())
    return [
        "The paper's figures are those of its abstract (arXiv 2512.13715). Its equations, sizes and definition of "
        f"network management efficiency are not available. {UNAVAILABLE} A percentage depends on that definition, so "
        "absolute differences and parts of the reference gap stand beside it.",
        "Its predecessor (arXiv 2410.03737, without a hierarchy) claims 19.8 % too, so nothing is credited to "
        "hierarchy or weighting without the ablations.",
        f"A headline takes {MIN_SEEDS} training seeds and {MIN_TASKS} held-out tasks ({MIN_TASKS_PER_SIZE} of each "
        "network size); with fewer it cannot be told.",
        "Efficiency: reproduced against a baseline if the gain is significant and 19.8 % lies inside the interval or "
        "below it; partly if it is significant and smaller; not if it is not significant or a loss; cannot be told if "
        "the interval holds both 0 and 19.8 %. As a whole it also takes beating multi-task training with fine-tuning, "
        f"tuned drift-plus-penalty, and drift-plus-penalty tuned anew per task at equal episodes ({required}).",
        "Adaptation time: judged at the largest network against RL and meta-RL baselines (significant, 40 % inside or "
        "below the interval), and larger there than at the smallest. What never reached the goal counts as "
        "the whole curve.",
        "QoS: better in each slice than each baseline. Consistency: our reading is that no baseline is better by more "
        f"than a margin fixed beforehand ({margins}). Regret: the interval of the slope lies below 1.",
        f"Intervals: 95 %, {RESAMPLES} bootstrap draws of whole training seeds, paired by seed and task (common random "
        f"numbers). p: sign-flip test over seeds, Holm over baselines, level {ALPHA:g}. IQM: rliable.",
    ]


def definitions() -> list[str]:
    """What the quantities are."""
    total = 1 + POWER_PRICE + PRB_PRICE
    return [
        f"QoS satisfaction: part of {WINDOW_S:g} s UE-windows with traffic that meet the SLA. Rate: delivered ≥ 90 % "
        "of the smaller of target and load (offered in the window, or a reporting period earlier if that is less). "
        "Delay: part of packets within the budget ≥ reliability; dropped and lost packets are late. A slice without "
        "traffic in a run counts as satisfied, as in the reward.",
        f"U = (Σ ω·QoS + {POWER_PRICE:g}·(1 − power used) + {PRB_PRICE:g}·(1 − PRBs used)) / {total:g}, ω the "
        "operator's weights, Σω = 1. This definition of network management efficiency is ours; the paper's is not "
        "available, so percentages here and there are not the same quantity.",
        "U of adaptation is the same map of another reward: satisfaction is the smooth one that is learned from, "
        "weights and prices (of reconfiguration too) are the task's own, and on the hidden track a method does not see "
        "them. The two are never compared.",
        "Part of the reference gap: (U − U of static) / (U of the best known − U of static), where that is at least "
        f"{MIN_REFERENCE_GAP:g}. The best known is no oracle.",
        "Delays: one way, source to UE application; a percentile is taken over all packets, and is “never” if more "
        "than the rest did not arrive. Throughput is UDP payload. Jain: over UEs of a slice, of the part "
        "they got of the smaller of target and offered load.",
    ]


def references(results: CampaignResults) -> list[str]:
    """Where the best known values of the tasks are from."""
    named = bool(results.description.get("reference"))
    lines = []
    for track in adaptation.tracks(results):
        labels = ", ".join(results.axes.methods[name] for name in track.references)
        source = f"the better of {labels} after its last episode" if named else "the best of all methods at any point"
        lines.append(f"Best known per task, track {track.name}: {source}, mean over seeds.")
    return lines


def provenance(results: CampaignResults) -> list[str]:
    """Versions, seeds, and how to run it again."""
    versions: dict[str, set[str]] = {}
    for manifest in results.manifests:
        for name, version in (manifest.get("versions") or {}).items():
            versions.setdefault(str(name), set()).add(str(version))
    listed = ", ".join(f"{name} {' and '.join(sorted(found))}" for name, found in sorted(versions.items()))
    simulators = {str((m.get("program") or {}).get("version")) for m in results.manifests if m.get("program")}
    hours = float(results.plan["wall_s"].sum() or 0.0) / 3600
    done = results.jobs - len(results.missing)
    return [
        f"Runs: {done} of {results.jobs}, {hours:.2f} h of elapsed time added up (several run side by side).",
        f"Seeds: {', '.join(map(str, results.axes.seeds))}, the same for every method.",
        f"Simulator: {', '.join(sorted(simulators)) or 'unknown'}. Versions: {listed or 'unknown'}.",
        f"Report made on {platform.machine()}, {os.cpu_count()} cores.",
        f"Again: `slicebridge campaign run {results.name}` (does only what is missing), then `slicebridge report "
        f"{results.name}`. One run again, bit for bit: `slicebridge campaign reproduce RUN`.",
    ]
