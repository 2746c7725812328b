# SPDX-License-Identifier: MIT
"""What `import pybridge` promises."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pybridge

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", pybridge.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(pybridge, name) is not None


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(AttributeError, match="'Sesion'"):
        pybridge.Sesion  # noqa: B018


def test_import_alone_loads_no_heavy_package() -> None:
    heavy = ["numpy", "zmq", "gymnasium", "polars", "torch"]
    code = f"import sys, pybridge; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert pybridge.__version__ == project["version"]


def test_the_package_is_typed() -> None:
    assert (ROOT / "pybridge" / "py.typed").exists()
