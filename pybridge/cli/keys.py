# SPDX-License-Identifier: MIT
"""`slicebridge keys`: keys for simulations on other hosts."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Directory for the two key files."
)
def keys(out: Path) -> None:
    """Make a pair of key files for a learner and simulations on other hosts.

    DIR/learner.key stays here, DIR/simulation.key goes to the hosts that simulate. Both are secret (mode 0600), and
    neither replaces an older one.

    \b
    Examples:
      slicebridge keys --out ~/.slicebridge
      scp -p ~/.slicebridge/simulation.key simulator.example:
    """
    from pybridge.keys import write_keys

    for path in write_keys(out):
        click.echo(path)
