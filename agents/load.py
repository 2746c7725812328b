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
from agents.per_cell import PerCellPolicy
from agents.rules import RULES, RulePolicy
from agents.slice_inputs import N_PRICES

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


def load_policy(directory: Path) -> AnyPolicy | PerCellPolicy:
    """The policy in a checkpoint directory, of one cell for networks of any number. Raises CheckpointError."""
    checkpoint = load_checkpoint(directory)
    policy = make_policy(checkpoint)
    if isinstance(policy, MlpPolicy) or policy.controls != "capped" or _cells(checkpoint) != 1:
        return policy
    shapes = [int(checkpoint.header[f"{space}_space"]["shape"][0]) for space in ("observation", "action")]
    if checkpoint.header["algorithm"] == "meta-hrl":
        shapes[0] -= N_PRICES if checkpoint.header["architecture"]["network"]["told"] else 0
    return PerCellPolicy(lambda: make_policy(checkpoint), *shapes)  # type: ignore[arg-type,return-value]


def _cells(checkpoint: Checkpoint) -> int:
    """Of the networks that it was trained on."""
    architecture = checkpoint.header["architecture"]
    interface = checkpoint.header.get("actuator", {}).get("interface") or architecture.get("network") or architecture
    return int(interface["cells"])
