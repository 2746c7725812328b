# SPDX-License-Identifier: MIT
"""A Dask scheduler and workers as somebody starts them by hand: separate processes, over TCP on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
START_S = 60.0


class DaskCluster:
    """Started when made; `close` ends all of it."""

    def __init__(self, workers: int, *, preload: str | None = None, environment: dict[str, str] | None = None) -> None:
        """preload: a module for `dask worker --preload`."""
        self._environment = os.environ | {"PYTHONPATH": str(REPOSITORY)} | (environment or {})
        self.port = _free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = self._start("scheduler", "--port", str(self.port))
        self._wait_for_scheduler()
        extra = ["--preload", preload] if preload else []
        self.workers = [self._start("worker", self.address, "--nthreads", "1", *extra) for _ in range(workers)]

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", kind, "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
        return subprocess.Popen(
            [*command, *arguments],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait_for_scheduler(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "the Dask scheduler does not start"
                time.sleep(0.1)

    def worker_processes(self) -> list[psutil.Process]:
        """The processes in which tasks run: each is started, and after its end replaced, by a nanny."""
        return [
            child
            for nanny in self.workers
            for child in psutil.Process(nanny.pid).children()
            if any("spawn_main" in argument for argument in child.cmdline())
        ]

    def close(self) -> None:
        """End everything at once."""
        for process in (*self.workers, self.scheduler):
            if process.poll() is not None:
                continue
            for member in psutil.Process(process.pid).children(recursive=True):
                member.kill()
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
