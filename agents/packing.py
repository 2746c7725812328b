# SPDX-License-Identifier: MIT
"""Samples of set policies without the places of absent UEs, which are most: only what was decided is computed on."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.inner import Sample


def packed(sample: Sample) -> Sample:
    """The same decisions of B tasks, in rows: M per task, the most that any of them has. Others are filled up.

    For set policies; a sample of any other is returned as it is. In place of UEs' axes stands that of rows: action,
    behaviour and decided (B, M, …), and the advantage too is each decision's own. Observations become those that
    `agents.nets.SetActor` calls packed.
    """
    if sample.decided.dim() == sample.valid.dim():
        return sample
    decided = sample.decided.flatten(1)
    rows = max(1, int(decided.sum(1).max()))
    # Those that were decided come first; what fills up are other places, so that none is written to twice.
    place = torch.argsort(~decided, dim=1, stable=True)[:, :rows]
    step = place // sample.decided.shape[-1]
    here = decided.gather(1, place)
    group = sample.observation["group"]
    ue = torch.where(here.unsqueeze(-1), _take(sample.observation["ue"].flatten(1, 3), place), 0.0)
    observation = {"row": torch.cat([ue, _take(group.flatten(1, 2), step)], -1), "group": group}
    return sample._replace(
        observation=observation | {"step": step, "here": here},
        action=_take(sample.action.flatten(1, 3), place),
        advantage=sample.advantage.flatten(1).gather(1, step),
        decided=here,
        behaviour=_take(sample.behaviour.flatten(1, 3), place),
    )


def _take(values: Tensor, place: Tensor) -> Tensor:
    """(B, places, numbers) at (B, M): (B, M, numbers)."""
    return values.gather(1, place.unsqueeze(-1).expand(-1, -1, values.shape[-1]))
