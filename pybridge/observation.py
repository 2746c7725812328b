# SPDX-License-Identifier: MIT
"""What a learner sees and sets, as NumPy arrays over the raw message bodies."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from pybridge.errors import ActionError, SessionStateError
from pybridge.schema import Levels, Schema, Tensor
from pybridge.wire import Flag, Header

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]

REPORT_COLUMNS = 5
DEDICATED, MIN, MAX, COMPUTE, POWER = range(REPORT_COLUMNS)
"""Columns of `Observation.requested`, `.projected` and `.achieved`."""

FLOAT_BYTES = 4
FLOAT = np.dtype("<f4")

# Plain integers: an IntFlag costs a microsecond at every use.
_HIGH_DECISION, _LAST = int(Flag.HIGH_DECISION), int(Flag.LAST)


class Observation:
    """State of the network at a decision epoch. Arrays are read-only views that stay valid."""

    __slots__ = ("dtype", "flat", "header", "levels", "schema")

    def __init__(
        self, schema: Schema, levels: Levels, header: Header, flat: FloatArray, dtype: np.dtype[np.void]
    ) -> None:
        """flat, dtype: the message body, see below."""
        self.schema = schema
        self.levels = levels
        self.header = header
        self.flat = flat
        """The whole body as float32, for precomputed tables of indices; tensors of integers make no sense in it."""
        self.dtype = dtype
        """Where the tensors are in it."""

    @property
    def episode(self) -> int:
        """Number of the episode."""
        return self.header.episode

    @property
    def step(self) -> int:
        """Decision epochs so far, 0 at the first."""
        return self.header.step

    @property
    def time_ns(self) -> int:
        """Simulated time since the end of warm-up."""
        return self.header.time_ns

    @property
    def high_decision(self) -> bool:
        """Slices are decided now; otherwise only UEs are."""
        return bool(self.header.flags & _HIGH_DECISION)

    @property
    def last(self) -> bool:
        """The episode is over; nothing can be decided any more."""
        return bool(self.header.flags & _LAST)

    @property
    def body(self) -> np.void:
        """The tensors by name."""
        body: np.void = self.flat.view(self.dtype)[0]
        return body

    @property
    def time_s(self) -> float:
        """Simulated time since the end of warm-up, in seconds."""
        return self.time_ns * 1e-9

    @property
    def slice_high(self) -> FloatArray:
        """KPMs over the last high-level period, shape (cells, slices, slice KPMs)."""
        return self._floats("slice_high")

    @property
    def slice_low(self) -> FloatArray:
        """KPMs over the last low-level period, shape (cells, slices, slice KPMs). Levels "both" only."""
        if self.levels != "both":
            raise SessionStateError('`slice_low` comes with levels "both" only')
        return self._floats("slice_low")

    @property
    def ue(self) -> FloatArray:
        """KPMs of UEs over the shortest period of the levels, shape (UEs, UE KPMs)."""
        return self._floats("ue")

    @property
    def ue_cell(self) -> IntArray:
        """Serving cell of each UE, −1 if none, shape (UEs,)."""
        view: IntArray = self.body["ue_cell"]
        return view

    @property
    def requested(self) -> FloatArray:
        """Last high-level decision as asked for, shape (cells, slices, 5): dedicated, min, max, compute, power."""
        return self._floats("requested")

    @property
    def projected(self) -> FloatArray:
        """What the constraints left of `requested`, same shape."""
        return self._floats("projected")

    @property
    def achieved(self) -> FloatArray:
        """What the RAN did in the last high-level period, same shape (PRB ratio used in all of the first three)."""
        return self._floats("achieved")

    def kpm(self, name: str, level: Literal["high", "low"] = "high") -> FloatArray:
        """A slice KPM by name, shape (cells, slices). Raises `KeyError` naming the ones there are."""
        columns = self.schema.slice_kpm_index
        if name not in columns:
            raise KeyError(f"no slice KPM `{name}`; there are: {', '.join(columns)}")
        values: FloatArray = (self.slice_high if level == "high" else self.slice_low)[:, :, columns[name]]
        return values

    def ue_kpm(self, name: str) -> FloatArray:
        """A UE KPM by name, shape (UEs,). Raises `KeyError` naming the ones there are."""
        columns = self.schema.ue_kpm_index
        if name not in columns:
            raise KeyError(f"no UE KPM `{name}`; there are: {', '.join(columns)}")
        values: FloatArray = self.ue[:, columns[name]]
        return values

    def _floats(self, name: str) -> FloatArray:
        view: FloatArray = self.body[name]
        return view


class Action:
    """A decision. Its arrays are views of the message body: change them in place, reuse them freely.

    A new one holds what is in force at the beginning: the policies of the scenario, equal compute shares, power shares
    in the ratio of the minimum PRB ratios (every PRB equally strong), and neutral UE controls.
    """

    __slots__ = (
        "_clipped",
        "_high",
        "_low",
        "body",
        "compute_share",
        "flat",
        "levels",
        "power_share",
        "prb_policy",
        "schema",
        "ue_power_offset_db",
        "ue_weight",
    )

    def __init__(self, schema: Schema, levels: Levels) -> None:
        self.schema = schema
        self.levels = levels
        dtype = schema.action_dtype(levels)
        self.flat: FloatArray = np.zeros(dtype.itemsize // FLOAT_BYTES, dtype=FLOAT)
        """The message body."""
        self.body = self.flat.view(dtype).reshape(())
        """The same by tensor."""
        self.prb_policy: FloatArray = self.body["prb_policy"]
        """dedicated, min, max PRB ratio, shape (cells, slices, 3), each in [0, 1]."""
        self.compute_share: FloatArray = self.body["compute_share"]
        """Share of the DU's processing capacity, shape (cells, slices), in [0, 1], Σ over slices ≤ 1."""
        self.power_share: FloatArray = self.body["power_share"]
        """Share of the cell's power budget, shape (cells, slices), in [0, 1], Σ over slices ≤ 1."""
        self.ue_weight: FloatArray | None = self.body["ue_weight"] if levels == "both" else None
        """Factor on the rank of each UE, shape (UEs,), in [0.01, 100]. None with levels "high"."""
        self.ue_power_offset_db: FloatArray | None = self.body["ue_power_offset_db"] if levels == "both" else None
        """On top of the slice's power, shape (UEs,), in [−6, 3] dB. None with levels "high"."""
        self.prb_policy[...] = [info.policy for info in schema.slices]
        self.compute_share[...] = 1.0 / schema.n_slices
        self.power_share[...] = _initial_power_shares(schema)
        if self.ue_weight is not None:
            self.ue_weight[...] = 1.0
        self._low, self._high = self._bounds()
        self._clipped = np.empty_like(self.flat)

    def copy(self) -> Action:
        """Another one with the same values."""
        other = Action(self.schema, self.levels)
        other.flat[...] = self.flat
        return other

    def check(self) -> None:
        """Raise `ActionError` naming the first tensor and index that is NaN or out of its range."""
        # What clipping leaves as it is lies in range; NaN does not survive fmax.
        np.fmax(self.flat, self._low, out=self._clipped)
        np.fmin(self._clipped, self._high, out=self._clipped)
        if self._clipped.tobytes() != self.flat.tobytes():
            self._name_what_is_wrong()

    def _bounds(self) -> tuple[FloatArray, FloatArray]:
        """Smallest and largest value of each element of the body; infinite where the schema has no range."""
        low, high = (np.full_like(self.flat, value) for value in (-np.inf, np.inf))
        for tensor in self._ranged():
            low.view(self.body.dtype)[tensor.name][...] = tensor.low
            high.view(self.body.dtype)[tensor.name][...] = tensor.high
        return low, high

    def _ranged(self) -> list[Tensor]:
        """Tensors of the body that have a range."""
        names = self.body.dtype.names or ()
        present = [tensor for tensor in self.schema.action if tensor.name in names]
        return [tensor for tensor in present if tensor.low is not None and tensor.high is not None]

    def _name_what_is_wrong(self) -> None:
        for tensor in self._ranged():
            assert tensor.low is not None
            assert tensor.high is not None
            values = self.body[tensor.name]
            fine = (values >= np.float32(tensor.low)) & (values <= np.float32(tensor.high))
            if not fine.all():
                index = tuple(int(i) for i in np.argwhere(~fine)[0])
                raise ActionError(
                    f"{tensor.name}{list(index)} is {values[index]}, allowed are {tensor.low:g} to {tensor.high:g}"
                )


def _initial_power_shares(schema: Schema) -> FloatArray:
    """As the simulation computes them for its first period, to the bit; shape (slices,)."""
    minima = np.array([info.policy[1] for info in schema.slices], np.float32).astype(np.float64)
    total = sum(minima.tolist())
    shares = minima / total if total > 0.0 else np.full(schema.n_slices, 1.0 / schema.n_slices)
    return shares.astype(np.float32)
