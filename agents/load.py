# SPDX-License-Identifier: MIT
"""From a checkpoint's directory to the policy in it, whatever its algorithm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from agents.checkpoint import Checkpoint, CheckpointError, load_checkpoint
from agents.mlp_policy import ALGORITHMS as MLP_ALGORITHMS
from agents.mlp_policy import MlpPolicy
from agents.network_policy import ALGORITHMS as NETWORK_ALGORITHMS
from agents.network_policy import NetworkPolicy
from agents.rules import RULES, RulePolicy

if TYPE_CHECKING:
    from agents.meta_policy import MetaHrlPolicy

AnyPolicy: TypeAlias = "MlpPolicy | MetaHrlPolicy | NetworkPolicy | RulePolicy"


def _meta_hrl(checkpoint: Checkpoint) -> MetaHrlPolicy:
    from agents.meta_policy import MetaHrlPolicy  # PyTorch: the others do without

    return MetaHrlPolicy(checkpoint)


POLICIES: dict[str, Callable[[Checkpoint], AnyPolicy]] = {
    **dict.fromkeys(MLP_ALGORITHMS, MlpPolicy),
    **dict.fromkeys(NETWORK_ALGORITHMS, NetworkPolicy),
    **dict.fromkeys(RULES, RulePolicy),
    "meta-hrl": _meta_hrl,
}
"""Classes of policies by the `algorithm` in a checkpoint's header."""


def make_policy(checkpoint: Checkpoint) -> AnyPolicy:
    """The policy of a checkpoint. Raises CheckpointError if no class is for it, or it lacks something."""
    algorithm = checkpoint.header.get("algorithm")
    if algorithm not in POLICIES:
        raise CheckpointError(f"algorithm {algorithm!r} is unknown, allowed: {', '.join(sorted(POLICIES))}")
    return POLICIES[algorithm](checkpoint)


def load_policy(directory: Path) -> AnyPolicy:
    """The policy in a checkpoint directory. Raises CheckpointError, see load_checkpoint."""
    return make_policy(load_checkpoint(directory))
