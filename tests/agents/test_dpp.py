# SPDX-License-Identifier: MIT
"""Drift-plus-penalty: optima that are known, needs that are understood, and what it is told against what it sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents import dpp
from agents.controls import action_of_logits
from agents.slice_inputs import INPUTS_PER_SLICE, SliceInputs, read_slice_inputs
from pybridge.envs.shares import CappedMap

Array = NDArray[np.float64]
NEUTRAL = np.array([0.0, 0.0, 0.0, 3.0, 0.0, 0.0, -8.0, 0.0])
"""Head-rooms 1, much is lent, even power, drain 1 period, (almost) no urgency, γ = 1."""


def neutral(**named: float) -> Array:
    """With other values by name."""
    names = dpp.parameter_names(3, told=True)
    theta = np.append(NEUTRAL, [-8.0, 0.0, 0.0, 0.0])
    for name, value in named.items():
        theta[names.index(name)] = value
    return theta


def inputs(**named: Any) -> SliceInputs:
    """One cell, three slices; what is not named is 0, of UEs 1, of weights 1/3."""
    fields = dict.fromkeys(SliceInputs.__dataclass_fields__, np.zeros((1, 3)))
    fields |= {
        "ues": np.ones((1, 3)),
        "weight": np.full((1, 3), 1 / 3),
        "log_prices": np.zeros(2),
        "doubt": np.zeros(()),
    }
    rows = {name: np.array(value if name == "log_prices" else [value], float) for name, value in named.items()}
    return SliceInputs(**fields | rows)


def logits(seen: SliceInputs, parameters: Array = NEUTRAL) -> Array:
    """Of the first period, (4, 3)."""
    state = dpp.update_state(seen, dpp.start_state(seen.offered_kbps.shape))
    return dpp.dpp_logits(seen, state, parameters)[0]


def decide(seen: SliceInputs, parameters: Array = NEUTRAL) -> Array:
    """Shares of PRBs, compute and power, (3, 3)."""
    return action_of_logits(logits(seen, parameters)[np.newaxis], "shares").reshape(3, 3)


def test_shares_are_the_needs_of_prbs() -> None:
    # 6, 2 and 1 Mbit/s at 20, 10 and 10 Mbit/s per cell need 0.3, 0.2 and 0.1 of it.
    seen = inputs(offered_kbps=[6000, 2000, 1000], goodput_kbps=[2000, 1000, 500], prb_used_ratio=[0.1, 0.1, 0.05])
    np.testing.assert_allclose(decide(seen)[0], [0.5, 1 / 3, 1 / 6], atol=1e-3)


def test_guarantees_are_the_needs_themselves() -> None:
    seen = inputs(offered_kbps=[6000, 2000, 1000], goodput_kbps=[2000, 1000, 500], prb_used_ratio=[0.1, 0.1, 0.05])
    np.testing.assert_allclose(np.exp(logits(seen)[dpp.GUARANTEE]), [0.3, 0.2, 0.1], atol=1e-3)


def test_guarantees_minimise_drift_plus_penalty() -> None:
    """Against 20,000 random decisions, with a price that leaves some spare and with one that does not."""
    stream = np.random.default_rng(1)
    wanted, some = stream.uniform(0.05, 0.3, 3), stream.uniform(0.01, 1.0, (20_000, 3))
    feasible = some[some.sum(1) <= 1.0]
    for price in (0.2, 2.0):
        multiplied = np.zeros((1, 4, 3))
        multiplied[0, dpp.GUARANTEE] = np.log(wanted / price)
        action = action_of_logits(multiplied, "capped", floor=0.0)
        best = CappedMap(1, 3, 0.0)(action)[0, 0]

        def cost(shares: Array, price: float = price) -> Array:
            return price * shares.sum(-1) - np.log(shares) @ wanted

        assert (cost(feasible) >= cost(best) - 1e-6).all()
        assert best.sum() == pytest.approx(min(1.0, wanted.sum() / price), abs=1e-6)


def test_tuned_head_room_is_the_optimum_of_a_fluid_queue() -> None:
    """Two slices at constant rates over one link; mean cost c_k/(share_k − load_k), least at load + √c-weighted slack.

    The optimum is known: share_k = load_k + (1 − Σ load)·√c_k/Σ√c (Kleinrock 1964). Head-rooms alone reach any share.
    """
    load, cost = np.array([0.5, 0.2]), np.array([1.0, 4.0])
    best = load + (1 - load.sum()) * np.sqrt(cost) / np.sqrt(cost).sum()
    zeros = np.zeros((1, 2))
    fields = dict.fromkeys(SliceInputs.__dataclass_fields__, zeros) | {"log_prices": np.zeros(2), "doubt": np.zeros(())}
    used = {"prb_used_ratio": load[np.newaxis], "goodput_kbps": 1e4 * load[np.newaxis]}
    seen = SliceInputs(**fields | used | {"offered_kbps": 1e4 * load[np.newaxis]})
    state = dpp.update_state(seen, dpp.start_state((1, 2)))

    def objective(log_ratio: float) -> float:
        theta = np.array([0.0, log_ratio, 3.0, 0.0, 0.0, -8.0, 0.0])
        share = action_of_logits(dpp.dpp_logits(seen, state, theta), "shares").reshape(3, 2)[0]
        return float((cost / np.maximum(share - load, 1e-6)).sum())

    grid = np.linspace(-1.0, 3.0, 4001)
    found = grid[int(np.argmin([objective(x) for x in grid]))]
    assert found == pytest.approx(np.log(best[1] / load[1] / (best[0] / load[0])), abs=5e-3)


def test_a_rate_sla_bounds_the_need_and_a_queue_without_one_does_not() -> None:
    seen = inputs(
        offered_kbps=[1000, 1000, 1000], goodput_kbps=[1000] * 3, prb_used_ratio=[0.1] * 3, queued_kbit=[900, 900, 0]
    )
    free = decide(seen)[0]
    promised = decide(replace(seen, target_kbps=np.array([[2000.0, 0, 0]])))[0]
    np.testing.assert_allclose(free, [10 / 21, 10 / 21, 1 / 21], atol=1e-3)
    np.testing.assert_allclose(promised, [2 / 13, 10 / 13, 1 / 13], atol=1e-3)


def test_missed_deadlines_pile_up_in_the_virtual_queue_and_are_worked_off() -> None:
    late = inputs(deadline_miss_ratio=[0, 0.51, 0], delay_budget_ms=[0, 10, 0], reliability=[0, 0.99, 0])
    state = dpp.start_state((1, 3))
    for _ in range(4):
        state = dpp.update_state(late, state)
    assert state.virtual_queue[0].tolist() == pytest.approx([0, 4 * 0.5, 0])
    fine = replace(late, deadline_miss_ratio=np.zeros((1, 3)))
    assert dpp.update_state(fine, state).virtual_queue[0, 1] == pytest.approx(1.99)
    for _ in range(100):
        state = dpp.update_state(replace(late, deadline_miss_ratio=np.ones((1, 3))), state)
    assert state.virtual_queue[0, 1] == 10.0


def test_urgency_lifts_the_slice_that_misses_deadlines() -> None:
    seen = inputs(
        offered_kbps=[1000] * 3, goodput_kbps=[1000] * 3, prb_used_ratio=[0.1] * 3, deadline_miss_ratio=[0, 1, 0],
        delay_budget_ms=[0, 10, 10], reliability=[0, 0.99, 0.99],
    )  # fmt: skip
    assert decide(seen)[0, 1] == pytest.approx(1 / 3, abs=1e-2)
    assert decide(seen, neutral(urgency=0.0))[0, 1] == pytest.approx(1.99 / 3.99, abs=1e-2)


def test_told_weights_count_and_hidden_ones_are_not_read() -> None:
    seen = inputs(offered_kbps=[1000] * 3, goodput_kbps=[1000] * 3, prb_used_ratio=[0.1] * 3, weight=[0.5, 0.3, 0.2])
    np.testing.assert_allclose(decide(seen)[0], np.full(3, 1 / 3), rtol=1e-6)
    np.testing.assert_allclose(decide(seen, neutral(weight_exponent=0.0))[0], [0.5, 0.3, 0.2], rtol=1e-6)


def test_told_prices_tighten_and_hidden_ones_are_not_read() -> None:
    dear = inputs(offered_kbps=[1000] * 3, goodput_kbps=[1000] * 3, prb_used_ratio=[0.1] * 3, log_prices=[2.0, 1.0])
    np.testing.assert_array_equal(logits(dear), logits(replace(dear, log_prices=np.zeros(2))))
    told = neutral(headroom_by_price=0.2, lend_by_price=1.0, power_by_price=0.5)
    change = logits(dear, told) - logits(dear, neutral())
    for row, expected in ((dpp.GUARANTEE, -0.3), (dpp.LEND, -1.5), (dpp.POWER, -0.5), (dpp.COMPUTE, 0.0)):
        np.testing.assert_allclose(change[row], expected, atol=1e-12)


def test_capped_controls_do_what_logits_say() -> None:
    """Guarantee 0.3, 0.2 and 0.01 (below the floor), lent up to twice, infinitely and nothing, power 1, 2 and 1/4."""
    rows = np.array([[[0.3, 0.2, 0.01], [1.0, 1.0, 2.0], [1.0, 1e9, 1e-9], [1.0, 2.0, 0.1]]])
    lowest, compute, power, highest = CappedMap(1, 3, 0.05)(action_of_logits(np.log(rows), "capped"))[0]
    np.testing.assert_allclose(lowest, [0.3, 0.2, 0.05], rtol=1e-5)
    np.testing.assert_allclose(highest, [0.6, 1.0, 0.05], rtol=1e-5)
    np.testing.assert_allclose(power, [0.3, 0.4, 0.0125], rtol=1e-5)
    np.testing.assert_allclose(compute, 0.05 + 0.85 * np.array([0.25, 0.25, 0.5]), rtol=1e-5)


def test_compute_follows_the_square_root_rule() -> None:
    seen = inputs(offered_kbps=[9000, 4000, 1000], goodput_kbps=[1000] * 3, prb_used_ratio=[0.1] * 3)
    np.testing.assert_allclose(decide(seen, neutral(compute=np.log(0.5)))[1], np.array([3, 2, 1]) / 6, atol=1e-3)


def test_many_cells_and_tasks_at_once_give_what_each_gives_alone() -> None:
    stream = np.random.default_rng(2)
    observation = stream.uniform(0, 1, (4, 5, 2 * 3 * INPUTS_PER_SLICE)).astype(np.float32)
    parameters = stream.normal(size=(4, 1, 8))
    seen = read_slice_inputs(observation, 2, 3)
    state = dpp.update_state(seen, dpp.start_state((4, 5, 2, 3)))
    together = dpp.dpp_logits(seen, state, parameters)
    assert together.shape == (4, 5, 2, 4, 3)
    assert action_of_logits(together, "shares").shape == (4, 5, 18)
    assert action_of_logits(together, "capped").shape == (4, 5, 26)
    one = read_slice_inputs(observation[2, 3], 2, 3)
    alone = dpp.dpp_logits(one, dpp.update_state(one, dpp.start_state((2, 3))), parameters[2, 0])
    np.testing.assert_array_equal(together[2, 3], alone)


def test_an_idle_network_and_wild_parameters_give_actions() -> None:
    for scale in (0.0, 1e6, -1e6):
        for controls in ("shares", "capped"):
            action = action_of_logits(logits(inputs(), np.full(12, scale))[np.newaxis], controls)
            assert ((action >= 0.0) & (action <= 1.0)).all()


def test_other_numbers_of_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="3 slices take 8 parameters, or 12 where they are told, got 6"):
        decide(inputs(), np.zeros(6))
    assert len(dpp.parameter_names(3)) == len(dpp.default_parameters(3)) == 8
    assert len(dpp.parameter_names(3, told=True)) == len(dpp.default_parameters(3, told=True)) == 12
