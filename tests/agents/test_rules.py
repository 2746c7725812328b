# SPDX-License-Identifier: MIT
"""Rules on the learners' observation: they read back what was scaled, and decide as stated."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from agents.checkpoint import Checkpoint, CheckpointError, save_checkpoint
from agents.controls import action_of_logits
from agents.dpp import default_parameters
from agents.load import load_policy
from agents.rules import PRICES, RULES, Interface, Rule, RulePolicy, make_rule, rule_checkpoint, sla_static_shares
from agents.slice_inputs import SliceInputs, read_slice_inputs
from pybridge import SliceEnv
from pybridge.envs.shares import CappedMap
from tests.link.scenario import TestScenario, fake

KPMS = {
    "prb_used_ratio": ("x.prb_used_ratio", 1.0),
    "ues": ("x.ues", 1e3),
    "active_ues": ("DRB.MeanActiveUeDl", 1e3),
    "offered_kbps": ("x.offered_kbps", 1e6),
    "goodput_kbps": ("x.goodput_kbps", 1e6),
    "hol_delay_ms": ("x.hol_delay_ms", 1e4),
    "deadline_miss_ratio": ("x.deadline_miss_ratio", 1.0),
}
"""KPM, and where the observation clips it."""


def inputs(**named: list[float]) -> SliceInputs:
    """One cell, three slices; what is not named is 0."""
    fields = dict.fromkeys(SliceInputs.__dataclass_fields__, np.zeros((1, 3)))
    fields |= {"log_prices": np.zeros(2), "doubt": np.zeros(())}
    return SliceInputs(**fields | {name: np.array([value], float) for name, value in named.items()})


def test_observations_are_read_back_as_the_simulation_reported_them() -> None:
    env = SliceEnv(TestScenario(), program=fake())
    try:
        observation, _ = env.reset(seed=1)
        for _ in range(3):
            observation, *_ = env.step(env.action_space.sample())
            found = read_slice_inputs(observation, 2, 3)
            for name, (kpm, largest) in KPMS.items():
                reported = np.minimum(env.state.kpm(kpm), largest)
                np.testing.assert_allclose(getattr(found, name), reported, rtol=2e-5, atol=1e-6)
            np.testing.assert_allclose(found.queued_kbit, env.state.kpm("x.buffer_bytes") * 8e-3, rtol=2e-5, atol=1e-6)
    finally:
        env.close()
    np.testing.assert_allclose(found.target_kbps, [[1000, 0, 0]] * 2, rtol=1e-5)
    np.testing.assert_allclose(found.delay_budget_ms, [[0, 10, 0]] * 2, rtol=1e-5)
    np.testing.assert_allclose(found.reliability, [[0, 0.99, 0]] * 2, atol=1e-6)
    np.testing.assert_allclose(found.weight, [[0.5, 0.25, 0.25]] * 2, rtol=1e-6)


def shares(rule: Rule, seen: SliceInputs) -> np.ndarray:
    """Of the first period: PRBs, compute and power."""
    logits, _ = rule.decide(seen, rule.start((1, 3)))
    return action_of_logits(logits, "shares").reshape(3, 3)


def test_proportional_is_the_built_in_one() -> None:
    # (offered + queued/0.1 s) / (kbit/s per PRB): 2000/10, 1000/20, 0.
    seen = inputs(
        offered_kbps=[1000, 1000, 0], queued_kbit=[100, 0, 0], goodput_kbps=[100, 200, 0], prb_used_ratio=[0.1, 0.1, 0]
    )
    np.testing.assert_allclose(shares(make_rule("proportional", np.zeros(3)), seen), [[0.8, 0.2, 0.0]] * 3, atol=1e-6)
    doubled = make_rule("proportional", np.log([1.0, 4.0, 1.0]))
    np.testing.assert_allclose(shares(doubled, seen), [[0.5, 0.5, 0.0]] * 3, atol=1e-6)


def test_max_weight_is_the_built_in_one() -> None:
    # backlog × rate × (1 + age/budget): 200·1000·1, 100·2000·2, 0.
    seen = inputs(
        offered_kbps=[1000, 1000, 0], queued_kbit=[100, 0, 0], goodput_kbps=[100, 200, 0], prb_used_ratio=[0.1, 0.1, 0],
        hol_delay_ms=[50, 10, 0], delay_budget_ms=[0, 10, 0],
    )  # fmt: skip
    np.testing.assert_allclose(shares(make_rule("max-weight", np.zeros(3)), seen)[0], [1 / 3, 2 / 3, 0.0], atol=1e-6)


def test_an_idle_network_is_shared_equally() -> None:
    for name in ("proportional", "max-weight"):
        np.testing.assert_allclose(shares(make_rule(name, np.zeros(3)), inputs()), np.full((3, 3), 1 / 3), atol=1e-6)


def test_what_a_slice_does_not_use_is_lent_and_power_is_even_under_capped_controls_too() -> None:
    rule = make_rule("static", np.log([2.0, 1.0, 1.0]))
    logits, _ = rule.decide(inputs(), rule.start((1, 3)))
    lowest, compute, power, highest = CappedMap(1, 3, 0.05)(action_of_logits(logits, "capped"))[0]
    for found, expected in ((lowest, [0.5, 0.25, 0.25]), (power, lowest), (highest, [1, 1, 1])):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(compute, 0.05 + 0.85 * np.array([0.5, 0.25, 0.25]), atol=1e-6)


def test_static_shares_by_sla() -> None:
    seen = inputs(target_kbps=[6000, 0, 0], ues=[6, 4, 20], delay_budget_ms=[0, 10, 500])
    np.testing.assert_allclose(sla_static_shares(seen, 72_000.0), [[0.5, 0.25, 0.25]])
    np.testing.assert_allclose(sla_static_shares(seen, 36_000.0), [[0.75, 0.125, 0.125]])
    only_rates = inputs(target_kbps=[6000, 3000, 3000], ues=[1, 1, 1])
    np.testing.assert_allclose(sla_static_shares(only_rates, 36_000.0), [[0.5, 0.25, 0.25]])


def test_shares_by_sla_are_set_once_an_episode() -> None:
    promised = {"target_kbps": [6000, 0, 0], "ues": [6, 4, 20]}
    rule = make_rule("sla-static", np.zeros(3))
    # 36 Mbit/s on half of the PRBs: 72 on all.
    first, state = rule.decide(inputs(**promised, goodput_kbps=[36_000, 0, 0], prb_used_ratio=[0.5, 0, 0]), None)
    later, _ = rule.decide(inputs(**promised, goodput_kbps=[9000, 0, 0], prb_used_ratio=[1, 0, 0]), state)
    np.testing.assert_allclose(np.exp(first[0, 0]), [0.5, 0.25, 0.25], rtol=1e-6)
    np.testing.assert_array_equal(first, later)


@pytest.mark.parametrize("name", RULES)
def test_a_checkpoint_runs_an_environment_and_forgets_at_reset(name: str, tmp_path: Path) -> None:
    parameters = default_parameters(3) if name == "dpp" else np.zeros(3)
    save_checkpoint(rule_checkpoint(name, parameters, Interface(2, 3), {}), tmp_path)
    policy = load_policy(tmp_path)
    assert isinstance(policy, RulePolicy)
    env = SliceEnv(TestScenario(), program=fake())
    try:
        policy.check_spaces(env.observation_space, env.action_space)
        observation, _ = env.reset(seed=1)
        first = policy.act(observation)
        assert env.action_space.contains(first)
        for _ in range(3):
            observation, *_ = env.step(policy.act(observation))
        again, _ = env.reset(seed=1)
        policy.reset()
        assert policy.act(again).tobytes() == first.tobytes()
    finally:
        env.close()


def test_tracks() -> None:
    """The hidden one hides the scenario's weights, the told one appends the prices of the checkpoint's task."""
    stream = np.random.default_rng(1)
    observation = stream.uniform(0, 1, 60).astype(np.float32)
    observation[19::20] = [0.5, 0.3, 0.2]
    hidden, told = Interface(1, 3), Interface(1, 3, "capped", told=True)
    prices = np.array([0.5, -0.5])
    assert hidden.observation_shape == (60,)
    seen = hidden.see(observation, prices)
    np.testing.assert_allclose(seen[19::20], 1 / 3, rtol=1e-6)
    np.testing.assert_array_equal(np.delete(seen, [19, 39, 59]), np.delete(observation, [19, 39, 59]))
    assert told.observation_shape == (62,)
    np.testing.assert_array_equal(told.see(observation, prices), np.concatenate([observation, [0.5, -0.5]]))
    cheap = rule_checkpoint("dpp", np.append(default_parameters(3, told=True)[:-3], [1, 1, 1]), told, {})
    dear = Checkpoint(cheap.tensors | {PRICES: np.array([2.0, 2.0])}, cheap.header)
    assert RulePolicy(cheap).act(observation).tobytes() != RulePolicy(dear).act(observation).tobytes()


class TestBadInput:
    def policy(self) -> RulePolicy:
        return RulePolicy(rule_checkpoint("proportional", np.zeros(3), Interface(1, 3), {}))

    def test_other_spaces(self) -> None:
        with pytest.raises(CheckpointError, match=r"an action of shape \(9,\), here it is \(8,\)"):
            self.policy().check_spaces(gym.spaces.Box(0, 1, (60,)), gym.spaces.Box(0, 1, (8,)))

    def test_other_observation(self) -> None:
        with pytest.raises(CheckpointError, match=r"observations of shape \(60,\), got \(61,\)"):
            self.policy().act(np.zeros(61, np.float32))

    def test_nan(self) -> None:
        with pytest.raises(CheckpointError, match="not finite"):
            self.policy().act(np.full(60, np.nan, np.float32))

    def test_unknown_rule(self) -> None:
        with pytest.raises(ValueError, match="no rule is named 'fifo'"):
            rule_checkpoint("fifo", np.zeros(3), Interface(1, 3), {})

    def test_lacking_tensor(self) -> None:
        whole = rule_checkpoint("dpp", default_parameters(3), Interface(1, 3), {})
        with pytest.raises(CheckpointError, match="parameters"):
            RulePolicy(Checkpoint({}, whole.header))
