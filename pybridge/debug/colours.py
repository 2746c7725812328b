# SPDX-License-Identifier: MIT
"""Colours of slices; letters say the same where there are none."""

from __future__ import annotations

from pybridge.schema import Schema

PALETTE = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
"""Paul Tol's "bright" scheme, which colour-blind people can tell apart."""


def colour(slice_index: int) -> str:
    """Colour of a slice."""
    return PALETTE[slice_index % len(PALETTE)]


def letters(schema: Schema) -> str:
    """A character for each slice: the first of its name that no slice before has, or its number."""
    taken = ""
    for place, info in enumerate(schema.slices):
        own = [letter for letter in info.name.lower() if letter.isalnum() and letter not in taken]
        taken += own[0] if own else str(place % 10)
    return taken
