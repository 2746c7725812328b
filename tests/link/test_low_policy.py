# SPDX-License-Identifier: MIT
"""Low-level policies inside the simulation, against their NumPy reference and against decisions over the link."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pybridge.envs import DEFAULT_SLICE_FEATURES, DEFAULT_UE_FEATURES, Feature, SliceEnv
from pybridge.errors import LowPolicyError, SchemaError, SimulationFailed
from pybridge.low_policy import MAX_WEIGHTS, LowActions, LowPolicy
from pybridge.observation import COMPUTE, MIN, POWER, FloatArray, Observation
from pybridge.scenario import Scenario, load_scenario, parse_scenario
from pybridge.schema import Schema, parse_schema
from pybridge.session import Session
from pybridge.trajectory import trajectory_of
from tests.link.low_policies import random_policy
from tests.link.scenario import REAL_SCENARIO, TestScenario, fake

TOLERANCE = 1e-6


def nr_small() -> Scenario:
    """The shipped nr-small, one second of it."""
    return load_scenario("nr-small", {"timing.duration_s": 1.0})


def lte_small() -> Scenario:
    """One cell of 6 PRBs, two slices, four UEs, half a second."""
    return parse_scenario(REAL_SCENARIO, "link-test.yaml")


def lte_busy() -> Scenario:
    """The same with more traffic than it can carry."""
    return parse_scenario(REAL_SCENARIO.replace("arrival_rate_hz: 40.0", "arrival_rate_hz: 400.0"), "link-test.yaml")


SCENARIOS = [pytest.param(nr_small, id="nr"), pytest.param(lte_busy, id="lte")]


def play(session: Session, policy: LowPolicy, seed: int | None = None) -> list[Observation]:
    """An episode under changing shares, delegated."""
    random = np.random.default_rng(5)
    observations = [session.reset(seed=seed, low_policy=policy)]
    action = session.action()
    while not observations[-1].last:
        shares = random.dirichlet(np.full(session.schema.n_slices, 3.0)).astype(np.float32) * np.float32(0.99)
        action.prb_policy[:, :, 1], action.compute_share[...], action.power_share[...] = shares, shares, shares
        observations.append(session.step(action))
    return observations


def recorded(observations: list[Observation]) -> Iterator[dict[str, Any]]:
    """Trajectories that came with an episode's observations, but the first."""
    for observation in observations[1:]:
        trajectory = trajectory_of(observation)
        assert trajectory is not None
        yield trajectory


def reference(schema: Schema, policy: LowPolicy, low: dict[str, Any], t: int) -> LowActions:
    """What NumPy decides on row t."""
    return policy.act(schema, low["ue"][t], low["ue_cell"][t], low["slice"][t], low["share"][t])


@pytest.mark.usefixtures("simulation_program")
@pytest.mark.parametrize("make", SCENARIOS)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"activation": "tanh", "slice_features": DEFAULT_SLICE_FEATURES, "context": np.array([0.5, -1.0])},
        {"width": 7, "features": DEFAULT_UE_FEATURES[:1]},
    ],
    ids=["default", "all inputs", "narrow"],
)
def test_numpy_and_the_simulation_decide_the_same(make: Any, settings: dict[str, Any]) -> None:
    policy = random_policy(stochastic=False, record=True, **settings)
    decisions = 0
    with Session(make(), levels="delegated") as session:
        for low in recorded(play(session, policy)):
            for t, raw in enumerate(low["raw_action"]):
                expected = reference(session.schema, policy, low, t)
                np.testing.assert_allclose(raw, expected.raw, rtol=TOLERANCE, atol=TOLERANCE)
                in_force = low["ue"][t + 1][:, session.schema.ue_kpm_index["x.weight"]]
                np.testing.assert_allclose(in_force, expected.weight, rtol=TOLERANCE)
                decisions += int(np.isfinite(raw).all(axis=1).sum())
    assert decisions > 20


def decide_over_the_link(session: Session, policy: LowPolicy) -> Iterator[tuple[Observation, LowActions]]:
    """The episode of `play`, with every low-level decision made here."""
    random = np.random.default_rng(5)
    observation = session.reset()
    action = session.action()
    share: FloatArray = np.zeros(0, np.float32)
    while not observation.last:
        if observation.high_decision:
            shares = random.dirichlet(np.full(session.schema.n_slices, 3.0)).astype(np.float32) * np.float32(0.99)
            action.prb_policy[:, :, 1], action.compute_share[...], action.power_share[...] = shares, shares, shares
            in_force = (action.prb_policy[:, :, 1], action.compute_share, action.power_share)
            share = np.stack(in_force, axis=2)
        else:
            assert np.array_equal(share, observation.projected[:, :, (MIN, COMPUTE, POWER)])
        decided = policy.act(session.schema, observation.ue, observation.ue_cell, observation.slice_low, share)
        assert action.ue_weight is not None
        assert action.ue_power_offset_db is not None
        action.ue_weight[...], action.ue_power_offset_db[...] = decided.weight, decided.power_offset_db
        yield observation, decided
        observation = session.step(action)


@pytest.mark.usefixtures("simulation_program")
@pytest.mark.parametrize("make", SCENARIOS)
def test_decisions_inside_and_over_the_link_make_the_same_run(make: Any) -> None:
    policy = random_policy(stochastic=False, record=True, slice_features=DEFAULT_SLICE_FEATURES)
    with Session(make(), levels="delegated") as delegated, Session(make(), levels="both") as both:
        episode = play(delegated, policy)
        inside = [raw for low in recorded(episode) for raw in low["raw_action"]]
        for step, (observation, decided) in enumerate(decide_over_the_link(both, policy)):
            np.testing.assert_allclose(inside[step], decided.raw, rtol=TOLERANCE, atol=TOLERANCE)
            if observation.high_decision:
                assert np.array_equal(observation.slice_high, episode[step // 10].slice_high, equal_nan=True)
    assert step == len(inside) - 1


@pytest.mark.usefixtures("simulation_program")
def test_same_seed_same_bits_another_seed_others() -> None:
    policy = random_policy(record=True)
    with Session(nr_small(), levels="delegated") as session:
        first, again, other = ([o.body.tobytes() for o in play(session, policy, seed)] for seed in (5, 5, 6))
    assert first == again
    assert first != other


@pytest.mark.usefixtures("simulation_program")
def test_noise_explains_what_the_mean_does_not() -> None:
    policy = random_policy(record=True, log_std=np.log([0.5, 2.0]))
    with Session(nr_small(), levels="delegated") as session:
        rest = [
            low["raw_action"][t] - reference(session.schema, policy, low, t).raw
            for low in recorded(play(session, policy))
            for t in range(10)
        ]
    noise = np.concatenate(rest)
    noise = noise[np.isfinite(noise).all(axis=1)] / [0.5, 2.0]
    assert len(noise) > 300
    assert np.abs(noise.mean(axis=0)).max() < 5.0 / np.sqrt(len(noise))
    assert np.abs(noise.std(axis=0) - 1.0).max() < 5.0 / np.sqrt(2.0 * len(noise))


@pytest.mark.usefixtures("simulation_program")
def test_before_the_first_decision_there_is_no_action_and_rows_join() -> None:
    with Session(nr_small(), levels="delegated") as session:
        episode = play(session, random_policy(record=True))
        first = trajectory_of(episode[0])
        assert first is not None
        assert np.isnan(first["raw_action"]).all()
        rows = list(recorded(episode))
        for before, after in itertools.pairwise(rows):
            for name in ("ue", "slice", "ue_cell"):
                assert np.array_equal(before[name][-1], after[name][0], equal_nan=True)
        last = rows[-1]
        assert np.array_equal(last["ue_cell"][-1], episode[-1].ue_cell)


@pytest.mark.usefixtures("simulation_program")
def test_neither_the_policy_nor_its_record_is_there_unless_asked_for() -> None:
    with Session(nr_small(), levels="delegated") as session:
        plain, quiet, told = (
            session.reset(low_policy=policy) for policy in (None, random_policy(), random_policy(record=True))
        )
    assert trajectory_of(plain) is None
    assert trajectory_of(quiet) is None
    assert plain.levels == "high"
    assert len(quiet.body.tobytes()) == len(plain.body.tobytes()) < len(told.body.tobytes())


@pytest.mark.usefixtures("simulation_program")
def test_slice_env_takes_a_policy_at_reset_and_keeps_it_until_told_otherwise() -> None:
    env = SliceEnv(lte_small())
    try:
        seen = []
        for options in (None, {"low_policy": random_policy(record=True)}, None, {}, {"low_policy": None}, None):
            env.reset(options=options)
            seen.append("low_level" in env.step(env.action_space.sample())[4])
    finally:
        env.close()
    assert seen == [False, True, True, True, False, False]


@pytest.mark.usefixtures("simulation_program")
@pytest.mark.parametrize(
    ("method", "lie", "said"),
    [
        ("weights", lambda weights: np.full_like(weights, np.nan), "finite weights"),
        ("weights", lambda weights: weights[:-1], r"a POLICY has \d+ bytes by its WELCOME, got \d+"),
        ("weights", lambda weights: np.append(weights, np.float32(0)), "a POLICY has"),
        ("description", lambda said: {**said, "features": []}, r"low_policy.features: has 0 entries"),
        ("description", lambda said: {**said, "encoder": [32, 0]}, r"low_policy.encoder: is \[32,0\]"),
        ("description", lambda said: {**said, "head": [32, 3]}, "last layer gives 2 actions"),
        ("description", lambda said: {**said, "encoder": [100_000, 100_000]}, "numbers .allowed: up to 262144"),
        ("description", lambda said: {**said, "activation": "gelu"}, "low_policy.activation"),
        ("description", lambda said: {**said, "surprise": 1}, "low_policy.surprise: is no key"),
        ("description", lambda said: {**said, "context": -1}, "low_policy.context"),
        (
            "description",
            lambda said: {**said, "features": [{"kpm": "x.moon", "scale": 1.0, "curve": "log"}]},
            "no measurement is named 'x.moon'",
        ),
    ],
)
def test_the_simulation_refuses_a_policy_that_breaks_the_protocol(
    method: str, lie: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = getattr(LowPolicy, method)
    monkeypatch.setattr(LowPolicy, method, lambda policy: lie(honest(policy)))
    with Session(lte_small(), levels="delegated") as session, pytest.raises(SimulationFailed, match=said):
        session.reset(low_policy=random_policy())


def test_a_simulation_that_lists_no_trajectory_is_sent_no_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybridge.listener.parse_schema", lambda text: replace(parse_schema(text), trajectory=()))
    with Session(TestScenario(), levels="delegated", program=fake()) as session:
        assert session.reset().levels == "high"
        with pytest.raises(SchemaError, match="takes no low-level policy"):
            session.reset(low_policy=random_policy())


def test_only_delegated_sessions_take_a_policy() -> None:
    with Session(TestScenario(), program=fake()) as session, pytest.raises(ValueError, match='levels "delegated"'):
        session.reset(low_policy=random_policy())


def test_a_kpm_that_nobody_measures_is_refused_before_anything_is_sent() -> None:
    policy = random_policy(features=(Feature("x.moon_phase", 1.0),))
    with (
        Session(TestScenario(), levels="delegated", program=fake()) as session,
        pytest.raises(LowPolicyError, match=r"x\.moon_phase"),
    ):
        session.reset(low_policy=policy)


GOOD = random_policy()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"encoder": []}, "encoder has 1 to 8 layers"),
        ({"head": GOOD.head[:1]}, "must give 2"),
        ({"head": GOOD.head[1:]}, r"head\[0\] must have shape \(2, 97\)"),
        ({"encoder": [(np.zeros((4, 5)), np.zeros(4))]}, r"encoder\[0\] must have shape \(4, 15\)"),
        ({"encoder": [(np.zeros((0, 15)), np.zeros(0))]}, "at least one output"),
        ({"encoder": [(np.full((32, 15), np.nan), np.zeros(32)), GOOD.encoder[1]]}, "must be finite"),
        ({"encoder": [(np.zeros(32), np.zeros(32)), GOOD.encoder[1]]}, "2 dimensions"),
        ({"log_std": [0.0]}, "log_std must have shape"),
        ({"log_std": [0.0, np.inf]}, "log_std must be finite"),
        ({"context": np.zeros((2, 2))}, "context must have 1 dimensions"),
        ({"context": np.zeros(3)}, r"encoder\[0\] must have shape \(32, 18\)"),
        ({"activation": "gelu"}, "activation"),
        ({"features": ()}, "features are 1 to 128"),
        ({"features": (Feature("x.cqi", 0.0),)}, "scale of `x.cqi`"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_at_once(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(LowPolicyError, match=said):
        LowPolicy(**{"encoder": GOOD.encoder, "head": GOOD.head} | changes)


def test_too_large_a_policy_is_refused() -> None:
    with pytest.raises(LowPolicyError, match=str(MAX_WEIGHTS)):
        random_policy(width=400)


def test_arrays_of_a_policy_are_its_own() -> None:
    weight = np.zeros((2, 97), np.float32)
    encoder = [(np.zeros((32, 15)), np.zeros(32))]
    policy = LowPolicy(encoder=encoder, head=[(weight, np.zeros(2))])
    weight[...] = 1.0
    assert not policy.head[0][0].any()
    with pytest.raises(ValueError, match="read-only"):
        policy.head[0][0][...] = 1.0


def test_who_only_watches_cannot_delegate() -> None:
    with pytest.raises(ValueError, match="built-in policy decides"):
        Session(load_scenario("nr-small"), policy="static", levels="delegated", program=["true"])
