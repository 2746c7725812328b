# SPDX-License-Identifier: MIT
"""One look for every figure: readable in print, in grey, and by colour-blind people."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec

import matplotlib
from matplotlib.figure import Figure

P = ParamSpec("P")

METHOD_COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000"),
    *("#882255", "#999933", "#332288"),
)
"""Colour-blind safe: Okabe and Ito (2008) without their yellow, which is not seen on white, then Tol's "muted"."""

SLICE_COLOURS = ("#4477AA", "#EE6677", "#CCBB44", "#228833", "#AA3377", "#66CCEE", "#BBBBBB", "#222222")
"""Colour-blind safe palette (Tol, "bright"): slices never share a colour with methods."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1)), "-.", ":", "--")
CAPTION_COLOUR = "#444444"
CAPTION_CHARACTERS_PER_INCH = 17

_RC: dict[Any, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
}


@dataclass(frozen=True)
class SeriesStyle:
    """How one method is drawn: colour, marker and dash all differ, so that any one of them suffices."""

    colour: str
    marker: str
    dash: str | tuple[float, tuple[float, ...]]


def series_styles(names: Sequence[str]) -> dict[str, SeriesStyle]:
    """A style per name, by its place, so that a method looks the same in every figure."""
    colours = len(METHOD_COLOURS)
    return {
        # A colour that comes again does so with another marker and another dash.
        name: SeriesStyle(
            METHOD_COLOURS[i % colours], MARKERS[(i + i // colours) % len(MARKERS)], DASHES[i % len(DASHES)]
        )
        for i, name in enumerate(names)
    }


def slice_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour per slice, by its place."""
    return {name: SLICE_COLOURS[i % len(SLICE_COLOURS)] for i, name in enumerate(names)}


@contextmanager
def house_style() -> Iterator[None]:
    """Figures made inside look like ours, drawn without a display."""
    with matplotlib.rc_context(_RC):
        yield


def in_house_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorates a function that makes a figure, which then looks the same wherever it is saved."""

    @functools.wraps(draw)
    def styled(*arguments: P.args, **options: P.kwargs) -> Figure:
        with house_style():
            figure = draw(*arguments, **options)
            # Ticks are made when they are first drawn, with the style that is in force then.
            figure.draw_without_rendering()
            return figure

    return styled


def caption(figure: Figure, text: str) -> None:
    """A sentence or two below the figure: what is shown, n, and what the bars mean."""
    unbroken = text.replace(" %", "\u00a0%").replace("n = ", "n\u00a0=\u00a0")
    lines = textwrap.fill(unbroken, int(figure.get_figwidth() * CAPTION_CHARACTERS_PER_INCH))
    figure.supxlabel(lines, x=0.01, ha="left", fontsize=7.5, color=CAPTION_COLOUR)
