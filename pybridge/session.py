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

import copy
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from pybridge.episode import Episode, ResolvedScenario
from pybridge.errors import SchemaError, SessionStateError
from pybridge.inspection import HISTORY, Inspection
from pybridge.listener import Listener
from pybridge.observation import Action, Observation
from pybridge.process import SimulationProcess, chosen_program, program_options
from pybridge.remote import Remote
from pybridge.schema import LEVELS, Levels, Schema
from pybridge.slots import SlotGrid, SlotReport, joined
from pybridge.watching import watched
from pybridge.wire import Flag

if TYPE_CHECKING:
    from pybridge.low_policy import LowPolicy

ResultT = TypeVar("ResultT", Observation, Observation | None, SlotReport)

_EPOCH = int(Flag.SLOTS)
_SLOT, _LOW = int(Flag.SLOTS | Flag.PAUSE_SLOT), int(Flag.SLOTS | Flag.PAUSE_LOW)


CONNECT_TIMEOUT_S, REMOTE_CONNECT_TIMEOUT_S = 30.0, 600.0
"""For a simulation to dial in: started here, and by somebody elsewhere."""


class Session(Inspection):
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
        step_timeout_s: float | None = 300.0,
        heartbeat_timeout_s: float = 10.0,
        policy: str | None = None,
        record: Path | str | None = None,
        record_slots: bool = False,
        history: int = HISTORY,
        debug: bool = False,
        gdb: bool = False,
        ns_log: Sequence[str] = (),
        pcap_dir: Path | str | None = None,
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
        step_timeout_s: for it to answer an action, or to finish its warm-up. None: for ever.
        heartbeat_timeout_s: silence after which a remote simulation that should be computing counts as gone; it sends
            a heartbeat every second, however long a step takes.
        policy: a built-in one (`pybridge.policies.BUILT_IN`) decides inside the simulation, and this side watches:
            `step()` takes no action then.
        record: file that everything seen and decided is recorded to (docs/recording.md), complete when the episode is
            over; of the n-th further episode in `NAME-episode-n`.
        record_slots: the recording also has every grant of every slot.
        history: how many observations are kept, for tables, plots and conditions.
        debug: it may be stopped between epochs (`step_slot`, `step_low`, `step_high`) and forked (`fork`).
        gdb: the simulation runs under gdb, which has the terminal; there are no deadlines, and no log.
        ns_log: ns-3 log components to turn on, "ns3::LteRlcUm=info" (levels error, warn, info, function, logic, debug,
            all); what they say goes to the log.
        pcap_dir: packets of links are captured to files there, where the RAN has links.

        Raises `BinaryNotFound`, `ValueError` (levels, options for a remote simulation); `reset()` also
        `EndpointError`, `KeyFileError`.
        """
        if levels not in LEVELS:
            raise ValueError(f"levels are one of {', '.join(LEVELS)}, got {levels!r}")
        self._scenario = scenario if seed is None else scenario.with_seed(seed)
        self._levels: Levels = levels
        self._out_dir = None if out_dir is None else Path(out_dir)
        options = program_options(ns_log, pcap_dir)
        if remote and (options or gdb):
            raise ValueError("gdb, ns_log and pcap_dir are for whoever starts the simulation on its host")
        terms = Remote(heartbeat_timeout_s, key is not None)
        self._program = terms if remote else chosen_program(program, options, gdb=gdb)
        if policy is not None:
            if levels == "delegated":
                raise ValueError("a built-in policy decides, so that a low-level policy would be sent and not heeded")
            self._program = watched(self._program, policy)
        self._key = key
        self._is_parent = not remote
        self._endpoint = endpoint
        default_s = REMOTE_CONNECT_TIMEOUT_S if remote else CONNECT_TIMEOUT_S
        self._connect_timeout_s = default_s if connect_timeout_s is None else connect_timeout_s
        self._step_timeout_s = math.inf if step_timeout_s is None else step_timeout_s
        if gdb:
            self._connect_timeout_s = self._step_timeout_s = math.inf
        self._debug = debug or record_slots
        self._listener = listener
        self._shared = listener is not None
        self._holders = {id(self)}
        """Sessions that use the listener: this one and its forks. The last one closes it."""
        self._episode: Episode | None = None
        self._episodes = 0
        self._schema: Schema | None = None
        self._dropped = 0
        self._begin_inspection(record, history, policy, slots=record_slots)

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

    @property
    def observation(self) -> Observation | None:
        """What the running episode has shown last; None before its first observation and after its end."""
        return None if self._episode is None else self._episode.shown

    @property
    def grid(self) -> SlotGrid:
        """Slots, PRBs and RBGs. Raises `SessionStateError` unless debug=True and `reset()` was called."""
        if self._episode is None:
            raise SessionStateError("no episode is running: call reset() first")
        return self._episode.grid

    @property
    def paused(self) -> bool:
        """The simulation waits between decision epochs for `step_slot`, `step_low` or `step_high`."""
        return self._episode is not None and self._episode.paused

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

    def step(self, action: Action | None = None) -> Observation:
        """Send a decision and wait for the next epoch.

        action: None: what was decided before stays in force, at first what changes nothing.

        With `last` in the result the simulation has ended in good order and its records are complete.
        Raises `ActionError` (nothing was sent), `SessionStateError`, `SimulationError`, `ProtocolError`.
        """
        self.begin_step(self._chosen(action))
        return self.wait()

    def step_slot(self, action: Action | None = None) -> SlotReport:
        """Simulate one slot (NR) or TTI (LTE). With debug=True only.

        action: at a decision epoch what is decided; None: again what was decided before, at first what changes nothing.
            Between epochs None.

        The report covers the slots since the last pause or epoch. Its `observation` is set when the slot was the last
        one before a decision epoch: there the next call decides. With `last` in it the simulation has ended.
        Raises as `step`.
        """
        return self._step_debugged(_SLOT, action)

    def step_low(self, action: Action | None = None) -> SlotReport:
        """As `step_slot`, until the end of the low-level period."""
        return self._step_debugged(_LOW, action)

    def step_high(self, action: Action | None = None) -> SlotReport:
        """As `step_slot`, until the end of the high-level period. With levels "both", decisions in it are repeated."""
        reports = [self._step_debugged(_EPOCH, action)]
        while (observation := reports[-1].observation) is None or not (observation.high_decision or observation.last):
            reports.append(self._step_debugged(_EPOCH, None))
        return joined(reports, observation)

    def _step_debugged(self, flags: int, action: Action | None) -> SlotReport:
        episode = self._episode
        if episode is None:
            raise SessionStateError("no episode is running: call reset() first")
        episode.grid  # noqa: B018 - raises if the session is not for debugging
        if not episode.paused:
            self.begin_step(self._chosen(action), flags)
        elif action is not None:
            raise SessionStateError("the simulation is paused between decision epochs: an action is not due")
        else:
            episode.go_on(flags)
        return self._await(Episode.wait_slots)

    def fork(self, *, out_dir: Path | str | None = None) -> Session:
        """A second session whose simulation goes on from the same state; both wait for the same decision.

        So two policies are compared from the same moment on: equal actions give equal bits. Needs debug=True, a
        decision epoch, and a simulation on this host.

        out_dir: where the fork goes on with a copy of the records; None: it writes none. This session must write some.

        Close both. Raises `SessionStateError`, `ValueError` (out_dir without records to copy), `SimulationError` (this
        session goes on if its `observation` is still there).
        """
        episode = self._episode
        if episode is None or not episode.awaits_action:
            raise SessionStateError("only a simulation that waits for a decision can be forked")
        episode.grid  # noqa: B018 - raises if the session is not for debugging
        if isinstance(self._program, Remote):
            raise SessionStateError("a simulation on another host cannot be forked")
        if not hasattr(os, "pidfd_open"):
            raise SessionStateError("a fork is supervised by a handle of its process, which needs Linux 5.4 or newer")
        if out_dir is not None and self._out_dir is None:
            raise ValueError("a fork can go on with records only where there are some: give the session an out_dir")
        branch = copy.copy(self)
        branch._out_dir = None if out_dir is None else Path(out_dir)
        branch._dropped = 0
        branch._episode = None
        branch._branch_inspection()
        try:
            branch._episode = episode.fork(branch._out_dir, self._connect_timeout_s)
        except BaseException:
            if not episode.awaits_action:
                self._abandon()
            raise
        self._holders.add(id(branch))
        return branch

    def begin_reset(self, *, seed: int | None = None, low_policy: LowPolicy | None = None) -> None:
        """First half of `reset`, without waiting; the observation comes by `wait`, or by `advance` and `conclude`."""
        if low_policy is not None and self._levels != "delegated":
            raise ValueError(f'a low-level policy needs a session of levels "delegated", this one has {self._levels!r}')
        self.end_episode()
        scenario = self._scenario if seed is None else self._scenario.with_seed(seed)
        if self._listener is None:
            self._listener, self._holders = Listener(self._endpoint, self._key, children=self._is_parent), {id(self)}
        out_dir = self._out_dir
        if out_dir is not None and self._episodes:
            out_dir = out_dir / f"episode-{self._episodes}"
        levels: Levels = "high" if self._levels == "delegated" and low_policy is None else self._levels
        episode = Episode(self._listener, self._episodes, levels, self._step_timeout_s, low_policy, debug=self._debug)
        self._episode = episode
        self._episodes += 1
        self._note_terms(scenario, low_policy, self._program)
        try:
            episode.launch(scenario, self._program, out_dir, self._connect_timeout_s)
        except BaseException:
            self._abandon()
            raise

    def begin_step(self, action: Action, flags: int = 0, *, in_range: bool = False) -> None:
        """First half of `step`, without waiting; the observation comes by `wait`, or by `advance` and `conclude`.

        flags: bits of `pybridge.wire.Flag` that ask for slots.
        in_range: the values need not be looked at, because of how they were made.
        """
        episode = self._episode
        if episode is None or not episode.awaits_action:
            if episode is not None and episode.paused:
                what = "paused between decision epochs: go on by step_slot(), step_low() or step_high()"
                raise SessionStateError(what)
            raise SessionStateError("no episode is waiting for an action: call reset() first")
        if action.levels != self._levels or (action.schema is not self._schema and action.schema != self._schema):
            raise SessionStateError("the action was made for another session: use session.action()")
        if not in_range:
            action.check()
        self._note_action(action)
        try:
            episode.send_action(action, flags | (_EPOCH if self._records_slots else 0))
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
        if not isinstance(self._episode.process, SimulationProcess):
            raise SessionStateError("a simulation that runs elsewhere, or was forked, is no child of this process")
        return self._episode.process

    def advance(self) -> Observation | None:
        """Second half of `begin_reset` and `begin_step`: go on with what has arrived; the observation if that is it."""
        return self._await(Episode.advance)

    def conclude(self) -> Observation | None:
        """As `advance`, once the process has ended or the deadline has passed: the observation or an error."""
        return self._await(Episode.conclude)

    def _await(self, way: Callable[[Episode], ResultT]) -> ResultT:
        episode = self._episode
        if episode is None:
            raise SessionStateError("no episode is running: call reset() first")
        try:
            result = way(episode)
            if self._records_slots:
                self._note_slots([result] if isinstance(result, SlotReport) else episode.take_slots())
            observation = result.observation if isinstance(result, SlotReport) else result
            if observation is None:
                return result
            if observation.step == 0:
                self._check(observation.schema)
            self._note(observation)
        except BaseException:
            self._abandon()
            raise
        if observation.last:
            self._dropped += episode.dropped
            self._episode = None
        return result

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
            try:
                episode.stop()
            finally:
                self._end_recording("stopped")

    def close(self) -> None:
        """End the running episode and give everything back. May be called twice."""
        try:
            self.end_episode()
        finally:
            self._holders.discard(id(self))
            if self._listener is not None and not self._shared:
                if not self._holders:
                    self._listener.close()
                self._listener = None

    def _abandon(self) -> None:
        """After a failure: no orphan, and the log stays where the exception says."""
        episode, self._episode = self._episode, None
        if episode is not None:
            self._dropped += episode.dropped
            episode.kill()
            self._save_recording()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
