# SPDX-License-Identifier: MIT
"""`slicebridge report`: write a campaign's report anew from its finished runs, or export the data of its figures."""

from __future__ import annotations

from pathlib import Path

import click

from campaigns.inspect import campaign_root, out_option


@click.command()
@click.argument("name", metavar="CAMPAIGN")
@click.option("--data", metavar="WHAT", help="Print the data of one figure or table as CSV, and write nothing.")
@click.option("--list", "listed", is_flag=True, help="List what --data takes.")
@out_option
def report(name: str, data: str | None, listed: bool, out: Path) -> None:
    """Write the report of a campaign from its finished runs; half-finished campaigns have one too.

    CAMPAIGN is the campaign's name, its file, or the directory of its results. Nothing is simulated, and no ns-3 is
    needed.

    \b
    Examples:
      slicebridge report paper-small
      slicebridge report results/campaigns/paper-small
      slicebridge report paper-small --data qos > qos.csv
    """
    from results import catalogue  # matplotlib takes a second to load
    from results.load import load_campaign_results
    from results.report import write_report

    root = campaign_root(name, out)
    if data is not None or listed:
        results = load_campaign_results(root)
        if data is not None:
            click.echo(catalogue.data_of(results, data).write_csv(), nl=False)
            return
        for what in catalogue.DATA:
            click.echo(f"{what:<16}{len(catalogue.data_of(results, what)):>8} rows")
        return
    click.echo(write_report(root))
