# SPDX-License-Identifier: MIT
"""Root of the command line."""

from __future__ import annotations

import click

from pybridge import __version__
from pybridge.cli.plugins import PluginGroup


@click.group(
    cls=PluginGroup,
    own={
        "conformance": "pybridge.cli.conformance:conformance",
        "debug": "pybridge.cli.debug:debug",
        "keys": "pybridge.cli.keys:keys",
        "replay": "pybridge.cli.replay:replay",
        "run": "pybridge.cli.run:run",
        "schema": "pybridge.cli.schema:schema",
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="slicebridge")
def main() -> None:
    """Research on RAN slicing: ns-3 cells, sliced, managed by Python agents over ZeroMQ.

    \b
    Examples:
      slicebridge doctor
      slicebridge run --scenario lte-small --policy proportional --out results/runs/first
      slicebridge schema scenario
    """
