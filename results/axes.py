# SPDX-License-Identifier: MIT
"""The axes of a campaign as figures need them: order and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CampaignAxes:
    """Names in the campaign's order, each with the label that is shown."""

    methods: Mapping[str, str]
    sizes: Mapping[str, str]
    mixes: Mapping[str, str]
    slices: Sequence[str]
    seeds: Sequence[int]
    baseline: str

    @property
    def conditions(self) -> list[tuple[str, str]]:
        """(size, mix) pairs, size by size."""
        return [(size, mix) for size in self.sizes for mix in self.mixes]

    def condition_label(self, size: str, mix: str, separator: str = "\n") -> str:
        """Label of a condition, e.g. "12 UEs\nbalanced"."""
        return f"{self.sizes[size]}{separator}{self.mixes[mix]}"


def axes_of(description: Mapping[str, Any], slices: Sequence[str]) -> CampaignAxes:
    """Axes from what a store keeps of its campaign file, and the slices of its scenario."""

    def labels(axis: str) -> dict[str, str]:
        return {entry["name"]: entry.get("label") or entry["name"] for entry in description[axis]}

    methods = labels("methods")
    return CampaignAxes(
        methods,
        labels("sizes"),
        labels("mixes"),
        slices,
        description["seeds"],
        description.get("baseline") or next(iter(methods)),
    )
