# SPDX-License-Identifier: MIT
"""A program that stands in for the simulation, and a scenario for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.scenario.scenario_factory import scenario_yaml


@pytest.fixture
def fake_program(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes `find_binary()` find the stand-in of fake_program.py."""
    wrapper = tmp_path_factory.mktemp("bin") / "ran-slicing"
    script = Path(__file__).with_name("fake_program.py")
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("SLICEBRIDGE_BIN", str(wrapper))
    return wrapper


@pytest.fixture
def scenario_file(tmp_path: Path) -> Path:
    """A small valid scenario: 2 slices, 3 UEs, 0.5 s."""
    path = tmp_path / "tiny.yaml"
    path.write_text(scenario_yaml(timing__duration_s=0.5))
    return path
