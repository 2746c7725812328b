# SPDX-License-Identifier: MIT
"""One simulation, stepped by hand: start it, look, decide, step on.

with Session(load_scenario("lte-urban")) as session:
    observation = session.reset()
    action = session.action()
    while not observation.last:
        action.prb_policy[0, 0, 1] = 0.5      # min PRB ratio of slice 0 in cell 0
        observation = session.step(action)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from pybridge.episode import Episode, ResolvedScenario
from pybridge.errors import SchemaError, SessionStateError
from pybridge.listener import Listener
from pybridge.observation import Action, Observation
from pybridge.process import SimulationProcess, chosen_program
from pybridge.remote import Remote, RemotePeer
from pybridge.schema import LEVELS, Levels, Schema

if TYPE_CHECKING:
    from pybridge.low_policy import LowPolicy

ObservationT = TypeVar("ObservationT", Observation, Observation | None)


CONNECT_TIMEOUT_S, REMOTE_CONNECT_TIMEOUT_S = 30.0, 600.0
"""For a simulation to dial in: started here, and by somebody elsewhere."""


class Session:
    """One simulation at a time, stepped by its caller; every episode is a fresh process.

    Use as a context manager, from one thread. Whatever happens (exception, Ctrl-C, interpreter exit, SIGKILL of
    Python), no simulation outlives it.
    """

    def __init__(
        self,
        scenario: ResolvedScenario,
        *,
        seed: int | None = None,
        levels: Levels = "high",
        out_dir: Path | str | None = None,
        program: Sequence[str | Path] | None = None,
        endpoint: str | None = None,
        key: Path | str | None = None,
        remote: bool = False,
        listener: Listener | None = None,
        connect_timeout_s: float | None = None,
        step_timeout_s: float = 300.0,
        heartbeat_timeout_s: float = 10.0,
    ) -> None:
        """Nothing is started before `reset()`.

        scenario: what to simulate.
        seed: ns-3 RngRun in place of the scenario's own, 1..2^32−1.
        levels: "high": a decision per high-level period, about slices; "both": per low-level period, about slices
            (when `Observation.high_decision`) and UEs; "delegated": as "high", and the simulation decides about UEs by
            the policy that `reset()` gives it.
        out_dir: where the simulation writes scenario.json, log.txt and its records (docs/records.md): the first
            episode in `out_dir` itself, the n-th further one in `out_dir/episode-n`. None: no records.
        program: command to execute in place of the built simulation program, e.g. ["gdb", "-batch", "--args", …]. None:
            simulations are forked from a process that has that program's libraries loaded (docs/fork-server.md).
        endpoint: "ipc://PATH" or "tcp://127.0.0.1:PORT" (PORT `*`: any free one). None: ipc in a private directory.
            With a `key` also "tcp://HOST:PORT", HOST an address or interface of this host.
        key: `learner.key` of `slicebridge keys`: the link is encrypted and takes only who has `simulation.key`.
        remote: start nothing; say on standard error how to start each episode's simulation on another host, and wait
            for it. Scenario and ticket are written to `out_dir`; its records stay where it runs.
        listener: to share with other sessions of this thread, in place of an `endpoint`; it is not closed here.
        connect_timeout_s: for the simulation to dial in. None: 30 s, a remote one 600 s.
        step_timeout_s: for it to answer an action, or to finish its warm-up.
        heartbeat_timeout_s: silence after which a remote simulation that should be computing counts as gone; it sends
            a heartbeat every second, however long a step takes.

        Raises `BinaryNotFound`, `ValueError` (levels); `reset()` then `EndpointError`, `KeyFileError`.
        """
        if levels not in LEVELS:
            raise ValueError(f"levels are one of {', '.join(LEVELS)}, got {levels!r}")
        self._scenario = scenario if seed is None else scenario.with_seed(seed)
        self._levels: Levels = levels
        self._out_dir = None if out_dir is None else Path(out_dir)
        self._program = Remote(heartbeat_timeout_s, key is not None) if remote else chosen_program(program)
        self._key = key
        self._endpoint = endpoint
        default_s = REMOTE_CONNECT_TIMEOUT_S if remote else CONNECT_TIMEOUT_S
        self._connect_timeout_s = default_s if connect_timeout_s is None else connect_timeout_s
        self._step_timeout_s = step_timeout_s
        self._listener = listener
        self._shared = listener is not None
        self._episode: Episode | None = None
        self._episodes = 0
        self._schema: Schema | None = None
        self._dropped = 0

    @property
    def levels(self) -> Levels:
        """Decision levels of this session."""
        return self._levels

    @property
    def schema(self) -> Schema:
        """What the tensors mean. Raises `SessionStateError` before the first `reset()`."""
        if self._schema is None:
            raise SessionStateError("the schema is known after the first reset()")
        return self._schema

    @property
    def pid(self) -> int | None:
        """Process id of the running simulation, None if there is none."""
        return None if self._episode is None else self._episode.process.pid

    @property
    def log(self) -> Path | None:
        """Log of the running simulation, None if there is none."""
        return None if self._episode is None else self._episode.process.log

    @property
    def dropped(self) -> int:
        """Messages of another episode or step that were dropped so far."""
        return self._dropped + (0 if self._episode is None else self._episode.dropped)

    def action(self) -> Action:
        """A new action that changes nothing: the scenario's policies, equal shares, neutral UE controls."""
        return Action(self.schema, self._levels)

    def reset(self, *, seed: int | None = None, low_policy: LowPolicy | None = None) -> Observation:
        """End the running episode, if any, and start a new one in a fresh process.

        seed: RngRun of this episode; None: that of the session, the same in every episode.
        low_policy: what decides about UEs in this episode, with levels "delegated" only. None: nothing does, and UEs
            keep neutral controls.

        Raises `SimulationError` (died, failed, timed out), `ProtocolError`, `SchemaError`, `LowPolicyError` (asks for a
        KPM that there is not), `ValueError` (a policy with other levels).
        """
        self.begin_reset(seed=seed, low_policy=low_policy)
        return self.wait()

    def step(self, action: Action) -> Observation:
        """Send a decision and wait for the next epoch.

        With `last` in the result the simulation has ended in good order and its records are complete.
        Raises `ActionError` (nothing was sent), `SessionStateError`, `SimulationError`, `ProtocolError`.
        """
        self.begin_step(action)
        return self.wait()

    def begin_reset(self, *, seed: int | None = None, low_policy: LowPolicy | None = None) -> None:
        """First half of `reset`, without waiting; the observation comes by `wait`, or by `advance` and `conclude`."""
        if low_policy is not None and self._levels != "delegated":
            raise ValueError(f'a low-level policy needs a session of levels "delegated", this one has {self._levels!r}')
        self.end_episode()
        scenario = self._scenario if seed is None else self._scenario.with_seed(seed)
        if self._listener is None:
            self._listener = Listener(self._endpoint, self._key)
        out_dir = self._out_dir
        if out_dir is not None and self._episodes:
            out_dir = out_dir / f"episode-{self._episodes}"
        levels: Levels = "high" if self._levels == "delegated" and low_policy is None else self._levels
        episode = Episode(self._listener, self._episodes, levels, self._step_timeout_s, low_policy)
        self._episode = episode
        self._episodes += 1
        try:
            episode.launch(scenario, self._program, out_dir, self._connect_timeout_s)
        except BaseException:
            self._abandon()
            raise

    def begin_step(self, action: Action) -> None:
        """First half of `step`, without waiting; the observation comes by `wait`, or by `advance` and `conclude`."""
        episode = self._episode
        if episode is None or not episode.awaits_action:
            raise SessionStateError("no episode is waiting for an action: call reset() first")
        if action.levels != self._levels or action.schema != self.schema:
            raise SessionStateError("the action was made for another session: use session.action()")
        action.check()
        try:
            episode.send_action(action)
        except BaseException:
            self._abandon()
            raise

    def wait(self) -> Observation:
        """Second half of `reset` and `step`; `advance` and `conclude` are it without waiting."""
        return self._await(Episode.wait)

    @property
    def has_news(self) -> bool:
        """Something has arrived for `advance`."""
        return self._episode is not None and self._episode.has_news

    @property
    def deadline(self) -> float:
        """Of what is being waited for, on the clock `time.monotonic()`; infinite if nothing is."""
        return math.inf if self._episode is None else self._episode.deadline

    @property
    def process(self) -> SimulationProcess:
        """The running simulation. Raises `SessionStateError` if there is none."""
        if self._episode is None:
            raise SessionStateError("no episode is running: call reset() first")
        if isinstance(self._episode.process, RemotePeer):
            raise SessionStateError("a simulation on another host is no process of this one")
        return self._episode.process

    def advance(self) -> Observation | None:
        """Second half of `begin_reset` and `begin_step`: go on with what has arrived; the observation if that is it."""
        return self._await(Episode.advance)

    def conclude(self) -> Observation | None:
        """As `advance`, once the process has ended or the deadline has passed: the observation or an error."""
        return self._await(Episode.conclude)

    def _await(self, way: Callable[[Episode], ObservationT]) -> ObservationT:
        episode = self._episode
        if episode is None:
            raise SessionStateError("no episode is running: call reset() first")
        try:
            observation = way(episode)
            if observation is None:
                return observation
            if observation.step == 0:
                self._check(observation.schema)
        except BaseException:
            self._abandon()
            raise
        if observation.last:
            self._dropped += episode.dropped
            self._episode = None
        return observation

    def _check(self, schema: Schema) -> None:
        if self._schema is not None and schema != self._schema:
            raise SchemaError("the schema is not that of the episode before; same session, same scenario")
        self._schema = schema

    def simulate(self, scenario: ResolvedScenario) -> None:
        """Simulate another scenario from the next `reset` on."""
        self._scenario = scenario
        self._schema = None

    def end_episode(self) -> None:
        """End the running episode in good order, if there is one; the session can be reset again."""
        episode, self._episode = self._episode, None
        if episode is not None:
            self._dropped += episode.dropped
            episode.stop()

    def close(self) -> None:
        """End the running episode and give everything back. May be called twice."""
        try:
            self.end_episode()
        finally:
            if self._listener is not None and not self._shared:
                self._listener.close()
                self._listener = None

    def _abandon(self) -> None:
        """After a failure: no orphan, and the log stays where the exception says."""
        episode, self._episode = self._episode, None
        if episode is not None:
            self._dropped += episode.dropped
            episode.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
