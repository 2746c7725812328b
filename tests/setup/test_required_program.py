# SPDX-License-Identifier: MIT
"""`make test` must not pass with the tests of the real program skipped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = [
    "tests/link/test_real_simulation.py::test_slice_env_passes_the_checkers_of_gymnasium_and_sb3",
    "tests/link/test_real_nr.py::test_environments_conform_on_nr_small",
    "tests/run/test_simulation.py::test_every_measurement_is_described",
    "tests/campaigns/test_smoke.py::test_all_runs_and_the_report_are_there",
    "tests/cli/test_readme.py::test_looking_at_runs_works",
]


@pytest.mark.parametrize(("required", "outcome", "code"), [("1", "errors", 1), ("", "skipped", 0)])
def test_without_the_program_its_tests_fail_where_it_is_required(required: str, outcome: str, code: int) -> None:
    variables = {"SLICEBRIDGE_BIN": "/nowhere/ran-slicing", "SLICEBRIDGE_REQUIRE_BIN": required, "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == code, done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"{len(TESTS)} {outcome} in ")
    assert "/nowhere/ran-slicing is no executable file" in done.stdout


def test_make_test_requires_the_program() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^test: export SLICEBRIDGE_REQUIRE_BIN := 1$", makefile, re.MULTILINE)
