# SPDX-License-Identifier: MIT
"""Put ns-3 into .deps/ns3 (include/ and lib64/), from the one wheel that requirements-ns3.lock names by hash.

The wheel is unpacked, not installed: the C++ side needs its headers and libraries, whatever Python runs, and none of
the Python bindings that it depends on. With NS3_DIR set nothing is done, since the user brings an ns-3.
"""

import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEPS = ROOT / ".deps"
LOCK = ROOT / "requirements-ns3.lock"
WANTED = re.compile(r"ns3/(include/.*|lib64/[^/]+\.so[.0-9]*)$")


def wheel_key() -> str:
    """SHA-256 of the wheel that the lock names.

    Raises:
        SystemExit: the lock names no hash.
    """
    match = re.search(r"--hash=sha256:([0-9a-f]{64})", LOCK.read_text())
    if match is None:
        raise SystemExit(f"setup: error: {LOCK.name} names no SHA-256")
    return match.group(1)


def download(folder: Path) -> Path:
    """Fetch the wheel into `folder`; pip checks its hash.

    Raises:
        SystemExit: pip failed; its message is already on standard error.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary=:all:", "--python-version", "3.11", "--platform", "manylinux_2_28_x86_64"]
    command += ["--require-hashes", "--requirement", str(LOCK), "--dest", str(folder)]
    if subprocess.run(command, check=False).returncode != 0:
        raise SystemExit("setup: error: ns-3 could not be fetched; try again, or set NS3_DIR to an ns-3 of your own")
    return next(folder.glob("ns3-*.whl"))


def unpack(wheel: Path, target: Path) -> None:
    """Unpack headers and shared libraries of the wheel to `target`, keeping their times for ninja's sake."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            match = WANTED.match(member.filename)
            if match is None or member.is_dir():
                continue
            path = target / match.group(1)
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, path.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            stamp = time.mktime((*member.date_time, 0, 0, -1))
            os.utime(path, (stamp, stamp))


def swap(unpacked: Path) -> None:
    """Make .deps/ns3 point to `unpacked` in one step, so that no build ever finds it missing."""
    link = DEPS / "ns3"
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    fresh = DEPS / ".ns3-link"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(unpacked.name)
    fresh.replace(link)
    for old in DEPS.glob("ns3-*"):
        if old != unpacked:
            shutil.rmtree(old)


def fetch(key: str) -> None:
    """Download, unpack and put in place; an interruption leaves what was there before."""
    if platform.machine() != "x86_64":
        raise SystemExit(
            f"setup: error: there is no ns-3 package for {platform.machine()}, only for x86_64; "
            "build ns-3 3.44 yourself and run: make NS3_DIR=/path/to/it"
        )
    print("setup: fetching ns-3 3.44", file=sys.stderr)
    for leftover in DEPS.glob(".tmp-*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(dir=DEPS, prefix=".tmp-") as folder:
        unpacked = Path(folder) / "ns3"
        unpack(download(Path(folder)), unpacked)
        (unpacked / ".stamp").write_text(key + "\n")
        target = DEPS / f"ns3-{key[:12]}"
        shutil.rmtree(target, ignore_errors=True)
        unpacked.rename(target)
    swap(target)


def main() -> None:
    """Fetch ns-3 unless it is there or the user brings one."""
    if os.environ.get("NS3_DIR"):
        return
    DEPS.mkdir(exist_ok=True)
    with (DEPS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        key = wheel_key()
        stamp = DEPS / "ns3" / ".stamp"
        if not stamp.exists() or stamp.read_text().strip() != key:
            fetch(key)


if __name__ == "__main__":
    main()
