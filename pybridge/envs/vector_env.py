# SPDX-License-Identifier: MIT
"""One learner, any number of simulations beside each other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from pybridge.envs.features import DEFAULT_SLICE_FEATURES, Feature
from pybridge.envs.shares import DEFAULT_SHARE_FLOOR, Controls
from pybridge.envs.slice_env import SliceEnv
from pybridge.envs.sub_env import Outcome, SubEnv
from pybridge.episode import ResolvedScenario
from pybridge.errors import ActionError, SessionStateError
from pybridge.listener import Listener
from pybridge.process import ProcessWatch
from pybridge.task import Task

if TYPE_CHECKING:
    from pybridge.low_policy import LowPolicy

Array = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

GREET_EVERY = 16
"""Simulations started, after which those that have come are answered."""

LOOK_PERIOD_S = 0.05
"""How often ended processes and passed deadlines are looked for while others are busy."""


class Batch(NamedTuple):
    """What `SliceVectorEnv.recv` gives: a row per sub-environment that is ready."""

    env_ids: npt.NDArray[np.int64]
    """Which they are, in the order in which they became ready."""
    observations: Array
    rewards: Doubles
    terminations: Flags
    truncations: Flags
    infos: tuple[dict[str, Any], ...]


class SliceVectorEnv(VectorEnv[Array, Array, npt.NDArray[Any]]):
    """`num_envs` environments as `SliceEnv` is one, their simulations side by side, served over one link.

    Sub-environment i gives the same bits as a `SliceEnv` that is reset with the same seed, whatever runs beside it.
    `reset(seed=s)` seeds them with s, s + 1, …; a list seeds each; without a seed the first reset uses the scenario's
    seed likewise, and later ones continue the streams (`EpisodeSeeds`).

    **Synchronous**: `reset` and `step` as Gymnasium defines them, in all three autoreset modes, with `final_obs` and
    `final_info` in SAME_STEP and `options={"reset_mask": …}`.

    **Asynchronous**: after `reset`, `send(actions, env_ids)` answers some, `recv()` gives those that are ready. A
    sub-environment whose episode is over is begun anew as the autoreset mode says (NEXT_STEP: by the next `send`, whose
    action is ignored).

    **Tasks**: `reset(options={"tasks": [task or None, …]})` gives sub-environments another scenario and reward from
    that reset on; None keeps what there is. `options={"low_policies": [policy or None, …]}` gives each its own
    low-level policy, None being none. Other options go to every `SliceEnv.reset`.

    **Lost simulations** (died, failed, timed out, malformed messages) are replaced and logged: in an episode, its
    sub-environment is `truncated` with the reason in `infos["simulation_lost"]`, reward 0 and its last observation, and
    then resets as any other; while it began, a new one of the same RngRun takes its place.

    One thread. Use as a context manager, or call `close()`.
    """

    def __init__(
        self,
        scenario: ResolvedScenario | Task,
        num_envs: int,
        *,
        kpms: Sequence[Feature] = DEFAULT_SLICE_FEATURES,
        share_floor: float = DEFAULT_SHARE_FLOOR,
        controls: Controls = "shares",
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
        max_losses: int = 10,
        out_dir: Path | str | None = None,
        program: Sequence[str | Path] | None = None,
        endpoint: str | None = None,
        step_timeout_s: float = 300.0,
    ) -> None:
        """Binds the link; no simulation is started before `reset()`.

        scenario: of all, with its reward if it is a `Task`.
        autoreset_mode: when a sub-environment whose episode is over begins the next.
        max_losses: if a sub-environment loses more simulations than these without a complete episode in between,
            `SimulationError` is raised.
        out_dir: records of sub-environment i go to `out_dir/env-i`, as `Session` says.
        kpms, share_floor, controls, program, endpoint, step_timeout_s: as for `SliceEnv`.

        Raises `BinaryNotFound`, `EndpointError`, `ValueError`.
        """
        if num_envs < 1:
            raise ValueError(f"num_envs is at least 1, got {num_envs}")
        task = scenario if isinstance(scenario, Task) else Task(scenario)
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self._listener = Listener(endpoint, children=True)
        self._watch = ProcessWatch()
        self._first_seed: int | None = task.scenario.seed
        self._subs = [
            SubEnv(
                index,
                SliceEnv(
                    task.scenario,
                    reward=task.reward,
                    kpms=kpms,
                    share_floor=share_floor,
                    controls=controls,
                    out_dir=None if out_dir is None else Path(out_dir) / f"env-{index}",
                    program=program,
                    listener=self._listener,
                    step_timeout_s=step_timeout_s,
                ),
                max_losses,
            )
            for index in range(num_envs)
        ]
        self.single_observation_space: gym.Space[Any] = self._subs[0].env.observation_space
        self.single_action_space: gym.Space[Any] = self._subs[0].env.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._pending: set[int] = set()
        """Sub-environments that have begun something and whose outcome has not come."""
        self._ready: dict[int, Outcome] = {}
        """Outcomes that have come and have not been given out."""
        self._final: dict[int, Outcome] = {}
        """SAME_STEP: how the episode ended, while the next one begins."""
        self._look_at = 0.0

    @property
    def envs(self) -> tuple[SliceEnv, ...]:
        """The sub-environments, to be looked at (schema, state, log), not stepped."""
        return tuple(sub.env for sub in self._subs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Begin an episode in every sub-environment, or in those of `options["reset_mask"]`.

        What was sent and not received is dropped. Raises what `SliceEnv.reset` does, `SimulationError` if simulations
        are lost again and again, `ValueError`, `TypeError` for seeds, masks or tasks that make no sense.
        """
        further = dict(options or {})
        chosen = self._masked(further.pop("reset_mask", None))
        seeds = self._seeds(seed)
        self._switch(further.pop("tasks", None))
        own = self._own_options(further.pop("low_policies", None))
        for index in chosen:
            self._forget(index)
        for number, index in enumerate(chosen):
            self._begin_reset(index, seeds[index], further | own[index])
            self._greet(number)
        infos = self._infos(self._collect_all(chosen))
        return self._observations(), infos

    def step(self, actions: Array) -> tuple[Array, Doubles, Flags, Flags, dict[str, Any]]:
        """Step every sub-environment: all are answered, then all are waited for.

        actions: shape (num_envs, actions of one). Raises `ActionError`, `SessionStateError` (DISABLED: one is over and
        was not reset; or `recv` is due), `SimulationError` if simulations are lost again and again.
        """
        if self._pending or self._ready:
            raise SessionStateError("actions have been sent and not received: call recv() or reset() first")
        everyone = range(self.num_envs)
        self._begin(everyone, actions)
        outcomes = self._collect_all(everyone)
        rewards = np.array([outcomes[index].reward for index in everyone])
        terminations = np.array([outcomes[index].terminated for index in everyone])
        truncations = np.array([outcomes[index].truncated for index in everyone])
        return self._observations(), rewards, terminations, truncations, self._infos(outcomes)

    def send(self, actions: Array, env_ids: Sequence[int] | npt.NDArray[np.integer[Any]]) -> None:
        """Answer some sub-environments, without waiting. actions: shape (len(env_ids), actions of one).

        Raises `ActionError`, `SessionStateError` (nothing was sent to those that are not ready), `ValueError`.
        """
        ids = [int(index) for index in env_ids]
        if len(set(ids)) != len(ids) or not all(0 <= index < self.num_envs for index in ids):
            raise ValueError(f"env_ids are distinct and in 0..{self.num_envs - 1}, got {ids}")
        busy = [index for index in ids if index in self._pending or index in self._ready]
        if busy:
            raise SessionStateError(f"sub-environments {busy} have been answered and not received yet")
        self._begin(ids, actions)

    def recv(self, min_batch: int = 1, timeout_s: float | None = None) -> Batch:
        """Wait until at least `min_batch` of those that were answered are ready; all that are ready.

        min_batch: more than there are to come means all of them.
        timeout_s: give what is ready then, which may be nothing. None: as long as it takes; deadlines of simulations
            hold all the same.

        Raises `SimulationError` if simulations are lost again and again.
        """
        until = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        self._collect(min_batch, until)
        ready, self._ready = self._ready, {}
        outcomes = list(ready.values())
        observations = np.zeros((len(ready), *(self.single_observation_space.shape or ())), np.float32)
        for row, outcome in zip(observations, outcomes, strict=True):
            row[...] = outcome.observation
        return Batch(
            np.array(list(ready), np.int64),
            observations,
            np.array([outcome.reward for outcome in outcomes], np.float64),
            np.array([outcome.terminated for outcome in outcomes], np.bool_),
            np.array([outcome.truncated for outcome in outcomes], np.bool_),
            tuple(outcome.info for outcome in outcomes),
        )

    def close_extras(self, **kwargs: Any) -> None:
        """End all simulations in good order."""
        for sub in self._subs:
            sub.env.close()
        self._listener.close()
        self._watch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _masked(self, mask: Any) -> list[int]:
        if mask is None:
            return list(range(self.num_envs))
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            raise TypeError("options['reset_mask'] is a NumPy array of bool")
        if mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(f"options['reset_mask'] has shape ({self.num_envs},) and a True, got {mask}")
        return [int(index) for index in np.flatnonzero(mask)]

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            seed, self._first_seed = self._first_seed, None
        if seed is None:
            return [None] * self.num_envs
        self._first_seed = None
        if not isinstance(seed, Sequence):
            super().reset(seed=seed)
            return [seed + index for index in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"a list of seeds has one for each of {self.num_envs} sub-environments, got {len(seed)}")
        return list(seed)

    def _switch(self, tasks: Sequence[Task | None] | None) -> None:
        if tasks is None:
            return
        if len(tasks) != self.num_envs:
            raise ValueError(f"options['tasks'] has one for each of {self.num_envs} sub-environments, got {len(tasks)}")
        for sub, task in zip(self._subs, tasks, strict=True):
            if task is not None:
                sub.env.switch(task)

    def _own_options(self, policies: Sequence[LowPolicy | None] | None) -> list[dict[str, Any]]:
        """Options of each sub-environment's reset that the others do not share."""
        if policies is None:
            return [{}] * self.num_envs
        if len(policies) != self.num_envs:
            raise ValueError(f"options['low_policies'] has one for each of {self.num_envs}, got {len(policies)}")
        return [{"low_policy": policy} for policy in policies]

    def _forget(self, index: int) -> None:
        """Whatever this sub-environment has begun is of no interest any more."""
        self._watch.discard(index)
        self._pending.discard(index)
        self._ready.pop(index, None)
        self._final.pop(index, None)

    def _begin(self, ids: Sequence[int], actions: Array) -> None:
        actions = np.asarray(actions, np.float32)
        expected = (len(ids), *(self.single_action_space.shape or ()))
        if actions.shape != expected:
            raise ActionError(f"actions have shape {expected}, got {actions.shape}")
        # Everything is looked at before anything is sent.
        for index, action in zip(ids, actions, strict=True):
            if not np.isfinite(action).all():
                raise ActionError(f"the action of sub-environment {index} has a value that is not finite")
            if self._subs[index].over and self.autoreset_mode != AutoresetMode.NEXT_STEP:
                raise SessionStateError(f"the episode of sub-environment {index} is over: reset it first")
        for number, (index, action) in enumerate(zip(ids, actions, strict=True)):
            sub = self._subs[index]
            if sub.over:
                self._begin_reset(index)
                self._greet(number)
                continue
            lost = sub.begin_step(action)
            if lost is None:
                self._await(index)
            else:
                self._take(index, lost)

    def _begin_reset(self, index: int, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self._subs[index].begin_reset(seed, options)
        self._await(index)

    def _greet(self, number: int) -> None:
        """Now and then while many are started: who has come waits ten seconds for an answer, no longer."""
        if number % GREET_EVERY == GREET_EVERY - 1 and self._listener.pump(0.0):
            for index in [index for index in self._pending if self._subs[index].env.session.has_news]:
                self._go_on(index)

    def _await(self, index: int) -> None:
        self._pending.add(index)
        self._watch.add(index, self._subs[index].env.session.process)

    def _collect_all(self, ids: Iterable[int]) -> dict[int, Outcome]:
        wanted = list(ids)
        while not all(index in self._ready for index in wanted):
            self._collect(len(self._ready) + 1, float("inf"))
        return {index: self._ready.pop(index) for index in wanted}

    def _collect(self, enough: int, until: float) -> None:
        """Until `enough` outcomes are ready, nothing is pending, or time is up."""
        while self._pending and len(self._ready) < enough:
            news = [index for index in self._pending if self._subs[index].env.session.has_news]
            for index in news:
                self._go_on(index)
            now = time.monotonic()
            if now >= self._look_at:
                self._look_at = now + LOOK_PERIOD_S
                self._look_after(now)
            elif not news:
                if now >= until:
                    return
                nearest = min(self._subs[index].env.session.deadline for index in self._pending)
                if not self._listener.pump(min(until, nearest), self._watch):
                    self._look_at = 0.0

    def _look_after(self, now: float) -> None:
        """Those whose process has ended, or whose deadline has passed."""
        late = [index for index in self._pending if self._subs[index].env.session.deadline <= now]
        for index in {*self._watch.ended(), *late} & self._pending:
            self._go_on(index, over=True)

    def _go_on(self, index: int, over: bool = False) -> None:
        # Left before anything is closed: another process may hold the same handle, and epoll would keep it.
        self._watch.discard(index)
        sub = self._subs[index]
        outcome = sub.conclude() if over else sub.advance()
        if outcome is None:
            self._await(index)
        else:
            self._take(index, outcome)

    def _take(self, index: int, outcome: Outcome) -> None:
        self._pending.discard(index)
        final = self._final.pop(index, None)
        if final is not None:
            info = outcome.info | {"final_obs": final.observation, "final_info": final.info}
            if "simulation_lost" in final.info:
                info["simulation_lost"] = final.info["simulation_lost"]
            outcome = final._replace(observation=outcome.observation, info=info)
        elif outcome.truncated and self.autoreset_mode == AutoresetMode.SAME_STEP:
            self._final[index] = outcome
            self._begin_reset(index)
            return
        self._ready[index] = outcome

    def _observations(self) -> Array:
        return np.stack([sub.observation for sub in self._subs])

    def _infos(self, outcomes: dict[int, Outcome]) -> dict[str, Any]:
        """As Gymnasium batches them; trajectories differ in shape, so they stay as they are, in an array of objects."""
        infos: dict[str, Any] = {}
        for index, outcome in sorted(outcomes.items()):
            info = dict(outcome.info)
            low_level = info.pop("low_level", None)
            infos = self._add_info(infos, info, index)
            if low_level is not None:
                infos.setdefault("low_level", np.full(self.num_envs, None, dtype=object))[index] = low_level
                infos.setdefault("_low_level", np.zeros(self.num_envs, np.bool_))[index] = True
        return infos
