# SPDX-License-Identifier: MIT
"""What a simulation is debugged with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LiveOptions:
    """How the simulation is started, besides its scenario."""

    policy: str = "static"
    ns_log: tuple[str, ...] = ()
    pcap_dir: Path | None = None
    record: Path | None = None
    slots: bool = False
    """The recording has grants too."""
    program: tuple[str, ...] | None = None
    """Command in place of the built simulation program."""
