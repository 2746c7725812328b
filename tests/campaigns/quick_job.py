# SPDX-License-Identifier: MIT
"""A job of a tenth of a second with a simulation of its own, so that campaigns can be disturbed many times.

Like the real one it is two processes, results depend on the job and on what it needs alone, and neither process
outlives the one that started it. `python -S quick_job.py DIRECTORY PARENT_PID`: without `site` it starts in no time.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path

CHUNKS = 10
CHUNK_BYTES = 4096
CHUNK_S = 0.01
RESULT = "kpm.parquet"


def simulate(directory: str, seed: bytes, parent: int) -> None:
    """Write the result piece by piece."""
    with Path(directory, RESULT).open("wb", buffering=0) as file:
        for _ in range(CHUNKS):
            seed = hashlib.sha256(seed).digest()
            piece = seed * (CHUNK_BYTES // len(seed))
            if file.write(piece) != len(piece):
                sys.exit(1)
            time.sleep(CHUNK_S)
            if os.getppid() != parent:
                sys.exit(1)


def main(directory: str, parent: int) -> int:
    """Exit code 0 if the simulation ended well, and then there is a manifest."""
    job = json.loads(Path(directory, "job.json").read_text(encoding="utf-8"))
    seed = job["id"].encode()
    for need in job["needs"]:
        seed += hashlib.sha256(Path(directory, "../../runs", need, RESULT).read_bytes()).digest()
    job_pid = os.getpid()
    child = os.fork()
    if child == 0:
        simulate(directory, seed, job_pid)
        os._exit(0)
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        time.sleep(CHUNK_S)
        if os.getppid() != parent:
            return 1
    if ended[1] != 0:
        print(f"the simulation ended with status {ended[1]}")
        return 5
    content = Path(directory, RESULT).read_bytes()
    files = {RESULT: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}}
    Path(directory, "manifest.json").write_text(json.dumps({"exit_code": 0, "files": files}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
