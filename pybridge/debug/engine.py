# SPDX-License-Identifier: MIT
"""Drives a live simulation in a thread of its own, so that the application's keys never wait for it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pybridge.conditions import Condition
from pybridge.debug.branch import Branch
from pybridge.debug.branches import BranchMeans
from pybridge.debug.deciding import decider_of, low_policy_of, rival, session_levels
from pybridge.debug.driver import Change, Command, Compare, Pause, Run, Step, Unit
from pybridge.debug.log_tail import LogTail
from pybridge.debug.options import LiveOptions
from pybridge.debug.snapshot import Phase, Queues, Snapshot
from pybridge.errors import SimulationError, SliceBridgeError
from pybridge.policies import PolicyError, ResolvedPolicy, resolve_policy
from pybridge.scenario import Scenario
from pybridge.session import Session

TRAIL = 100
"""Epochs shown in sparklines and counted in percentiles."""

PUBLISH_S = 0.05
"""Between snapshots while the simulation runs."""

IDLE_POLL_S = 0.25
"""How often a paused simulation is looked after."""

CLOSE_S = 2.0
"""For a step to end when the application is left; then the simulation is killed under it."""

MAX_EVENTS = 10_000


@dataclass
class _Running:
    """What a command asks for that takes many steps."""

    unit: Unit
    target: Callable[[bool], bool]
    """Told whether a step ended at an epoch: is that it?"""
    until: Condition | None = None
    endless: bool = False
    done: int = field(default=0)


class Engine:
    """A `Driver` on a live simulation."""

    live = True

    def __init__(self, scenario: Scenario, options: LiveOptions) -> None:
        """Nothing is started yet. Raises `PolicyError`, `BinaryNotFound`, `ValueError` (log components)."""
        self._scenario, self._options = scenario, options
        self._policy: ResolvedPolicy = resolve_policy(options.policy)
        self._watching = self._policy.kind == "built-in" and self._policy.name != "static"
        self._session = Session(
            scenario,
            levels=session_levels(self._policy),
            program=options.program,
            policy=self._policy.name if self._watching else None,
            ns_log=options.ns_log,
            pcap_dir=options.pcap_dir,
            record=options.record,
            record_slots=options.slots,
            step_timeout_s=None,  # somebody watches, and may have stopped it in gdb
            history=TRAIL,
            debug=True,
        )
        self.title = f"{scenario.name} · seed {scenario.seed} · {options.policy}"
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._due: deque[Command] = deque()
        """Taken from the queue, not yet carried out."""
        self._closing = threading.Event()
        self._events: deque[str] = deque(maxlen=MAX_EVENTS)
        self._snapshot = Snapshot("starting", "starting the simulation", 0.0)
        self._failure: BaseException | None = None
        self._branch: Branch | None = None
        self._other: Branch | None = None
        self._means: BranchMeans | None = None
        self._rival: str | None = None
        """Policy that is compared from the next high-level decision on."""
        self._running: _Running | None = None
        self._tails: list[LogTail] = []
        self._published = 0.0
        self._thread = threading.Thread(target=self._main, name="simulation", daemon=True)

    def start(self) -> None:
        """Start the thread, and in it the simulation."""
        self._thread.start()

    def snapshot(self) -> Snapshot:
        """The newest one."""
        return self._snapshot

    def events(self) -> list[str]:
        """Lines of the event log since the last call."""
        lines = []
        with contextlib.suppress(IndexError):
            while True:
                lines.append(self._events.popleft())
        return lines

    @property
    def failure(self) -> BaseException | None:
        """Why the simulation cannot go on."""
        return self._failure

    def send(self, command: Command) -> None:
        """Do this next."""
        self._commands.put(command)

    def pids(self) -> list[int]:
        """Simulations that run, the fork last."""
        branches = [branch for branch in (self._branch, self._other) if branch is not None]
        return [branch.session.pid for branch in branches if branch.session.pid is not None]

    def close(self) -> None:
        """End the simulation; if it does not listen, by force."""
        self._closing.set()
        self._commands.put(None)
        if self._thread.ident is None:
            return
        self._thread.join(CLOSE_S)
        while self._thread.is_alive():
            for pid in self.pids():
                self._kill(pid)
            self._kill(self._session.pid)
            self._thread.join(0.1)

    @staticmethod
    def _kill(pid: int | None) -> None:
        if pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def _main(self) -> None:
        try:
            with self._session as session:
                self._begin(session)
                while not self._closing.is_set():
                    self._turn()
        except SliceBridgeError as error:
            self._fail(error, str(error))
        except Exception as error:  # shown by the application, which this thread must not take down
            self._fail(error, traceback.format_exc())
        finally:
            self._end_comparison()

    def _begin(self, session: Session) -> None:
        observation = session.reset(low_policy=low_policy_of(self._policy))
        decider = decider_of(self._policy, self._scenario, session.schema)
        self._branch = Branch(session, decider, observation, self._watching)
        if session.log is not None:
            self._tails.append(LogTail(session.log))
            self._say(f"log of the simulation: {session.log}")
        self._publish("paused", "warm-up is over")

    def _turn(self) -> None:
        """One command, or one step of what is running."""
        self._listen()
        running = self._running
        if running is not None and not (running.endless and self._due):
            self._go_on(running)
            return
        if not self._due:
            self._look_after()
            return
        command = self._due.popleft()
        try:
            self._obey(command)
        except SliceBridgeError as error:
            self._refused(error)

    def _listen(self) -> None:
        """Steps wait for those before them; a pause overtakes them all."""
        idle = self._running is None and not self._due
        with contextlib.suppress(queue.Empty):
            while (command := self._commands.get(block=idle, timeout=IDLE_POLL_S)) is not None:
                idle = False
                if isinstance(command, Pause):
                    self._due.clear()
                    self._running = None
                self._due.append(command)

    def _obey(self, command: Command) -> None:
        assert self._branch is not None
        if isinstance(command, Pause):
            self._stop("paused")
        elif isinstance(command, Step):
            self._start(_step(command, self._at_high))
        elif isinstance(command, Run):
            text = "" if command.until is None else f" until {command.until.text}"
            self._say(f"running{text}")
            self._start(_Running("low", lambda epoch: False, command.until, endless=True))
        elif isinstance(command, Change):
            self._change(command)
        elif isinstance(command, Compare):
            self._compare(command.policy)

    def _start(self, running: _Running) -> None:
        assert self._branch is not None
        if self._branch.observation.last:
            self._publish("over", "the episode is over")
            return
        self._running = running
        self._published = 0.0

    def _stop(self, note: str) -> None:
        assert self._branch is not None
        self._running = None
        self._publish("over" if self._branch.observation.last else "paused", note)

    def _at_high(self) -> bool:
        assert self._branch is not None
        return self._branch.observation.high_decision

    def _change(self, command: Change) -> None:
        assert self._branch is not None
        if self._watching:
            raise PolicyError(
                f"`{self._policy.name}` decides inside the simulation; only `static` and agents take changes"
            )
        self._branch.edits = command.edits
        if command.edits:
            self._say("at the next high-level decision: " + " ".join(edit.text for edit in command.edits))
        else:
            self._say("changes by hand dropped")
        self._publish(self._snapshot.phase, self._snapshot.note)

    def _compare(self, policy: str | None) -> None:
        assert self._branch is not None
        if policy is None:
            self._end_comparison()
            self._say("comparison ended")
            self._publish(self._snapshot.phase, self._snapshot.note)
            return
        rival(policy, self._scenario, self._session.schema, self._session.levels)  # refused now rather than later
        self._end_comparison()
        self._rival = policy
        self._say(f"compare with {policy} from the next high-level decision on")
        self._fork_if_due()
        self._publish(self._snapshot.phase, self._snapshot.note)

    def _fork_if_due(self) -> None:
        branch = self._branch
        assert branch is not None
        if self._rival is None or not branch.at_high_decision:
            return
        name, self._rival = self._rival, None
        self._other = branch.fork(rival(name, self._scenario, self._session.schema, self._session.levels))
        self._means = BranchMeans(_with_edits(branch), name, branch.observation)
        if self._other.session.log is not None:
            self._tails.append(LogTail(self._other.session.log))
        self._say(f"{branch.observation.time_s:.4f} s: forked; here {branch.decider.name}, there {name}")

    def _end_comparison(self) -> None:
        other, self._other = self._other, None
        self._means, self._rival = None, None
        if other is not None:
            other.session.close()

    def _go_on(self, running: _Running) -> None:
        try:
            self._fork_if_due()
            epoch = self._advance(running.unit)
        except SimulationError:
            raise
        except SliceBridgeError as error:
            self._refused(error)
            return
        branch = self._branch
        assert branch is not None
        if epoch:
            self._fork_if_due()
        if branch.observation.last and epoch:
            self._say(f"{branch.observation.time_s:.4f} s: the episode is over")
            self._stop("the episode is over")
        elif epoch and running.until is not None and running.until(branch.observation):
            self._say(f"{branch.observation.time_s:.4f} s: {running.until.text}")
            self._stop(f"holds: {running.until.text}")
        elif running.target(epoch):
            self._stop("paused")
        elif time.monotonic() - self._published > PUBLISH_S:
            until = "" if running.until is None else f" until {running.until.text}"
            self._publish("running", f"running{until}")

    def _advance(self, unit: Unit) -> bool:
        """A step of all branches. True at an epoch."""
        assert self._branch is not None
        edits = self._branch.edits
        epoch = self._branch.step(unit)
        if edits and not self._branch.edits:
            self._say("decided by hand: " + " ".join(edit.text for edit in edits))
        if self._other is not None:
            self._other.step(unit)
            if epoch and self._means is not None:
                self._means.add(self._branch.observation, self._other.observation)
        return epoch

    def _look_after(self) -> None:
        """A paused simulation may have said something to its log, or been killed."""
        branch = self._branch
        assert branch is not None
        before = len(self._events)
        self._read_logs()
        session = branch.session
        if session.pid is not None and not branch.observation.last and not _alive(session.pid):
            branch.step("slot")  # says how it ended
        if len(self._events) != before:
            self._publish(self._snapshot.phase, self._snapshot.note)

    def _refused(self, error: SliceBridgeError) -> None:
        """What was asked for cannot be done; the simulation stays as it is, or the error is its end."""
        assert self._branch is not None
        if self._branch.session.pid is None and not self._branch.observation.last:
            raise error
        self._say(str(error))
        self._stop(str(error).splitlines()[0])

    def _fail(self, error: BaseException, text: str) -> None:
        self._read_logs()
        self._running = None
        self._failure = error
        for line in text.splitlines():
            self._say(line)
        self._publish("failed", text.strip().splitlines()[0])

    def _read_logs(self) -> None:
        for tail in self._tails:
            for line in tail.lines():
                self._say(line)

    def _say(self, text: str) -> None:
        self._events.extend(text.splitlines())

    def _publish(self, phase: Phase, note: str) -> None:
        self._read_logs()
        branch = self._branch
        if branch is None:
            self._snapshot = Snapshot(phase, note, 0.0)
            return
        report, queues = branch.report, None
        if report is not None:
            queues = Queues(report.ue_buffer_bytes, report.ue_hol_delay_ms, report.ue_cell)
        self._snapshot = Snapshot(
            phase,
            note,
            branch.observation.time_s if report is None else report.time_s,
            branch.observation,
            trail=branch.session.history,
            between=report is not None,
            queues=queues,
            slots=branch.slots.window(),
            action=None if branch.action is None else branch.action.copy(),
            edits=tuple(edit.text for edit in branch.edits),
            comparison=None if self._means is None else self._means.result(),
        )
        self._published = time.monotonic()


def _step(command: Step, at_high: Callable[[], bool]) -> _Running:
    if command.unit == "slot":
        return _Running("slot", lambda epoch: True)
    if command.unit == "low":
        return _Running("low", lambda epoch: True)
    return _Running("low", lambda epoch: epoch and at_high())


def _with_edits(branch: Branch) -> str:
    return branch.decider.name + (" + " + " ".join(edit.text for edit in branch.edits) if branch.edits else "")


def _alive(pid: int) -> bool:
    """It exists, and is no corpse that nobody has collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
