# SPDX-License-Identifier: MIT
"""The messages: the same in Python and C++, and on the wire what ns3-gym has."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from pybridge.errors import ProtocolError
from pybridge.ns3gym import messages as wire

PROTO = Path(__file__).parents[2] / "ns3_scenarios" / "ns3gym" / "ns3gym-messages.proto"


@pytest.mark.skipif(shutil.which("protoc") is None, reason="protoc is not installed")
def test_the_table_is_the_proto_file(tmp_path: Path) -> None:
    output = tmp_path / "descriptors"
    command = ["protoc", f"--proto_path={PROTO.parent}", f"--descriptor_set_out={output}", PROTO.name]
    subprocess.run(command, check=True, timeout=60)
    (compiled,) = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file
    assert _shape(compiled) == _shape(wire.file_descriptor())


def _shape(file: descriptor_pb2.FileDescriptorProto) -> dict[str, object]:
    shape: dict[str, object] = {"package": file.package, "syntax": file.syntax}
    enums = [("", enum) for enum in file.enum_type]
    for message in file.message_type:
        shape[message.name] = [(f.name, f.number, f.type, f.label, f.type_name) for f in message.field]
        enums += [(message.name, enum) for enum in message.enum_type]
    for owner, enum in enums:
        shape[f"enum {owner} {enum.name}"] = [(value.name, value.number) for value in enum.value]
    return shape


def test_a_state_as_ns3_gym_writes_it() -> None:
    """By hand from the protobuf encoding: field number << 3 | wire type, then the value."""
    box = bytes.fromhex("0803 1202 0201 2a08 0000803f 00000040")  # FLOAT, shape (2, 1), packed floats 1 and 2
    url = b"type.googleapis.com/ns3opengym.BoxDataContainer"
    packed = b"\x0a" + bytes([len(url)]) + url + b"\x12" + bytes([len(box)]) + box
    value = b"\x08\x02\x12" + bytes([len(packed)]) + packed
    data = b"\x0a" + bytes([len(value)]) + value + bytes.fromhex("15 000000c0 18 01 20 01") + b"\x2a\x02ok"
    state = wire.parse("State", data)
    content = wire.unpack("BoxValue", wire.KIND_BOX, state.observation.content)
    assert (list(content.floats), list(content.shape), content.number) == ([1.0, 2.0], [2, 1], wire.NUMBER_FLOAT)
    assert (state.reward, state.over, state.reason, state.info) == (-2.0, True, wire.GAME_OVER, "ok")
    assert state.SerializeToString() == data


def test_a_decision_to_stop_is_two_bytes() -> None:
    assert wire.new("Decision", stop=True).SerializeToString() == b"\x10\x01"


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x2a\x01\xff"])
def test_malformed_bytes_are_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="no State"):
        wire.parse("State", data)
