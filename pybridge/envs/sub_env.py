# SPDX-License-Identifier: MIT
"""One simulation of a vector environment: begun, looked at, and replaced when it is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pybridge.envs.slice_env import SliceEnv
from pybridge.errors import ProtocolError, SimulationDied, SimulationError
from pybridge.observation import Observation
from pybridge.session import Session

_log = logging.getLogger(__name__)

LOSSES = (SimulationError, ProtocolError)
"""What a simulation is lost by; anything else is a mistake that another simulation would meet as well."""

BAD_INPUT = 2
"""Exit code of a simulation (docs/protocol.md)."""

Array = npt.NDArray[np.float32]


class Outcome(NamedTuple):
    """What a sub-environment answers to `begin_reset` or `begin_step`."""

    observation: Array
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


class SubEnv:
    """A `SliceEnv` that is never waited for.

    A simulation that is lost while it begins an episode is replaced at once, by one of the same RngRun. One that is
    lost in an episode ends it: `truncated`, reward 0, the last observation once more, and the reason in
    `info["simulation_lost"]`.
    """

    def __init__(self, index: int, env: SliceEnv, max_losses: int) -> None:
        """max_losses: so many simulations lost since the last complete episode are one too many."""
        self.env = env
        self.over = True
        """The episode is over, or none has begun: `begin_reset` comes next."""
        self.observation: Array = np.zeros(env.observation_space.shape or (), np.float32)
        """The last one."""
        self._index = index
        self._max_losses = max_losses
        self._losses = 0
        self._lost = ""
        """Why the simulation of the last `begin_reset` had to be replaced."""
        self._resets = False

    def begin_reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin an episode; the outcome comes by `advance` or `conclude`. Raises what `SliceEnv.reset` does."""
        self._resets, self._lost = True, ""
        try:
            self.env.begin_reset(seed=seed, options=options)
        except LOSSES as error:
            self._replace(error)

    def begin_step(self, action: Array) -> Outcome | None:
        """Begin a step; the outcome, if the simulation is lost already. Raises `ActionError`."""
        self._resets = False
        try:
            self.env.begin_step(action)
        except LOSSES as error:
            return self._truncate(error)
        return None

    def advance(self) -> Outcome | None:
        """Go on with what has arrived; the outcome if that is it."""
        return self._go_on(Session.advance)

    def conclude(self) -> Outcome | None:
        """As `advance`, when the process has ended or the deadline has passed."""
        return self._go_on(Session.conclude)

    def _go_on(self, way: Callable[[Session], Observation | None]) -> Outcome | None:
        try:
            state = way(self.env.session)
        except LOSSES as error:
            if not self._resets:
                return self._truncate(error)
            self._replace(error)
            return None
        return None if state is None else self._outcome(state)

    def _outcome(self, state: Observation) -> Outcome:
        if self._resets:
            self.over = False
            self.observation, info = self.env.began(state)
            if self._lost:
                info["simulation_lost"] = self._lost
            return Outcome(self.observation, 0.0, False, False, info)
        outcome = Outcome(*self.env.stepped(state))
        self.observation, self.over = outcome.observation, outcome.truncated
        if self.over:
            self._losses = 0
        return outcome

    def _truncate(self, error: Exception) -> Outcome:
        self._count(error)
        self.over = True
        return Outcome(self.observation, 0.0, False, True, {"simulation_lost": str(error)})

    def _replace(self, error: Exception) -> None:
        """Until one begins; `_count` sets an end to it."""
        while True:
            self._count(error)
            self._lost = str(error)
            try:
                self.env.begin_again()
                return
            except LOSSES as another:
                error = another

    def _count(self, error: Exception) -> None:
        if isinstance(error, SimulationDied) and error.returncode == BAD_INPUT:
            raise error  # the next one would refuse the scenario as well
        self._losses += 1
        _log.warning("sub-environment %d lost its simulation: %s", self._index, error)
        if self._losses > self._max_losses:
            what = f"sub-environment {self._index} has lost {self._losses} simulations in a row, the last one: {error}"
            self._losses = 0
            raise SimulationError(what) from error
