# SPDX-License-Identifier: MIT
"""A cell without slices, the baseline of slicing itself: `slicebridge run --policy agents.no_slicing:NoSlicing`.

Nothing is guaranteed and nothing capped, so that the scheduler ranks all UEs of the cell against each other by their
slices' rules; with `rule: pf` for all, that is proportional fairness. DU compute follows the load that was offered,
which is what one queue for all would do; power is even over PRBs.
"""

from __future__ import annotations

import numpy as np

from pybridge.observation import DEDICATED, MAX, MIN, Action, Observation
from pybridge.scenario import Scenario
from pybridge.schema import Schema


class NoSlicing:
    """A `pybridge.policies.Policy` at the high level."""

    def reset(self, schema: Schema, scenario: Scenario) -> None:
        """An episode begins."""
        self._action = Action(schema, "high")
        self._action.prb_policy[..., DEDICATED] = self._action.prb_policy[..., MIN] = 0.0
        self._action.prb_policy[..., MAX] = 1.0
        self._action.power_share[...] = 1.0 / schema.n_slices

    def act(self, observation: Observation) -> Action:
        """The same always, but for compute."""
        offered = np.nan_to_num(observation.kpm("x.offered_kbps")).astype(np.float64) + 1.0
        self._action.compute_share[...] = offered / offered.sum(axis=1, keepdims=True)
        return self._action
