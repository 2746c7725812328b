# SPDX-License-Identifier: MIT
"""The page behind `?`."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from pybridge.debug.lines_view import LinesView

COMMON = """
space  run, pause                    1 UEs    2 PRB grid   3 decisions
l      step to the next low epoch    4 comparison          5 event log
h      step to the next high epoch   tab     next view
r      run until a condition         [ ]     cell, or all cells
?      this page                     ↑ ↓ pgup pgdn   scroll
q      quit
"""

LIVE = """
s      step by slot (NR) or TTI (LTE)
e      change the next high-level decision, e.g. urllc.min=0.5 ue3.weight=2
         [CELL.]SLICE.(dedicated, min, max, compute or power)=VALUE
         ueN.(weight or power_db)=VALUE;  an empty line drops what waits
c      fork at the next high-level decision and compare with another policy
         hold, module:Class or a checkpoint;  an empty line ends it
d      how to attach gdb, in another terminal
"""

RECORDED = """
← →    an epoch back, on              home end   first, last epoch
g      go to a time in seconds
"""

TAIL = """
Conditions:  slice[urllc].x.hol_delay_ms > 8
             min(slice[embb].ue.x.cqi) < 4 and time_s > 1
KPMs: `slicebridge schema kpm`. HoL: age of the oldest packet in the queue.
p50, p95, p99: of the mean delays of UEs that got packets, over UEs and the
last 100 epochs.
"""


class HelpScreen(ModalScreen[None]):
    """Keys and notions; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, "dismiss", show=False) for key in ("escape", "question_mark", "q", "enter", "space")
    ]
    CSS = "HelpScreen { align: center middle; } #help { width: 78; height: 22; border: round $accent; }"

    def __init__(self, live: bool) -> None:
        super().__init__()
        self._text = COMMON + (LIVE if live else RECORDED) + TAIL

    def compose(self) -> ComposeResult:
        """One panel."""
        yield LinesView("help")

    def on_mount(self) -> None:
        """Fill it."""
        lines = self._text.strip("\n").split("\n")
        self.query_one(LinesView).show([], len(lines), lambda index: Text(lines[index], end=""))
        self.query_one(LinesView).focus()
