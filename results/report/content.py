# SPDX-License-Identifier: MIT
"""What the report of a campaign holds: sections and blocks from its results."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from results import adaptation, catalogue, cells, claims, methods
from results.load import CampaignResults
from results.report import prose
from results.report.document import Absent, Block, Bullets, Document, Picture, Section, Table, Text
from results.style import house_style


def document(results: CampaignResults, folder: Path) -> Document:
    """The whole report; its figures are drawn into `folder`."""
    drawn = figures(results, folder)
    sections = [
        Section("top", "", [Text(results.description.get("description") or "")]),
        *_verdict(results),
        Section("summary", "Summary", list(_summary(results))),
        Section("figures", "Figures", []),
        *(Section(f"figure-{block.name}", block.title, [block], level=3) for block in drawn),
        Section("conditions", "Every RAN, size, mix and slice (means over seeds)", list(_conditions(results))),
        Section("methods", "Methods", [_table(results, cells.method_list_cells(results), "methods", prose=True)]),
        Section("tasks", "Tasks", list(_tasks(results))),
        Section("definitions", "Definitions", [Bullets(prose.definitions())]),
        Section("provenance", "How it was made", [Bullets(prose.provenance(results)), *_cost(results)]),
    ]
    return Document(
        f"Campaign {results.name}", [section for section in sections if section.blocks or section.level == 2]
    )


def command(results: CampaignResults, data: str) -> str:
    """What prints data of the report as CSV."""
    usual = Path("results/campaigns") / results.name
    # A campaign in its usual place is found by its name, from the clone's root.
    name = results.name if results.root.absolute().as_posix().endswith(usual.as_posix()) else str(results.root)
    return f"slicebridge report {shlex.quote(name)} --data {data}"


def figures(results: CampaignResults, folder: Path) -> list[Picture | Absent]:
    """Every figure of the catalogue: drawn, or what it takes."""
    folder.mkdir(exist_ok=True)
    blocks: list[Picture | Absent] = []
    for exhibit in catalogue.EXHIBITS.values():
        file = folder / f"{exhibit.name}.png"
        if catalogue.data_of(results, exhibit.name).is_empty():
            file.unlink(missing_ok=True)  # of an earlier report, of runs that are no longer planned
            blocks.append(Absent(exhibit.name, exhibit.title, exhibit.needs))
            continue
        with house_style():
            catalogue.draw(results, exhibit.name).savefig(file)
        blocks.append(Picture(exhibit.name, exhibit.title, file, command(results, exhibit.name)))
    return blocks


def _table(results: CampaignResults, found: cells.Cells, data: str, *, prose: bool = False) -> Table:
    return Table(*found, command=command(results, data), prose=prose)


def _verdict(results: CampaignResults) -> Iterator[Section]:
    about = methods.claimant(results.description)
    label = results.axes.methods.get(about or "", "the paper's method")
    found = claims.claims(results)
    head: list[Block] = [Text(prose.verdict(found, label))]
    head.append(_table(results, cells.claim_cells(results, found), "claims", prose=True))
    yield Section("verdict", "Verdict on the paper's claims", [*head, Bullets(prose.how_judged())])
    for claim in found:
        if claim.comparisons:
            table = _table(results, cells.comparison_cells(results, claim), "claims")
            where = Text(f"Paper: {claim.paper}. Verdict: {claim.verdict} ({claim.why}).")
            yield Section(f"claim-{claim.name}", f"{claim.text}, baseline by baseline", [where, table], level=3)


def _summary(results: CampaignResults) -> Iterator[Block]:
    yield Bullets(prose.notes(results))
    if len(results.adaptation):
        yield Text("After adaptation to each held-out task, best first:")
        yield _table(results, cells.adapted_cells(results), "adapted")
        about = methods.claimant(results.description)
        if about is not None and len(catalogue.data_of(results, "gains")):
            yield Text(f"Gain of {results.axes.methods[about]} over each other method, at equal episodes:")
            yield _table(results, cells.gain_cells(results, about), "gains")
        yield Bullets(prose.references(results))
    if len(results.runs):
        yield Text("Evaluations, without adaptation; means over sizes and mixes that every method has finished:")
        yield _table(results, cells.method_cells(results), "methods")
    elif results.adaptation.is_empty():
        yield Text("No evaluation and no adaptation has finished yet.")


def _conditions(results: CampaignResults) -> Iterator[Block]:
    if results.runs.is_empty():
        yield Text("No evaluation has finished yet.")
    else:
        yield _table(results, cells.condition_cells(results), "conditions")


def _tasks(results: CampaignResults) -> Iterator[Block]:
    axes = results.axes
    yield Text(
        f"Evaluations: RANs {', '.join(axes.rans.values())}; sizes {', '.join(axes.sizes.values())}; "
        f"mixes {', '.join(axes.mixes.values())}."
    )
    if len(results.adaptation):
        yield Text("Held-out tasks of adaptation, no training has seen them:")
        yield _table(results, cells.task_cells(results), "tasks")
    else:
        yield Text("There is no adaptation to held-out tasks in what has finished.")


def _cost(results: CampaignResults) -> Iterator[Block]:
    yield _table(results, cells.cost_cells(results), "cost")


def summary_text(results: CampaignResults) -> str:
    """For the terminal: the table of methods, what to know, the verdicts."""
    parts = []
    if len(results.runs):
        parts.append(cells.text_table(*cells.method_cells(results)))
    if len(results.adaptation):
        headings, rows = cells.adapted_cells(results)
        parts.append(cells.text_table(headings, rows))
    parts.append("\n".join(prose.notes(results)))
    if adaptation.tracks(results):
        found = claims.claims(results)
        parts.append("\n".join(f"{claim.text}: {claim.verdict} ({claim.why})" for claim in found))
    return "\n\n".join(parts)
