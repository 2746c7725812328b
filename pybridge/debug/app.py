# SPDX-License-Identifier: MIT
"""The application: draws snapshots of a driver, and turns keys into its commands."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import deque
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.css.query import NoMatches
from textual.events import Resize
from textual.widgets import Static

from pybridge.conditions import compile_condition
from pybridge.debug import panels
from pybridge.debug.attaching import attach_lines
from pybridge.debug.driver import Change, Command, Compare, Driver, GoTo, Pause, Run, Step
from pybridge.debug.edits import EXAMPLE, parse_edits
from pybridge.debug.help_screen import HelpScreen
from pybridge.debug.lines_view import LinesView
from pybridge.debug.prompt import Answer, Prompt
from pybridge.debug.snapshot import Snapshot
from pybridge.errors import SliceBridgeError

SMALLEST = 60, 16
"""Columns and lines that are needed."""

WIDE = 132
"""Columns from which several panels stand side by side."""

REFRESH_S = 0.1
LOG_LINES = 5000

VIEWS = ("ues", "prbs", "actions", "compare", "log")
TITLES = ("UEs", "PRBs", "decisions", "compare", "log")
SIGNS = {"starting": "…", "paused": "‖", "running": "▶", "over": "■", "failed": "✗"}

LIVE_HINT = "space run  s slot  l low  h high  r until  e edit  c compare  ? help  q quit"
RECORDED_HINT = "←/→ epoch  home/end  h high  g time  r until  space play  ? help  q quit"
UNTIL = "run until, e.g. slice[urllc].x.hol_delay_ms > 8"
EDIT = f"next decision, e.g. {EXAMPLE}; empty: none"
COMPARE = "compare with hold, module:Class or a checkpoint; empty: end"
GO_TO = "go to time in seconds"


class DebugApp(App[int]):
    """One driver on a terminal."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #status, #hint, #tabs { height: 1; }
    #status { background: $primary-darken-2; color: $text; }
    #hint, #tabs { color: $text-muted; }
    #slices { height: auto; max-height: 40%; scrollbar-size: 1 1; }
    #body { height: 1fr; }
    #left, #right { height: 1fr; width: 1fr; }
    LinesView { height: 1fr; overflow-x: hidden; scrollbar-size: 1 1; background: $background; }
    #small { display: none; height: 1fr; content-align: center middle; text-align: center; }
    .small #small { display: block; }
    .small #main { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "run_or_pause", show=False),
        Binding("s", "step('slot')", show=False),
        Binding("l", "step('low')", show=False),
        Binding("h", "step('high')", show=False),
        Binding("right", "move(1)", show=False),
        Binding("left", "move(-1)", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("r", "until", show=False),
        Binding("e", "edit", show=False),
        Binding("c", "compare", show=False),
        Binding("g", "go_to", show=False),
        Binding("d", "attach", show=False),
        Binding("left_square_bracket", "cell(-1)", show=False),
        Binding("right_square_bracket", "cell(1)", show=False),
        Binding("tab", "next_view", show=False, priority=True),
        *(Binding(str(place + 1), f"view('{name}')", show=False) for place, name in enumerate(VIEWS)),
        Binding("question_mark", "help", show=False),
        Binding("q", "leave", show=False),
        Binding("ctrl+c,ctrl+q", "leave", show=False, priority=True),
    ]

    def __init__(self, driver: Driver) -> None:
        super().__init__()
        self._source = driver
        self._drawn: Snapshot | None = None
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._view = VIEWS[0]
        self._cell: int | None = None
        """The one that is looked at; None: all. Of several the first one, so that the tables fit."""

    def compose(self) -> ComposeResult:
        """Status, slices, the views, a prompt, hints."""
        with Vertical(id="main"):
            yield Static(id="status", markup=False)
            yield LinesView("slices")
            with Horizontal(id="body"):
                with Vertical(id="left"):
                    yield LinesView("ues")
                with Vertical(id="right"):
                    yield LinesView("prbs", follow=True)
                    yield LinesView("actions")
                    yield LinesView("compare")
                    yield LinesView("log", follow=True)
            yield Static(id="tabs", markup=False)
            yield Prompt()
            yield Static(LIVE_HINT if self._source.live else RECORDED_HINT, id="hint", markup=False)
        yield Static(id="small", markup=False)

    def on_mount(self) -> None:
        """Begin."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.action_leave)
        self._source.start()
        self.set_interval(REFRESH_S, self.draw)
        self._arrange()
        self.draw()

    def on_unmount(self) -> None:
        """Nothing stays behind."""
        self._source.close()

    def on_resize(self, event: Resize) -> None:
        """Another layout, or a word about the size."""
        width, height = event.size
        self.screen.set_class(width < SMALLEST[0] or height < SMALLEST[1], "small")
        needs = f"at least {SMALLEST[0]}×{SMALLEST[1]} are needed, 80×24 are good"
        self.query_one("#small", Static).update(
            f"terminal too small: {width}×{height}\n{needs}\nenlarge it, or press q"
        )
        self._arrange()

    def on_lines_view_resized(self) -> None:
        """A panel has another width, or was hidden."""
        self.draw(True)

    def draw(self, again: bool = False) -> None:
        """Show the newest snapshot, if it is news. again: also if not."""
        # The timer may still fire while panels are being taken down, one after the other.
        with contextlib.suppress(NoMatches):
            self._draw(again)

    def _draw(self, again: bool) -> None:
        if lines := self._source.events():
            self._lines.extend(lines)
        snapshot = self._source.snapshot()
        news = snapshot is not self._drawn or again
        if not (lines or news):
            return
        if self._drawn is None or self._drawn.observation is None:
            self._meet(snapshot)
        self._drawn = snapshot
        if self.query_one("#log").display:
            panels.show_log(self._panel("log"), self._lines)
        if not news:
            return
        self.query_one("#status", Static).update(self._status(snapshot))
        if snapshot.observation is not None:
            self._draw_panels(snapshot)

    def _meet(self, snapshot: Snapshot) -> None:
        """How many cells there are is known from the first observation on."""
        if snapshot.schema is not None and snapshot.schema.n_cells > 1:
            self._cell = 0
            self._show_tabs()

    def _draw_panels(self, snapshot: Snapshot) -> None:
        panels.show_slices(self._panel("slices"), snapshot, self._cell)
        if self.query_one("#ues").display:
            panels.show_ues(self._panel("ues"), snapshot, self._cell)
        if self.query_one("#prbs").display:
            panels.show_prbs(self._panel("prbs"), snapshot, self._cell)
        if self.query_one("#actions").display:
            panels.show_actions(self._panel("actions"), snapshot, self._cell)
        if self.query_one("#compare").display:
            panels.show_comparison(self._panel("compare"), snapshot)

    def _panel(self, name: str) -> LinesView:
        return self.query_one(f"#{name}", LinesView)

    def _status(self, snapshot: Snapshot) -> Text:
        due = ""
        if snapshot.phase == "paused" and self._source.live and snapshot.observation is not None:
            level = "high" if snapshot.observation.high_decision else "low"
            due = "between epochs" if snapshot.between else f"{level} decision due"
        where = snapshot.place or ("" if snapshot.observation is None else f"epoch {snapshot.observation.step}")
        parts = [f"{SIGNS[snapshot.phase]} {snapshot.time_s:.4f} s", where, due, snapshot.note, self._source.title]
        style = "bold red" if snapshot.phase == "failed" else "bold"
        status = Text(" · ".join(part for part in parts if part), style=style, no_wrap=True)
        status.truncate(self.size.width, overflow="ellipsis")
        return status

    def _seen(self) -> set[str]:
        wide = self.size.width >= WIDE
        extra = self._view if self._view in VIEWS[2:] else "log"
        return {"ues", "prbs", extra} if wide else {self._view}

    def _arrange(self) -> None:
        """Which panels are seen."""
        seen = self._seen()
        for name in VIEWS:
            self.query_one(f"#{name}").display = name in seen
        self.query_one("#left").display = "ues" in seen
        self.query_one("#right").display = bool(seen - {"ues"})
        self._show_tabs()

    def _show_tabs(self) -> None:
        seen, tabs = self._seen(), Text()
        for place, (name, title) in enumerate(zip(VIEWS, TITLES, strict=True)):
            tabs.append(f" {place + 1} {title} ", style="reverse" if name in seen else "")
        schema = self._source.snapshot().schema
        if schema is not None and schema.n_cells > 1:
            which = "all cells" if self._cell is None else f"{schema.cells[self._cell]} of {schema.n_cells}"
            tabs.append(f"  [ ] {which}", style="bold")
        self.query_one("#tabs", Static).update(tabs)

    def action_run_or_pause(self) -> None:
        """Run or pause."""
        self._send(Pause() if self._source.snapshot().phase == "running" else Run())

    def action_step(self, unit: str) -> None:
        """One slot or period."""
        if unit == "slot" and not self._source.live:
            self.notify("a recording goes by epochs; its slots are in the PRB grid (2)", severity="warning")
            return
        self._send(Step("slot" if unit == "slot" else "low" if unit == "low" else "high"))

    def action_move(self, count: int) -> None:
        """An epoch on, or back in a recording."""
        if count > 0 or self._recorded():
            self._send(Step("low", count))

    def action_first(self) -> None:
        """The beginning of a recording."""
        if self._recorded():
            self._send(GoTo(0.0))

    def action_last(self) -> None:
        """The end of a recording."""
        if self._recorded():
            self._send(GoTo(float("inf")))

    def action_until(self) -> None:
        """Ask for a condition."""
        self._ask(UNTIL, self._run_until)

    def action_edit(self) -> None:
        """Ask for changes."""
        if self._simulated():
            self._ask(EDIT, self._edit)

    def action_compare(self) -> None:
        """Ask for a policy."""
        if self._simulated():
            self._ask(COMPARE, self._compare)

    def action_go_to(self) -> None:
        """Ask for a time."""
        if self._recorded():
            self._ask(GO_TO, self._go_to)

    def action_cell(self, count: int) -> None:
        """Another cell, or behind the last one all."""
        schema = self._source.snapshot().schema
        if schema is not None and schema.n_cells > 1:
            place = schema.n_cells if self._cell is None else self._cell
            place = (place + count) % (schema.n_cells + 1)
            self._cell = None if place == schema.n_cells else place
            self._show_tabs()
            self.draw(True)

    def action_attach(self) -> None:
        """How gdb gets at the simulation."""
        if self._simulated():
            self._lines.extend(attach_lines(self._source.pids()))
            self.action_view("log")

    def action_view(self, name: str) -> None:
        """Another panel."""
        self._view = name
        self._arrange()
        self._panel(name).focus()
        self.call_after_refresh(self.draw, True)

    def action_next_view(self) -> None:
        """The panel after this one."""
        self.action_view(VIEWS[(VIEWS.index(self._view) + 1) % len(VIEWS)])

    def action_help(self) -> None:
        """The page of keys."""
        self.push_screen(HelpScreen(self._source.live))

    def action_leave(self) -> None:
        """Quit without a question."""
        self.exit(0)

    def _ask(self, question: str, answer: Answer) -> None:
        if self._source.snapshot().observation is None:
            self.notify("the simulation is still starting", severity="warning")
            return
        self.query_one(Prompt).ask(question, answer)

    def _run_until(self, text: str) -> None:
        observation = self._source.snapshot().observation
        assert observation is not None
        self._send(Run(compile_condition(text, observation.schema, observation.levels)))

    def _edit(self, text: str) -> None:
        observation = self._source.snapshot().observation
        assert observation is not None
        self._send(Change(parse_edits(text, observation.schema, observation.levels)))
        self.action_view("actions")

    def _compare(self, text: str) -> None:
        self._send(Compare(text or None))
        self.action_view("compare")

    def _go_to(self, text: str) -> None:
        try:
            self._send(GoTo(float(text)))
        except ValueError:
            raise SliceBridgeError(f"{text!r} is no time; write seconds, e.g. 1.25") from None

    def _simulated(self) -> bool:
        if not self._source.live:
            self.notify("a recording cannot be changed; `slicebridge debug` simulates", severity="warning")
        return self._source.live

    def _recorded(self) -> bool:
        if self._source.live:
            self.notify("a simulation does not go back: record it, then `slicebridge replay`", severity="warning")
        return not self._source.live

    def _send(self, command: Command) -> None:
        if self._source.failure is not None:
            self.notify("the simulation has ended; the event log (5) says why", severity="error")
            return
        self._source.send(command)
        self.draw()
