# SPDX-License-Identifier: MIT
"""What is wrong with a scenario: one line per problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pybridge.errors import SliceBridgeError


@dataclass(frozen=True)
class Problem:
    """One thing to mend in a scenario."""

    origin: str
    """File as the user named it, or what else the value came from."""
    line: int | None
    """Line in the file, from 1."""
    key: str
    """Key path, e.g. `slices[0].traffic.rate_mbps`; empty for the file as a whole."""
    message: str

    def __str__(self) -> str:
        place = self.origin if self.line is None else f"{self.origin}:{self.line}"
        return f"{place}: {self.key + ': ' if self.key else ''}{self.message}"


class ScenarioError(SliceBridgeError):
    """A scenario cannot be read or is not valid. The text has one line for each of `problems`."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
