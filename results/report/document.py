# SPDX-License-Identifier: MIT
"""A report as blocks, before it becomes HTML or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Text:
    """A paragraph; text between back-ticks is code."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of sentences; text between back-ticks is code."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Headings and rows of text, and the command that computes the numbers anew."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    command: str
    prose: bool = False
    """Cells hold sentences, which may break."""


@dataclass(frozen=True)
class Picture:
    """A figure that was drawn."""

    name: str
    title: str
    file: Path
    """PNG."""
    command: str


@dataclass(frozen=True)
class Absent:
    """A figure that the campaign's data do not fill, and what would."""

    name: str
    title: str
    needs: str


Block = Text | Bullets | Table | Picture | Absent


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it; `level` 2 or 3."""

    anchor: str
    title: str
    blocks: Sequence[Block]
    level: int = 2


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    sections: Sequence[Section]
    """The first has no title: what stands above all others."""
