# SPDX-License-Identifier: MIT
"""The low level: a set policy that runs inside the simulation, and what it did there as trajectories to learn from.

A trajectory is one slice in one cell over a window of an episode (METHOD.md 2). Its reward is the slice's own part of
the high level's: ω_k·sat_k − c_p·P_k/P_max − c_b·RB_k/RB_max per low-level period, the satisfaction of a rate SLA over
the last `RATE_WINDOW` of them, since one packet is much of a rate in 10 ms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from agents.batch import Batch
from agents.nets import SetActor, SetCritic
from agents.network_task import NetworkTask
from agents.policies import TaskPolicies
from pybridge.envs.features import DEFAULT_UE_FEATURES, Feature, FeatureScaler
from pybridge.envs.qos import UeRates, delay_satisfaction, rate_satisfaction
from pybridge.low_policy import N_SHARES, SSTS, LowPolicy
from pybridge.schema import Schema

Array = NDArray[Any]
Trajectory = Mapping[str, Array]
"""`pybridge.trajectory.trajectory_of`: one high-level period."""

SLICE_FEATURES = (
    Feature("x.prb_used_ratio", 1.0),
    Feature("x.offered_kbps", 1.0e6, "log"),
    Feature("x.goodput_kbps", 1.0e6, "log"),
    Feature("x.buffer_bytes", 1.0e8, "log"),
    Feature("x.hol_delay_ms", 10_000.0, "log"),
    Feature("x.deadline_miss_ratio", 1.0),
)
GROUP_INPUTS = len(SLICE_FEATURES) + len(SSTS) + N_SHARES
WIDTH = 32
"""Of all layers: what runs inside the simulation costs time there (docs/protocol.md)."""
_GATE = 4.0
"""More than any scaled feature: what a unit of another SST has below zero."""
RATE_WINDOW = 10
"""Low-level periods."""

_PACKETS = ("x.packets_delivered", "x.packets_late", "x.packets_dropped", "x.packets_lost")


def low_networks() -> tuple[SetActor, SetCritic]:
    """Fresh ones; their first values come from PyTorch's generator."""
    sizes = (len(DEFAULT_UE_FEATURES), GROUP_INPUTS)
    actor = SetActor(*sizes, encoder=(WIDTH, WIDTH), head=(WIDTH,), activation="relu")
    return actor, SetCritic(*sizes, encoder=(WIDTH,), hidden=(WIDTH,))


def by_slice(actor: SetActor) -> SetActor:
    """The same network, so initialised that its output layer sees each UE's features, a set for each SST, and decides
    nothing yet: weight 1, offset 0.

    Unit (k, i) of the first layer is feature i of a UE in a slice of SST k, else 0; later ones hand it on. What one
    layer on top of that learns has few parameters, and no slice is in another's way (`agents.evolution_stages`).
    """
    features, ssts = len(DEFAULT_UE_FEATURES), len(SSTS)
    if ssts * (features + 1) > WIDTH:
        raise ValueError(f"{features} features of UEs in slices of {ssts} types take more than {WIDTH} units")
    first = features + len(SLICE_FEATURES)
    layers = [*actor.encoder.layers, *actor.hidden.layers, actor.head]
    with torch.no_grad():
        for layer in layers:
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
        for layer in layers[1:-1]:
            layer.weight[:, : len(layer.weight)].fill_diagonal_(1.0)
        gate, bias = layers[0].weight, layers[0].bias
        for k in range(ssts):
            units = slice(k * features, (k + 1) * features)
            gate[units, :features].fill_diagonal_(1.0)
            gate[units, first + k], bias[units] = _GATE, -_GATE
            gate[ssts * features + k, first + k] = 1.0
    return actor


def low_policy(actor: Any, *, explore: bool) -> LowPolicy:
    """A network as the simulation takes it. explore: with noise, and its trajectory comes back."""
    return LowPolicy(**actor.export(), slice_features=SLICE_FEATURES, stochastic=explore, record=explore)


def low_policies(policies: TaskPolicies, tasks: int, *, explore: bool) -> list[LowPolicy]:
    """Each task's own."""
    return [low_policy(actor, explore=explore) for actor in policies.actors(tasks)]


class _Groups(NamedTuple):
    """One episode's window: G slices in cells, L low-level periods, at most P UEs with data at a time."""

    ue: Array
    """(G, L + 1, P, UE features)."""
    group: Array
    """(G, L + 1, group inputs)."""
    present: Array
    """(G, L + 1, P), 1 or 0."""
    action: Array
    """(G, L, P, 2), before tanh."""
    reward: Array
    """(G, L)."""


def low_batch(
    windows: Sequence[Sequence[Trajectory]], schemas: Sequence[Schema], tasks: Sequence[NetworkTask]
) -> Batch:
    """Trajectories of the low level.

    windows: of each episode, task by task, successive high-level periods. schemas: of each episode's simulation.
    tasks: B; episodes are a multiple of them. Shape of the result: (B, episodes × cells × slices, L).
    """
    episodes = len(windows) // len(tasks)
    found = [_groups(w, s, tasks[i // episodes]) for i, (w, s) in enumerate(zip(windows, schemas, strict=True))]
    width = max(1, *(groups.ue.shape[2] for groups in found))
    padded = [_pad(groups, width) for groups in found]

    def gather(name: str) -> torch.Tensor:
        parts = np.stack([getattr(groups, name) for groups in padded]).astype(np.float32)
        return torch.from_numpy(parts.reshape(len(tasks), -1, *parts.shape[2:]))

    reward = gather("reward")
    observation = {name: gather(name) for name in ("ue", "group", "present")}
    never = torch.zeros_like(reward, dtype=torch.bool)
    return Batch(observation, gather("action"), reward, never, ~never)


def _groups(window: Sequence[Trajectory], schema: Schema, task: NetworkTask) -> _Groups:
    rows = {
        name: np.concatenate([*(part[name][:-1] for part in window), window[-1][name][-1:]])
        for name in ("ue", "slice", "ue_cell")
    }
    raw = np.concatenate([part["raw_action"] for part in window])
    share = np.concatenate([*(part["share"] for part in window), window[-1]["share"][-1:]])
    waiting = rows["ue"][:, :, schema.ue_kpm_index["x.buffer_bytes"]] > 0
    features = FeatureScaler(DEFAULT_UE_FEATURES, schema.ue_kpm_index)(np.ascontiguousarray(rows["ue"]))
    group = _group_inputs(rows["slice"], share, schema)
    reward = _rewards(rows, schema, task)
    width = int(max(1, max(_count(waiting, rows["ue_cell"], schema, c, k) for c, k in _places(schema))))
    parts = []
    for cell, index in _places(schema):
        present = waiting & (rows["ue_cell"] == cell) & (schema.ue_slice == index)
        # The order of UEs means nothing to a set policy, so those with data come first and the rest is left out.
        order = np.argsort(~present, axis=1, kind="stable")[:, :width]
        there = np.take_along_axis(present, order, 1)
        own = np.take_along_axis(features, order[..., np.newaxis], 1)
        action = np.take_along_axis(raw, order[:-1, :, np.newaxis], 1)
        action = np.where(there[:-1, :, np.newaxis], action, 0.0)
        parts.append((own * there[..., np.newaxis], group[:, cell, index], there, action, reward[:, cell, index]))
    return _Groups(*(np.stack(part) for part in zip(*parts, strict=True)))


def _places(schema: Schema) -> list[tuple[int, int]]:
    return [(cell, index) for cell in range(schema.n_cells) for index in range(schema.n_slices)]


def _count(waiting: Array, ue_cell: Array, schema: Schema, cell: int, index: int) -> int:
    members = waiting & (ue_cell == cell) & (schema.ue_slice == index)
    return int(members.sum(axis=1).max())


def _group_inputs(slices: Array, share: Array, schema: Schema) -> Array:
    """(L + 1, cells, slices, group inputs), in LowPolicy's order."""
    scaled = FeatureScaler(SLICE_FEATURES, schema.slice_kpm_index)(np.ascontiguousarray(slices))
    one_hot = np.array([[float(info.sst == sst) for sst in SSTS] for info in schema.slices], np.float32)
    return np.concatenate([scaled, np.broadcast_to(one_hot, (*scaled.shape[:-1], len(SSTS))), share], -1)


def _rewards(rows: Mapping[str, Array], schema: Schema, task: NetworkTask) -> Array:
    """(L, cells, slices): of the period that each decision led to."""
    slices = rows["slice"][1:].astype(np.float64)
    packets = slices[..., [schema.slice_kpm_index[name] for name in _PACKETS]]
    delay = delay_satisfaction(schema, packets).smooth
    rate = _rate_satisfaction(rows, schema)
    price = task.power_price * slices[..., schema.slice_kpm_index["x.power_used_ratio"]]
    price += task.prb_price * slices[..., schema.slice_kpm_index["x.prb_used_ratio"]]
    reward: Array = np.array(task.weights) * np.minimum(delay, rate) - np.nan_to_num(price)
    return reward


def _rate_satisfaction(rows: Mapping[str, Array], schema: Schema) -> Array:
    """(L, cells, slices), of rates over the windows that end with rows 1 to L."""
    columns = [schema.ue_kpm_index[name] for name in ("x.goodput_kbps", "x.offered_kbps")]
    delivered, offered = np.moveaxis(_recent_means(np.nan_to_num(rows["ue"][..., columns].astype(np.float64))), -1, 0)
    cell, shape = rows["ue_cell"][1:], (len(delivered), schema.n_cells, schema.n_slices)
    group = np.where(cell >= 0, cell * schema.n_slices + schema.ue_slice, -1)
    # Every row has groups of its own: all of them are counted at once.
    first = np.arange(len(cell))[:, np.newaxis] * (schema.n_cells * schema.n_slices)
    group = np.where(group >= 0, first + group, -1)
    return rate_satisfaction(schema, UeRates(delivered, offered), group, math.prod(shape)).smooth.reshape(shape)


def _recent_means(values: Array) -> Array:
    """(L + 1, …) to (L, …): means over the last `RATE_WINDOW` of rows 0 to t, t = 1 to L."""
    total = np.zeros_like(values)
    for shift in range(min(RATE_WINDOW, len(values))):
        total[shift:] += values[: len(values) - shift]
    count = np.minimum(np.arange(1, len(values) + 1), RATE_WINDOW).reshape(-1, *[1] * (values.ndim - 1))
    means: Array = (total / count)[1:]
    return means


def _pad(groups: _Groups, width: int) -> _Groups:
    """To P = width."""
    more = width - groups.ue.shape[2]

    def pad(values: Array) -> Array:
        return np.pad(values, [(0, 0), (0, 0), (0, more), *[(0, 0)] * (values.ndim - 3)])

    return groups._replace(ue=pad(groups.ue), present=pad(groups.present), action=pad(groups.action))
