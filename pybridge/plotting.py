# SPDX-License-Identifier: MIT
"""Time series of KPMs, shown in place by notebooks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure

from pybridge.observation import Observation
from pybridge.schema import Schema
from pybridge.tables import Level

DEFAULT_KPMS = ("x.goodput_kbps", "x.hol_delay_ms")

_WIDTH_IN, _HEIGHT_IN = 8.0, 2.4


class Plot(Figure):
    """A matplotlib figure that notebooks show whatever back end is chosen. `savefig` writes it to a file."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def plot_history(
    observations: Iterable[Observation],
    kpms: Sequence[str] = (),
    *,
    slices: Sequence[str] | None = None,
    ues: Sequence[int] | None = None,
    level: Level = "high",
) -> Plot:
    """KPMs over simulated time, one diagram per KPM.

    kpms: names; none: `DEFAULT_KPMS`. Slice KPMs, or UE KPMs with `ues`.
    slices: names of slices, a line per slice and cell; None: all.
    ues: indices of UEs, a line per UE.
    level: period of slice KPMs; "low" with levels "both" only.

    Raises `KeyError` for a KPM or slice that there is not, `IndexError` for a UE, `ValueError` without observations.
    """
    shown = list(observations)
    if not shown:
        raise ValueError("there is nothing to plot")
    schema, names = shown[0].schema, kpms or DEFAULT_KPMS
    figure = Plot(figsize=(_WIDTH_IN, _HEIGHT_IN * len(names)), layout="constrained")
    times_s = [observation.time_s for observation in shown]
    all_axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, kpm in zip(all_axes, names, strict=True):
        if ues is not None:
            series = np.array([observation.ue_kpm(kpm)[list(ues)] for observation in shown])
            labels = [f"UE {ue}" for ue in ues]
        else:
            cells, places, labels = _chosen(schema, slices)
            series = np.array([observation.kpm(kpm, level)[cells, places] for observation in shown])
        for label, values in zip(labels, series.T, strict=True):
            axes.step(times_s, values, where="pre", label=label)
        axes.set_ylabel(f"{kpm}\n({_unit(schema, kpm, ues is not None)})")
        axes.legend(loc="upper left", fontsize="small")
    all_axes[-1].set_xlabel("simulated time (s)")
    return figure


def _chosen(schema: Schema, slices: Sequence[str] | None) -> tuple[list[int], list[int], list[str]]:
    """Indices of cells and slices, and a label, of each line."""
    names = [info.name for info in schema.slices]
    for name in slices or ():
        if name not in names:
            raise KeyError(f"no slice `{name}`; there are: {', '.join(names)}")
    places = [names.index(name) for name in (names if slices is None else slices)]
    lines = list(_lines(schema, names, places))
    return [line[0] for line in lines], [line[1] for line in lines], [line[2] for line in lines]


def _lines(schema: Schema, names: Sequence[str], places: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    for cell, cell_name in enumerate(schema.cells):
        for place in places:
            yield cell, place, names[place] if schema.n_cells == 1 else f"{cell_name} {names[place]}"


def _unit(schema: Schema, kpm: str, of_ue: bool) -> str:
    return next(item.unit for item in (schema.ue_kpms if of_ue else schema.slice_kpms) if item.name == kpm)
