# SPDX-License-Identifier: MIT
"""The last slots, a line each; PRBs from left to right, coloured by slice."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from rich.text import Text

from pybridge.debug.colours import colour, letters
from pybridge.debug.snapshot import Snapshot
from pybridge.slots import NOBODY, SIGNALLING

PREFIX = 8
IDLE, SIGNAL = "·", "#"


def grid_header(snapshot: Snapshot, cell: int, width: int) -> Text:
    """Names of the slices in their colours."""
    schema = snapshot.schema
    if schema is None or snapshot.slots is None:
        return Text("PRBs: none yet: step, run, or replay a recording made with --slots", style="bold", end="")
    text = Text(
        f"slot, {_per_character(snapshot, width)} PRB a character, {schema.cells[cell]}: ", style="bold", end=""
    )
    for place, info in enumerate(schema.slices):
        text.append(f"{letters(schema)[place]} {info.name} ", style=f"bold {colour(place)}")
    text.append(f"{IDLE} idle")
    return text


def grid_lines(snapshot: Snapshot) -> int:
    """Slots that there are."""
    return 0 if snapshot.slots is None else snapshot.slots.prb_slice.shape[1]


def grid_line(snapshot: Snapshot, cell: int, line: int, width: int) -> Text:
    """The slot of a line; the newest is the last."""
    slots, schema = snapshot.slots, snapshot.schema
    assert slots is not None
    assert schema is not None
    text = Text(f"{slots.first_slot + line:>{PREFIX - 1}} ", end="")
    signs = letters(schema)
    owners = _squeezed(slots.prb_slice[cell, line], _per_character(snapshot, width))
    for owner, group in groupby(owners.tolist()):
        length = len(list(group))
        if owner == NOBODY:
            text.append(IDLE * length, style="dim")
        elif owner == SIGNALLING:
            text.append(SIGNAL * length, style="reverse")
        else:
            text.append(signs[owner] * length, style=f"black on {colour(owner)}")
    return text


def _per_character(snapshot: Snapshot, width: int) -> int:
    assert snapshot.slots is not None
    prbs = int(snapshot.slots.prb_slice.shape[2])
    return -(-prbs // max(width - PREFIX, 1))


def _squeezed(owners: np.ndarray, step: int) -> np.ndarray:
    """One of `step` PRBs: the first one in use, so that nothing small is hidden by what is idle beside it."""
    if step == 1:
        return owners
    padded = np.full(-(-len(owners) // step) * step, NOBODY, owners.dtype)
    padded[: len(owners)] = owners
    groups = padded.reshape(-1, step)
    used = (groups != NOBODY).argmax(axis=1)
    chosen: np.ndarray = groups[np.arange(len(groups)), used]
    return chosen
