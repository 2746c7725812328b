# SPDX-License-Identifier: MIT
"""`python -m pybridge` is the command `slicebridge`."""

from pybridge.cli import main

main(prog_name="slicebridge")
