# SPDX-License-Identifier: MIT
"""Between Gymnasium's spaces and values and those of ns3-gym's messages."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from pybridge.errors import ActionError, ProtocolError
from pybridge.ns3gym import messages as wire

MAX_DEPTH = 16
"""Spaces within spaces."""
MAX_ELEMENTS = 2**22
"""Numbers in one Box."""

_DTYPES: dict[int, npt.DTypeLike] = {
    wire.NUMBER_INT: np.int32,
    wire.NUMBER_UINT: np.uint32,
    wire.NUMBER_DOUBLE: np.float64,
}
_LISTS = {
    wire.NUMBER_INT: ("ints", np.int32),
    wire.NUMBER_UINT: ("uints", np.uint32),
    wire.NUMBER_DOUBLE: ("doubles", np.float64),
}
_FLOATS = ("floats", np.float32)
"""Also for a number type that is not told, as ns3-gym reads it."""


def space_from(message: Any, depth: int = 0) -> gym.Space[Any]:
    """Gymnasium space of a `Space` message. Raises `ProtocolError`."""
    if depth > MAX_DEPTH:
        raise ProtocolError(f"the simulation describes spaces in spaces, more than {MAX_DEPTH} deep")
    if message.kind == wire.KIND_DISCRETE:
        n = wire.unpack("DiscreteSpace", message.kind, message.description).n
        if n < 1:
            raise ProtocolError(f"the simulation describes a Discrete space of {n} values")
        return gym.spaces.Discrete(n)
    if message.kind == wire.KIND_BOX:
        return _box_from(wire.unpack("BoxSpace", message.kind, message.description))
    if message.kind in (wire.KIND_TUPLE, wire.KIND_DICT):
        elements = wire.unpack("CompositeSpace", message.kind, message.description).element
        parts = [space_from(element, depth + 1) for element in elements]
        if message.kind == wire.KIND_TUPLE:
            return gym.spaces.Tuple(parts)
        names = [element.name for element in elements]
        if len(set(names)) != len(names):
            raise ProtocolError(f"the simulation describes a Dict space that has a key twice: {', '.join(names)}")
        return gym.spaces.Dict(dict(zip(names, parts, strict=True)))
    raise ProtocolError(f"the simulation describes a space of kind {message.kind} (known: Discrete, Box, Tuple, Dict)")


def _box_from(box: Any) -> gym.spaces.Box:
    shape = tuple(box.shape)
    dtype = np.dtype(_DTYPES.get(box.number, np.float32))
    low, high = box.low, box.high
    if math.prod(shape) > MAX_ELEMENTS:
        raise ProtocolError(f"the simulation describes a Box of shape {shape} (at most {MAX_ELEMENTS} numbers)")
    if low == high == 0.0:
        # ns3-gym loses bounds that were given per element; they are not known here.
        low, high = -math.inf, math.inf
    if not low <= high:
        raise ProtocolError(f"the simulation describes a Box from {low} to {high}")
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        low, high = (int(min(max(bound, limits.min), limits.max)) for bound in (low, high))
    return gym.spaces.Box(low, high, shape, dtype.type)


def value_from(message: Any, space: gym.Space[Any]) -> Any:
    """Observation in a `Value` message. Raises `ProtocolError` unless it has the space's structure, shapes and types.

    Numbers of a Box outside of its bounds are passed on: simulations are often careless about bounds.
    """
    if isinstance(space, gym.spaces.Discrete):
        value = _content(message, wire.KIND_DISCRETE, "DiscreteValue", space).value
        if not 0 <= value < space.n:
            raise ProtocolError(f"the simulation observes {value} in {space}")
        return np.int64(value)
    if isinstance(space, gym.spaces.Box):
        return _array_from(_content(message, wire.KIND_BOX, "BoxValue", space), space)
    kind = wire.KIND_TUPLE if isinstance(space, gym.spaces.Tuple) else wire.KIND_DICT
    elements = _content(message, kind, "CompositeValue", space).element
    if isinstance(space, gym.spaces.Tuple):
        if len(elements) != len(space.spaces):
            raise ProtocolError(f"the simulation observes {len(elements)} elements of a Tuple of {len(space.spaces)}")
        return tuple(value_from(element, part) for element, part in zip(elements, space.spaces, strict=True))
    assert isinstance(space, gym.spaces.Dict)
    by_name = {element.name: element for element in elements}
    if len(by_name) != len(elements) or by_name.keys() != space.spaces.keys():
        names = ", ".join(element.name for element in elements)
        raise ProtocolError(f"the simulation observes the keys {names} of a Dict of {', '.join(space.spaces)}")
    return {name: value_from(by_name[name], part) for name, part in space.spaces.items()}


def _content(message: Any, kind: int, name: str, space: gym.Space[Any]) -> Any:
    if message.kind != kind:
        raise ProtocolError(f"the simulation sent an observation of kind {message.kind}, its space is {space}")
    return wire.unpack(name, kind, message.content)


def _array_from(box: Any, space: gym.spaces.Box) -> npt.NDArray[Any]:
    field, dtype = _LISTS.get(box.number, _FLOATS)
    array = np.array(getattr(box, field), dtype=dtype)
    if array.size != math.prod(space.shape):
        raise ProtocolError(f"the simulation observes {array.size} numbers, its space has shape {space.shape}")
    if not np.can_cast(array.dtype, space.dtype, "same_kind"):
        raise ProtocolError(f"the simulation observes {array.dtype} numbers, its space has {space.dtype}")
    return array.astype(space.dtype).reshape(space.shape)


def value_of(action: Any, space: gym.Space[Any]) -> Any:
    """`Value` message of an action. Raises `ActionError` unless it is in the space."""
    if isinstance(space, gym.spaces.Discrete):
        if not space.contains(action):
            raise ActionError(f"the action must be in {space}, got {action!r}")
        content, kind = wire.new("DiscreteValue", value=int(action)), wire.KIND_DISCRETE
    elif isinstance(space, gym.spaces.Box):
        content, kind = _box_of(action, space), wire.KIND_BOX
    elif isinstance(space, gym.spaces.Tuple):
        if not isinstance(action, (tuple, list)) or len(action) != len(space.spaces):
            raise ActionError(f"the action must be a tuple of {len(space.spaces)}, got {action!r}")
        parts = [value_of(part, inner) for part, inner in zip(action, space.spaces, strict=True)]
        content, kind = wire.new("CompositeValue", element=parts), wire.KIND_TUPLE
    else:
        content, kind = _dict_of(action, space), wire.KIND_DICT
    return wire.new("Value", kind=kind, content=wire.pack(content, kind))


def _box_of(action: Any, space: gym.spaces.Box) -> Any:
    array = np.asarray(action)
    if array.shape != space.shape or not np.can_cast(array.dtype, space.dtype, "same_kind"):
        raise ActionError(
            f"the action must have shape {space.shape} and numbers like {space.dtype}, "
            f"got shape {array.shape} of {array.dtype}"
        )
    array = array.astype(space.dtype)
    if not ((array >= space.low) & (array <= space.high)).all():  # NaN fails as well
        raise ActionError(f"the action must be in {space}, got {array}")
    # ns3-gym's own client sends doubles as floats, and simulations are written for that.
    number = {np.dtype(np.int32): wire.NUMBER_INT, np.dtype(np.uint32): wire.NUMBER_UINT}.get(
        array.dtype, wire.NUMBER_FLOAT
    )
    field = _LISTS.get(number, _FLOATS)[0]
    return wire.new("BoxValue", number=number, shape=array.shape, **{field: array.ravel().tolist()})


def _dict_of(action: Any, space: gym.Space[Any]) -> Any:
    assert isinstance(space, gym.spaces.Dict)
    if not isinstance(action, dict) or action.keys() != space.spaces.keys():
        raise ActionError(f"the action must be a dictionary with the keys {', '.join(space.spaces)}, got {action!r}")
    parts = []
    for name, inner in space.spaces.items():
        parts.append(value_of(action[name], inner))
        parts[-1].name = name
    return wire.new("CompositeValue", element=parts)
