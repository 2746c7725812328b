# SPDX-License-Identifier: MIT
"""The set-up scripts, where they must refuse, wait or leave things alone."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


def load_fetch_ns3(deps: Path) -> ModuleType:
    """The script as a module that works in `deps`."""
    spec = importlib.util.spec_from_file_location("fetch_ns3", ROOT / "tools/fetch_ns3.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.DEPS = deps
    return module


def write_wheel(folder: Path) -> Path:
    wheel = folder / "ns3-3.44.whl"
    members = ["ns3/include/ns3/core-module.h", "ns3/lib64/libns3.44-core.so", "ns3/lib64/libgsl-b6.so.23.1.0"]
    members += ["ns3/lib64/libclick.a", "ns3/lib64/cmake/ns3/ns3Config.cmake", "ns3/__init__.py", "visualizer/core.py"]
    with zipfile.ZipFile(wheel, "w") as archive:
        for member in members:
            archive.writestr(member, member)
    return wheel


def path_without(folder: Path, *hidden: str) -> str:
    """A PATH with everything that the scripts use but `hidden`."""
    folder.mkdir()
    programs = ("bash", "dirname", "sed", "sort", "mkdir", "flock", "env", "apt-get", "sudo")
    for name in (*programs, "cmake", "ninja", "g++", "protoc"):
        program = shutil.which(name)
        if program is not None and name not in hidden:
            (folder / name).symlink_to(program)
    return str(folder)


def run_as_nobody(path: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    user = NOBODY if os.geteuid() == 0 else None
    return subprocess.run(
        [str(part) for part in command], env={"PATH": path}, user=user, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that any user may read, which pytest's own are not, with tools/ in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        shutil.copytree(ROOT / "tools", path / "tools")
        yield path


def test_without_root_and_sudo_the_exact_line_is_printed_and_setup_stops(public: Path) -> None:
    path = path_without(public / "bin", "ninja", "sudo")
    result = run_as_nobody(path, public / "tools/system-packages.sh", "build")
    assert result.returncode != 0
    assert "apt-get update && apt-get install -y --no-install-recommends ninja-build" in result.stderr


def test_without_apt_the_missing_packages_are_named(public: Path) -> None:
    path = path_without(public / "bin", "ninja", "apt-get")
    result = run_as_nobody(path, public / "tools/system-packages.sh", "build")
    assert result.returncode != 0
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith(": ninja-build\n")


def test_only_what_is_wanted_is_unpacked_with_its_times(tmp_path: Path) -> None:
    module = load_fetch_ns3(tmp_path)
    module.unpack(write_wheel(tmp_path), tmp_path / "ns3")
    files = {str(path.relative_to(tmp_path / "ns3")) for path in (tmp_path / "ns3").rglob("*") if path.is_file()}
    assert files == {"include/ns3/core-module.h", "lib64/libns3.44-core.so", "lib64/libgsl-b6.so.23.1.0"}


def test_another_ns3_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    module = load_fetch_ns3(tmp_path)
    for name in ("ns3-old", "ns3-new"):
        (tmp_path / name / "include").mkdir(parents=True)
        module.swap(tmp_path / name)
    assert (tmp_path / "ns3").resolve() == tmp_path / "ns3-new"
    assert not (tmp_path / "ns3-old").exists()


def test_a_download_that_fails_leaves_the_ns3_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load_fetch_ns3(tmp_path)
    monkeypatch.setattr(module.platform, "machine", lambda: "x86_64")
    (tmp_path / "ns3-old" / "include").mkdir(parents=True)
    module.swap(tmp_path / "ns3-old")
    module.LOCK = tmp_path / "bad.lock"
    module.LOCK.write_text("ns3==3.44.post0 --hash=sha256:" + "0" * 64)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("NS3_DIR", raising=False)
    with pytest.raises(SystemExit, match="could not be fetched"):
        module.main()
    assert (tmp_path / "ns3" / "include").is_dir()
    assert not list(tmp_path.glob(".tmp-*"))


def test_other_architectures_are_told_to_bring_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load_fetch_ns3(tmp_path)
    monkeypatch.setattr(module.platform, "machine", lambda: "aarch64")
    monkeypatch.delenv("NS3_DIR", raising=False)
    with pytest.raises(SystemExit, match="NS3_DIR"):
        module.main()
    monkeypatch.setenv("NS3_DIR", "/opt/ns-3")
    module.main()
    assert not (tmp_path / "ns3").exists()


def test_own_ns3_that_does_not_exist_is_named() -> None:
    command = [str(ROOT / "tools/build.sh"), "no-such-build", "all"]
    environment = os.environ | {"NS3_DIR": "/no/such/ns-3"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode != 0
    assert "NS3_DIR='/no/such/ns-3' does not exist" in result.stderr
    assert not (ROOT / "no-such-build").exists()
