# SPDX-License-Identifier: MIT
"""The next action, changed by hand: `urllc.min=0.5 embb.power=0.3 ue3.weight=2`."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pybridge.errors import SliceBridgeError
from pybridge.observation import DEDICATED, MAX, MIN, Action, FloatArray
from pybridge.schema import Levels, Schema, Tensor

SLICE_CONTROLS = ("dedicated", "min", "max", "compute", "power")
UE_CONTROLS = {"weight": "ue_weight", "power_db": "ue_power_offset_db"}
EXAMPLE = "urllc.min=0.5 embb.power=0.3"

_PRB = {"dedicated": DEDICATED, "min": MIN, "max": MAX}
_UE = re.compile(r"ue([0-9]{1,6})")


class EditError(SliceBridgeError, ValueError):
    """A change by hand cannot be read, or is out of range."""

    exit_code = 2


@dataclass(frozen=True)
class Edit:
    """One control, set to a value at the next decision."""

    text: str
    """As it was written."""
    control: str
    value: float
    cells: tuple[int, ...] = ()
    slice: int = -1
    ue: int = -1
    """Index, −1 if the control is a slice's."""

    def apply(self, action: Action) -> None:
        """Change the action in place."""
        if self.ue >= 0:
            values: FloatArray = action.body[UE_CONTROLS[self.control]]
            values[self.ue] = self.value
            return
        cells = list(self.cells)
        if self.control in _PRB:
            action.prb_policy[cells, self.slice, _PRB[self.control]] = self.value
        else:
            share = action.compute_share if self.control == "compute" else action.power_share
            share[cells, self.slice] = self.value


def parse_edits(text: str, schema: Schema, levels: Levels) -> tuple[Edit, ...]:
    """Read changes, separated by blanks or commas; none gives (). Raises `EditError` with what is near.

    One is `[CELL.]SLICE.CONTROL=VALUE` (without a cell: in all of them) or, with levels "both", `ueN.CONTROL=VALUE`.
    """
    words = re.sub(r"\s*=\s*", "=", text.replace(",", " ")).split()
    return tuple(_edit(word, schema, levels) for word in words)


def _edit(word: str, schema: Schema, levels: Levels) -> Edit:
    target, equals, number = word.partition("=")
    owner, dot, control = target.rpartition(".")
    if not (equals and dot and owner):
        raise EditError(f"`{word}` is no change; one is e.g. `{EXAMPLE.split()[0]}`")
    try:
        value = float(number)
    except ValueError:
        raise EditError(f"`{word}`: {number!r} is no number") from None
    found = _UE.fullmatch(owner)
    if found and owner not in [info.name for info in schema.slices]:
        _known(word, "control of a UE", control, tuple(UE_CONTROLS))
        edit = Edit(word, control, value, ue=_ue(word, int(found[1]), schema, levels))
        _check_range(edit, UE_CONTROLS[control], schema)
        return edit
    control = SLICE_CONTROLS[_known(word, "control", control, SLICE_CONTROLS)]
    cell, dot, slice_name = owner.rpartition(".")
    names = [info.name for info in schema.slices]
    cells = (_known(word, "cell", cell, schema.cells),) if dot else tuple(range(schema.n_cells))
    edit = Edit(word, control, value, cells, _known(word, "slice", slice_name, names))
    _check_range(edit, "prb_policy" if control in _PRB else f"{control}_share", schema)
    return edit


def _ue(word: str, ue: int, schema: Schema, levels: Levels) -> int:
    if levels != "both":
        raise EditError(f"`{word}`: here a policy decides about slices only, and UEs keep neutral controls")
    if ue >= schema.n_ues:
        raise EditError(f"`{word}`: there is no UE {ue}; there are 0 to {schema.n_ues - 1}")
    return ue


def _known(word: str, what: str, name: str, names: Sequence[str]) -> int:
    """Place of a name. Raises `EditError`."""
    folded = [item.lower() for item in names]
    if name.lower() in folded:
        return folded.index(name.lower())
    near = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.4)
    hint = f"did you mean `{names[folded.index(near[0])]}`? " if near else ""
    raise EditError(f"`{word}`: there is no {what} `{name}`; {hint}There are {', '.join(names)}")


def _check_range(edit: Edit, tensor_name: str, schema: Schema) -> None:
    tensor: Tensor = next(item for item in schema.action if item.name == tensor_name)
    low = -math.inf if tensor.low is None else tensor.low
    high = math.inf if tensor.high is None else tensor.high
    if not low <= edit.value <= high:
        raise EditError(f"`{edit.text}`: allowed are {low:g} to {high:g}")
