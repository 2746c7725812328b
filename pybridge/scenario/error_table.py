# SPDX-License-Identifier: MIT
"""Error tables of NR links: read from the CSV files that scenarios name."""

from __future__ import annotations

import csv
from pathlib import Path

from pybridge.scenario.errors import Problem, ScenarioError
from pybridge.scenario.source import Source, read_text

_PATH = ("carrier", "error_table_db")
_KEY = ".".join(_PATH)
_COLUMNS = ("mcs", "sinr_db_bler10")


def inline_error_table(source: Source, folder: Path) -> None:
    """Put the values of the file that `carrier.error_table_db` names, if it names one, in its place.

    The file is CSV with a header; column `mcs` counts 0, 1, 2, …, `sinr_db_bler10` is the SINR in dB at which a block
    over the whole carrier fails with 10 %; further columns are ignored. A relative name starts from `folder`, from
    the working directory if an override gave it.

    Raises `ScenarioError`.
    """
    carrier = source.data.get(_PATH[0]) if isinstance(source.data, dict) else None
    if not isinstance(carrier, dict) or not isinstance(carrier.get(_PATH[1]), str):
        return
    name = carrier[_PATH[1]]
    given = any(path == _PATH[: len(path)] for path in source.overridden)
    path = (Path() if given else folder) / Path(name).expanduser()
    try:
        carrier[_PATH[1]] = _read(path)
    except ValueError as error:
        origin, line = ("--set", None) if given else (source.origin, source.lines.get(_PATH))
        raise ScenarioError([Problem(origin, line, _KEY, f"{name}: {error}")]) from None


def _read(path: Path) -> list[float]:
    """Values in the order of the MCS. Raises `ValueError`, and `ScenarioError` if there is no such text."""
    if not path.is_file():
        raise ValueError("no such file")
    rows = csv.DictReader(read_text(path, str(path)).splitlines())
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise ValueError(f"has no column `{missing[0]}`")
    values: list[float] = []
    for row in rows:
        if row["mcs"] != str(len(values)):
            raise ValueError(f"line {rows.line_num}: MCS {row['mcs']!r} where {len(values)} should follow")
        try:
            values.append(float(row["sinr_db_bler10"]))
        except (TypeError, ValueError):
            raise ValueError(f"line {rows.line_num}: {row['sinr_db_bler10']!r} is no number") from None
    return values
