# SPDX-License-Identifier: MIT
"""The command `slicebridge`."""

from pybridge.cli.root import main

__all__ = ["main"]
