# SPDX-License-Identifier: MIT
"""Time per `SliceEnv.step()` on a simulation that computes nothing, beside the least that ZeroMQ can do.

Everything is alive at once and measured in turns, so that all figures are of the same minutes of the same machine:

* `link_us_{small,large}_{ipc,tcp}`: median wall time of a step (`trivial.small`, `trivial.large`);
* `link_floor_us_{ipc,tcp}`: a C++ REQ and a pyzmq REP that do nothing else, 1,600 B up, 240 B down;
* `link_ratio_large_{ipc,tcp}`: the large step over the floor, median over the rounds;
* `link_cpu_us_{python,sim}`: processor time of each side per large step over ipc, ZeroMQ's threads included;
* `link_env_us`: of these, what `SliceEnv` adds to a bare exchange of messages (processor time of Python);
* `link_us_large_ipc_pinned`, `link_floor_us_ipc_pinned`, `link_ratio_large_ipc_pinned`: both processes on one
  processor, which no other has to be woken up for. Free ones change between such times and times two to three times as
  long, as the scheduler places their threads, and stay there for a while: a difference between two free cases can
  be one of place alone. `link_floor_us_ipc_spin`: Python never sleeps but asks for the answer again and again;
* `link_socket_us`: the same bytes over a plain Unix socket, two wake-ups a round trip where ZeroMQ has six. The
  difference to the floor is what libzmq's own threads cost.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from pybridge import SliceEnv
from tests.bench import trivial

ROUNDS = 15
STEPS = 400
WARM_UP = 200
UP_BYTES, DOWN_BYTES = 1600, 240
ENDLESS = 10**12
ENDPOINTS = {"ipc": None, "tcp": "tcp://127.0.0.1:*"}

ONE_PROCESSOR = {0}


@dataclass
class Case:
    """Something that can be done again and again, and what it took each time."""

    step: Callable[[], Any]
    pid: int
    """The other side."""
    pinned: bool = False
    medians_us: list[float] = field(default_factory=list)
    """Of each round."""
    python_us: list[float] = field(default_factory=list)
    """Processor time per step of this process, of each round."""
    sim_us: list[float] = field(default_factory=list)
    """Processor time per step of the other process."""

    def measure(self, steps: int) -> None:
        """One round."""
        walls, step = [], self.step
        with _on(ONE_PROCESSOR if self.pinned else None, self.pid):
            python_s, sim_s = time.process_time(), processor_s(self.pid)
            for _ in range(steps):
                begin = time.perf_counter()
                step()
                walls.append(time.perf_counter() - begin)
            self.python_us.append((time.process_time() - python_s) / steps * 1e6)
            self.sim_us.append((processor_s(self.pid) - sim_s) / steps * 1e6)
        self.medians_us.append(statistics.median(walls) * 1e6)

    @property
    def us(self) -> float:
        """Median of the rounds' medians."""
        return statistics.median(self.medians_us)


def processor_s(pid: int) -> float:
    """Processor time of all threads of a process so far, in seconds, to the nanosecond (Linux)."""
    tasks = Path("/proc", str(pid), "task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) * 1e-9


@contextmanager
def _on(processors: set[int] | None, pid: int) -> Iterator[None]:
    """Keep all threads of this process and of another on some processors for a while."""
    if processors is None:
        yield
        return
    threads = [int(task.name) for each in (os.getpid(), pid) for task in Path("/proc", str(each), "task").iterdir()]
    before = os.sched_getaffinity(0)
    for thread in threads:
        os.sched_setaffinity(thread, processors)
    try:
        yield
    finally:
        for thread in threads:
            os.sched_setaffinity(thread, before)


def _environment(stack: ExitStack, scenario: trivial.TrivialScenario, endpoint: str | None, **arguments: Any) -> Case:
    env = SliceEnv(scenario, program=[trivial.PROGRAM], endpoint=endpoint, **arguments)
    stack.callback(env.close)
    env.reset()
    action = np.full(env.action_space.shape, 0.5, np.float32)
    assert env.session.pid is not None
    return Case(lambda: env.step(action), env.session.pid)


def _exchange(stack: ExitStack) -> Case:
    """Of messages alone: a `Session` without the arithmetic of `SliceEnv`."""
    env = SliceEnv(trivial.large(ENDLESS), program=[trivial.PROGRAM])
    stack.callback(env.close)
    env.reset()
    session, action = env.session, env.session.action()
    assert session.pid is not None
    return Case(lambda: session.step(action), session.pid)


def _floor(stack: ExitStack, endpoint: str, spin: bool = False) -> Case:
    context = stack.enter_context(zmq.Context())
    rep = stack.enter_context(context.socket(zmq.REP))
    rep.linger = 0
    rep.bind(endpoint)
    peer = _start(stack, "--floor", rep.getsockopt_string(zmq.LAST_ENDPOINT), str(UP_BYTES), str(DOWN_BYTES))
    rep.recv()
    answer = bytes(DOWN_BYTES)

    def step() -> None:
        rep.send(answer)
        while spin and not rep.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            pass
        rep.recv()

    return Case(step, peer.pid)


def _plain_socket(stack: ExitStack, path: str) -> Case:
    listening = stack.enter_context(socket.socket(socket.AF_UNIX))
    listening.bind(path)
    listening.listen()
    peer = _start(stack, "--socket", path, str(UP_BYTES), str(DOWN_BYTES))
    connection = stack.enter_context(listening.accept()[0])
    answer, question = bytes(DOWN_BYTES), bytearray(UP_BYTES)

    def step() -> None:
        connection.sendall(answer)
        connection.recv_into(question, UP_BYTES, socket.MSG_WAITALL)

    return Case(step, peer.pid)


def _start(stack: ExitStack, *arguments: str) -> subprocess.Popen[bytes]:
    peer = subprocess.Popen([trivial.PROGRAM, *arguments])
    stack.callback(peer.wait)
    stack.callback(peer.kill)
    return peer


def _cases(stack: ExitStack) -> dict[str, Case]:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    cases = {}
    for transport, endpoint in ENDPOINTS.items():
        cases[f"floor_{transport}"] = _floor(stack, endpoint or f"ipc://{folder}/floor")
        cases[f"small_{transport}"] = _environment(stack, trivial.small(ENDLESS), endpoint, kpms=())
        cases[f"large_{transport}"] = _environment(stack, trivial.large(ENDLESS), endpoint)
    cases["exchange"] = _exchange(stack)
    cases["floor_spin"] = _floor(stack, f"ipc://{folder}/spin", spin=True)
    cases["socket"] = _plain_socket(stack, f"{folder}/socket")
    for name in ("floor", "large"):
        free = cases[f"{name}_ipc"]
        cases[f"{name}_pinned"] = Case(free.step, free.pid, pinned=True)
    return cases


def run() -> dict[str, float]:
    """Medians over `ROUNDS` rounds through all cases.

    Raises:
        subprocess.CalledProcessError: the program does not build.
    """
    trivial.build()
    with ExitStack() as stack:
        cases = _cases(stack)
        for case in cases.values():
            for _ in range(WARM_UP):
                case.step()
        for _ in range(ROUNDS):
            for case in cases.values():
                case.measure(STEPS)
    return _figures(cases)


def _ratio(ours: Case, least: Case) -> float:
    """Median over the rounds."""
    return statistics.median(a / b for a, b in zip(ours.medians_us, least.medians_us, strict=True))


def _figures(cases: dict[str, Case]) -> dict[str, float]:
    figures = {}
    for transport in ENDPOINTS:
        large, floor = cases[f"large_{transport}"], cases[f"floor_{transport}"]
        figures[f"link_us_small_{transport}"] = cases[f"small_{transport}"].us
        figures[f"link_us_large_{transport}"] = large.us
        figures[f"link_floor_us_{transport}"] = floor.us
        figures[f"link_ratio_large_{transport}"] = _ratio(large, floor)
    large, exchange = cases["large_ipc"], cases["exchange"]
    return figures | {
        "link_cpu_us_python": statistics.median(large.python_us),
        "link_cpu_us_sim": statistics.median(large.sim_us),
        "link_floor_cpu_us_python": statistics.median(cases["floor_ipc"].python_us),
        "link_floor_cpu_us_sim": statistics.median(cases["floor_ipc"].sim_us),
        "link_env_us": statistics.median(large.python_us) - statistics.median(exchange.python_us),
        "link_us_large_ipc_pinned": cases["large_pinned"].us,
        "link_floor_us_ipc_pinned": cases["floor_pinned"].us,
        "link_ratio_large_ipc_pinned": _ratio(cases["large_pinned"], cases["floor_pinned"]),
        "link_floor_us_ipc_spin": cases["floor_spin"].us,
        "link_socket_us": cases["socket"].us,
    }
