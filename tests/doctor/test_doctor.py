# SPDX-License-Identifier: MIT
"""`slicebridge doctor` against work trees and machines that lack one thing each."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from pybridge import doctor as module
from pybridge.doctor import Finding, State, check_ns3, check_packages, check_program, doctor, examine

REPOSITORY = Path(module.__file__).resolve().parent.parent


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work tree with what the checks read, and nothing fetched or built."""
    monkeypatch.delenv("NS3_DIR", raising=False)
    monkeypatch.delenv("SLICEBRIDGE_BIN", raising=False)
    shutil.copytree(REPOSITORY / "tools", tmp_path / "tools")
    for name in ("Makefile", "requirements.lock", "requirements-cuda.lock", "requirements-sdist.lock"):
        shutil.copy(REPOSITORY / name, tmp_path)
    return tmp_path


def make_ns3(prefix: Path) -> None:
    for path in ("include/ns3/core-module.h", "lib64/libns3.44-core.so"):
        (prefix / path).parent.mkdir(parents=True)
        (prefix / path).touch()


def make_program(tree: Path, script: str = "#!/bin/sh\necho ran-slicing of the test\n") -> Path:
    """A build directory as CMake makes it, whose program is a copy of program.sh; returns that source."""
    source = tree / "source"
    source.mkdir()
    (source / "program.sh").write_text(script)
    (source / "program.sh").chmod(0o755)
    (source / "CMakeLists.txt").write_text("""
        cmake_minimum_required(VERSION 3.22)
        project(program NONE)
        file(GLOB sources CONFIGURE_DEPENDS *.sh)
        add_custom_command(OUTPUT bin/ran-slicing DEPENDS ${sources}
                           COMMAND ${CMAKE_COMMAND} -E copy ${sources} bin/ran-slicing)
        add_custom_target(program DEPENDS bin/ran-slicing)
    """)
    for command in (["-G", "Ninja", "-S", str(source), "-B", str(tree / "build")], ["--build", str(tree / "build")]):
        target = ["--target", "program"] if command[0] == "--build" else []
        subprocess.run(["cmake", *command, *target], check=True, capture_output=True)
    return source / "program.sh"


def by_subject(tree: Path) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(tree)}


def test_nothing_fetched_or_built_names_make_build(tree: Path) -> None:
    findings = by_subject(tree)
    assert findings["ns-3"].state is State.MISSING
    assert findings["simulation"].state is State.MISSING
    assert findings["simulation"].mend == "make build"


def test_a_folder_that_is_no_clone_is_said_to_be_none(tmp_path: Path) -> None:
    assert by_subject(tmp_path)["work tree"].state is State.MISSING


def test_fetched_ns3_is_found_with_its_version(tree: Path) -> None:
    make_ns3(tree / ".deps/ns3")
    assert check_ns3(tree) == Finding("ns-3", State.OK, "3.44 (.deps/ns3)")


def test_own_ns3_wins_over_the_fetched_one(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_ns3(tree / ".deps/ns3")
    monkeypatch.setenv("NS3_DIR", str(tree / "nowhere"))
    finding = check_ns3(tree)
    assert finding.state is State.MISSING
    assert "nowhere" in finding.text
    make_ns3(tree / "nowhere")
    assert check_ns3(tree).state is State.OK


def test_own_ns3_may_be_a_source_tree_built_in_place(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("build/include/ns3/core-module.h", "build/lib/libns3.44-core-default.so"):
        (tree / "ns-3" / path).parent.mkdir(parents=True)
        (tree / "ns-3" / path).touch()
    monkeypatch.setenv("NS3_DIR", str(tree / "ns-3"))
    assert check_ns3(tree).text.startswith("3.44 ")


def test_other_architectures_are_sent_to_ns3_dir(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    findings = list(examine(tree))
    assert any(finding.state is State.NOTE and "x86_64 only" in finding.text for finding in findings)
    assert "NS3_DIR=" in next(finding.mend for finding in findings if finding.subject == "ns-3")


def test_missing_build_tool_is_named_with_its_package(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tree / "path"
    tools.mkdir()
    for name in ("bash", "sed", "sort", "dirname", "env", "cmake", "g++", "protoc"):
        (tools / name).symlink_to(shutil.which(name) or name)
    (tools / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tools))
    findings = by_subject(tree)
    assert findings["Ninja"].state is State.MISSING
    assert findings["Ninja"].mend.endswith("apt-get install -y --no-install-recommends ninja-build")
    assert findings["CMake"].state is State.OK
    assert "cmake version" in findings["CMake"].text


def test_lock_that_agrees_with_what_is_installed(tree: Path) -> None:
    public = version("torch").partition("+")[0]
    lines = [f"click=={version('click')} \\", "    --hash=sha256:00", f"torch=={public} \\", "    --hash=sha256:00"]
    lines += ["colorama==0.0 ; sys_platform == 'win32' \\", "    --hash=sha256:00"]
    (tree / "requirements.lock").write_text("\n".join(lines))
    (tree / "requirements-cuda.lock").write_text("")
    (tree / "requirements-sdist.lock").write_text("")
    finding = check_packages(tree)
    assert finding.state is State.OK
    assert finding.text.startswith("all 2 ")


@pytest.mark.parametrize(
    ("line", "said"), [("click==0.1", "(locked: 0.1)"), ("no-such-package==1.0", "no-such-package missing")]
)
def test_package_that_differs_from_the_lock(tree: Path, line: str, said: str) -> None:
    (tree / "requirements.lock").write_text(line + "\n")
    finding = check_packages(tree)
    assert finding.state is State.MISSING
    assert said in finding.text
    assert finding.mend == "rm -rf .venv && make build"


def test_program_is_stale_once_a_source_changes(tree: Path) -> None:
    source = make_program(tree)
    assert check_program(tree).state is State.OK
    built = (tree / "build/bin/ran-slicing").stat().st_mtime
    os.utime(source, (built + 10, built + 10))
    finding = check_program(tree)
    assert finding.state is State.MISSING
    assert "older than its sources" in finding.text


@pytest.mark.parametrize("script", ["#!/bin/sh\necho no libns3 >&2\nexit 127\n", "#!/no/such/interpreter\n"])
def test_program_that_cannot_start_is_said_to_be_so(tree: Path, script: str) -> None:
    make_program(tree, script)
    finding = check_program(tree)
    assert finding.state is State.MISSING
    assert "does not start" in finding.text


def test_program_of_the_users_own_is_named_and_a_wrong_one_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_program(tree)
    monkeypatch.setenv("SLICEBRIDGE_BIN", str(tree / "mine"))
    assert check_program(tree).state is State.MISSING
    assert check_program(tree).mend == "unset SLICEBRIDGE_BIN"
    shutil.copy(tree / "source" / "program.sh", tree / "mine")
    assert check_program(tree).state is State.OK
    assert "SLICEBRIDGE_BIN" in check_program(tree).text


@pytest.mark.parametrize(("state", "code"), [(State.OK, 0), (State.NOTE, 0), (State.MISSING, 1)])
def test_exit_code_says_whether_something_is_missing(monkeypatch: pytest.MonkeyPatch, state: State, code: int) -> None:
    monkeypatch.setattr(module, "examine", lambda: iter([Finding("thing", state, "text", "mend this")]))
    result = CliRunner().invoke(doctor)
    assert result.exit_code == code
    assert "mend this" in result.output
