# SPDX-License-Identifier: MIT
"""What a recording was made by."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pybridge.manifest import sha256_of
from pybridge.process import Program
from pybridge.remote import Remote


def describe_command(program: Program | Remote) -> dict[str, Any]:
    """Name and SHA-256 of the executable; None for what is not known here."""
    if isinstance(program, Remote):
        return {"name": None, "sha256": None}
    found = shutil.which(program.command[0])
    digest = None if found is None else sha256_of(Path(found))
    return {"name": Path(program.command[0]).name, "sha256": digest}
