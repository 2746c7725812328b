# SPDX-License-Identifier: MIT
"""A panel of lines under a header that stays; only lines that are seen are made, so that a refresh stays cheap."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

LineOf = Callable[[int], Text]


class LinesView(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines 0 … count − 1 below headers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", show=False),
        Binding("down", "scroll_down", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
    ]

    class Resized(Message):
        """Lines are made for a width: they are to be made again."""

    def __init__(self, name: str, *, follow: bool = False) -> None:
        """follow: the last line stays in sight unless somebody has scrolled up."""
        super().__init__(id=name)
        self._headers: list[Text] = []
        self._count = 0
        self._width = 0
        self._line: LineOf = lambda index: Text()
        self._follow = self._pinned = follow

    def show(self, headers: list[Text], count: int, line: LineOf) -> None:
        """Draw these."""
        self._headers, self._count, self._line = headers, count, line
        self.virtual_size = Size(self.size.width, count + len(headers))
        if self._pinned:
            self.call_after_refresh(self._to_the_end)
        self.refresh()

    @property
    def line_width(self) -> int:
        """Characters of a line."""
        return max(self.size.width, 1)

    def text(self) -> str:
        """Headers and all lines, without colours."""
        return "\n".join(line.plain for line in [*self._headers, *(self._line(i) for i in range(self._count))])

    def render_line(self, y: int) -> Strip:
        """The line on row `y` of the panel."""
        if y < len(self._headers):
            text = self._headers[y]
        else:
            index = y - len(self._headers) + self.scroll_offset.y
            text = self._line(index) if index < self._count else Text(end="")
        segments = list(text.render(self.app.console))
        return Strip(segments).adjust_cell_length(self.line_width).apply_style(self.rich_style)

    def on_resize(self, event: Resize) -> None:
        """Say so."""
        if event.size.width != self._width:
            self._width = event.size.width
            self.post_message(self.Resized())

    def action_scroll_up(self) -> None:
        """A line."""
        self._pinned = False
        self.scroll_up(animate=False)

    def action_scroll_down(self) -> None:
        """A line."""
        self.scroll_down(animate=False)
        self._pin()

    def action_page_up(self) -> None:
        """A page."""
        self._pinned = False
        self.scroll_page_up(animate=False)

    def action_page_down(self) -> None:
        """A page."""
        self.scroll_page_down(animate=False)
        self._pin()

    def _pin(self) -> None:
        """Whoever scrolls down to the end follows again."""
        self._pinned = self._follow and self.scroll_target_y >= self.max_scroll_y

    def _to_the_end(self) -> None:
        if self._pinned:
            self.scroll_end(animate=False, force=True, x_axis=False)
