# SPDX-License-Identifier: MIT
"""`slicebridge debug` before its application starts."""

from __future__ import annotations

from click.testing import CliRunner

from pybridge.cli import main


def test_without_a_terminal_it_says_what_else_there_is() -> None:
    result = CliRunner().invoke(main, ["debug", "--scenario", "nr-small"])
    assert result.exit_code == 2
    assert "a terminal is needed" in result.output
    assert "pybridge.Session" in result.output
