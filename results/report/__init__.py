# SPDX-License-Identifier: MIT
"""The report of a campaign: verdict, figures, tables and what they mean, as one HTML page and as Markdown."""

from __future__ import annotations

from pathlib import Path

from results import tables
from results.load import load_campaign_results
from results.report import content, markdown, page


def write_report(root: Path) -> str:
    """Write report.html, report.md, summary.csv and figures/ into a campaign's directory; text for the terminal.

    What is missing is said, and the rest is shown, also where nothing has finished yet. Raises ResultsError if there is
    no campaign at `root`.
    """
    results = load_campaign_results(root)
    tables.summary(results).write_csv(root / "summary.csv", float_precision=6)
    document = content.document(results, root / "figures")
    (root / "report.md").write_text(markdown.render(document), encoding="utf-8")
    (root / "report.html").write_text(page.render(document), encoding="utf-8")
    return f"\n{content.summary_text(results)}\n\nReport: {root / 'report.html'}"
