# SPDX-License-Identifier: MIT
"""What tests of every package share: a temporary directory that goes, and the simulation program."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pybridge.errors import BinaryNotFound
from pybridge.process import find_binary

REQUIRED_VARIABLE = "SLICEBRIDGE_REQUIRE_BIN"
"""`make test` sets it: it has built the program, so a test that cannot find it fails."""


@pytest.fixture(autouse=True)
def temporary_directory(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A short path (an ipc endpoint has 107 bytes at most), for this process and for those that it starts.

    Logs of simulations that fail on purpose are kept by design; here they go when the test is over.
    """
    tmp_path_factory.getbasetemp()  # settled before the directory below goes away
    directory = tempfile.mkdtemp(prefix="t-")
    Path(directory).chmod(0o711)  # tests of the set-up become another user, who passes through it
    monkeypatch.setenv("TMPDIR", directory)
    monkeypatch.setattr("tempfile.tempdir", directory)
    yield
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def simulation_program() -> Path:
    """The real simulation program. Where it has not been built the test is skipped, or fails if it is required."""
    try:
        return find_binary()
    except BinaryNotFound as error:
        if os.environ.get(REQUIRED_VARIABLE):
            pytest.fail(f"{REQUIRED_VARIABLE} is set, and {error}", pytrace=False)
        pytest.skip(str(error))
