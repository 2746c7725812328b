# SPDX-License-Identifier: MIT
"""Exit 0 if the installed PyTorch asks for CUDA packages on this machine, 1 if it is a CPU-only build."""

import re
import sys
from importlib.metadata import requires

from packaging.requirements import Requirement


def needs_cuda(requirements: list[str]) -> bool:
    """True if a requirement that applies here names a CUDA package (names as in tools/lock.py)."""
    parsed = (Requirement(text) for text in requirements)
    return any(
        re.match(r"cuda-|nvidia-|triton$", requirement.name)
        for requirement in parsed
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    )


if __name__ == "__main__":
    sys.exit(0 if needs_cuda(requires("torch") or []) else 1)
