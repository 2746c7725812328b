# SPDX-License-Identifier: MIT
"""`slicebridge report`: write a campaign's report anew from its finished runs."""

from __future__ import annotations

from pathlib import Path

import click

from campaigns.inspect import campaign_root, out_option


@click.command()
@click.argument("name", metavar="CAMPAIGN")
@out_option
def report(name: str, out: Path) -> None:
    """Write the report of a campaign from its finished runs; half-finished campaigns have one too.

    CAMPAIGN is the campaign's name, its file, or the directory of its results. Nothing is simulated, and no ns-3 is
    needed.

    \b
    Examples:
      slicebridge report paper-small
      slicebridge report results/campaigns/paper-small
    """
    from results.report import write_report  # matplotlib takes a second to load

    click.echo(write_report(campaign_root(name, out)))
