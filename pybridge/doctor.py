# SPDX-License-Identifier: MIT
"""`slicebridge doctor`: what is there, what is missing, and the command that mends it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import click
from packaging.requirements import Requirement
from packaging.version import Version

from pybridge.process import BINARY_NAME, BINARY_VARIABLE

ROOT = Path(__file__).resolve().parent.parent
REMAKE_ENVIRONMENT = "rm -rf .venv && make build"
SYSTEM_PACKAGES = {
    "g++": "C++ compiler",
    "cmake": "CMake",
    "ninja-build": "Ninja",
    "libzmq3-dev": "libzmq",
    "cppzmq-dev": "cppzmq",
    "libsodium-dev": "libsodium",
    "nlohmann-json3-dev": "nlohmann-json",
    "protobuf-compiler": "protoc",
    "libprotobuf-dev": "Protocol Buffers",
    "libgtest-dev": "GoogleTest",
    "librapidcheck-dev": "RapidCheck",
}
VERSION_COMMANDS = {"g++": "g++", "cmake": "cmake", "ninja-build": "ninja"}


class State(Enum):
    """Verdict on one thing; only MISSING fails the examination."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One line of the report. `mend` is the exact command to run from the root of the repository, or ""."""

    subject: str
    state: State
    text: str
    mend: str = ""


def examine(root: Path = ROOT) -> Iterator[Finding]:
    """Look at this machine and the work tree at `root`, the cheapest and most basic things first."""
    yield from check_machine()
    yield Finding("Python", State.OK, f"{platform.python_version()} ({sys.executable})")
    if not (root / "Makefile").is_file():
        yield Finding("work tree", State.MISSING, f"{root} is no clone of the repository, and only a clone can build")
        return
    yield from check_system_packages(root)
    yield check_packages(root)
    yield check_ns3(root)
    yield check_program(root)


def check_machine() -> Iterator[Finding]:
    """Operating system and architecture, with what follows from it for ns-3."""
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = platform.system()
    yield Finding("machine", State.OK, f"{system}, {platform.machine()}")
    if platform.machine() != "x86_64":
        text = "ns-3 comes ready-made for x86_64 only; here, build ns-3 3.44 yourself and name it by NS3_DIR. "
        yield Finding("machine", State.NOTE, text + "Replay, reports and notebooks need no ns-3.")


def check_system_packages(root: Path) -> Iterator[Finding]:
    """Compiler, build tools and C++ libraries, by the very test that set-up makes."""
    command = [str(root / "tools/system-packages.sh"), "check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        yield Finding("system packages", State.MISSING, f"could not be checked: {_first_line(result.stderr)}")
        return
    missing = set(result.stdout.split())
    for package, subject in SYSTEM_PACKAGES.items():
        if package in missing:
            yield Finding(subject, State.MISSING, "not found", _apt_command(package))
        else:
            program = VERSION_COMMANDS.get(package)
            yield Finding(subject, State.OK, _version_of(program) if program else "found")


def check_packages(root: Path) -> Finding:
    """Installed Python packages against the locks."""
    wanted = _locked(root / "requirements.lock") | _locked(root / "requirements-sdist.lock")
    if torch_needs_cuda():
        wanted |= _locked(root / "requirements-cuda.lock")
    wrong = []
    for name, locked in wanted.items():
        installed = _installed(name)
        # PyTorch's builds differ in the local part of the version ("+cpu") only.
        if installed is None or Version(installed).public != locked:
            wrong.append(f"{name} {installed or 'missing'} (locked: {locked})")
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        return Finding("Python packages", State.MISSING, shown, REMAKE_ENVIRONMENT)
    return Finding("Python packages", State.OK, f"all {len(wanted)} as locked; PyTorch {_installed('torch')}")


def torch_needs_cuda() -> bool:
    """True if the installed PyTorch asks for CUDA packages on this machine; its CPU build does not."""
    if _installed("torch") is None:
        return False
    parsed = (Requirement(text) for text in requires("torch") or [])
    applying = (item for item in parsed if item.marker is None or item.marker.evaluate({"extra": ""}))
    return any(re.match(r"cuda-|nvidia-|triton$", item.name) for item in applying)


def check_ns3(root: Path) -> Finding:
    """The ns-3 that `make` builds against: the one NS3_DIR names, else the fetched one."""
    own = os.environ.get("NS3_DIR")
    prefix = Path(own) if own else root / ".deps" / "ns3"
    where = f"NS3_DIR={own}" if own else ".deps/ns3"
    libraries = [
        path for pattern in ("lib*", "lib/*", "build/lib") for path in prefix.glob(f"{pattern}/libns3*-core*.so")
    ]
    headers = [path for path in ("include", "build/include") if (prefix / path / "ns3/core-module.h").is_file()]
    found = re.match(r"libns(3[0-9.a-z+]*)-core", libraries[0].name) if libraries else None
    if found and headers:
        return Finding("ns-3", State.OK, f"{found.group(1)} ({where})")
    if own:
        text = f"{where} holds no include/ns3 with lib*/libns3*-core*.so (nor those of a source tree's build/)"
        return Finding("ns-3", State.MISSING, text, "make build NS3_DIR=/path/to/ns-3")
    mend = "make build" if platform.machine() == "x86_64" else "make build NS3_DIR=/path/to/ns-3"
    return Finding("ns-3", State.MISSING, "not fetched yet", mend)


def check_program(root: Path) -> Finding:
    """The simulation program: there, able to start, and no older than its sources."""
    chosen = os.environ.get(BINARY_VARIABLE)
    program = Path(chosen) if chosen else root / "build" / "bin" / BINARY_NAME
    where = f"{BINARY_VARIABLE}={chosen}" if chosen else f"build/bin/{BINARY_NAME}"
    mend = f"unset {BINARY_VARIABLE}" if chosen else "make build"
    if not os.access(program, os.X_OK) or not program.is_file():
        return Finding("simulation", State.MISSING, f"{where} is no executable file", mend)
    try:
        start = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("simulation", State.MISSING, f"{where} does not start: {error}", mend)
    if start.returncode != 0:
        return Finding("simulation", State.MISSING, f"{where} does not start: {_first_line(start.stderr)}", mend)
    if not chosen and _is_stale(root / "build"):
        return Finding("simulation", State.MISSING, f"{where} is older than its sources", mend)
    return Finding("simulation", State.OK, f"{_first_line(start.stdout)} ({where})")


def _is_stale(build: Path) -> bool:
    """True if ninja would make the program anew; files that are new since the last build are not seen."""
    ninja = shutil.which("ninja")
    if ninja is None:
        return False
    # By its absolute name the build file is none of its own targets. Else a dry run would always end with the wish to
    # write that file again, since the check for new sources counts as undone.
    command = [ninja, "-C", str(build), "-f", str(build.resolve() / "build.ninja"), "-n", f"bin/{BINARY_NAME}"]
    plan = subprocess.run(command, capture_output=True, text=True, check=False)
    return plan.returncode != 0 or "no work to do" not in plan.stdout


def _locked(lock: Path) -> dict[str, str]:
    """Versions that the lock names for this Python and machine."""
    parsed = (Requirement(line.rstrip(" \\")) for line in lock.read_text().splitlines() if re.match(r"\w", line))
    return {
        requirement.name: str(requirement.specifier).removeprefix("==")
        for requirement in parsed
        if requirement.marker is None or requirement.marker.evaluate()
    }


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _version_of(program: str) -> str:
    result = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return _first_line(result.stdout)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _apt_command(package: str) -> str:
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y --no-install-recommends {package}"


@click.command()
def doctor() -> None:
    """Say what is there, what is missing, and the command that mends it.

    Exits with 0 if a simulation can run, with 1 if something is missing.

    \b
    Examples:
      slicebridge doctor
      NS3_DIR=/opt/ns-3 slicebridge doctor
    """
    colours = {State.OK: "green", State.NOTE: "yellow", State.MISSING: "red"}
    missing = 0
    for finding in examine():
        mark = click.style(f"{finding.state.value:<8}", fg=colours[finding.state])
        click.echo(f"{mark} {finding.subject:<16} {finding.text}")
        if finding.mend:
            click.echo(f"{'':<8} {'':<16} mend it by: {finding.mend}")
        missing += finding.state is State.MISSING
    if missing:
        click.echo(f"{missing} missing")
        raise SystemExit(1)
    click.echo("everything is there")
