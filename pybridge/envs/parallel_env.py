# SPDX-License-Identifier: MIT
"""Both levels as a PettingZoo parallel environment: an agent per cell above, one per cell and slice below."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from pettingzoo import ParallelEnv  # type: ignore[import-untyped]

from pybridge.envs.features import DEFAULT_SLICE_FEATURES, DEFAULT_UE_FEATURES, Feature, FeatureScaler
from pybridge.envs.layout import layout_of
from pybridge.envs.qos import (
    Satisfaction,
    UeRates,
    delay_satisfaction,
    packet_counts,
    rate_satisfaction,
    ue_rates,
)
from pybridge.envs.reward import SlaReward
from pybridge.envs.seeding import EpisodeSeeds
from pybridge.envs.shares import (
    DEFAULT_SHARE_FLOOR,
    RESOURCES,
    check_share_floor,
    checked_action,
    shares_from_scores,
)
from pybridge.envs.slice_view import SliceView
from pybridge.envs.ue_slots import UeSlots
from pybridge.episode import ResolvedScenario
from pybridge.errors import ActionError, SessionStateError
from pybridge.observation import Action, Observation
from pybridge.session import Session

Array = npt.NDArray[Any]

WEIGHT_EXPONENT = 2.0
"""A low-level action y sets the scheduling weight exp(2y)."""
POWER_OFFSET_MIN_DB, POWER_OFFSET_MAX_DB = -6.0, 3.0


class RanParallelEnv(ParallelEnv[str, Any, Array]):  # type: ignore[misc]
    """All cells and slices of a network, decided in one message per low-level period.

    **Agents**: `cell0/high` shares the cell's resources between slices; `cell0/slice/embb` steers the UEs of a slice in
    a cell. All act at every step (a low-level period); what the high ones say takes effect only where their observation
    carries the flag, at the start of a high-level period.

    **high**: observation Box(0, 1), flat: slices × inputs (`SliceView`, over the last high-level period), then the flag
    "this decision counts". Action Box(0, 1), flat: resources × slices, as in `SliceEnv`. Reward: r_H of the cell
    (`SlaReward`) at the end of each high-level period, 0 at other steps.

    **slice**: observation Dict of `slice` Box(0, 1): inputs of its own slice over the last low-level period; `ue`
    Box(0, 1), (slots, UE features), zeros where there is no UE; `mask`: 1 where there is one. UEs are padded to the
    number of UEs of the slice in all cells, since any may be handed over. Action Box(−1, 1), (slots, 2): weight exp(2y)
    and power offset (6y dB below 0, 3y dB above, so −6…3 dB and 0 at 0). Slots without a UE are ignored. Reward: smooth
    satisfaction of the slice in the cell: rates over a sliding high-level period, packets over the low-level one.
    `infos[agent]["ues"]` says which UE stands in which slot (−1: none).

    A reward belongs to the cell that serves the UE at the end of the period. Seeds are as in `EpisodeSeeds`; all agents
    are truncated together at the end of the scenario.
    """

    metadata = {"name": "slicebridge_ran_v0", "render_modes": [], "is_parallelizable": True}  # noqa: RUF012

    def __init__(
        self,
        scenario: ResolvedScenario,
        *,
        reward: SlaReward | None = None,
        slice_features: Sequence[Feature] = DEFAULT_SLICE_FEATURES,
        ue_features: Sequence[Feature] = DEFAULT_UE_FEATURES,
        share_floor: float = DEFAULT_SHARE_FLOOR,
        out_dir: Path | str | None = None,
        program: Sequence[str | Path] | None = None,
        step_timeout_s: float = 300.0,
    ) -> None:
        """Nothing is started before `reset()`. Arguments as for `SliceEnv`. Raises `BinaryNotFound`, `ValueError`."""
        self._layout = layout_of(scenario)
        check_share_floor(share_floor, self._layout.n_slices)
        self._share_floor = share_floor
        self._reward = SlaReward() if reward is None else reward
        self._slice_features, self._ue_features = tuple(slice_features), tuple(ue_features)
        cells = [f"cell{index}" for index in range(self._layout.n_cells)]
        self._high = [f"{cell}/high" for cell in cells]
        self._low = [f"{cell}/slice/{name}" for cell in cells for name in self._layout.slices]
        self._slots_of = list(self._layout.ues) * self._layout.n_cells
        self.possible_agents = self._high + self._low
        self.agents: list[str] = []
        self.render_mode = None
        self.observation_spaces = {agent: self._make_observation_space(agent) for agent in self.possible_agents}
        self.action_spaces = {agent: self._make_action_space(agent) for agent in self.possible_agents}
        self._session = Session(
            scenario, levels="both", out_dir=out_dir, program=program, step_timeout_s=step_timeout_s, history=0
        )
        self._seeds = EpisodeSeeds(scenario.seed)
        self._episode: _Views | None = None

    @property
    def session(self) -> Session:
        """The session underneath, for its schema, log and process id."""
        return self._session

    @property
    def network_state(self) -> Observation:
        """The observation behind the last ones returned. Raises `SessionStateError` before `reset()`."""
        return self._running.state

    def observation_space(self, agent: str) -> gym.Space[Any]:
        """Always the same object for an agent, so that it can be seeded."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gym.Space[Any]:
        """Always the same object for an agent, so that it can be seeded."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin an episode in a fresh simulator. Raises what `Session.reset` does, `ValueError` for a negative seed."""
        state = self._session.reset(seed=self._seeds.next(seed))
        self._layout.check(state.schema)
        self._episode = _Views(state, self._slice_features, self._ue_features, max(self._layout.ues))
        self._episode.action = self._session.action()
        self.agents = list(self.possible_agents)
        return self._observe(), self._infos()

    def step(
        self, actions: Mapping[str, Array]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Put all decisions in force and simulate one low-level period. Raises `ActionError`, and as `Session.step`."""
        running = self._running
        missing = [agent for agent in self.agents if agent not in actions]
        if missing:
            raise ActionError(f"no action of {missing[0]}")
        self._decide_high(actions)
        self._decide_low(actions)
        state = self._session.step(running.action)
        running.update(state)
        rewards = self._rewards(state)
        observations, infos = self._observe(), self._infos()
        truncations = dict.fromkeys(self.possible_agents, state.last)
        terminations = dict.fromkeys(self.possible_agents, False)
        if state.last:
            self.agents = []
        return observations, rewards, terminations, truncations, infos

    def render(self) -> None:
        """Nothing: there are no render modes."""

    def close(self) -> None:
        """End the simulator. May be called twice; `reset()` starts a new one."""
        self._session.close()

    @property
    def _running(self) -> _Views:
        if self._episode is None:
            raise SessionStateError("call reset() first")
        return self._episode

    def _make_observation_space(self, agent: str) -> gym.Space[Any]:
        inputs = SliceView.n_inputs(self._slice_features)
        if agent in self._high:
            return gym.spaces.Box(0.0, 1.0, (self._layout.n_slices * inputs + 1,), np.float32)
        slots = self._slots_of[self._low.index(agent)]
        return gym.spaces.Dict(
            {
                "slice": gym.spaces.Box(0.0, 1.0, (inputs,), np.float32),
                "ue": gym.spaces.Box(0.0, 1.0, (slots, len(self._ue_features)), np.float32),
                "mask": gym.spaces.MultiBinary(slots),
            }
        )

    def _make_action_space(self, agent: str) -> gym.Space[Any]:
        if agent in self._high:
            return gym.spaces.Box(0.0, 1.0, (len(RESOURCES) * self._layout.n_slices,), np.float32)
        return gym.spaces.Box(-1.0, 1.0, (self._slots_of[self._low.index(agent)], 2), np.float32)

    def _decide_high(self, actions: Mapping[str, Array]) -> None:
        n_slices = self._layout.n_slices
        rows = [checked_action(actions[agent], (len(RESOURCES) * n_slices,), agent) for agent in self._high]
        scores = np.clip(np.stack(rows).reshape(-1, len(RESOURCES), n_slices), 0.0, 1.0)
        shares = shares_from_scores(scores, self._share_floor)
        action = self._running.action
        action.prb_policy[:, :, 0] = 0.0
        action.prb_policy[:, :, 1] = shares[:, 0]
        action.prb_policy[:, :, 2] = 1.0
        action.compute_share[...] = shares[:, 1]
        action.power_share[...] = shares[:, 2]

    def _decide_low(self, actions: Mapping[str, Array]) -> None:
        running = self._running
        padded = np.zeros((len(self._low), max(self._layout.ues), 2))
        for row, agent in enumerate(self._low):
            slots = self._slots_of[row]
            padded[row, :slots] = checked_action(actions[agent], (slots, 2), agent)
        np.clip(padded, -1.0, 1.0, out=padded)
        offset_db = np.where(padded[..., 1] < 0.0, -POWER_OFFSET_MIN_DB, POWER_OFFSET_MAX_DB) * padded[..., 1]
        assert running.action.ue_weight is not None
        assert running.action.ue_power_offset_db is not None
        running.slots.unpad(np.exp(WEIGHT_EXPONENT * padded[..., 0]), running.action.ue_weight)
        running.slots.unpad(offset_db, running.action.ue_power_offset_db)

    def _observe(self) -> dict[str, Any]:
        running, state = self._running, self._running.state
        high = running.high_view(state).reshape(self._layout.n_cells, -1)
        low = running.low_view(state).reshape(len(self._low), -1)
        flag = np.float32(state.high_decision)
        ues, mask = running.slots.pad(running.ue_scaler(state.ue)), running.slots.mask()
        observations: dict[str, Any] = {agent: np.append(high[row], flag) for row, agent in enumerate(self._high)}
        for row, agent in enumerate(self._low):
            slots = self._slots_of[row]
            observations[agent] = {"slice": low[row], "ue": ues[row, :slots], "mask": mask[row, :slots]}
        return observations

    def _infos(self) -> dict[str, dict[str, Any]]:
        running = self._running
        infos: dict[str, dict[str, Any]] = {agent: {"time_s": running.state.time_s} for agent in self.possible_agents}
        ues = running.slots.ues()
        for row, agent in enumerate(self._low):
            infos[agent]["ues"] = ues[row, : self._slots_of[row]]
        return infos

    def _rewards(self, state: Observation) -> dict[str, float]:
        running = self._running
        rewards = dict.fromkeys(self._high, 0.0)
        if state.high_decision or state.last:
            of_cells = self._reward.of_cells(state, running.satisfaction("high").smooth)
            rewards = {agent: float(of_cells[row]) for row, agent in enumerate(self._high)}
        low = running.satisfaction("low").smooth.reshape(-1)
        return rewards | {agent: float(low[row]) for row, agent in enumerate(self._low)}


class _Views:
    """What an episode's observations are seen through, and the last high-level period's UE rates."""

    action: Action

    def __init__(
        self, state: Observation, slice_features: Sequence[Feature], ue_features: Sequence[Feature], n_slots: int
    ) -> None:
        schema = state.schema
        self.high_view = SliceView(slice_features, schema, "both")
        self.low_view = SliceView(slice_features, schema, "both", period="low")
        self.ue_scaler = FeatureScaler(ue_features, schema.ue_kpm_index)
        self._n_slots = n_slots
        self._rates: deque[UeRates] = deque(maxlen=schema.high_period_ms // schema.low_period_ms)
        self.state = state
        self.slots = UeSlots(schema, state.ue_cell, n_slots)

    def update(self, state: Observation) -> None:
        """Take the next observation."""
        self.state = state
        self.slots = UeSlots(state.schema, state.ue_cell, self._n_slots)
        self._rates.append(ue_rates(state))

    def satisfaction(self, level: str) -> Satisfaction:
        """Shape (cells, slices), of the SLAs over the last period of a level; rates over a sliding high-level one."""
        schema = self.state.schema
        rates = UeRates(
            np.mean([rates.delivered_kbps for rates in self._rates], axis=0),
            np.mean([rates.offered_kbps for rates in self._rates], axis=0),
        )
        shape = (schema.n_cells, schema.n_slices)
        rate = rate_satisfaction(schema, rates, self.slots.group, schema.n_cells * schema.n_slices)
        rate = Satisfaction(rate.smooth.reshape(shape), rate.hard.reshape(shape))
        return rate.worse(delay_satisfaction(schema, packet_counts(self.state, level)))
