# SPDX-License-Identifier: MIT
"""Rollouts on real NR cells: bits, what the low level is said to have done, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from agents.batch import Batch, RolloutError
from agents.high_level import HighControls, ResidualControls, SimplexControls
from agents.inner import InnerConfig
from agents.level import Level, LevelConfig
from agents.low_level import low_networks
from agents.network import reward_of, simulation_task, vector_factory
from agents.network_task import NetworkTask, Range, TaskDistribution, TaskRanges
from agents.rollout import NetworkRollout, RuleDriver, Simulations
from agents.rules import StaticRule

STEPS = 4
RANGES = TaskRanges(
    set={"timing.duration_s": STEPS * 0.1, "timing.warm_up_s": 0.1, "recording.packets": "none"},
    vary={"slices.embb.ues": Range(integer=(2, 5)), "slices.mmtc.ues": Range(integer=(3, 9))},
)
OBSERVED, FEATURES = 60, 6


def tasks(count: int = 2, track: str = "hidden") -> list[NetworkTask]:
    """Small cells of different sizes."""
    return TaskDistribution(RANGES.model_copy(update={"track": track})).tasks("train", count)


@pytest.fixture(scope="module")
def simulations(simulation_program: Any) -> Iterator[Simulations]:
    """Four at once."""
    with vector_factory(tasks(1)[0])(4) as vector:
        yield Simulations(vector, simulation_task, STEPS)


def levels(kind: type[HighControls], observed: int = OBSERVED) -> tuple[HighControls, dict[str, Level]]:
    """Controls, and untrained levels."""
    torch.manual_seed(1)
    controls = kind(1, 3, observed, FEATURES)
    high = Level(*controls.networks(), LevelConfig(inner=InnerConfig(adapted=("context",))))
    return controls, {"high": high, "low": Level(*low_networks(), LevelConfig())}


def batches(simulations: Simulations, kind: Any, episodes: int = 2, track: str = "hidden") -> dict[str, Batch]:
    """Of two tasks under untrained policies."""
    controls, of_level = levels(kind, OBSERVED + (2 if track == "told" else 0))
    policies = {name: level.policies(level.shared(2)) for name, level in of_level.items()}
    return NetworkRollout(simulations, controls)(tasks(2, track), policies, episodes, [3, 4])


def tensors(batch: Batch) -> list[bytes]:
    """All bits."""
    observation = batch.observation if isinstance(batch.observation, dict) else {"x": batch.observation}
    return [tensor.numpy().tobytes() for tensor in (*observation.values(), *batch[1:])]


@pytest.mark.parametrize("kind", [SimplexControls, ResidualControls])
def test_the_same_seeds_give_the_same_bits(simulations: Simulations, kind: Any) -> None:
    first, again = (batches(simulations, kind) for _ in range(2))
    for name in ("high", "low"):
        assert tensors(first[name]) == tensors(again[name])
    assert first["high"].reward.shape == (2, 2, STEPS)
    assert first["low"].reward.shape == (2, 2 * 3, 2 * 10)
    assert not torch.equal(first["high"].reward[:, 0], first["high"].reward[:, 1])


def test_more_episodes_than_simulations_are_played_in_waves(simulations: Simulations) -> None:
    many, few = batches(simulations, ResidualControls, 3), batches(simulations, ResidualControls, 2)
    assert many["high"].reward.shape == (2, 3, STEPS)
    assert torch.equal(many["high"].reward[:, :2], few["high"].reward)
    assert many["low"].observation["ue"].shape[:3] == (2, 9, 21)


def test_prices_are_seen_on_the_told_track(simulations: Simulations) -> None:
    told = batches(simulations, SimplexControls, 1, "told")["high"]
    shown = torch.from_numpy(np.stack([task.shown for task in tasks(2, "told")]))
    assert torch.equal(told.observation[:, 0, 2, -2:], shown)
    assert told.observation[0, 0, 2, 19] == pytest.approx(tasks(1, "told")[0].weights[0], abs=1e-6)


def test_recorded_actions_are_what_the_network_says_of_the_decoded_observations(simulations: Simulations) -> None:
    """Of a network whose noise is next to nothing, so that means and actions agree."""
    controls, of_level = levels(ResidualControls)
    with torch.no_grad():
        of_level["low"].theta["head_log_std"].fill_(-12.0)
    policies = {name: level.policies(level.shared(2)) for name, level in of_level.items()}
    low = NetworkRollout(simulations, controls)(tasks(), policies, 2, [3, 4])["low"]
    present = low.observation["present"][:, :, :-1] > 0
    assert present.sum() > 100
    before = {name: tensor[:, :, :-1] for name, tensor in low.observation.items()}
    mean = of_level["low"].actor()(before)[..., :2]
    assert torch.allclose(mean[present], low.action[present], atol=2e-4)
    assert (low.action[~present] == 0.0).all()


def test_rewards_of_the_low_level_are_within_their_range(simulations: Simulations) -> None:
    low = batches(simulations, ResidualControls)["low"]
    for index, task in enumerate(tasks()):
        worth = low.reward[index].reshape(2, 3, -1)
        assert (worth <= torch.tensor(task.weights).reshape(1, 3, 1) + 1e-6).all()
        assert (worth >= -task.power_price - task.prb_price - 1e-6).all()


def test_static_equal_is_what_its_shares_say(simulations: Simulations) -> None:
    driver = RuleDriver(StaticRule(np.ones(3)), 1, 3)
    wave = simulations.play(tasks(), driver, 1, [7, 8], [None, None])
    state = simulations.vector.envs[0].state
    assert state.requested[0, :, 1] == pytest.approx([1 / 3] * 3, abs=1e-6)
    assert state.requested[0, :, 2] == pytest.approx([1.0] * 3, abs=1e-6)
    utility = reward_of(tasks()[0]).utility(float(wave.reward[0].mean()))
    assert 0.0 <= utility <= 1.0


def test_too_many_episodes_for_the_simulations_are_refused(simulations: Simulations) -> None:
    with pytest.raises(RolloutError, match="2 tasks × 3 episodes on 4 simulations"):
        simulations.play(tasks(), RuleDriver(StaticRule(np.ones(3)), 1, 3), 3, [1, 2], [None, None])


class _Broken:
    """A vector environment that loses a simulation, or gives NaN, at the given calls of recv or reset."""

    def __init__(self, vector: Any, lose: int = 0, nan: bool = False) -> None:
        self._vector, self._lose, self._nan = vector, lose, nan
        self.num_envs, self.envs = vector.num_envs, vector.envs

    def reset(self, **arguments: Any) -> Any:
        observation, info = self._vector.reset(**arguments)
        return (observation * np.nan if self._nan else observation), info

    def send(self, actions: Any, env_ids: Any) -> None:
        self._vector.send(actions, env_ids)

    def recv(self, min_batch: int = 1) -> Any:
        batch = self._vector.recv(min_batch=min_batch)
        if self._lose > 0:
            self._lose -= 1
            batch.infos[0]["simulation_lost"] = "killed by a test"
        return batch


def test_a_wave_that_lost_a_simulation_is_played_again_with_the_same_bits(simulations: Simulations) -> None:
    broken = Simulations(_Broken(simulations.vector, lose=1), simulation_task, STEPS)  # type: ignore[arg-type]
    driver = RuleDriver(StaticRule(np.ones(3)), 1, 3)
    found, expected = (s.play(tasks(), driver, 2, [7, 8], [None] * 2).reward for s in (broken, simulations))
    assert np.array_equal(found, expected)
    always = Simulations(_Broken(simulations.vector, lose=99), simulation_task, STEPS)  # type: ignore[arg-type]
    with pytest.raises(RolloutError, match="killed by a test"):
        always.play(tasks(), driver, 2, [7, 8], [None] * 2)


def test_nan_of_an_environment_is_named(simulations: Simulations) -> None:
    broken = Simulations(_Broken(simulations.vector, nan=True), simulation_task, STEPS)  # type: ignore[arg-type]
    with pytest.raises(RolloutError, match="task train-0: an observation of step 0 is not finite"):
        broken.play(tasks(), RuleDriver(StaticRule(np.ones(3)), 1, 3), 1, [7, 8], [None] * 2)
