# SPDX-License-Identifier: MIT
"""The high level as a Gymnasium environment: one agent shares the resources of all cells between slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from pybridge.envs.features import DEFAULT_SLICE_FEATURES, Feature
from pybridge.envs.layout import layout_of
from pybridge.envs.qos import NetworkSatisfaction
from pybridge.envs.reward import RewardFunction, SlaReward
from pybridge.envs.seeding import EpisodeSeeds
from pybridge.envs.shares import (
    DEFAULT_SHARE_FLOOR,
    RESOURCES,
    CappedMap,
    Controls,
    ShareMap,
    capped_actions,
    check_share_floor,
)
from pybridge.envs.slice_view import SliceView
from pybridge.episode import ResolvedScenario
from pybridge.errors import SessionStateError
from pybridge.listener import Listener
from pybridge.observation import DEDICATED, MAX, MIN, Action, Observation
from pybridge.session import Session
from pybridge.task import Task
from pybridge.trajectory import trajectory_of

if TYPE_CHECKING:
    from pybridge.low_policy import LowPolicy

Array = npt.NDArray[np.float32]


class SliceEnv(gym.Env[Array, Array]):
    """Shares of PRBs, DU compute and transmit power between slices, decided once per high-level period.

    **Action**: Box(0, 1), flat, of cells × resources (prb, compute, power) × slices, row-major: scores a. Each resource
    of each cell is shared by ρ_k = floor + (1 − K·floor)·a_k/Σa (equal shares if all scores are 0). A PRB share becomes
    an RRMPolicyRatio with dedicated 0, min ρ_k and max 1: guaranteed, lent while unused, not capped. Scores outside of
    the Box are clipped into it. With `controls="capped"` PRBs may also stay unused and max and power levels are set:
    `pybridge.envs.shares.CappedMap`.

    **Observation**: Box(0, 1), flat, of cells × slices × inputs as `SliceView` says (scaled KPMs over the last period,
    shares in force, SLA).

    **Reward**: `SlaReward` by default, of the period that the step simulated.

    **Episode**: one scenario, warm-up discarded, a fresh simulator process each; `truncated` at the end of its
    duration, never `terminated`. `reset(seed=s)` sets ns-3's RngRun as `EpisodeSeeds` says.

    `info`: `time_s`; `rng_run`; from `step()` also `qos` and `satisfaction`, per slice the hard and the smooth
    satisfaction of its SLA over all cells (`pybridge.envs.qos`), float64 arrays of shape (slices,); and `low_level` if
    a low-level policy is recorded (`pybridge.trajectory.trajectory_of`).
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 10}  # noqa: RUF012 - Gymnasium declares it so

    def __init__(
        self,
        scenario: ResolvedScenario,
        *,
        reward: RewardFunction | None = None,
        kpms: Sequence[Feature] = DEFAULT_SLICE_FEATURES,
        share_floor: float = DEFAULT_SHARE_FLOOR,
        controls: Controls = "shares",
        out_dir: Path | str | None = None,
        program: Sequence[str | Path] | None = None,
        endpoint: str | None = None,
        listener: Listener | None = None,
        step_timeout_s: float = 300.0,
        record: Path | str | None = None,
        render_mode: str | None = None,
        session_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Nothing is started before `reset()`.

        reward: values a period; None: `SlaReward()`.
        kpms: features per cell and slice.
        share_floor: smallest share of any slice, in [0, 1/slices].
        controls: what actions say.
        out_dir, program, endpoint, listener, step_timeout_s, record: as for `Session`.
        render_mode: None or "ansi" (a table of slices as text).
        session_options: further arguments of `Session`, by name.

        Raises `BinaryNotFound`, `ValueError`.
        """
        if render_mode not in (None, "ansi"):
            raise ValueError(f'render_mode is None or "ansi", got {render_mode!r}')
        self._layout = layout_of(scenario)
        check_share_floor(share_floor, self._layout.n_slices)
        self.render_mode = render_mode
        self.share_floor = share_floor
        self._reward: RewardFunction = SlaReward() if reward is None else reward
        self._features = tuple(kpms)
        n_inputs = self._layout.n_cells * self._layout.n_slices * SliceView.n_inputs(self._features)
        self.observation_space = gym.spaces.Box(0.0, 1.0, (n_inputs,), np.float32)
        n_slices = self._layout.n_slices
        per_cell = capped_actions(n_slices) if controls == "capped" else len(RESOURCES) * n_slices
        self.action_space = gym.spaces.Box(0.0, 1.0, (self._layout.n_cells * per_cell,), np.float32)
        self._session = Session(
            scenario,
            levels="delegated",
            out_dir=out_dir,
            program=program,
            endpoint=endpoint,
            listener=listener,
            step_timeout_s=step_timeout_s,
            record=record,
            history=0,
            **(session_options or {}),
        )
        self._seeds = EpisodeSeeds(scenario.seed)
        self._rng_run = scenario.seed
        self._low_policy: LowPolicy | None = None
        share_map = CappedMap if controls == "capped" else ShareMap
        self._shares: CappedMap | ShareMap = share_map(self._layout.n_cells, n_slices, share_floor)
        self._controls = np.zeros((0, 0, 0), np.intp)
        """Where what `_shares` gives stands in the body of `_action`, in the same shape."""
        self._as_sent = np.zeros((0, 0, 0), np.float32)
        self._view: SliceView | None = None
        self._satisfaction: NetworkSatisfaction | None = None
        self._state: Observation | None = None
        self._action: Action | None = None

    @property
    def session(self) -> Session:
        """The session underneath, for its schema, log and process id."""
        return self._session

    @property
    def state(self) -> Observation:
        """The observation behind the last one returned, with all KPMs. Raises `SessionStateError` before `reset()`."""
        if self._state is None:
            raise SessionStateError("call reset() first")
        return self._state

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Begin an episode in a fresh simulator.

        options: `low_policy`: a `LowPolicy` that decides about UEs inside the simulation from now on, in further
            episodes too, or None for none. Without that key, it stays as it is; at first there is none.

        Raises what `Session.reset` does, `ValueError` for a negative seed.
        """
        self.begin_reset(seed=seed, options=options)
        return self.began(self._session.wait())

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Put the shares in force and simulate one period. Raises `ActionError` and what `Session.step` does."""
        self.begin_step(action)
        return self.stepped(self._session.wait())

    def begin_reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """First half of `reset`, without waiting; the second is `began`, with what the session then gives."""
        self._rng_run = self._seeds.next(seed)
        super().reset(seed=seed)
        if options is not None and "low_policy" in options:
            self._low_policy = options["low_policy"]
        self.begin_again()

    def begin_again(self) -> None:
        """Begin the episode that `begin_reset` began once more, in another simulator."""
        self._session.begin_reset(seed=self._rng_run, low_policy=self._low_policy)

    def began(self, state: Observation) -> tuple[Array, dict[str, Any]]:
        """Second half of `reset`."""
        self._layout.check(state.schema)
        self._view = SliceView(self._features, state.schema)
        self._satisfaction = NetworkSatisfaction(state.schema)
        self._action = action = self._session.action()
        action.prb_policy[:, :, DEDICATED], action.prb_policy[:, :, MAX] = 0.0, 1.0
        self._controls = _places(action)[:, : self._shares.n_controls]
        self._as_sent = np.empty(self._controls.shape, np.float32)
        return self._see(state), self._info(state)

    def begin_step(self, action: Array) -> None:
        """First half of `step`, without waiting; the second is `stepped`, with what the session then gives."""
        self._session.begin_step(self._decision(action), in_range=True)

    def stepped(self, state: Observation) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Second half of `step`."""
        assert self._satisfaction is not None
        satisfaction = self._satisfaction(state)
        info = self._info(state)
        info["qos"], info["satisfaction"] = satisfaction.hard, satisfaction.smooth
        low_level = trajectory_of(state)
        if low_level is not None:
            info["low_level"] = low_level
        reward = float(self._reward(state, satisfaction))
        return self._see(state), reward, False, state.last, info

    def switch(self, task: Task) -> None:
        """Simulate another scenario from the next `reset` on; the random stream of this environment goes on.

        Raises `ValueError` unless it has as many cells and slices, so that the spaces stay. UEs may be others.
        """
        layout = layout_of(task.scenario)
        for name, now, then in (
            ("cells", self._layout.n_cells, layout.n_cells),
            ("slices", self._layout.n_slices, layout.n_slices),
        ):
            if now != then:
                raise ValueError(f"a task of {then} {name} is not one for an environment of {now}: spaces would change")
        self._layout = layout
        self._reward = SlaReward() if task.reward is None else task.reward
        self._session.simulate(task.scenario)

    def shares(self, action: Array) -> npt.NDArray[np.float64]:
        """Shares that an action stands for, shape (cells, resources, slices). Raises `ActionError`.

        With controls "capped", max PRB ratios come fourth.
        """
        return self._shares(action).copy()

    def render(self) -> str | None:
        """With render_mode "ansi", a line per cell and slice; else None."""
        return _as_text(self.state) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """End the simulator. May be called twice; `reset()` starts a new one."""
        self._session.close()

    def _decision(self, action: Array) -> Action:
        if self._action is None:
            raise SessionStateError("call reset() first")
        shares = self._shares(action)
        self._as_sent[...] = shares
        self._action.flat[self._controls] = self._as_sent
        return self._action

    def _see(self, state: Observation) -> Array:
        assert self._view is not None
        self._state = state
        return self._view.in_a_row(state)

    def _info(self, state: Observation) -> dict[str, Any]:
        return {"time_s": state.time_s, "rng_run": self._rng_run}


def _places(action: Action) -> npt.NDArray[np.intp]:
    """Where min PRB ratios, compute, power shares and max PRB ratios stand in the body, shape (cells, 4, slices)."""
    body = np.arange(len(action.flat), dtype=np.float32).view(action.body.dtype)[0]
    prb = body["prb_policy"]
    places = (prb[:, :, MIN], body["compute_share"], body["power_share"], prb[:, :, MAX])
    return np.stack(places, axis=1).astype(np.intp)


def _as_text(state: Observation) -> str:
    used, goodput, delay = (state.kpm(name) for name in ("x.prb_used_ratio", "x.goodput_kbps", "x.packet_delay_ms"))
    lines = [f"t = {state.time_s:.3f} s"]
    for cell, cell_name in enumerate(state.schema.cells):
        for index, info in enumerate(state.schema.slices):
            at = (cell, index)
            lines.append(
                f"{cell_name} {info.name}: PRB {100 * used[at]:.1f} %, {goodput[at]:.0f} kbit/s, {delay[at]:.1f} ms"
            )
    return "\n".join(lines)
