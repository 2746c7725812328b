# SPDX-License-Identifier: MIT
"""CPU time of the sliced LTE downlink scheduler, with one slice under rule pf, over that of ns-3's own PF."""

import json
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = "lte-pf-bench"
RUNS = 7


def run() -> dict[str, float]:
    """Median user CPU time over `RUNS` alternating runs of a cell of 20 saturated UEs, as a ratio.

    Raises:
        subprocess.CalledProcessError: the program does not build or run.
    """
    build = ["tools/build.sh", "build", PROGRAM, "-DCMAKE_BUILD_TYPE=Release"]
    subprocess.run(build, cwd=REPOSITORY, check=True, timeout=1800)
    program = REPOSITORY / "build" / "bin" / PROGRAM
    output = subprocess.run([program, str(RUNS)], check=True, capture_output=True, text=True, timeout=600).stdout
    return {"lte_cpu_ratio_to_pf": float(json.loads(output)["ratio"])}
