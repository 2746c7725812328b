# SPDX-License-Identifier: MIT
"""What kinds of methods a campaign compares: whose claims are judged, against which baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEARNER = "meta-hrl"
"""Algorithm of the method that the paper's claims are about, and of its variants."""

REQUIRED = ("multi-task", "dpp", "dpp-retuned")
"""Without beating these at equal episodes nothing counts as reproduced: multi-task PPO with fine-tuning,
drift-plus-penalty tuned over the training tasks, and the same tuned anew for each task."""

RULE, RL, META_RL, VARIANT = "rule", "RL", "meta-RL", "variant"


def claimant(description: Mapping[str, Any]) -> str | None:
    """Name of the method whose claims are judged: the campaign's `claimant`, else the first that meta-hrl trains."""
    named = description.get("claimant")
    if named:
        return str(named)
    return next((name for name, algorithm in algorithms(description).items() if algorithm == LEARNER), None)


def algorithms(description: Mapping[str, Any]) -> dict[str, str | None]:
    """Name of the trainer of each method of a campaign, also of one that another trained; None: not trained."""
    methods = {str(method["name"]): method for method in description["methods"]}
    found: dict[str, str | None] = {}
    for name, method in methods.items():
        training = methods[method.get("trained_as") or name].get("train")
        found[name] = None if training is None else str(training["algorithm"])
    return found


def kinds(description: Mapping[str, Any]) -> dict[str, str]:
    """Kind of each method of a campaign: RULE, RL, META_RL, or VARIANT of the learner that the claims are about."""
    of_learner = {None: RULE, "rule": RULE, LEARNER: VARIANT, "rl2": META_RL}
    return {name: of_learner.get(algorithm, RL) for name, algorithm in algorithms(description).items()}


def learned(name: str) -> bool:
    """Whether a kind is one of the paper's baselines: reinforcement learning, with or without meta-learning."""
    return name in (RL, META_RL)
