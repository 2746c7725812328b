# SPDX-License-Identifier: MIT
"""Any simulation written against ns3-gym's C++ module, as a Gymnasium environment."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym

from pybridge.envs.seeding import EpisodeSeeds
from pybridge.errors import (
    SchemaError,
    SessionStateError,
    SimulationDied,
    SimulationError,
    SimulationTimeout,
)
from pybridge.ns3gym import messages as wire
from pybridge.ns3gym.command import GuardedCommand
from pybridge.ns3gym.port import Ns3GymPort
from pybridge.ns3gym.spaces import space_from, value_from, value_of

END_GRACE_S = 5.0
"""Time that a simulation has to exit once it was told to stop, or has said that it is over."""

_DIAL_IN = "dial in"
_DEATH_S = 1.0
"""Time between the end of a connection and that of its process, to tell how the latter ended."""


@dataclass(frozen=True)
class _Step:
    """A state that has been checked."""

    observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]

    @property
    def over(self) -> bool:
        return self.terminated or self.truncated


class Ns3GymEnv(gym.Env[Any, Any]):
    """Drives a simulation that has ns3-gym's `OpenGymInterface`, one fresh simulation per episode.

    **Spaces** are what the simulation describes: Box (int32, uint32, float32, float64), Discrete, Tuple, Dict. They are
    known only from a running simulation, so the constructor starts the first one, which the first `reset()` takes.

    **Episode**: `terminated` where the simulation says game over, `truncated` where it says that it ends.

    `info`: `extra_info`, the simulation's own text; `seed`, what it was started with (None if it cannot be told).

    What ns3-gym's own client lacks: every wait has a deadline, a simulation that dies is noticed at once and its log
    quoted, and none outlives this process, whatever it was started through.

    From one thread. After an error the simulation is ended; `reset()` starts a new one.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium declares it so

    def __init__(
        self,
        command: Sequence[str | Path] | None = None,
        *,
        directory: Path | str = ".",
        port: int = 0,
        seed: int = 1,
        connect_timeout_s: float = 60.0,
        step_timeout_s: float = 300.0,
        log_dir: Path | str | None = None,
    ) -> None:
        """Start the first simulation, or wait for it, and learn its spaces.

        command: program and arguments, in which `{port}` and `{seed}` are replaced, e.g.
            `["./ns3", "run", "rl-tcp --openGymPort={port} --simSeed={seed}"]`; None: somebody else starts each
            simulation, which is awaited at the port.
        directory: where the command runs.
        port: on 127.0.0.1; 0: any free one (needs `{port}` in the command).
        seed: of the first episode, if `reset()` gives none; later ones are as `pybridge.envs.seeding` says.
        connect_timeout_s: for a simulation to dial in; a command that compiles first needs more.
        step_timeout_s: for it to answer an action, or to come to its first state.
        log_dir: for the simulations' output, a file each. None: a temporary one, kept only if a simulation fails.

        Raises `BinaryNotFound`, `EndpointError`, `ValueError`, and what `reset()` does.
        """
        self._command = None if command is None else [str(part) for part in command]
        if port == 0 and not self._mentions("{port}"):
            raise ValueError("with port 0 the command must say where the port goes, e.g. --openGymPort={port}")
        self._directory = Path(directory).resolve()
        self._connect_timeout_s = connect_timeout_s
        self._step_timeout_s = step_timeout_s
        self._seeds = EpisodeSeeds(seed)
        self._seed: int | None = None
        self._running: GuardedCommand | None = None
        self._first: _Step | None = None
        self._awaits_action = False
        self._episodes = 0
        self._logs = Path(tempfile.mkdtemp(prefix="slb-ns3gym-") if log_dir is None else log_dir)
        self._logs.mkdir(parents=True, exist_ok=True)
        self._forget_logs = weakref.finalize(self, shutil.rmtree, self._logs, True) if log_dir is None else None
        self._port = Ns3GymPort(port)
        try:
            self._begin(seed)
        except BaseException:
            self._port.close()
            raise

    @property
    def port(self) -> int:
        """Port that simulations dial, on 127.0.0.1."""
        return self._port.number

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in a fresh simulation.

        Raises `SimulationDied`, `SimulationTimeout`, `SimulationError` (the connection was closed), `ProtocolError`,
        `SchemaError` (other spaces than before), `ValueError` for a seed that cannot be passed on.
        """
        if seed is not None and not self._mentions("{seed}"):
            raise ValueError("the simulation cannot be seeded: its command has no {seed}")
        super().reset(seed=seed)
        chosen = self._seeds.next(seed)
        if self._first is None or (self._seed is not None and chosen != self._seed):
            self._begin(chosen)
        first, self._first = self._first, None
        assert first is not None
        self._awaits_action = not first.over
        return first.observation, first.info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Send an action and wait for the state that it leads to.

        Raises `ActionError` (nothing was sent), `SessionStateError`, and what `reset()` does.
        """
        if not self._awaits_action:
            raise SessionStateError("no episode is waiting for an action: call reset() first")
        decision = wire.new("Decision", action=value_of(action, self.action_space))
        try:
            self._port.send(decision)
            step = self._receive_step()
        except BaseException:
            self._abandon()
            raise
        self._awaits_action = not step.over
        return step.observation, step.reward, step.terminated, step.truncated, step.info

    def close(self) -> None:
        """Tell the simulation to stop, see that it does, and give the port back. May be called twice."""
        self._end_episode()
        self._port.close()
        if self._forget_logs is not None:
            self._forget_logs()

    def _mentions(self, placeholder: str) -> bool:
        return any(placeholder in part for part in self._command or ())

    def _begin(self, seed: int) -> None:
        """End the running simulation, if any, and bring a new one to its first state."""
        self._end_episode()
        try:
            self._start(seed)
            hello = wire.parse("Hello", self._receive(self._connect_timeout_s, _DIAL_IN))
            spaces = (space_from(hello.observation_space), space_from(hello.action_space))
            if self._episodes and spaces != (self.observation_space, self.action_space):
                raise SchemaError("the simulation describes other spaces than in the episode before")
            self.observation_space, self.action_space = spaces
            self._port.send(wire.new("Welcome", done=True))
            self._first = self._receive_step()
        except BaseException:
            self._abandon()
            raise
        self._episodes += 1

    def _start(self, seed: int) -> None:
        self._seed = seed if self._mentions("{seed}") else None
        if self._command is None:
            return
        values = {"{port}": str(self.port), "{seed}": str(seed)}
        command = list(self._command)
        for placeholder, value in values.items():
            command = [part.replace(placeholder, value) for part in command]
        self._running = GuardedCommand(command, self._directory, self._logs / f"episode-{self._episodes}.txt")

    def _receive(self, timeout_s: float, what: str) -> bytes:
        process = None if self._running is None else self._running.process
        body = self._port.receive(time.monotonic() + timeout_s, process)
        if body is None:
            raise self._failure(timeout_s, what)
        return body

    def _receive_step(self) -> _Step:
        """The next state; one that is over is answered at once, since its sender waits for that to exit."""
        state = wire.parse("State", self._receive(self._step_timeout_s, "send its next state"))
        observation = value_from(state.observation, self.observation_space)
        if state.over:
            self._port.send(wire.new("Decision", stop=True))
            self._port.hang_up()
        terminated = bool(state.over) and state.reason == wire.GAME_OVER
        info = {"extra_info": state.info, "seed": self._seed}
        return _Step(observation, float(state.reward), terminated, bool(state.over) and not terminated, info)

    def _failure(self, timeout_s: float, what: str) -> SimulationError:
        """Why nothing came."""
        closed = what != _DIAL_IN and not self._port.is_connected
        if self._running is None:
            if closed:
                return SimulationError("the simulation closed its connection")
            return SimulationTimeout(f"no simulation did {what} at port {self.port} in {timeout_s:g} s")
        process = self._running.process
        code = process.wait(_DEATH_S if closed else 0.0)
        log, tail = process.log, process.log_tail()
        if code is not None:
            return SimulationDied(
                f"the simulation ended ({process.describe_end()}), it did not {what}", code, log, tail
            )
        if closed:
            return SimulationError("the simulation closed its connection; it was ended", log, tail)
        return SimulationTimeout(f"the simulation did not {what} in {timeout_s:g} s; it was ended", log, tail)

    def _end_episode(self) -> None:
        """In good order: the simulation waits for an answer, which is to stop."""
        if self._awaits_action or (self._first is not None and not self._first.over):
            self._port.send(wire.new("Decision", stop=True))
        self._release(END_GRACE_S)

    def _abandon(self) -> None:
        """After a failure: no orphan, and the log stays where the exception says."""
        if self._forget_logs is not None:
            self._forget_logs.detach()
            self._forget_logs = None
        self._release(0.0)

    def _release(self, grace_s: float) -> None:
        self._awaits_action = False
        self._first = None
        self._port.hang_up()
        running, self._running = self._running, None
        if running is not None:
            running.end(grace_s)
