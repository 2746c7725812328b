# SPDX-License-Identifier: MIT
"""What the tensors of a simulation mean, as it says itself in HELLO (docs/protocol.md, "Schema")."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from pybridge.errors import SchemaError
from pybridge.wire import PROTOCOL_VERSION

Levels = Literal["high", "both", "delegated"]
"""Decision levels that a learner takes part in; "delegated": the high one, the low one is a policy that it sent."""

LEVELS: tuple[Levels, ...] = get_args(Levels)

MAX_BODY_BYTES = 16 * 2**20
"""Largest message body that a schema may ask for."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a message body."""

    name: str
    dtype: str
    """NumPy type string, "<f4" or "<i4"."""
    shape: tuple[int, ...]
    both_only: bool
    """Left out of the body unless the levels are "both"."""
    low: float | None = None
    """Smallest value allowed, for actions."""
    high: float | None = None
    """Largest value allowed, for actions."""


@dataclass(frozen=True)
class Kpm:
    """One performance measurement: a column of an observation."""

    name: str
    """As in 3GPP TS 28.552, e.g. "DRB.UEThpDl"; "x." begins what the standard lacks."""
    unit: str
    type: str
    """"CC" cumulative, "DER" mean or ratio, "SI" state now (TS 28.552)."""


@dataclass(frozen=True)
class SlaInfo:
    """Service level agreement of a slice; None is not agreed upon."""

    ue_throughput_mbps: float | None
    delay_budget_ms: float | None
    reliability: float | None
    weight: float


@dataclass(frozen=True)
class SliceInfo:
    """One slice; its index is its id."""

    name: str
    sst: int
    sd: int | None
    five_qi: int
    sla: SlaInfo
    policy: tuple[float, float, float]
    """dedicated, min, max PRB ratio in force until the first decision."""


@dataclass(frozen=True, eq=False)
class Schema:
    """Names, units, shapes and periods of one simulation. Two are equal if their texts are."""

    text: str
    digest: str
    """SHA-256 of `text` in hexadecimal."""
    low_period_ms: int
    high_period_ms: int
    cells: tuple[str, ...]
    slices: tuple[SliceInfo, ...]
    ue_slice: npt.NDArray[np.int64]
    """Slice index of every UE, shape (UEs,)."""
    slice_kpms: tuple[Kpm, ...]
    ue_kpms: tuple[Kpm, ...]
    state: tuple[Tensor, ...]
    action: tuple[Tensor, ...]
    trajectory: tuple[Tensor, ...]
    """Follow those of `state` when a low-level policy is recorded; empty if the simulation takes no such policy."""
    slice_kpm_index: Mapping[str, int] = field(repr=False)
    """Column of a slice KPM by name."""
    ue_kpm_index: Mapping[str, int] = field(repr=False)
    """Column of a UE KPM by name."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.cells)

    @property
    def n_slices(self) -> int:
        """Number of slices."""
        return len(self.slices)

    @property
    def n_ues(self) -> int:
        """UEs in all cells and slices."""
        return len(self.ue_slice)

    def state_dtype(self, levels: Levels, *, recorded: bool = False) -> np.dtype[np.void]:
        """Structured type of the body of a STATE: one field per tensor. Raises `SchemaError` if it gets too large.

        recorded: with the trajectory of a low-level policy.
        """
        return body_dtype((*self.state, *self.trajectory) if recorded else self.state, levels)

    def action_dtype(self, levels: Levels) -> np.dtype[np.void]:
        """Structured type of the body of an ACTION: one field per tensor."""
        return body_dtype(self.action, levels)


def body_dtype(tensors: Iterable[Tensor], levels: Levels) -> np.dtype[np.void]:
    """Structured type of a message body, every tensor padded to a multiple of 8 bytes."""
    names: list[str] = []
    formats: list[tuple[str, tuple[int, ...]]] = []
    offsets: list[int] = []
    end = 0
    for tensor in tensors:
        if tensor.both_only and levels != "both":
            continue
        names.append(tensor.name)
        formats.append((tensor.dtype, tensor.shape))
        offsets.append(end)
        elements = 1
        for extent in tensor.shape:
            elements *= extent
        end += -(-elements * 4 // 8) * 8
        if end > MAX_BODY_BYTES:
            raise SchemaError(f"the schema asks for a message body of over {MAX_BODY_BYTES} bytes (at `{tensor.name}`)")
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": end})


def schema_digest(text: str) -> str:
    """SHA-256 of a schema's text, in hexadecimal."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def parse_schema(text: str) -> Schema:
    """Read the text of a schema. Raises `SchemaError` naming what is wrong."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"the schema is no JSON: {error}") from None
    try:
        return _build(text, data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SchemaError(f"the schema is malformed: {type(error).__name__}: {error}") from None


def _build(text: str, data: dict[str, Any]) -> Schema:
    if data["protocol"] != PROTOCOL_VERSION:
        raise SchemaError(f"the schema is of protocol {data['protocol']!r}, this side speaks {PROTOCOL_VERSION}")
    slice_kpms = tuple(Kpm(str(k["name"]), str(k["unit"]), str(k["type"])) for k in data["slice_kpms"])
    ue_kpms = tuple(Kpm(str(k["name"]), str(k["unit"]), str(k["type"])) for k in data["ue_kpms"])
    slices = tuple(_slice(item) for item in data["slices"])
    ue_slice = np.array(data["ue_slice"], dtype=np.int64).reshape(-1)
    if ue_slice.size and not (int(ue_slice.min()) >= 0 and int(ue_slice.max()) < len(slices)):
        raise SchemaError("`ue_slice` names a slice that does not exist")
    ue_slice.flags.writeable = False
    schema = Schema(
        text=text,
        digest=schema_digest(text),
        low_period_ms=int(data["periods_ms"]["low"]),
        high_period_ms=int(data["periods_ms"]["high"]),
        cells=tuple(str(cell["name"]) for cell in data["cells"]),
        slices=slices,
        ue_slice=ue_slice,
        slice_kpms=slice_kpms,
        ue_kpms=ue_kpms,
        state=tuple(_tensor(item) for item in data["state"]),
        action=tuple(_tensor(item) for item in data["action"]),
        trajectory=tuple(_tensor(item) for item in data.get("trajectory", ())),
        slice_kpm_index={kpm.name: column for column, kpm in enumerate(slice_kpms)},
        ue_kpm_index={kpm.name: column for column, kpm in enumerate(ue_kpms)},
    )
    _check_shapes(schema)
    return schema


def _slice(data: dict[str, Any]) -> SliceInfo:
    sla, policy = data["sla"], data["policy"]
    return SliceInfo(
        name=str(data["name"]),
        sst=int(data["s_nssai"]["sst"]),
        sd=None if data["s_nssai"]["sd"] is None else int(data["s_nssai"]["sd"]),
        five_qi=int(data["five_qi"]),
        sla=SlaInfo(
            _optional(sla["ue_throughput_mbps"]),
            _optional(sla["delay_budget_ms"]),
            _optional(sla["reliability"]),
            float(sla["weight"]),
        ),
        policy=(float(policy["dedicated"]), float(policy["min"]), float(policy["max"])),
    )


def _tensor(data: dict[str, Any]) -> Tensor:
    name, dtype, levels = str(data["name"]), data["dtype"], data.get("levels", "any")
    if dtype not in ("<f4", "<i4"):
        raise SchemaError(f"tensor `{name}` has dtype {dtype!r}; `<f4` and `<i4` are known")
    if levels not in ("any", "both"):
        raise SchemaError(f"tensor `{name}` is marked {levels!r}; `both` is the only mark")
    shape = tuple(int(extent) for extent in data["shape"])
    if any(extent < 0 for extent in shape):
        raise SchemaError(f"tensor `{name}` has a negative extent")
    return Tensor(name, str(dtype), shape, levels == "both", _optional(data.get("low")), _optional(data.get("high")))


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)


def _check_shapes(schema: Schema) -> None:
    """The tensors that docs/protocol.md names must be there with the shapes that it gives them."""
    cells, slices, ues = schema.n_cells, schema.n_slices, schema.n_ues
    slice_kpms = (cells, slices, len(schema.slice_kpms))
    report = (cells, slices, 5)
    state = {"slice_high": slice_kpms, "slice_low": slice_kpms, "ue": (ues, len(schema.ue_kpms)), "ue_cell": (ues,)}
    state |= {"requested": report, "projected": report, "achieved": report}
    action = {"prb_policy": (cells, slices, 3), "compute_share": (cells, slices), "power_share": (cells, slices)}
    action |= {"ue_weight": (ues,), "ue_power_offset_db": (ues,)}
    for title, tensors, expected in (("state", schema.state, state), ("action", schema.action, action)):
        _check_tensors(title, tensors, expected)
        body_dtype(tensors, "both")
    if schema.trajectory:
        if schema.low_period_ms <= 0:
            raise SchemaError("periods must be positive")
        periods = schema.high_period_ms // schema.low_period_ms
        trajectory = {"low_ue": (periods + 1, ues, len(schema.ue_kpms)), "low_ue_cell": (periods + 1, ues)}
        trajectory |= {"low_slice": (periods + 1, *slice_kpms), "low_share": (periods, cells, slices, 3)}
        trajectory |= {"low_raw_action": (periods, ues, 2)}
        _check_tensors("trajectory", schema.trajectory, trajectory)
        body_dtype((*schema.state, *schema.trajectory), "delegated")


def _check_tensors(title: str, tensors: tuple[Tensor, ...], expected: Mapping[str, tuple[int, ...]]) -> None:
    found = {tensor.name: tensor.shape for tensor in tensors}
    if len(found) != len(tensors):
        raise SchemaError(f"the {title} names a tensor twice")
    for name, shape in expected.items():
        if found.get(name) != shape:
            raise SchemaError(f"{title} tensor `{name}` must have shape {shape}, got {found.get(name)}")
