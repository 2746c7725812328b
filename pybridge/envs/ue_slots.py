# SPDX-License-Identifier: MIT
"""UEs to padded slots of the agents that serve them, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pybridge.schema import Schema


class UeSlots:
    """Where each UE stands in arrays of shape (cells × slices, slots, …), at one epoch.

    A group is a cell and a slice; its UEs fill its slots from 0 on, in scenario order. UEs without a cell have no slot.
    Any UE of a slice can be handed over to any cell, so there are as many slots as UEs in the largest slice.
    """

    def __init__(self, schema: Schema, ue_cell: npt.NDArray[np.int32], n_slots: int) -> None:
        self._n_groups = schema.n_cells * schema.n_slices
        self._n_slots = n_slots
        self.group = np.where(ue_cell >= 0, ue_cell * schema.n_slices + schema.ue_slice, -1).astype(np.intp)
        """Of each UE, −1 for none."""
        served = np.flatnonzero(self.group >= 0)
        order = served[np.argsort(self.group[served], kind="stable")]
        groups = self.group[order]
        first = np.searchsorted(groups, np.arange(self._n_groups))
        self._ue, self._row, self._slot = order, groups, np.arange(len(order)) - first[groups]

    def mask(self) -> npt.NDArray[np.int8]:
        """1 where a slot holds a UE, shape (groups, slots)."""
        filled = np.zeros((self._n_groups, self._n_slots), dtype=np.int8)
        filled[self._row, self._slot] = 1
        return filled

    def ues(self) -> npt.NDArray[np.int32]:
        """UE in each slot, −1 for none, shape (groups, slots)."""
        index = np.full((self._n_groups, self._n_slots), -1, dtype=np.int32)
        index[self._row, self._slot] = self._ue
        return index

    def pad(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Shape (UEs, n) to (groups, slots, n), zeros where no UE is."""
        padded = np.zeros((self._n_groups, self._n_slots, values.shape[1]), dtype=np.float32)
        padded[self._row, self._slot] = values[self._ue]
        return padded

    def unpad(self, padded: npt.NDArray[Any], into: npt.NDArray[Any]) -> None:
        """Write shape (groups, slots) into shape (UEs,); UEs without a slot keep what `into` holds."""
        into[self._ue] = padded[self._row, self._slot]
