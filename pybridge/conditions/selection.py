# SPDX-License-Identifier: MIT
"""What `slice[urllc].x.hol_delay_ms` and its like stand for in a given simulation."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pybridge.conditions.syntax import Part, Selection
from pybridge.observation import Observation
from pybridge.schema import Levels, Schema
from pybridge.tables import REPORT

Values = npt.NDArray[np.float64]
Getter = Callable[[Observation], Values]

SST_NAMES = {"embb": 1, "urllc": 2, "miot": 3, "mmtc": 3, "v2x": 4, "hmtc": 5}
"""Names of standardised slice/service types (TS 23.501, table 5.15.2.2-1), and mMTC as most call the third."""

REPORTS = tuple(f"{title}.{name}" for title in ("requested", "projected", "achieved") for name in REPORT)
"""Controls of a slice, read as its KPMs are."""

_VARIABLES: dict[str, Getter] = {
    "time_s": lambda observation: np.array([observation.time_s]),
    "step": lambda observation: np.array([float(observation.step)]),
}


class SelectionError(ValueError):
    """Says what is wrong with a selection, without its place."""


@dataclass(frozen=True)
class Selected:
    """Where the values of a selection are."""

    get: Getter
    """Values in double precision, shape (count,)."""
    count: int
    what: str
    """What there are `count` of, e.g. "cells"."""


@dataclass
class _Scope:
    """What the parts before the KPM say."""

    cells: list[int] | None = None
    slices: list[int] | None = None
    ues: list[int] | None = None


def select(selection: Selection, schema: Schema, levels: Levels) -> Selected:
    """Raises `SelectionError` for what the schema does not have, with what is near."""
    parts = [Part(name, part.key if last else None) for part in selection.parts for name, last in _pieces(part.name)]
    if len(parts) == 1 and parts[0].key is None and parts[0].name in _VARIABLES:
        return Selected(_VARIABLES[parts[0].name], 1, "values")
    scope = _Scope()
    while parts and parts[0].name in ("slice", "cell", "ue"):
        _narrow(scope, parts.pop(0), schema)
    if scope == _Scope():
        known = (*_VARIABLES, "slice[…]", "cell[…]", "ue[…]")
        raise SelectionError(f"`{selection}` is unknown; a value begins with one of {', '.join(known)}")
    for part in parts:
        if part.key is not None:
            raise SelectionError(f"`{part.name}` takes no index; `slice`, `cell` and `ue` do")
    name = ".".join(part.name for part in parts)
    return _of_ues(scope, name, schema) if scope.ues is not None else _of_slices(scope, name, schema, levels)


def _pieces(dotted: str) -> list[tuple[str, bool]]:
    names = dotted.split(".")
    return [(name, place == len(names) - 1) for place, name in enumerate(names)]


def _narrow(scope: _Scope, part: Part, schema: Schema) -> None:
    if getattr(scope, f"{part.name}s") is not None or (scope.ues is not None and part.name == "slice"):
        raise SelectionError(f"`{part.name}` stands twice, or after `ue`; write `slice[0].ue` or `cell[0].slice[0]`")
    if part.name == "slice":
        scope.slices = _slices(part.key, schema)
    elif part.name == "cell":
        scope.cells = _numbers(part.key, "cell", schema.n_cells, schema.cells)
    else:
        scope.ues = _numbers(part.key, "ue", schema.n_ues)
    if scope.ues is not None and scope.cells is not None:
        raise SelectionError("UEs change cells: choose them by `ue[i]` or `slice[…].ue`")


def _slices(index: str | None, schema: Schema) -> list[int]:
    names = [info.name for info in schema.slices]
    if index is None or index == "*":
        return list(range(len(names)))
    if index in names:
        return [names.index(index)]
    if index.isascii() and index.isdecimal():
        return _numbers(index, "slice", len(names))
    folded = [place for place, name in enumerate(names) if name.lower() == index.lower()]
    sst = SST_NAMES.get(index.lower())
    found = folded or [place for place, info in enumerate(schema.slices) if sst is not None and info.sst == sst]
    if len(found) > 1:
        raise SelectionError(f"`{index}` may be any of {', '.join(names[place] for place in found)}; write its name")
    if not found:
        raise SelectionError(_unknown("slice", index, names))
    return found


def _numbers(index: str | None, what: str, count: int, names: Sequence[str] = ()) -> list[int]:
    if index is None or index == "*":
        return list(range(count))
    if index in names:
        return [names.index(index)]
    if not (index.isascii() and index.isdecimal() and len(index) < 10 and int(index) < count):
        raise SelectionError(f"there is no {what}[{index}]; there are 0 to {count - 1}, and `*` for all")
    return [int(index)]


def _of_slices(scope: _Scope, name: str, schema: Schema, levels: Levels) -> Selected:
    if scope.slices is None:
        raise SelectionError("KPMs belong to slices and UEs: write e.g. `cell[0].slice[0].x.goodput_kbps`")
    cells = list(range(schema.n_cells)) if scope.cells is None else scope.cells
    grid = np.ix_(cells, scope.slices)
    what = "slices" if len(cells) == 1 else "cells" if len(scope.slices) == 1 else "cells and slices"
    count = len(cells) * len(scope.slices)
    if name in REPORTS:
        title, _, column_name = name.partition(".")
        place = REPORT.index(column_name)
        return Selected(lambda o: _double(getattr(o, title)[..., place][grid]), count, what)
    column = schema.slice_kpm_index.get(name)
    if column is None:
        raise SelectionError(_unknown("slice KPM", name, [*schema.slice_kpm_index, *REPORTS]))
    if levels == "both":
        return Selected(lambda o: _double(o.slice_low[..., column][grid]), count, what)
    return Selected(lambda o: _double(o.slice_high[..., column][grid]), count, what)


def _of_ues(scope: _Scope, name: str, schema: Schema) -> Selected:
    column = schema.ue_kpm_index.get(name)
    if column is None:
        raise SelectionError(_unknown("UE KPM", name, list(schema.ue_kpm_index)))
    assert scope.ues is not None
    ues = [ue for ue in scope.ues if scope.slices is None or int(schema.ue_slice[ue]) in scope.slices]
    if not ues:
        other = schema.slices[schema.ue_slice[scope.ues[0]]].name
        raise SelectionError(f"ue[{scope.ues[0]}] is in another slice, {other}")
    return Selected(lambda o: _double(o.ue[ues, column]), len(ues), "UEs")


def _double(values: npt.NDArray[np.float32]) -> Values:
    return values.astype(np.float64).reshape(-1)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    if not name:
        return f"a {what} is missing at the end, e.g. `x.goodput_kbps`"
    names = list(known)
    by_fold = {item.lower(): item for item in names}
    near = [by_fold[item] for item in difflib.get_close_matches(name.lower(), list(by_fold), n=3, cutoff=0.5)]
    near = near or [item for item in names if name.lower() in item.lower()][:3]
    hint = f"did you mean {' or '.join(f'`{item}`' for item in near)}?" if near else f"there are {_few(names)}"
    return f"there is no {what} `{name}`; {hint}"


def _few(names: Sequence[str], limit: int = 12) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
