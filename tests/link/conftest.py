# SPDX-License-Identifier: MIT
"""Logs of simulations that fail on purpose are kept by design; here they go when the test is over."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def temporary_directory(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A short path (an ipc endpoint has 107 bytes at most), for this process and for those that it starts."""
    tmp_path_factory.getbasetemp()  # settled before the directory below goes away
    directory = tempfile.mkdtemp(prefix="t-")
    monkeypatch.setenv("TMPDIR", directory)
    monkeypatch.setattr("tempfile.tempdir", directory)
    yield
    shutil.rmtree(directory, ignore_errors=True)
