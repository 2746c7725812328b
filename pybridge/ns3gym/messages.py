# SPDX-License-Identifier: MIT
"""Messages of ns3-gym's protocol as protobuf classes, made when this module is loaded.

The table below is ns3_scenarios/ns3gym/ns3gym-messages.proto; a test compares the two. Generated code would be bound to
the version of protobuf that generated it. The classes live in a pool of their own, so that the stock client's may be
loaded beside them.
"""

from __future__ import annotations

from typing import Any

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from google.protobuf.message import DecodeError
except ImportError:
    raise ImportError("pybridge.ns3gym needs Protocol Buffers: pip install 'slicebridge[ns3gym]'") from None

from pybridge.errors import ProtocolError

PACKAGE = "slicebridge.ns3gym"

KIND_DISCRETE, KIND_BOX, KIND_TUPLE, KIND_DICT = 1, 2, 3, 4
NUMBER_INT, NUMBER_UINT, NUMBER_FLOAT, NUMBER_DOUBLE = 1, 2, 3, 4
SIMULATION_END, GAME_OVER = 0, 1

_ENUMS = {
    "Kind": ("KIND_NONE", "KIND_DISCRETE", "KIND_BOX", "KIND_TUPLE", "KIND_DICT"),
    "Number": ("NUMBER_UNKNOWN", "NUMBER_INT", "NUMBER_UINT", "NUMBER_FLOAT", "NUMBER_DOUBLE"),
    "State.Reason": ("SIMULATION_END", "GAME_OVER"),
}

# A field's number is its place, from 1. "[]" marks a list.
_MESSAGES = {
    "Packed": ("type_url bytes", "value bytes"),
    "Space": ("kind Kind", "description Packed", "name string"),
    "DiscreteSpace": ("n int32",),
    "BoxSpace": ("low float", "high float", "number Number", "shape uint32[]"),
    "CompositeSpace": ("element Space[]",),
    "Value": ("kind Kind", "content Packed", "name string"),
    "DiscreteValue": ("value int32",),
    "BoxValue": (
        "number Number",
        "shape uint32[]",
        "ints int32[]",
        "uints uint32[]",
        "floats float[]",
        "doubles double[]",
    ),
    "CompositeValue": ("element Value[]",),
    "Hello": ("simulation_pid uint64", "shell_pid uint64", "observation_space Space", "action_space Space"),
    "Welcome": ("done bool", "stop bool"),
    "State": ("observation Value", "reward float", "over bool", "reason State.Reason", "info string"),
    "Decision": ("action Value", "stop bool"),
}


def file_descriptor() -> descriptor_pb2.FileDescriptorProto:
    """The messages as protoc would describe them."""
    file = descriptor_pb2.FileDescriptorProto(name="ns3gym-messages.proto", package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, text in enumerate(fields, start=1):
            _add_field(message, number, text)
    for name, values in _ENUMS.items():
        outer, _, inner = name.rpartition(".")
        owner = next((message for message in file.message_type if message.name == outer), file)
        enum = owner.enum_type.add(name=inner)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    return file


def _add_field(message: Any, number: int, text: str) -> None:
    field_type = descriptor_pb2.FieldDescriptorProto
    name, kind = text.split()
    label = field_type.LABEL_REPEATED if kind.endswith("[]") else field_type.LABEL_OPTIONAL
    kind = kind.removesuffix("[]")
    field = message.field.add(name=name, number=number, label=label)
    if kind in _MESSAGES or kind in _ENUMS:
        field.type = field_type.TYPE_MESSAGE if kind in _MESSAGES else field_type.TYPE_ENUM
        field.type_name = f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(field_type, f"TYPE_{kind.upper()}")


def _classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file_descriptor())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in _MESSAGES
    }


_CLASSES = _classes()


def new(name: str, **fields: Any) -> Any:
    """A message of this name."""
    return _CLASSES[name](**fields)


def parse(name: str, data: bytes) -> Any:
    """A message from the wire. Raises `ProtocolError`."""
    try:
        return _CLASSES[name].FromString(data)
    except DecodeError:
        raise ProtocolError(f"the simulation sent {len(data)} bytes that are no {name} of ns3-gym's protocol") from None


# Our names of what travels packed, and ns3-gym's, which are on the wire; those of composites depend on the kind.
_PACKED_NAMES = {
    ("BoxSpace", KIND_BOX): "BoxSpace",
    ("DiscreteSpace", KIND_DISCRETE): "DiscreteSpace",
    ("CompositeSpace", KIND_TUPLE): "TupleSpace",
    ("CompositeSpace", KIND_DICT): "DictSpace",
    ("BoxValue", KIND_BOX): "BoxDataContainer",
    ("DiscreteValue", KIND_DISCRETE): "DiscreteDataContainer",
    ("CompositeValue", KIND_TUPLE): "TupleDataContainer",
    ("CompositeValue", KIND_DICT): "DictDataContainer",
}


def pack(message: Any, kind: int) -> Any:
    """The message as a `Packed` of a `Space` or `Value` of this kind."""
    name = _PACKED_NAMES[message.DESCRIPTOR.name, kind]
    return new("Packed", type_url=f"type.googleapis.com/ns3opengym.{name}".encode(), value=message.SerializeToString())


def unpack(name: str, kind: int, packed: Any) -> Any:
    """What is packed, which must be of this name. Raises `ProtocolError`."""
    expected = f"ns3opengym.{_PACKED_NAMES[name, kind]}"
    found = packed.type_url.decode(errors="replace").rpartition("/")[2]
    if found != expected:
        raise ProtocolError(f"the simulation sent a {found or 'nothing'} where its kind says {expected}")
    return parse(name, packed.value)
