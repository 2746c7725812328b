# SPDX-License-Identifier: MIT
"""Recordings: one file with everything that passed between a simulation and its learner (docs/recording.md)."""

from pybridge.recording.check import Difference, check_recording
from pybridge.recording.reader import Recording
from pybridge.recording.recorder import Recorder
from pybridge.recording.stream import RecordingError

__all__ = ["Difference", "Recorder", "Recording", "RecordingError", "check_recording"]
