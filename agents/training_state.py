# SPDX-License-Identifier: MIT
"""Training states on disk: enough for an interrupted training to end with the same bits as an uninterrupted one.

A training directory holds `iteration-00000010/` and the like, each a directory of `agents.checkpoint`'s two files. One
appears complete or not at all, since it is written under another name and then renamed.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint

Arrays = dict[str, NDArray[Any]]
SCHEMA = "training-state/1"
KEPT = 2
"""States that stay on disk: the newest, and one before."""
_NAME = re.compile(r"iteration-(\d{8})")


def save_training_state(directory: Path, iteration: int, arrays: Arrays, rest: dict[str, Any]) -> Path:
    """Write the state after `iteration` iterations; older ones but one are deleted. Returns its directory.

    rest: JSON-able.
    """
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"iteration-{iteration:08d}"
    fresh = directory / f".{target.name}.{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    save_checkpoint(Checkpoint(arrays, {"schema": SCHEMA, "iteration": iteration, "state": rest}), fresh)
    if target.exists():
        shutil.rmtree(target)
    fresh.rename(target)
    for old in _states(directory)[:-KEPT]:
        shutil.rmtree(old)
    return target


def load_training_state(directory: Path) -> tuple[int, Arrays, dict[str, Any]] | None:
    """The newest state: iterations done, arrays and the rest; None if there is none.

    Raises CheckpointError if it is damaged or of another schema: going on from an older one would hide it.
    """
    states = _states(directory)
    if not states:
        return None
    checkpoint = load_checkpoint(states[-1])
    header = checkpoint.header
    if header.get("schema") != SCHEMA:
        raise CheckpointError(f"{states[-1]}: schema is {header.get('schema')!r}, this version reads {SCHEMA!r}")
    return int(header["iteration"]), checkpoint.tensors, dict(header["state"])


def _states(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("iteration-*") if _NAME.fullmatch(path.name))


def optimiser_state(optimiser: torch.optim.Adam) -> Arrays:
    """Adam's moments and step counts, by the parameter's position; empty before the first step."""
    return {
        f"{position}.{name}": value.detach().numpy().copy()
        for position, parameter in enumerate(_parameters(optimiser))
        for name, value in optimiser.state.get(parameter, {}).items()
    }


def restore_optimiser(optimiser: torch.optim.Adam, prefix: str, arrays: Arrays) -> None:
    """Undo what happened to `optimiser` since `optimiser_state`; `prefix` is before its names in `arrays`."""
    for position, parameter in enumerate(_parameters(optimiser)):
        start = f"{prefix}.{position}."
        found = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
        optimiser.state.pop(parameter, None)
        if found:
            optimiser.state[parameter] = {name: torch.from_numpy(np.array(array)) for name, array in found.items()}


def restore_tensors(groups: dict[str, dict[str, Tensor]], arrays: Arrays) -> None:
    """Copy `group.name` of `arrays` into the tensors of `groups`.

    Raises CheckpointError, with nothing copied, if one is missing or has another shape.
    """
    for prefix, tensors in groups.items():
        for name, tensor in tensors.items():
            array = arrays.get(f"{prefix}.{name}")
            if array is None or array.shape != tuple(tensor.shape):
                found = "missing" if array is None else f"of shape {array.shape}"
                raise CheckpointError(f"tensor {prefix}.{name} of shape {tuple(tensor.shape)} is {found}")
    with torch.no_grad():
        for prefix, tensors in groups.items():
            for name, tensor in tensors.items():
                tensor.copy_(torch.from_numpy(np.array(arrays[f"{prefix}.{name}"])))


def _parameters(optimiser: torch.optim.Adam) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
