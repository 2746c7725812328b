# SPDX-License-Identifier: MIT
"""A report as one HTML page that needs no other file."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence

from results.claims import Verdict
from results.report.document import Absent, Block, Bullets, Document, Picture, Section, Table, Text

_CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
       margin: 0 auto; padding: 1rem; max-width: 76rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
nav { font-size: .9rem; } nav a { display: inline-block; margin: .15rem .9rem .15rem 0; }
a { color: #0b57a4; }
.wide { overflow-x: auto; margin: .6rem 0 0; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #ddd; }
th { border-bottom: 2px solid #888; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
.wide .why { text-align: left; white-space: normal; min-width: 9rem; }
.prose th, .prose td { text-align: left; white-space: normal; vertical-align: top; }
.verdict { font-weight: 600; white-space: nowrap; }
.reproduced { color: #0a6b3d; } .partly { color: #7a5200; } .not { color: #a32a00; } .unknown { color: #555; }
code { background: #f2f2f2; padding: 0 .2em; overflow-wrap: anywhere; }
.again { font-size: .75rem; color: #555; margin: .2rem 0 1rem; }
figure { margin: .4rem 0 0; }
figure button { display: block; padding: 0; border: 0; background: none; cursor: zoom-in; max-width: 100%; }
figure img { display: block; max-width: 100%; height: auto; }
li { margin: .3rem 0; }
.absent { color: #555; border-left: 3px solid #ccc; padding-left: .7rem; }
dialog { width: 100vw; height: 100vh; max-width: none; max-height: none; margin: 0; padding: 0; border: 0; }
dialog img { display: block; width: max(100%, 66rem); cursor: zoom-out; }
dialog form { position: fixed; top: .4rem; right: .8rem; }
dialog form button { font: inherit; background: #fff; border: 1px solid #888; border-radius: .3rem;
                     padding: .2rem .7rem; }
@media (max-width: 45rem) {
  .prose thead { display: none; }
  .prose tr { display: block; border-bottom: 2px solid #bbb; padding: .3rem 0; }
  .prose td { display: block; border: 0; padding: .1rem 0; }
  .prose td::before { content: attr(data-of) ": "; color: #666; font-weight: 400; }
}
"""

_SCRIPT = """
const large = document.querySelector('dialog'), shown = large.querySelector('img');
for (const button of document.querySelectorAll('figure button'))
  button.addEventListener('click', () => {
    const image = button.querySelector('img');
    shown.src = image.src;
    shown.alt = image.alt;
    large.showModal();
  });
shown.addEventListener('click', () => large.close());
"""

_CLASSES = {
    str(Verdict.REPRODUCED): "reproduced",
    str(Verdict.PARTLY): "partly",
    str(Verdict.NOT): "not",
    str(Verdict.UNKNOWN): "unknown",
}


def render(document: Document) -> str:
    """The text of report.html."""
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{html.escape(document.title)}</title><style>{_CSS}</style></head><body>"
    )
    return "\n".join([head, *_body(document), f"<script>{_SCRIPT}</script></body></html>\n"])


def _body(document: Document) -> Iterator[str]:
    yield f"<h1>{html.escape(document.title)}</h1>"
    first, *others = document.sections
    yield from map(_block, first.blocks)
    yield _links([section for section in others if section.level == 2])
    for place, section in enumerate(others):
        yield f'<h{section.level} id="{section.anchor}">{html.escape(section.title)}</h{section.level}>'
        yield from map(_block, section.blocks)
        below = _below(others[place + 1 :]) if section.level == 2 else []
        if below:
            yield _links(below)
    yield '<dialog aria-label="Figure, large"><form method="dialog"><button>Close</button></form><img alt=""></dialog>'


def _below(sections: Sequence[Section]) -> list[Section]:
    """Those up to the next of the upper level."""
    ends = [place for place, section in enumerate(sections) if section.level == 2]
    return list(sections[: ends[0]] if ends else sections)


def _links(sections: Sequence[Section]) -> str:
    links = (f'<a href="#{section.anchor}">{html.escape(section.title)}</a>' for section in sections)
    return f"<nav>{''.join(links)}</nav>"


def _block(block: Block) -> str:
    if isinstance(block, Text):
        return f"<p>{_code(block.text)}</p>" if block.text else ""
    if isinstance(block, Bullets):
        return "<ul>" + "".join(f"<li>{_code(line)}</li>" for line in block.lines) + "</ul>" if block.lines else ""
    if isinstance(block, Table):
        return _table(block) + _again(block.command)
    if isinstance(block, Picture):
        return _picture(block) + _again(block.command)
    assert isinstance(block, Absent)
    return f'<p class="absent">Not filled by this campaign. It takes {_code(block.needs)}.</p>'


def _picture(block: Picture) -> str:
    data = base64.b64encode(block.file.read_bytes()).decode("ascii")
    title = html.escape(block.title)
    image = f'<img src="data:image/png;base64,{data}" alt="{title}">'
    return f'<figure><button title="Open large">{image}</button></figure>'


def _again(command: str) -> str:
    return f'<p class="again">Data: <code>{html.escape(command)}</code></p>'


def _table(block: Table) -> str:
    head = "".join(f"<th{_column(cell)}>{html.escape(cell)}</th>" for cell in block.headings)
    body = "".join(f"<tr>{''.join(map(_cell, block.headings, row))}</tr>" for row in block.rows)
    kind = "wide prose" if block.prose else "wide"
    return f'<div class="{kind}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(heading: str, cell: str) -> str:
    mark = f' class="verdict {_CLASSES[cell]}"' if cell in _CLASSES else ""
    return f'<td{_column(heading)} data-of="{html.escape(heading)}"><span{mark}>{_code(cell)}</span></td>'


def _column(heading: str) -> str:
    """Reasons are sentences, which may break."""
    return ' class="why"' if heading == "why" else ""


def _code(line: str) -> str:
    """Escaped; text between back-ticks as code."""
    parts = html.escape(line).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
