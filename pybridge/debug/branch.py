# SPDX-License-Identifier: MIT
"""A session under a policy and changes by hand, one step at a time."""

from __future__ import annotations

from pybridge.debug.deciding import Decider, translated
from pybridge.debug.driver import Unit
from pybridge.debug.edits import Edit
from pybridge.debug.slot_window import SlotHistory
from pybridge.observation import Action, Observation
from pybridge.session import Session
from pybridge.slots import SlotReport


class Branch:
    """Owns a session that has been reset or forked."""

    def __init__(self, session: Session, decider: Decider, observation: Observation, watching: bool) -> None:
        """watching: a built-in policy decides inside the simulation."""
        self.session = session
        self.decider = decider
        self.observation = observation
        self.report: SlotReport | None = None
        """Of the last step, if it ended between epochs."""
        self.edits: tuple[Edit, ...] = ()
        self.slots = SlotHistory()
        self.action: Action | None = None
        """The last decision."""
        self._watching = watching

    @property
    def at_high_decision(self) -> bool:
        """The next step decides about slices."""
        return not self.session.paused and self.observation.high_decision and not self.observation.last

    def step(self, unit: Unit) -> bool:
        """Go on by a slot or to the end of a low-level period. True if an epoch was reached.

        Raises what `Session.step_slot` and the policy do.
        """
        action = None if self.session.paused else self._decide()
        report = self.session.step_slot(action) if unit == "slot" else self.session.step_low(action)
        self.slots.add(report)
        if report.observation is None:
            self.report = report
            return False
        self.report, self.observation = None, report.observation
        return True

    def fork(self, decider: Decider) -> Branch:
        """Another branch from this moment on; the same decision is due in both. Raises what `Session.fork` does."""
        other = Branch(self.session.fork(), decider, self.observation, self._watching)
        other.action = None if self.action is None else self.action.copy()
        return other

    def _decide(self) -> Action | None:
        """What is sent at this epoch."""
        if self._watching:
            return None
        decided = self.decider.act(self.observation)
        if decided is not None:
            self.action = translated(decided, self.session.levels)
        elif self.action is None:
            self.action = self.session.action()
        if self.edits and self.observation.high_decision:
            for edit in self.edits:
                edit.apply(self.action)
            self.action.check()
            self.edits = ()
        return self.action
