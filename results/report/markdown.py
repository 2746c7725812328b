# SPDX-License-Identifier: MIT
"""A report as Markdown, beside the folder of its figures."""

from __future__ import annotations

from results.cells import markdown_table
from results.report.document import Absent, Block, Bullets, Document, Picture, Table, Text


def render(document: Document) -> str:
    """The text of report.md."""
    parts = [f"# {document.title}"]
    for section in document.sections:
        if section.title:
            parts.append(f"{'#' * section.level} {section.title}")
        parts += [text for text in map(_block, section.blocks) if text]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return block.text
    if isinstance(block, Bullets):
        return "\n".join(f"- {line}" for line in block.lines)
    if isinstance(block, Table):
        return f"{markdown_table(block.headings, block.rows)}\n\n`{block.command}`"
    if isinstance(block, Picture):
        return f"![{block.title}](figures/{block.file.name})\n\n`{block.command}`"
    assert isinstance(block, Absent)
    return f"Not filled by this campaign. It takes {block.needs}."
