# SPDX-License-Identifier: MIT
"""Message bodies of many steps to the columns of a table, and back, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pybridge.schema import Schema
from pybridge.slots import GRANT_COLUMNS, grant_dtype
from pybridge.tables import REPORT

POLICY = REPORT[:3]


def last_axis(schema: Schema, tensor: str) -> Sequence[str] | None:
    """Names along the last axis of a tensor; None if it has none, and the tensor is one column."""
    if tensor in ("slice_high", "slice_low", "low_slice"):
        return tuple(kpm.name for kpm in schema.slice_kpms)
    if tensor in ("ue", "low_ue"):
        return tuple(kpm.name for kpm in schema.ue_kpms)
    if tensor in ("requested", "projected", "achieved"):
        return REPORT
    return POLICY if tensor == "prb_policy" else None


def to_columns(bodies: npt.NDArray[np.void], prefix: str = "") -> dict[str, pl.Series]:
    """Structured bodies, shape (steps,), as a column per tensor, whose cells have the tensor's shape.

    A column per KPM would take twice the time, for files of the same size.
    """
    return {prefix + tensor: _series(bodies[tensor]) for tensor in bodies.dtype.names or ()}


def from_columns(table: pl.DataFrame, dtype: np.dtype[Any], prefix: str = "") -> npt.NDArray[np.float32]:
    """The bodies that `to_columns` was given, as float32, shape (steps, words); padding is zero."""
    flat = np.zeros((table.height, dtype.itemsize // 4), np.dtype("<f4"))
    bodies = flat.view(dtype)[:, 0]
    for tensor in dtype.names or ():
        bodies[tensor] = _array(table[prefix + tensor], bodies[tensor].shape)
    return flat


def grants_table(grants: npt.NDArray[np.void]) -> pl.DataFrame:
    """A row per transport block, with the columns of `SlotReport.grants`."""
    columns = {name: pl.Series(np.ascontiguousarray(grants[name])) for name in GRANT_COLUMNS}
    return pl.DataFrame(columns | {"rbgs": _series(grants["rbgs"])})


def grants_array(table: pl.DataFrame, words: int) -> npt.NDArray[np.void]:
    """The grants that `grants_table` was given. words: of a bitmap."""
    grants = np.zeros(table.height, grant_dtype(words))
    for name in GRANT_COLUMNS:
        grants[name] = table[name].to_numpy()
    grants["rbgs"] = _array(table["rbgs"], (table.height, words))
    return grants


def _series(values: npt.NDArray[Any]) -> pl.Series:
    # Ten times as fast as a Series of an array with several axes.
    return pl.Series(np.ascontiguousarray(values).reshape(-1)).reshape(values.shape)


def _array(column: pl.Series, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return column.to_numpy().reshape(shape)
