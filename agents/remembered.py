# SPDX-License-Identifier: MIT
"""Evaluations of rules kept on disk: an interrupted tuning asks for them again and gets them without playing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from agents.rule_tuning import Evaluate

Array = NDArray[np.float64]
TaskT = TypeVar("TaskT")


class Remembered(Generic[TaskT]):
    """An `Evaluate` whose n-th call is played once; a search that is its seed's alone then ends with the same bits."""

    def __init__(self, evaluate: Evaluate[TaskT], folder: Path) -> None:
        """folder: of one tuning; it is made."""
        self._evaluate, self._folder, self._calls = evaluate, folder, 0
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, tasks: Sequence[TaskT], parameters: Array, seeds: Sequence[int]) -> Array:
        """As it was played, if it was with these parameters; else play."""
        file = self._folder / f"played-{self._calls:06d}.npz"
        self._calls += 1
        values = _read(file, parameters)
        if values is None:
            values = self._evaluate(tasks, parameters, seeds)
            fresh = file.with_suffix(".tmp")
            with fresh.open("wb") as stream:
                np.savez(stream, parameters=parameters, values=values)
            fresh.replace(file)
        return values


def _read(file: Path, parameters: Array) -> Array | None:
    try:
        with np.load(file) as kept:
            values: Array = kept["values"]
            return values if np.array_equal(kept["parameters"], parameters) else None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):  # not there, or damaged
        return None
