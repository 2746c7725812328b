# SPDX-License-Identifier: MIT
"""A low-level policy that a simulation evaluates by itself (docs/protocol.md, "Low-level policy")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pybridge.envs.features import DEFAULT_UE_FEATURES, Feature
from pybridge.errors import LowPolicyError
from pybridge.schema import Schema

Weights = npt.NDArray[np.float32]
Layer = tuple[Weights, Weights]
"""Weight, shape (outputs, inputs), and bias, shape (outputs,)."""

SSTS = (1, 2, 3)
"""Slice/service types that have an input of their own: eMBB, URLLC, MIoT (TS 23.501, table 5.15.2.2-1)."""
N_SHARES = 3
"""Inputs about what the slice may use: min PRB ratio, compute share, power share."""
N_ACTIONS = 2
"""Outputs per UE: scheduling weight, power offset."""

WEIGHT_EXPONENT = 2.0
POWER_OFFSET_DOWN_DB, POWER_OFFSET_UP_DB = 6.0, 3.0

MAX_LAYERS = 8
"""Of the encoder, and of the head."""
MAX_FEATURES = 128
"""Of UEs, and of slices."""
MAX_WEIGHTS = 2**18
"""Numbers of all layers, of log_std and of the context together; 1 MiB on the wire."""


class LowActions(NamedTuple):
    """What a policy decides for every UE, float64; for one without a decision NaN and neutral controls."""

    raw: npt.NDArray[np.float64]
    """Before tanh, shape (UEs, 2)."""
    weight: npt.NDArray[np.float64]
    """Scheduling weight, shape (UEs,)."""
    power_offset_db: npt.NDArray[np.float64]
    """Power offset, shape (UEs,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LowPolicy:
    """A permutation-equivariant network over the UEs of one slice in one cell (Zaheer et al., Deep Sets, 2017).

    A group is the UEs of one slice in one cell that have data in their queues (`x.buffer_bytes` > 0). A UE without data
    needs no decision: it keeps weight 1 and offset 0 dB, is not pooled over, and its raw action is NaN.

        input_u  = [features of u | slice_features of its group | one-hot SST 1, 2, 3
                    | min PRB ratio, compute share, power share in force | context]
        h_u      = encoder(input_u)                                 every layer is followed by the activation
        pooled   = [mean_v h_v | max_v h_v | log(1 + N)]            over the N UEs of the group
        mean_u   = head([h_u | pooled])                             every layer but the last is followed by it
        raw_u    = mean_u + exp(log_std) · ε,  ε ~ N(0, 1)          mean_u unless `stochastic`
        y_u      = tanh(raw_u)
        weight   = exp(2·y_u[0]),  offset = 6·y_u[1] dB below 0, 3·y_u[1] dB above

    KPMs are those over the last low-level period. From these weights in single precision the simulation computes in
    double precision; so does `act()`. The noise comes from a fixed ns-3 stream of the episode's RngRun: same seed, same
    noise of the same UE at the same time, whatever the policy.
    """

    encoder: Sequence[Layer]
    """At least one layer; the first takes `n_inputs`."""
    head: Sequence[Layer]
    """At least one layer; the first takes `n_head_inputs`, the last gives 2."""
    log_std: Weights = field(default_factory=lambda: np.zeros(N_ACTIONS, np.float32))
    """Shape (2,)."""
    features: Sequence[Feature] = DEFAULT_UE_FEATURES
    """UE KPMs, at least one."""
    slice_features: Sequence[Feature] = ()
    """Slice KPMs over the last low-level period."""
    context: Weights = field(default_factory=lambda: np.zeros(0, np.float32))
    """Constant inputs of every UE, shape (Z,)."""
    activation: Literal["tanh", "relu"] = "relu"
    stochastic: bool = True
    """False: raw = mean."""
    record: bool = False
    """The trajectory of every low-level period comes back."""

    def __post_init__(self) -> None:
        """Arrays become read-only copies. Raises `LowPolicyError`, which is a `ValueError`, naming what is wrong."""
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "slice_features", tuple(self.slice_features))
        for name in ("encoder", "head"):
            object.__setattr__(self, name, _layers(getattr(self, name), name))
        object.__setattr__(self, "log_std", _array(self.log_std, 1, "log_std"))
        object.__setattr__(self, "context", _array(self.context, 1, "context"))
        self._check()

    @property
    def n_inputs(self) -> int:
        """Inputs per UE of the encoder."""
        return n_inputs(len(self.features), len(self.slice_features), len(self.context))

    @property
    def n_head_inputs(self) -> int:
        """Inputs per UE of the head: its own encoding, the mean and the maximum over its group, log(1 + N)."""
        return 3 * len(self.encoder[-1][1]) + 1

    def weights(self) -> Weights:
        """All numbers as POLICY carries them: per layer weight, then bias; encoder, head, log_std, context."""
        layers = [part.reshape(-1) for layer in (*self.encoder, *self.head) for part in layer]
        return np.concatenate([*layers, self.log_std, self.context]).astype("<f4")

    def description(self) -> dict[str, Any]:
        """What WELCOME says of the policy, as JSON types."""
        return {
            "features": [_feature_json(feature) for feature in self.features],
            "slice_features": [_feature_json(feature) for feature in self.slice_features],
            "context": len(self.context),
            "encoder": [len(bias) for _, bias in self.encoder],
            "head": [len(bias) for _, bias in self.head],
            "activation": self.activation,
            "stochastic": self.stochastic,
            "record": self.record,
        }

    def check_kpms(self, schema: Schema) -> None:
        """Raise `LowPolicyError` naming a KPM that the simulation lacks."""
        for features, columns in (
            (self.features, schema.ue_kpm_index),
            (self.slice_features, schema.slice_kpm_index),
        ):
            for feature in features:
                if feature.kpm not in columns:
                    raise LowPolicyError(f"no KPM `{feature.kpm}`; the simulation has: {', '.join(columns)}")

    def act(
        self,
        schema: Schema,
        ue: npt.NDArray[np.float32],
        ue_cell: npt.NDArray[np.int32],
        slice_low: npt.NDArray[np.float32],
        share: npt.NDArray[np.float32],
        noise: npt.ArrayLike | None = None,
    ) -> LowActions:
        """What the simulation decides on these observations.

        ue: UE KPMs over the last low-level period, shape (UEs, UE KPMs), all columns of the schema.
        ue_cell: serving cells, shape (UEs,), −1 if none.
        slice_low: slice KPMs over the last low-level period, shape (cells, slices, slice KPMs).
        share: min PRB ratio, compute share, power share in force, shape (cells, slices, 3).
        noise: ε, shape (UEs, 2); None: zeros. Used whether `stochastic` or not.

        Raises `LowPolicyError` for a KPM that the schema lacks, and for a network that gives NaN.
        """
        self.check_kpms(schema)
        active = (ue_cell >= 0) & (ue[:, schema.ue_kpm_index["x.buffer_bytes"]] > 0)
        raw = np.full((len(ue), N_ACTIONS), np.nan)
        own = _scaled(ue, self.features, schema.ue_kpm_index)
        of_slice = _scaled(slice_low, self.slice_features, schema.slice_kpm_index)
        for cell in range(schema.n_cells):
            for index, info in enumerate(schema.slices):
                members = np.flatnonzero(active & (ue_cell == cell) & (schema.ue_slice == index))
                if members.size:
                    one_hot = [float(info.sst == sst) for sst in SSTS]
                    common = np.concatenate([of_slice[cell, index], one_hot, share[cell, index], self.context])
                    raw[members] = self._means(own[members], common.astype(np.float64))
        if np.isnan(raw[active]).any():
            raise LowPolicyError("the low-level policy gives NaN")
        if noise is not None:
            raw = raw + np.exp(self.log_std.astype(np.float64)) * np.asarray(noise, dtype=np.float64)
        return controls_from_raw(raw)

    def _means(self, own: npt.NDArray[np.float64], common: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Of one group: shape (N, 2)."""
        n_ues = len(own)
        encoded = np.concatenate([own, np.broadcast_to(common, (n_ues, len(common)))], axis=1)
        for layer in self.encoder:
            encoded = self._activate(_affine(encoded, layer))
        pooled = np.concatenate([encoded.mean(axis=0), encoded.max(axis=0), [np.log1p(n_ues)]])
        values = np.concatenate([encoded, np.broadcast_to(pooled, (n_ues, len(pooled)))], axis=1)
        for layer in self.head[:-1]:
            values = self._activate(_affine(values, layer))
        return _affine(values, self.head[-1])

    def _activate(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.tanh(values) if self.activation == "tanh" else np.maximum(values, 0.0)

    def _check(self) -> None:
        if self.activation not in ("tanh", "relu"):
            raise LowPolicyError(f'activation is "tanh" or "relu", got {self.activation!r}')
        for name, least, features in (("features", 1, self.features), ("slice_features", 0, self.slice_features)):
            if not least <= len(features) <= MAX_FEATURES:
                raise LowPolicyError(f"{name} are {least} to {MAX_FEATURES}, got {len(features)}")
            for feature in features:
                if not (np.isfinite(feature.scale) and feature.scale > 0.0):
                    raise LowPolicyError(f"the scale of `{feature.kpm}` must be positive, got {feature.scale}")
        if self.log_std.shape != (N_ACTIONS,):
            raise LowPolicyError(f"log_std must have shape ({N_ACTIONS},), got {self.log_std.shape}")
        _check_chain(self.encoder, self.n_inputs, "encoder")
        _check_chain(self.head, self.n_head_inputs, "head")
        if len(self.head[-1][1]) != N_ACTIONS:
            raise LowPolicyError(f"the last layer of head must give {N_ACTIONS}, gives {len(self.head[-1][1])}")
        count = len(self.weights())
        if count > MAX_WEIGHTS:
            raise LowPolicyError(f"a low-level policy has at most {MAX_WEIGHTS} numbers, this one {count}")


def n_inputs(n_features: int, n_slice_features: int, n_context: int) -> int:
    """Inputs per UE of an encoder over that many features and context values."""
    return n_features + n_slice_features + len(SSTS) + N_SHARES + n_context


def controls_from_raw(raw: npt.NDArray[np.float64]) -> LowActions:
    """Scheduling weights and power offsets that raw actions, shape (UEs, 2), stand for; neutral where NaN."""
    y = np.tanh(np.nan_to_num(raw, nan=0.0))
    offset_db = np.where(y[:, 1] < 0.0, POWER_OFFSET_DOWN_DB, POWER_OFFSET_UP_DB) * y[:, 1]
    return LowActions(raw, np.exp(WEIGHT_EXPONENT * y[:, 0]), offset_db)


def _scaled(kpms: npt.NDArray[np.float32], features: Sequence[Feature], columns: Any) -> npt.NDArray[np.float64]:
    """As `FeatureScaler`, in double precision: shape (..., KPMs) to (..., features)."""
    values = kpms[..., [columns[feature.kpm] for feature in features]].astype(np.float64)
    values = np.where(values > 0.0, values, 0.0)
    scale = np.array([feature.scale for feature in features], dtype=np.float64)
    is_log = np.array([feature.curve == "log" for feature in features], dtype=bool)
    scaled = np.where(is_log, np.log1p(values) / np.log1p(scale), values / scale)
    result: npt.NDArray[np.float64] = np.minimum(scaled, 1.0)
    return result


def _affine(values: npt.NDArray[np.float64], layer: Layer) -> npt.NDArray[np.float64]:
    weight, bias = layer
    result: npt.NDArray[np.float64] = values @ weight.astype(np.float64).T + bias
    return result


def _feature_json(feature: Feature) -> dict[str, Any]:
    return {"kpm": feature.kpm, "scale": float(feature.scale), "curve": feature.curve}


def _array(values: Any, dimensions: int, name: str) -> Weights:
    """A read-only copy in single precision."""
    array = np.array(values, dtype=np.float32, order="C")
    if array.ndim != dimensions:
        raise LowPolicyError(f"{name} must have {dimensions} dimensions, got {array.ndim}")
    if not np.isfinite(array).all():
        raise LowPolicyError(f"{name} must be finite")
    array.flags.writeable = False
    return array


def _layers(layers: Sequence[Layer], name: str) -> tuple[Layer, ...]:
    if not 1 <= len(layers) <= MAX_LAYERS:
        raise LowPolicyError(f"{name} has 1 to {MAX_LAYERS} layers, got {len(layers)}")
    return tuple(
        (_array(weight, 2, f"the weight of {name}[{index}]"), _array(bias, 1, f"the bias of {name}[{index}]"))
        for index, (weight, bias) in enumerate(layers)
    )


def _check_chain(layers: Sequence[Layer], first: int, name: str) -> None:
    """Each layer must take what the one before gives."""
    outputs = [first, *(len(bias) for _, bias in layers)]
    for index, ((given, made), (weight, _)) in enumerate(zip(pairwise(outputs), layers, strict=True)):
        if weight.shape != (made, given) or made == 0:
            raise LowPolicyError(
                f"the weight of {name}[{index}] must have shape ({made}, {given}), at least one output, "
                f"got {weight.shape}"
            )
