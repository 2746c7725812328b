# SPDX-License-Identifier: MIT
"""What a simulation adds to its log."""

from __future__ import annotations

from pathlib import Path

MAX_BYTES = 64 * 1024
"""Read at once; ns-3 logging may write faster than anybody reads, and then a part is left out."""


class LogTail:
    """Follows one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._at = 0
        self._rest = b""

    def lines(self) -> list[str]:
        """Whole lines since the last call. A log that is gone has none."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                left_out = max(size - self._at - MAX_BYTES, 0)
                file.seek(self._at + left_out)
                content = file.read(MAX_BYTES)
        except OSError:
            return []
        self._at += left_out + len(content)
        whole, newline, self._rest = (self._rest + content if not left_out else content).rpartition(b"\n")
        lines = whole.decode("utf-8", errors="replace").split("\n") if newline else []
        return ([f"… {left_out} bytes of the log left out …"] if left_out else []) + lines
