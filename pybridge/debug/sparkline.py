# SPDX-License-Identifier: MIT
"""The last values of something as a line of blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: npt.ArrayLike, width: int, top: float | None = None) -> str:
    """The last `width` values, from 0 to the largest of them all or `top`; a blank for what was not measured."""
    kept = np.asarray(values, dtype=np.float64)[-width:]
    known = kept[np.isfinite(kept)]
    highest = max(float(known.max(initial=0.0)), 1e-12 if top is None else top)
    line = ""
    for value in kept:
        level = int(np.clip(value / highest * len(_BLOCKS), 0, len(_BLOCKS) - 1)) if np.isfinite(value) else -1
        line += _BLOCKS[level] if level >= 0 else " "
    return line.rjust(width)
