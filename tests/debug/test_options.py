# SPDX-License-Identifier: MIT
"""ns-3 logging, packet capture, and gdb."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from pybridge import Session
from pybridge.errors import SimulationDied
from tests.debug.scenarios import scenario

pytestmark = pytest.mark.usefixtures("simulation_program")


def test_log_components_speak_in_the_log(tmp_path: Path) -> None:
    with Session(scenario("lte"), out_dir=tmp_path, ns_log=["ns3::LteRlcUm=info", "LteEnbRrc=function"]) as session:
        session.reset()
        session.end_episode()
    log = (tmp_path / "log.txt").read_text()
    assert "LteEnbRrc:" in log
    assert "warm-up is over" in log


def test_without_the_option_they_are_silent(tmp_path: Path) -> None:
    with Session(scenario("lte"), out_dir=tmp_path) as session:
        session.reset()
        session.end_episode()
    assert "LteEnbRrc:" not in (tmp_path / "log.txt").read_text()


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ("NoSuchThing=info", "no log component 'NoSuchThing'"),
        ("LteRlcUm", "allowed: COMPONENT=LEVEL"),
        ("LteRlcUm=loud", "'LteRlcUm=loud'"),
    ],
)
def test_what_cannot_be_logged_is_named(choice: str, complaint: str) -> None:
    with Session(scenario("lte"), ns_log=[choice]) as session, pytest.raises(SimulationDied, match=complaint):
        session.reset()


def packets_in(capture: Path) -> int:
    """Packets of a pcap file, whose layout is checked on the way."""
    data = capture.read_bytes()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    assert struct.unpack(order + "I", data[:4])[0] == 0xA1B2C3D4
    at, count = 24, 0
    while at < len(data):
        at, count = at + 16 + struct.unpack(order + "I", data[at + 8 : at + 12])[0], count + 1
    assert at == len(data)
    return count


@pytest.mark.parametrize("ran", ["lte", "nr"])
def test_packets_of_links_are_captured(ran: str, tmp_path: Path) -> None:
    network = scenario(ran, core="epc-like") if ran == "nr" else scenario(ran)
    with Session(network, pcap_dir=tmp_path / "pcap") as session:
        session.reset()
        session.step(session.action())
        session.end_episode()
    captures = sorted((tmp_path / "pcap").glob("link-*.pcap"))
    assert captures
    assert sum(packets_in(capture) for capture in captures) > 20


def test_where_there_are_no_links_that_is_said(tmp_path: Path) -> None:
    with (
        Session(scenario("nr"), pcap_dir=tmp_path / "pcap") as session,
        pytest.raises(SimulationDied, match=r"(?s)core: none.*epc-like"),
    ):
        session.reset()


def test_a_fork_writes_into_no_capture_of_its_origin(tmp_path: Path) -> None:
    def captured(folder: str, fork: bool) -> dict[str, bytes]:
        with Session(scenario("lte"), pcap_dir=tmp_path / folder, debug=True) as session:
            session.reset()
            branch = session.fork() if fork else None
            for one in filter(None, (branch, session)):
                one.step_high()
                one.close()
        return {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}

    assert captured("forked", True) == captured("alone", False)


def test_remote_simulations_take_no_options() -> None:
    with pytest.raises(ValueError, match="on its host"):
        Session(scenario("nr"), remote=True, ns_log=["LteRlcUm=info"])


@pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is not installed")
def test_gdb_has_the_simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Driven by its start-up file, as nobody types here."""
    (tmp_path / ".gdbinit").write_text(
        "set pagination off\nset confirm off\nset breakpoint pending on\nset debuginfod enabled off\n"
        f"set logging file {tmp_path}/gdb.txt\nset logging enabled on\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("pybridge.process.DEBUGGER", ("gdb", "--quiet", "-ex", "run", "-ex", "quit", "--args"))
    with Session(scenario("nr"), gdb=True) as session:
        observation = session.reset()
        while not observation.last:
            observation = session.step(session.action())
    assert "exited normally" in (tmp_path / "gdb.txt").read_text()
