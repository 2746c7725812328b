# SPDX-License-Identifier: MIT
"""Run the benchmarks, print a table, and write results/bench.json, a flat map from name to number.

    python -m tests.bench [NAME...]        # NAME as in bench_NAME.py; default: all of these
    python -m tests.bench learn            # long_NAME.py, which take long and run only when named

A benchmark that fails does not take the figures of the others with it, but the exit code is 1. Figures of benchmarks
that were not run this time stay in the file.
"""

import importlib
import json
import math
import sys
import traceback
from pathlib import Path

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parent
REPORT = FOLDER.parent.parent / "results" / "bench.json"


def discover(folder: Path = FOLDER) -> list[str]:
    """Names of the benchmarks in `folder`, sorted."""
    return sorted(path.stem.removeprefix("bench_") for path in folder.glob("bench_*.py"))


def discover_long(folder: Path = FOLDER) -> list[str]:
    """Names of those that run only when named, sorted."""
    return sorted(path.stem.removeprefix("long_") for path in folder.glob("long_*.py"))


def run_one(name: str) -> dict[str, float]:
    """Figures of one benchmark.

    Raises:
        ValueError: it returned nothing, or something that is no finite number.
    """
    kind = "long" if name in discover_long() else "bench"
    figures = importlib.import_module(f"{__package__}.{kind}_{name}").run()
    bad = [key for key, value in figures.items() if not math.isfinite(value)]
    if bad or not figures:
        raise ValueError(f"bench_{name} measured no finite number for: {', '.join(bad) or 'anything'}")
    return {str(key): float(value) for key, value in figures.items()}


def merge(report: Path, figures: dict[str, float]) -> None:
    """Write `figures` over those in `report`; the file is replaced in one step."""
    known = json.loads(report.read_text()) if report.exists() else {}
    report.parent.mkdir(parents=True, exist_ok=True)
    fresh = report.with_suffix(".tmp")
    fresh.write_text(json.dumps(known | figures, indent=2, sort_keys=True) + "\n")
    fresh.replace(report)


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return the exit code."""
    known = discover()
    long = discover_long()
    unknown = sorted(set(names) - set(known) - set(long))
    if unknown:
        print(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(known + long)}", file=sys.stderr)
        return 2
    console = Console()
    table = Table("benchmark", "figure", "value")
    failed = []
    for name in names or known:
        console.print(f"bench_{name} …")
        try:
            figures = run_one(name)
        except Exception:  # the other benchmarks' figures are still wanted
            traceback.print_exc()
            failed.append(name)
            continue
        merge(REPORT, figures)
        for key, value in figures.items():
            table.add_row(name, key, f"{value:.6g}")
    console.print(table)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
