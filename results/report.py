# SPDX-License-Identifier: MIT
"""The report of a campaign: figures, tables and what they mean, as one HTML page and as Markdown."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from matplotlib.figure import Figure

from results import figures
from results.load import CampaignResults, load_campaign_results
from results.metrics import POWER_PRICE, PRB_PRICE, WINDOW_S, delay_ccdf
from results.style import house_style
from results.tables import condition_cells, markdown_table, method_cells, summary, text_table


@dataclass(frozen=True)
class Picture:
    """A figure of the report."""

    name: str
    title: str
    draw: Callable[[], Figure]


def write_report(root: Path) -> str:
    """Write report.html, report.md, summary.csv and figures/ into a campaign's directory; text for the terminal.

    Raises ResultsError if nothing has finished yet.
    """
    results = load_campaign_results(root)
    summary(results).write_csv(root / "summary.csv", float_precision=6)
    folder = root / "figures"
    folder.mkdir(exist_ok=True)
    shown = pictures(results)
    with house_style():
        for picture in shown:
            picture.draw().savefig(folder / f"{picture.name}.png")
    (root / "report.md").write_text(_markdown(results, shown), encoding="utf-8")
    (root / "report.html").write_text(_html(results, shown, folder), encoding="utf-8")
    lines = [text_table(*method_cells(results)), *_notes(results), f"Report: {root / 'report.html'}"]
    return "\n" + "\n".join(lines)


def pictures(results: CampaignResults) -> list[Picture]:
    """The figures that a campaign's data allow, in the order of the report."""
    axes, seed = results.axes, results.axes.seeds[0]
    budgets = {(ran, name): sla.delay_budget_ms for ran, slices in results.slas.items() for name, sla in slices.items()}
    shown = [
        Picture("qos", "QoS satisfaction", lambda: _qos(results)),
        Picture("efficiency", "Management efficiency", lambda: _efficiency(results)),
        Picture("delay", "Packet delay", lambda: figures.delay_ccdf(_pooled_ccdf(results), budgets, axes)),
        Picture("throughput", "Throughput", lambda: _throughput(results)),
        Picture(
            "prb_shares",
            "PRB shares over time",
            lambda: figures.prb_shares(results.shares.filter(pl.col("seed") == seed), axes, seed),
        ),
    ]
    if len(results.curves):
        learning = Picture("learning", "Learning curves", lambda: figures.learning_curves(results.curves, axes))
        shown.append(learning)
    return shown


def _qos(results: CampaignResults) -> Figure:
    return figures.by_slice(
        results.slices,
        "qos",
        results.axes,
        ylabel="UE-windows that meet the SLA",
        title="QoS satisfaction",
        note=f"Part of {WINDOW_S:g} s windows of single UEs that meet the slice's SLA.",
        percent=True,
    )


def _efficiency(results: CampaignResults) -> Figure:
    return figures.by_condition(
        results.runs,
        "efficiency",
        results.axes,
        ylabel="U",
        title="Management efficiency U",
        note=f"U as defined in the report, with prices {POWER_PRICE:g} (power) and {PRB_PRICE:g} (PRBs).",
    )


def _throughput(results: CampaignResults) -> Figure:
    return figures.by_slice(
        results.slices,
        "goodput_mbps",
        results.axes,
        ylabel="delivered [Mbit/s]",
        title="Throughput of the slices",
        note="UDP payload delivered to all UEs of the slice, mean over the run.",
    )


def _pooled_ccdf(results: CampaignResults) -> pl.DataFrame:
    keys = ["method", "ran", "size", "mix", "slice"]
    parts = []
    for key, runs in results.delays.group_by(keys, maintain_order=True):
        columns = [pl.lit(value).alias(name) for name, value in zip(keys, key, strict=True)]
        parts.append(delay_ccdf([runs.select("delay_ms", "count")]).with_columns(columns))
    return pl.concat(parts)


def _notes(results: CampaignResults) -> list[str]:
    """What a reader must know before comparing numbers."""
    notes = []
    for method in results.description["methods"]:
        if training := method.get("train"):
            label = results.axes.methods[method["name"]]
            # Not every trainer counts in decisions.
            length = f" of {training['steps']} decisions" if "steps" in training else f" by {training['algorithm']}"
            notes.append(
                f"{label}: a short training{length} per seed, one policy for all sizes "
                "and mixes; it shows that learning runs from end to end, not how good it can get."
            )
    seeds = len(results.axes.seeds)
    counted = f"n = {seeds} seed{'s' if seeds > 1 else ''}"
    notes.append(f"{counted}: too few to rank methods; lowest and highest are given in place of an interval.")
    if results.missing:
        notes.append(
            f"{len(results.missing)} of {results.jobs} runs are missing; only what every method has is averaged."
        )
    return notes


def _definitions() -> list[str]:
    total = 1 + POWER_PRICE + PRB_PRICE
    return [
        f"QoS satisfaction: part of {WINDOW_S:g} s UE-windows with traffic that meet the SLA. Rate: delivered ≥ 90 % "
        "of the smaller of target and load (offered in the window, or a reporting period earlier if that is less). "
        "Delay: part of packets within the budget ≥ reliability; dropped and lost packets are late. A slice without "
        "traffic in a run counts as satisfied, as in the reward.",
        f"U = (Σ ω·QoS + {POWER_PRICE:g}·(1 − power used) + {PRB_PRICE:g}·(1 − PRBs used)) / {total:g}, ω the "
        "operator's weights, Σω = 1. This definition of network management efficiency is ours; the paper's is not "
        "available, so percentages here and there are not the same quantity.",
        "Delays: one way, source to UE application; a percentile is taken over all packets, and is “never” if more "
        "than the rest did not arrive. Throughput is UDP payload. Jain: over UEs of a slice, of the part "
        "they got of the smaller of target and offered load.",
    ]


def _provenance(results: CampaignResults) -> list[str]:
    manifest = results.manifests[0]
    versions = ", ".join(f"{name} {version}" for name, version in manifest.get("versions", {}).items())
    wall_s, done = float(results.runs["wall_s"].sum()), results.jobs - len(results.missing)
    return [
        f"Runs: {done} of {results.jobs}; evaluations took {wall_s / 60:.1f} min in all.",
        f"Evaluation seeds (RngRun): {', '.join(map(str, results.axes.seeds))}, the same for every method.",
        f"Simulator: {manifest.get('program', {}).get('version', 'unknown')}.",
        f"Versions: {versions}.",
        f"Again: `slicebridge campaign run {results.name}` (does only what is missing).",
    ]


def _markdown(results: CampaignResults, shown: list[Picture]) -> str:
    def bullets(lines: list[str]) -> str:
        return "\n".join(f"- {line}" for line in lines)

    parts = [
        f"# Campaign {results.name}",
        results.description.get("description", ""),
        "## Summary",
        markdown_table(*method_cells(results)),
        bullets(_notes(results)),
        "## Figures",
        *(f"### {picture.title}\n\n![{picture.title}](figures/{picture.name}.png)" for picture in shown),
        "## Every RAN, size, mix and slice (means over seeds)",
        markdown_table(*condition_cells(results)),
        "## Definitions",
        bullets(_definitions()),
        "## How it was made",
        bullets(_provenance(results)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_CSS = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
       margin: 0 auto; padding: 1rem; max-width: 72rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #ddd; }
th { border-bottom: 2px solid #888; } th:first-child, td:first-child { text-align: left; }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; } code { background: #f2f2f2; padding: 0 .2em; }
nav a { margin-right: 1rem; } li { margin: .3rem 0; overflow-wrap: anywhere; }
"""


def _html(results: CampaignResults, shown: list[Picture], folder: Path) -> str:
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(results.name)}</title><style>{_CSS}</style></head><body>",
            *_html_body(results, shown, folder),
            "</body></html>\n",
        ]
    )


def _html_body(results: CampaignResults, shown: list[Picture], folder: Path) -> Iterator[str]:
    description = html.escape(results.description.get("description", ""))
    yield f"<h1>Campaign {html.escape(results.name)}</h1><p>{description}</p>"
    sections = ("summary", "figures", "conditions", "definitions", "provenance")
    yield "<nav>" + "".join(f'<a href="#{name}">{name}</a>' for name in sections) + "</nav>"
    yield '<h2 id="summary">Summary</h2>' + _html_table(*method_cells(results)) + _html_list(_notes(results))
    yield '<h2 id="figures">Figures</h2>'
    for picture in shown:
        data = base64.b64encode((folder / f"{picture.name}.png").read_bytes()).decode("ascii")
        source = f"data:image/png;base64,{data}"
        yield f'<figure><h3>{picture.title}</h3><a href="figures/{picture.name}.png">'
        yield f'<img src="{source}" alt="{picture.title}"></a></figure>'
    yield '<h2 id="conditions">Every RAN, size, mix and slice (means over seeds)</h2>'
    yield _html_table(*condition_cells(results))
    yield '<h2 id="definitions">Definitions</h2>' + _html_list(_definitions())
    yield '<h2 id="provenance">How it was made</h2>' + _html_list(_provenance(results))


def _html_table(headings: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in headings)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _html_list(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{_code(html.escape(line))}</li>" for line in lines) + "</ul>"


def _code(line: str) -> str:
    """Text between back-ticks as code."""
    parts = line.split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
