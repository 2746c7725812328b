# SPDX-License-Identifier: MIT
"""Runs the application on a driver, on the terminal of this process."""

from __future__ import annotations

import sys

from pybridge.debug.driver import Driver
from pybridge.errors import SliceBridgeError


class NoTerminal(SliceBridgeError):
    """Standard input, output or error (which is drawn on) is no terminal."""

    exit_code = 2


def is_terminal() -> bool:
    """Somebody looks, and has keys."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def require_terminal() -> None:
    """Raises `NoTerminal`."""
    if not is_terminal():
        raise NoTerminal("a terminal is needed; for scripts there is pybridge.Session, and `slicebridge run --record`")


def run_on_terminal(driver: Driver) -> None:
    """Until it is left. Raises what ended the simulation."""
    from pybridge.debug.app import DebugApp

    app = DebugApp(driver)
    try:
        app.run()
    finally:
        driver.close()
    if driver.failure is not None:
        raise driver.failure
    if app.return_code:
        raise SystemExit(app.return_code)
