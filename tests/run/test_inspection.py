# SPDX-License-Identifier: MIT
"""`slicebridge run` with --log, --pcap and --gdb."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from pybridge.cli import main

pytestmark = pytest.mark.usefixtures("simulation_program")


class Steady:
    """Decides nothing new."""

    def reset(self, schema, scenario):  # type: ignore[no-untyped-def] # as users write it
        from pybridge import Action

        self.action = Action(schema, "high")

    def act(self, observation):  # type: ignore[no-untyped-def]
        return self.action


OWN = f"{__name__}:Steady"
policies = pytest.mark.parametrize("policy", ["proportional", OWN])


def run(out: Path, *options: str, scenario: str = "lte-small", policy: str = "static") -> tuple[int, str]:
    """Exit code and output of the command, on 0.2 s."""
    keys = ["--scenario", scenario, "--set", "timing.duration_s=0.2", "--policy", policy, "--out", str(out)]
    done = CliRunner().invoke(main, ["run", *keys, *options])
    return done.exit_code, done.output


@policies
def test_ns3_logging_is_in_the_log(tmp_path: Path, policy: str) -> None:
    code, output = run(tmp_path / "o", "--log", "LteEnbRrc=function", policy=policy)
    assert code == 0, output
    assert "LteEnbRrc:" in (tmp_path / "o" / "log.txt").read_text()


def test_what_cannot_be_logged_is_named(tmp_path: Path) -> None:
    code, output = run(tmp_path / "o", "--log", "NoSuchThing=info")
    assert code != 0
    assert "no log component 'NoSuchThing'" in output
    assert "Traceback" not in output


@policies
def test_packets_of_links_are_captured(tmp_path: Path, policy: str) -> None:
    code, output = run(tmp_path / "o", "--pcap", str(tmp_path / "pcap"), policy=policy)
    assert code == 0, output
    captures = list((tmp_path / "pcap").glob("link-*.pcap"))
    assert captures
    assert max(path.stat().st_size for path in captures) > 1000


def test_nr_has_links_with_an_ip_core_only(tmp_path: Path) -> None:
    capture = ["--pcap", str(tmp_path / "pcap")]
    code, output = run(tmp_path / "o", *capture, scenario="nr-small")
    assert code != 0
    assert "epc-like" in output
    assert "Traceback" not in output
    code, output = run(tmp_path / "p", *capture, "--set", "core=epc-like", scenario="nr-small")
    assert code == 0, output
    assert list((tmp_path / "pcap").glob("link-*.pcap"))


@pytest.mark.parametrize("option", ["--pcap", "--record"])
def test_nothing_else_goes_into_the_directory_of_the_run(tmp_path: Path, option: str) -> None:
    code, output = run(tmp_path / "o", option, str(tmp_path / "o" / "inside"))
    assert code == 2
    assert "inside" in output
    assert not (tmp_path / "o").exists()


@pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is not installed")
@policies
def test_gdb_has_the_simulation_and_the_run_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    """Driven by its start-up file, as nobody types here."""
    (tmp_path / ".gdbinit").write_text(
        "set pagination off\nset confirm off\nset breakpoint pending on\nset debuginfod enabled off\n"
        f"set logging file {tmp_path}/gdb.txt\nset logging enabled on\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("pybridge.process.DEBUGGER", ("gdb", "--quiet", "-ex", "run", "-ex", "quit", "--args"))
    code, output = run(tmp_path / "o", "--gdb", scenario="nr-small", policy=policy)
    assert code == 0, output
    assert "exited normally" in (tmp_path / "gdb.txt").read_text()
    assert (tmp_path / "o" / "kpm.parquet").exists()
