# SPDX-License-Identifier: MIT
"""The Dask cluster that runs a campaign's jobs: embedded, one that stands, or SLURM."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dask
import distributed.batched
from distributed import Client, LocalCluster
from tornado.ioloop import IOLoop

from pybridge.errors import SliceBridgeError

CONNECT_TIMEOUT_S = 10.0
STATUS_PAGE = "127.0.0.1:0"

_QUIET = {"logging.distributed": "critical", "distributed.admin.log-format": "%(message)s"}
# Dask takes workers for lost by the time of day; one that is set forward must not cost the runs under way.
# Nor need it watch itself a hundred times a second: that took a twentieth of a core from the runs.
_EMBEDDED = {
    "distributed.scheduler.worker-ttl": None,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.tick.interval": "1s",
}


def _monotonic(_loop: object) -> float:
    return time.monotonic()


# Dask sends in batches, each due at a time of day, for which Tornado waits: with a clock that is set back by an hour,
# messages would lie there for an hour. In this process both go by the clock that nobody sets.
distributed.batched.time = time.monotonic  # type: ignore[attr-defined]
IOLoop.time = _monotonic  # type: ignore[assignment]


class ClusterError(SliceBridgeError):
    """The cluster that was asked for cannot be reached or started."""

    exit_code = 2


@contextmanager
def open_cluster(spec: str | None, workers: int, logs: Path = Path()) -> Iterator[Client]:
    """A client of the cluster.

    spec: None: an embedded one of `workers` workers with one job at a time each. It lives in this process and needs no
    set-up; only Dask's status pages listen, on loopback. `tcp://HOST:PORT` (or `tls://`): a scheduler that stands, with
    whatever workers it has; start them with `--nthreads 1`. `slurm`: `workers` SLURM jobs through dask-jobqueue, as set
    in Dask's configuration (jobqueue.slurm). Workers on other machines need this package, the simulation program and
    the results directory at the same paths. logs: where SLURM puts what workers say, unless Dask's configuration names
    another directory. Raises ClusterError.
    """
    with ExitStack() as stack, dask.config.set(_QUIET):
        for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
            logging.getLogger(name).setLevel(logging.CRITICAL)  # Dask's configuration gave some a level of their own
        if spec is None:
            address: object = stack.enter_context(_embedded(workers))
        elif spec == "slurm":
            address = stack.enter_context(_slurm(workers, logs))
        elif spec.startswith(("tcp://", "tls://")):
            address = spec
        else:
            raise ClusterError(f"--cluster {spec}: must be slurm, tcp://HOST:PORT or tls://HOST:PORT")
        try:
            client = stack.enter_context(Client(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False))
        except (OSError, ValueError) as error:
            raise ClusterError(f"--cluster {spec}: no scheduler answers there: {error}") from error
        yield client


@contextmanager
def _embedded(workers: int) -> Iterator[LocalCluster]:
    with (
        dask.config.set(_EMBEDDED),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=False,
            # Without an address of its own each of Dask's HTTP servers would listen on every interface.
            dashboard_address=STATUS_PAGE,
            worker_dashboard_address=STATUS_PAGE,
            memory_limit=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        yield cluster


@contextmanager
def _slurm(workers: int, logs: Path) -> Iterator[object]:
    from dask_jobqueue import SLURMCluster  # type: ignore[attr-defined]

    try:
        cluster = SLURMCluster(
            # Not more than what one job needs; partition, account and the like come from Dask's configuration.
            cores=1,
            processes=1,
            memory="2GB",
            scheduler_options={"dashboard_address": STATUS_PAGE},
            log_directory=dask.config.get("jobqueue.slurm.log-directory", None) or str(logs.absolute()),
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterError(f"--cluster slurm: {error}") from error
    with cluster:
        # Workers whose SLURM job has ended, by its time limit or a lost node, are replaced.
        cluster.adapt(minimum_jobs=workers, maximum_jobs=workers)
        yield cluster
