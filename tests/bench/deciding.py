# SPDX-License-Identifier: MIT
"""Agents as a user would write them, for the bench of recording: a few lines of NumPy."""

from __future__ import annotations

import numpy as np

from pybridge import Action, Scenario
from pybridge.observation import MIN, Observation
from pybridge.schema import Levels, Schema


class PerSlice:
    """Guarantees PRBs in the ratio of the offered loads, a tenth of them equally."""

    levels: Levels = "high"

    def reset(self, schema: Schema, scenario: Scenario) -> None:
        """Begin."""
        self.action = Action(schema, self.levels)

    def act(self, observation: Observation) -> Action:
        """Decide."""
        load = np.nan_to_num(observation.kpm("x.offered_kbps")) + 1e-3
        self.action.prb_policy[:, :, MIN] = 0.1 / load.shape[1] + 0.9 * load / load.sum(axis=1, keepdims=True)
        return self.action


class PerUe(PerSlice):
    """Also favours UEs whose oldest packet nears its budget."""

    levels: Levels = "both"

    def act(self, observation: Observation) -> Action:
        """Decide."""
        if observation.high_decision:
            super().act(observation)
        hol, budget = observation.ue_kpm("x.hol_delay_ms"), observation.ue_kpm("x.delay_budget_ms")
        urgency = np.nan_to_num(hol / np.maximum(budget, 1.0))
        assert self.action.ue_weight is not None
        self.action.ue_weight[...] = np.clip(1.0 + 4.0 * urgency, 0.01, 100.0)
        return self.action
