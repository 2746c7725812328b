# SPDX-License-Identifier: MIT
"""Recordings: one file with everything that passed between a simulation and its learner (docs/recording.md)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pybridge.recording.check import Difference, check_recording
    from pybridge.recording.reader import Recording
    from pybridge.recording.recorder import Recorder
    from pybridge.recording.stream import RecordingError

_HOMES = {
    "Difference": "pybridge.recording.check",
    "Recorder": "pybridge.recording.recorder",
    "Recording": "pybridge.recording.reader",
    "RecordingError": "pybridge.recording.stream",
    "check_recording": "pybridge.recording.check",
}
"""Loaded when first asked for: who records does not read."""

__all__ = ["Difference", "Recorder", "Recording", "RecordingError", "check_recording"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'pybridge.recording' has no attribute '{name}'")
    return getattr(importlib.import_module(home), name)
