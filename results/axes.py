# SPDX-License-Identifier: MIT
"""The axes of a campaign as figures need them: order and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import polars as pl


class Condition(NamedTuple):
    """What methods are compared under: one RAN, network size and traffic mix."""

    ran: str
    size: str
    mix: str

    @property
    def here(self) -> pl.Expr:
        """Rows of this condition, in a table with the columns ran, size, mix."""
        return (pl.col("ran") == self.ran) & (pl.col("size") == self.size) & (pl.col("mix") == self.mix)


@dataclass(frozen=True)
class CampaignAxes:
    """Names in the campaign's order, each with the label that is shown."""

    methods: Mapping[str, str]
    rans: Mapping[str, str]
    sizes: Mapping[str, str]
    mixes: Mapping[str, str]
    slices: Sequence[str]
    seeds: Sequence[int]
    baseline: str

    @property
    def conditions(self) -> list[Condition]:
        """All conditions, RAN by RAN and size by size."""
        return [Condition(*names) for names in product(self.rans, self.sizes, self.mixes)]

    def condition_label(self, condition: Condition, separator: str = "\n") -> str:
        """Label of a condition, e.g. "NR\n12 UEs\nbalanced"; the RAN is left out where there is one only."""
        parts = [self.sizes[condition.size], self.mixes[condition.mix]]
        return separator.join([self.rans[condition.ran], *parts] if len(self.rans) > 1 else parts)


def axes_of(description: Mapping[str, Any], slices: Sequence[str]) -> CampaignAxes:
    """Axes from what a store keeps of its campaign file, and the slices of its scenario."""

    def labels(axis: str) -> dict[str, str]:
        return {entry["name"]: entry.get("label") or entry["name"] for entry in description[axis]}

    methods = labels("methods")
    return CampaignAxes(
        methods,
        labels("rans"),
        labels("sizes"),
        labels("mixes"),
        slices,
        description["seeds"],
        description.get("baseline") or next(iter(methods)),
    )
