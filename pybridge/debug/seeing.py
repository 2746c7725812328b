# SPDX-License-Identifier: MIT
"""A trained policy outside of its environment: observation to array, array to action."""

from __future__ import annotations

from pybridge.envs import SliceEnv
from pybridge.envs.features import DEFAULT_SLICE_FEATURES
from pybridge.envs.shares import DEFAULT_SHARE_FLOOR, CappedMap, Controls, ShareMap
from pybridge.envs.slice_view import SliceView
from pybridge.observation import DEDICATED, MAX, MIN, Action, Observation
from pybridge.policies import ArrayPolicy
from pybridge.scenario import Scenario
from pybridge.schema import Schema


class TrainedSight:
    """Asks a checkpoint about observations of a session that somebody else steps, as `SliceEnv` would."""

    def __init__(self, trained: ArrayPolicy, scenario: Scenario, schema: Schema) -> None:
        """Raises `SliceBridgeError` unless the policy fits the scenario."""
        controls: Controls = getattr(trained, "controls", "shares")
        spaces = SliceEnv(scenario, controls=controls)
        trained.check_spaces(spaces.observation_space, spaces.action_space)
        self._trained = trained
        self._view: SliceView | None = None
        share_map = CappedMap if controls == "capped" else ShareMap
        self._shares: CappedMap | ShareMap = share_map(schema.n_cells, schema.n_slices, DEFAULT_SHARE_FLOOR)
        self._action = action = Action(schema, "high")
        action.prb_policy[:, :, DEDICATED], action.prb_policy[:, :, MAX] = 0.0, 1.0
        self._controls = (
            action.prb_policy[:, :, MIN],
            action.compute_share,
            action.power_share,
            action.prb_policy[:, :, MAX],
        )

    def act(self, observation: Observation) -> Action:
        """The decision at this epoch."""
        if self._view is None:
            self._view = SliceView(DEFAULT_SLICE_FEATURES, observation.schema, observation.levels)
        shares = self._shares(self._trained.act(self._view(observation).reshape(-1)))
        for resource in range(shares.shape[1]):
            self._controls[resource][...] = shares[:, resource]
        return self._action
