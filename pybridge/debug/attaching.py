# SPDX-License-Identifier: MIT
"""gdb and the application: they cannot share a terminal, so gdb is attached from another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PTRACE_SCOPE = Path("/proc/sys/kernel/yama/ptrace_scope")
"""What the kernel allows: 0 processes of the same user, 1 descendants only, 2 root only, 3 nobody (Yama, Linux)."""


def attach_lines(pids: Sequence[int]) -> list[str]:
    """What to type in another terminal. Simulations are in the order of the comparison's A and B."""
    if not pids:
        return ["no simulation is running that gdb could be attached to"]
    names = [""] if len(pids) == 1 else ["A: ", "B: "]
    lines = [f"in another terminal: {name}gdb -p {pid}" for name, pid in zip(names, pids, strict=False)]
    if _scope() > 0:
        lines.append("kernel.yama.ptrace_scope is set here: use `sudo gdb`, or start with --gdb")
    return lines


def _scope() -> int:
    try:
        return int(PTRACE_SCOPE.read_text())
    except (OSError, ValueError):
        return 0
