# SPDX-License-Identifier: MIT
"""Spaces and values: there and back, and whatever a simulation may send instead."""

from __future__ import annotations

import random
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybridge.errors import ProtocolError
from pybridge.ns3gym import messages as wire
from pybridge.ns3gym.spaces import MAX_DEPTH, space_from, value_from, value_of
from tests.ns3gym.simulation import Simulation, box_space, box_value, composite_space, discrete_space, rich_space

numbers = st.sampled_from([0, wire.NUMBER_INT, wire.NUMBER_UINT, wire.NUMBER_FLOAT, wire.NUMBER_DOUBLE])
leaves = st.one_of(
    st.integers(1, 9).map(discrete_space),
    st.builds(
        box_space, numbers, st.just(0.0), st.integers(1, 100).map(float), st.lists(st.integers(1, 3), max_size=3)
    ),
)


def _composite(kind: int, elements: list[Any]) -> Any:
    return composite_space(kind, **{f"key{index}": element for index, element in enumerate(elements)})


spaces = st.recursive(
    leaves,
    lambda inner: st.builds(
        _composite, st.sampled_from([wire.KIND_TUPLE, wire.KIND_DICT]), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@given(spaces, st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_a_sample_of_any_space_comes_back(message: Any, seed: int) -> None:
    space = space_from(message)
    space.seed(seed)
    action = space.sample()
    seen = value_from(wire.parse("Value", value_of(action, space).SerializeToString()), space)
    _assert_same(space, seen, action)


def _assert_same(space: gym.Space[Any], seen: Any, action: Any) -> None:
    if isinstance(space, gym.spaces.Tuple):
        for inner, part, sent in zip(space.spaces, seen, action, strict=True):
            _assert_same(inner, part, sent)
    elif isinstance(space, gym.spaces.Dict):
        for name, inner in space.spaces.items():
            _assert_same(inner, seen[name], action[name])
    else:
        # Doubles travel as floats.
        assert np.asarray(seen) == pytest.approx(np.asarray(action), rel=1e-6)
        assert np.asarray(seen).dtype == np.asarray(action).dtype


def test_damaged_messages_are_read_or_refused_and_nothing_else() -> None:
    draw = random.Random(1)
    space = rich_space()
    parsed = space_from(space)
    value = Simulation.rich(ints=box_value(wire.NUMBER_INT, [1], "ints"))
    refused = 0
    for _ in range(20_000):
        name, sound = draw.choice([("Space", space), ("Value", value)])
        data = bytearray(sound.SerializeToString())
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        del data[len(data) - draw.choice([0, 0, 0, 1, 5]) :]
        try:
            message = wire.parse(name, bytes(data))
            if name == "Space":
                space_from(message)
            else:
                value_from(message, parsed)
        except ProtocolError:
            refused += 1
    assert 10_000 < refused < 20_000


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (wire.new("Space"), "kind 0"),
        (discrete_space(0), "0 values"),
        (box_space(wire.NUMBER_FLOAT, 1.0, -1.0, [1]), "from 1.0 to -1.0"),
        (box_space(wire.NUMBER_FLOAT, float("nan"), 1.0, [1]), "nan"),
        (box_space(wire.NUMBER_FLOAT, 0.0, 1.0, [2**31, 2**31]), "at most"),
        (wire.new("Space", kind=wire.KIND_BOX, description=discrete_space(1).description), "DiscreteSpace where"),
    ],
)
def test_spaces_that_are_none_are_refused(message: Any, text: str) -> None:
    with pytest.raises(ProtocolError, match=text):
        space_from(message)


def test_spaces_nested_without_end_are_refused() -> None:
    space = discrete_space(1)
    for _ in range(MAX_DEPTH + 1):
        space = composite_space(wire.KIND_TUPLE, only=space)
    with pytest.raises(ProtocolError, match="deep"):
        space_from(space)


def test_a_key_twice_is_refused() -> None:
    space = composite_space(wire.KIND_DICT, a=discrete_space(1), b=discrete_space(1))
    content = wire.unpack("CompositeSpace", wire.KIND_DICT, space.description)
    content.element[1].name = "a"
    space.description.CopyFrom(wire.pack(content, wire.KIND_DICT))
    with pytest.raises(ProtocolError, match="twice"):
        space_from(space)
