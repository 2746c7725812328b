# SPDX-License-Identifier: MIT
"""What a low-level policy inside the simulation saw and did (docs/protocol.md, "Low-level policy")."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy.typing as npt

from pybridge.observation import Observation

_RECORDED = "low_"
"""How the tensors of a trajectory begin."""


def trajectory_of(state: Observation) -> dict[str, npt.NDArray[Any]] | None:
    """What a recorded policy saw and did since the observation before, read-only views; None without a record.

    With T low-level periods in a high-level one: `ue` (T + 1, UEs, UE KPMs) and `slice` (T + 1, cells, slices, slice
    KPMs) over the last low-level period, raw and with all columns of the schema, and `ue_cell` (T + 1, UEs), −1 if
    none: row t is what decision t was taken on, row t + 1 what it led to, row T the state now; `share` (T, cells,
    slices, 3): min PRB ratio, compute share, power share in force from decision t on, which it saw; `raw_action`
    (T, UEs, 2): before tanh, NaN where there was no decision. At step 0 nothing has been decided yet: raw actions are
    all NaN, and rows mean nothing.
    """
    if state.levels != "delegated":
        return None
    body = state.body
    return {short: body[name] for name, short in _recorded(body.dtype.names or ())} or None


@lru_cache(maxsize=32)
def _recorded(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Tensors of a trajectory among those of a body, and what they are called here."""
    return [(name, name.removeprefix(_RECORDED)) for name in names if name.startswith(_RECORDED)]
