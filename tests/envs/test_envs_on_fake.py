# SPDX-License-Identifier: MIT
"""The environments over a fake simulation: checkers, seeds, rewards, mapping of actions."""

from __future__ import annotations

import numpy as np
import pytest

from pybridge.envs.parallel_env import RanParallelEnv
from pybridge.envs.qos import Satisfaction
from pybridge.envs.reward import SlaReward
from pybridge.envs.slice_env import SliceEnv
from pybridge.errors import ActionError, SessionStateError, SimulationDied
from pybridge.observation import MAX, MIN, POWER, Observation
from tests.envs.conformance import check_parallel_env, check_slice_env, parallel_trajectory, slice_trajectory
from tests.link.scenario import TestScenario, fake


def slice_env(**arguments: object) -> SliceEnv:
    """Over a well-behaved fake."""
    return SliceEnv(TestScenario(), program=fake(), **arguments)  # type: ignore[arg-type]


def parallel_env() -> RanParallelEnv:
    """Over a well-behaved fake."""
    return RanParallelEnv(TestScenario(), program=fake())


def test_slice_env_passes_the_checkers_of_gymnasium_and_sb3() -> None:
    check_slice_env(slice_env)


def test_parallel_env_passes_the_checker_of_pettingzoo() -> None:
    check_parallel_env(parallel_env)


def test_same_seed_same_trajectory_other_seed_another() -> None:
    env = slice_env()
    first, again, other = (slice_trajectory(env, seed) for seed in (5, 5, 6))
    env.close()
    assert first == again
    assert first != other


def test_without_seeds_a_training_is_determined_by_its_scenario() -> None:
    runs = []
    for _ in range(2):
        env = slice_env()
        runs.append([slice_trajectory(env, None) for _ in range(3)])
        env.close()
    assert runs[0] == runs[1]
    assert runs[0][0][1]["rng_run"] == 1
    assert len({episode[0] for episode in runs[0]}) == 3


def test_parallel_env_repeats_itself_by_seed() -> None:
    env = parallel_env()
    first, again, other = (parallel_trajectory(env, seed) for seed in (5, 5, 6))
    env.close()
    assert first == again
    assert first != other


def test_shares_become_guaranteed_minima_that_are_lent_and_not_capped() -> None:
    env = slice_env(share_floor=0.1)
    env.reset()
    scores = np.zeros((2, 3, 3), dtype=np.float32)
    scores[0, 0], scores[0, 1], scores[0, 2] = [1, 0, 0], [0, 1, 0], [0, 0, 1]
    env.step(scores.reshape(-1))
    action = env._action
    env.close()
    assert action is not None
    assert np.allclose(action.prb_policy[0], [[0, 0.8, 1], [0, 0.1, 1], [0, 0.1, 1]])
    assert np.allclose(action.compute_share[0], [0.1, 0.8, 0.1])
    assert np.allclose(action.power_share[0], [0.1, 0.1, 0.8])
    assert np.allclose(action.power_share[1], 1 / 3)


def test_the_reward_is_the_stated_equation() -> None:
    env = slice_env(reward=SlaReward(power_price=0.3, prb_price=0.2))
    env.reset()
    _, reward, _, _, info = env.step(env.action_space.sample())
    used = env.state.achieved.astype(np.float64)
    env.close()
    weighted = np.dot([0.5, 0.25, 0.25], info["satisfaction"])
    price = 0.3 * used[:, :, POWER].sum(axis=1).mean() + 0.2 * used[:, :, MAX].sum(axis=1).mean()
    assert reward == pytest.approx(weighted - price, abs=1e-12)
    assert ((info["qos"] >= 0.0) & (info["qos"] <= 1.0)).all()


def test_weights_of_the_rewards_own_are_used_and_changed_shares_cost() -> None:
    reward_function = SlaReward(0.0, 0.0, reconfiguration_price=0.4, weights=[1.0, 0.0, 3.0])
    env = slice_env(reward=reward_function, share_floor=0.0)
    rewards, shares = [], []
    for _ in range(2):  # the last shares of an episode are not compared with the first of the next
        env.reset(seed=1)
        for scores in ([1.0, 0.0, 0.0], [0.5, 0.5, 0.0]):
            _, reward, _, _, info = env.step(np.tile(np.repeat([scores], 3, axis=0), (2, 1)).reshape(-1))
            rewards.append(reward - np.dot([0.25, 0.0, 0.75], info["satisfaction"]))
            shares.append(env.state.projected[:, :, MIN].astype(np.float64))
    env.close()
    changed = 0.5 * np.abs(shares[1] - shares[0]).sum(axis=1).mean()
    assert changed > 0.0
    assert rewards == pytest.approx([0.0, -0.4 * changed] * 2, abs=1e-12)


def test_utility_maps_the_rewards_range_to_0_to_1() -> None:
    reward = SlaReward(0.3, 0.2, 0.1)
    assert [reward.utility(value) for value in (-0.6, 1.0)] == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize("arguments", [(-0.1,), (0.0, float("nan")), (0.0, 0.0, 0.0, [1.0, -1.0])])
def test_prices_and_weights_that_make_no_sense_are_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="not negative"):
        SlaReward(*arguments)  # type: ignore[arg-type]


def test_weights_for_another_number_of_slices_are_refused() -> None:
    env = slice_env(reward=SlaReward(weights=[1.0, 1.0]))
    env.reset()
    with pytest.raises(ValueError, match="2 weights, the network 3 slices"):
        env.step(env.action_space.sample())
    env.close()


def test_with_controls_capped_actions_set_caps() -> None:
    env = slice_env(controls="capped")
    assert env.action_space.shape == (2 * 13,)
    env.reset()
    env.step(np.tile(np.array([1, 1, 1, 0, *[1] * 3, *[0] * 3, *[0.5] * 3], np.float32), 2))
    action = env._action
    env.close()
    assert action is not None
    assert np.allclose(action.prb_policy[:, :, 1:], 1 / 3)


def test_a_reward_of_ones_own_is_used() -> None:
    def reward(observation: Observation, satisfaction: Satisfaction) -> float:
        return float(observation.step) + 0.5

    env = slice_env(reward=reward)
    env.reset()
    assert [env.step(env.action_space.sample())[1] for _ in range(3)] == [1.5, 2.5, 3.5]
    env.close()


def test_wrong_actions_and_calls_out_of_order_are_named() -> None:
    env = slice_env()
    with pytest.raises(SessionStateError, match="reset"):
        env.step(np.zeros(18, dtype=np.float32))
    env.reset()
    with pytest.raises(ActionError, match="shape"):
        env.step(np.zeros(17, dtype=np.float32))
    with pytest.raises(ActionError, match="finite"):
        env.step(np.full(18, np.nan, dtype=np.float32))
    env.close()


def test_ansi_rendering_has_a_line_per_cell_and_slice() -> None:
    env = slice_env(render_mode="ansi")
    env.reset()
    text = env.render()
    env.close()
    assert text is not None
    assert len(text.splitlines()) == 1 + 2 * 3
    with pytest.raises(ValueError, match="ansi"):
        slice_env(render_mode="human")


def test_a_dead_simulation_surfaces_and_the_environment_can_be_reset() -> None:
    env = SliceEnv(TestScenario(), program=fake("die"))
    for _ in range(2):
        env.reset()
        env.step(env.action_space.sample())
        with pytest.raises(SimulationDied):
            env.step(env.action_space.sample())
    env.close()


def test_agents_flags_and_rewards_of_both_levels() -> None:
    env = parallel_env()
    observations, infos = env.reset()
    assert env.agents[:3] == ["cell0/high", "cell1/high", "cell0/slice/embb"]
    assert len(env.agents) == 2 + 6
    counts, paid = [observations["cell0/high"][-1]], []
    while env.agents:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        observations, rewards, _, truncations, infos = env.step(actions)
        counts.append(observations["cell0/high"][-1])
        paid.append(rewards["cell1/high"] != 0.0)
        for agent in ("cell0/slice/urllc", "cell1/slice/urllc"):
            assert np.array_equal(observations[agent]["mask"], (infos[agent]["ues"] >= 0).astype(np.int8))
    env.close()
    assert all(truncations.values())
    assert [index for index, count in enumerate(counts) if count] == [0, 10, 20, 30, 40, 50]
    assert [index + 1 for index, was_paid in enumerate(paid) if was_paid] == [10, 20, 30, 40, 50]


def test_low_level_actions_reach_the_ues_that_stand_in_the_slots() -> None:
    env = parallel_env()
    _, infos = env.reset()
    actions = {agent: np.zeros(env.action_space(agent).shape, dtype=np.float32) for agent in env.agents}
    expected_weight, expected_offset_db = np.ones(6), np.zeros(6)
    for number, agent in enumerate(agent for agent in env.agents if "slice" in agent):
        actions[agent][:, 0], actions[agent][:, 1] = number / 10, (-1.0, 1.0)[number % 2]
        for ue in infos[agent]["ues"][infos[agent]["ues"] >= 0]:
            expected_weight[ue] = np.exp(2 * number / 10)
            expected_offset_db[ue] = (-6.0, 3.0)[number % 2]
    env.step(actions)
    sent = env._running.action
    env.close()
    assert np.allclose(sent.ue_weight, expected_weight)
    assert np.allclose(sent.ue_power_offset_db, expected_offset_db)
    with pytest.raises(ActionError, match="cell0/high"):
        env.step({})
