# SPDX-License-Identifier: MIT
"""The line at the bottom that asks for a condition, changes, a policy or a time."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key
from textual.widgets import Input, Static

from pybridge.errors import SliceBridgeError

Answer = Callable[[str], None]
"""Takes what was written. Raises `SliceBridgeError` if it makes no sense; then it can be mended."""


class Prompt(Vertical):
    """Hidden until it asks."""

    DEFAULT_CSS = """
    Prompt { height: auto; display: none; }
    Prompt Input { border: none; height: 1; padding: 0; background: $boost; }
    Prompt #question { height: 1; color: $text-muted; }
    Prompt #complaint { height: auto; max-height: 4; color: $error; display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._answer: Answer | None = None
        self._before: dict[str, str] = {}
        self._question = ""

    def compose(self) -> ComposeResult:
        """Question, input, and what is wrong with it."""
        yield Static(id="question", markup=False)
        yield Input(compact=True)
        yield Static(id="complaint", markup=False)

    def ask(self, question: str, answer: Answer) -> None:
        """Open. What was answered to this question before stands there."""
        self._question, self._answer = question, answer
        self.query_one("#question", Static).update(f"{question}  (enter, esc)")
        self._complain("")
        self.query_one(Input).value = self._before.get(question, "")
        self.display = True
        self.query_one(Input).focus()

    @property
    def complaint(self) -> str:
        """What is wrong, "" if nothing is."""
        return str(self.query_one("#complaint", Static).content)

    @on(Input.Submitted)
    def submitted(self, event: Input.Submitted) -> None:
        """Close, or say what is wrong."""
        event.stop()
        if self._answer is None:
            return
        try:
            self._answer(event.value.strip())
        except SliceBridgeError as error:
            self._complain(str(error))
            return
        self._before[self._question] = event.value
        self._close()

    def on_key(self, event: Key) -> None:
        """Escape leaves everything as it is."""
        if event.key == "escape":
            event.stop()
            self._close()

    def _close(self) -> None:
        self.display = False
        self.screen.set_focus(None)

    def _complain(self, text: str) -> None:
        label = self.query_one("#complaint", Static)
        label.update(text)
        label.display = bool(text)
