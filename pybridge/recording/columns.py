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


class Columns:
    """Structured bodies as a column per tensor, whose cells have the tensor's shape.

    A column per KPM would take twice the time, for files of the same size.
    """

    def __init__(self, dtype: np.dtype[Any], capacity: int, prefix: str = "") -> None:
        """dtype: of one body; capacity: bodies at once."""
        self._prefix = prefix
        # Filled again and again: fresh memory for each batch would take ten times as long as the copying.
        self._tensors = {
            tensor: np.empty((capacity, *dtype[tensor].shape), dtype[tensor].base) for tensor in dtype.names or ()
        }

    def of(self, bodies: npt.NDArray[np.void]) -> dict[str, pl.Series]:
        """Columns by name, valid until the next call. bodies: shape (steps,), up to the capacity."""
        columns = {}
        for tensor, kept in self._tensors.items():
            values = kept[: len(bodies)]
            values[...] = bodies[tensor]
            columns[self._prefix + tensor] = _series(values)
        return columns


def from_columns(table: pl.DataFrame, dtype: np.dtype[Any], prefix: str = "") -> npt.NDArray[np.float32]:
    """The bodies that `Columns` was given, as float32, shape (steps, words); padding is zero."""
    flat = np.zeros((table.height, dtype.itemsize // 4), np.dtype("<f4"))
    bodies = flat.view(dtype)[:, 0]
    for tensor in dtype.names or ():
        bodies[tensor] = _array(table[prefix + tensor], bodies[tensor].shape)
    return flat


def grants_table(grants: npt.NDArray[np.void]) -> pl.DataFrame:
    """A row per transport block, with the columns of `SlotReport.grants`."""
    columns = {name: pl.Series(np.ascontiguousarray(grants[name])) for name in GRANT_COLUMNS}
    return pl.DataFrame(columns | {"rbgs": _series(np.ascontiguousarray(grants["rbgs"]))})


def grants_array(table: pl.DataFrame, words: int) -> npt.NDArray[np.void]:
    """The grants that `grants_table` was given. words: of a bitmap."""
    grants = np.zeros(table.height, grant_dtype(words))
    for name in GRANT_COLUMNS:
        grants[name] = table[name].to_numpy()
    grants["rbgs"] = _array(table["rbgs"], (table.height, words))
    return grants


def _series(values: npt.NDArray[Any]) -> pl.Series:
    # Ten times as fast as a Series of an array with several axes.
    return pl.Series(values.reshape(-1)).reshape(values.shape)


def _array(column: pl.Series, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return column.to_numpy().reshape(shape)
