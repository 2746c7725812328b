# SPDX-License-Identifier: MIT
"""A run leaves a complete directory, a failed one its log, an interrupted one nothing."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import psutil
import pytest

from pybridge.errors import BinaryNotFound
from pybridge.policies import PolicyError
from pybridge.run import RunError, RunFailed, run
from pybridge.scenario import load_scenario, parse_scenario
from tests.run.fake_program import KPMS

FILES = {"scenario.json", "manifest.json", "kpm.parquet", "controls.parquet", "packets.parquet", "log.txt"}

MY_POLICY = """
from pybridge.observation import Action

class Good:
    def reset(self, schema, scenario):
        self.action = Action(schema, "high")
        self.calls = 0

    def act(self, observation):
        assert observation.slice_high.shape[:2] == (1, 2)
        return self.action

class BothLevels(Good):
    levels = "both"

    def reset(self, schema, scenario):
        self.action = Action(schema, "both")

    def act(self, observation):
        self.action.ue_weight[:] = 2.0
        return self.action

class Clumsy(Good):
    def act(self, observation):
        return 1 / 0

class OutOfRange(Good):
    def act(self, observation):
        self.action.prb_policy[0, 1, 2] = 1.5
        return self.action

class Mute:
    pass

class Unmade(Good):
    def __init__(self, argument):
        pass
"""


@pytest.fixture
def my_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a module of policies in the current directory; a new one for each test, as Python caches modules."""
    name = "policies_" + re.sub(r"\W", "_", tmp_path.name)
    (tmp_path / f"{name}.py").write_text(MY_POLICY)
    monkeypatch.chdir(tmp_path)
    return name


def entries(folder: Path) -> set[str]:
    """Names of what is in a folder, hidden entries too."""
    return {path.name for path in folder.iterdir()}


@pytest.mark.usefixtures("fake_program")
@pytest.mark.parametrize("policy", ["static", "Good", "BothLevels"])
def test_a_run_leaves_a_complete_directory(tmp_path: Path, scenario_file: Path, my_policies: str, policy: str) -> None:
    times: list[float] = []
    name = policy if policy == "static" else f"{my_policies}:{policy}"
    result = run(scenario_file, name, 7, tmp_path / "runs" / "one", progress=times.append)
    assert entries(tmp_path / "runs") == {"one"}
    assert entries(result.out) == FILES
    manifest = json.loads((result.out / "manifest.json").read_text())
    assert manifest == result.manifest
    assert (manifest["seed"], manifest["policy"]["name"], manifest["exit_code"]) == (7, name, 0)
    assert manifest["sim_s"] == 0.5
    assert set(manifest["files"]) == FILES - {"manifest.json"}
    for file, described in manifest["files"].items():
        content = (result.out / file).read_bytes()
        assert described == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    scenario = load_scenario(result.out / "scenario.json")
    assert scenario == load_scenario(scenario_file, {"seed": 7})
    assert manifest["scenario"] == {"name": "tiny", "sha256": scenario.content_hash()}
    if policy != "static":
        assert times == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.mark.usefixtures("fake_program")
def test_tables_have_the_documented_columns(tmp_path: Path, scenario_file: Path) -> None:
    result = run(scenario_file, "proportional", None, tmp_path / "out")
    kpm = result.kpm()
    assert kpm.columns == ["time_s", "cell", "slice", "ue", "name", "value", "unit"]
    assert set(kpm["slice"]) == {"embb", "urllc"}
    units = dict(zip(kpm["name"], kpm["unit"], strict=True))
    assert units == {item["name"]: item["unit"] for item in KPMS}
    assert kpm.height == 5 * 2 * len(KPMS)
    assert result.controls().columns[:4] == ["time_s", "cell", "slice", "requested_dedicated"]
    packets = result.packets()
    assert packets is not None
    assert packets.rows() == [("embb", 10_000, 5), ("urllc", -1, 2)]


@pytest.mark.usefixtures("fake_program")
def test_equal_runs_give_equal_files(tmp_path: Path, scenario_file: Path) -> None:
    first, second, other = (
        run(scenario_file, "static", seed, tmp_path / name) for name, seed in zip("abc", (1, 1, 2), strict=True)
    )
    for file in FILES - {"manifest.json"}:
        assert (first.out / file).read_bytes() == (second.out / file).read_bytes()
    assert (first.out / "kpm.parquet").read_bytes() != (other.out / "kpm.parquet").read_bytes()


@pytest.mark.usefixtures("fake_program")
@pytest.mark.parametrize("policy", ["static", "Good"])
@pytest.mark.parametrize(
    ("fault", "words", "exit_code"), [("fail", "sky is falling", 5), ("die", "SIGKILL", 5), ("cut", "is cut off", 1)]
)
def test_a_failed_run_keeps_its_log(
    tmp_path: Path,
    scenario_file: Path,
    my_policies: str,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    fault: str,
    words: str,
    exit_code: int,
) -> None:
    monkeypatch.setenv("FAKE_FAULT", fault)
    name = policy if policy == "static" else f"{my_policies}:{policy}"
    for _ in range(2):
        with pytest.raises(RunFailed, match=words) as caught:
            run(scenario_file, name, 1, tmp_path / "runs" / "one")
    assert caught.value.exit_code == exit_code
    assert entries(tmp_path / "runs") == {"one.failed"}
    failed = tmp_path / "runs" / "one.failed"
    assert {"log.txt", "scenario.json", "reason.txt"} <= entries(failed)
    assert words in (failed / "reason.txt").read_text()
    for path in re.findall(r"\S*one\S*", str(caught.value)):
        assert Path(path.rstrip(":")).exists()


@pytest.mark.usefixtures("fake_program")
@pytest.mark.parametrize("fault", ["hang", "stop"])
def test_a_built_in_policy_that_hangs_is_ended(
    tmp_path: Path, scenario_file: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("FAKE_FAULT", fault)
    monkeypatch.setenv("FAKE_MARK", str(tmp_path / "mark"))
    monkeypatch.setattr("pybridge.program.SILENCE_S", 2.0)
    others = psutil.Process().children()  # of earlier tests, not collected yet
    begin = time.monotonic()
    with pytest.raises(RunFailed, match="no progress for 2 s; it was ended") as caught:
        run(scenario_file, "static", 1, tmp_path / "runs" / "one")
    assert time.monotonic() - begin < 60.0
    assert caught.value.exit_code == 5
    assert entries(tmp_path / "runs") == {"one.failed"}
    assert set(psutil.Process().children()) <= set(others)


@pytest.mark.usefixtures("fake_program")
def test_a_built_in_policy_that_is_slow_may_go_on(
    tmp_path: Path, scenario_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FAULT", "busy")
    monkeypatch.setattr("pybridge.program.SILENCE_S", 1.5)
    assert entries(run(scenario_file, "static", 1, tmp_path / "out").out) == FILES


@pytest.mark.usefixtures("fake_program")
@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("Clumsy", r"failed in act\(\) at 0 s: ZeroDivisionError: division by zero \(.*\.py:\d+\)"),
        ("OutOfRange", r"prb_policy\[0, 1, 2\] is 1.5, allowed are 0 to 1"),
    ],
)
def test_a_policy_that_fails_is_named(
    tmp_path: Path, scenario_file: Path, my_policies: str, policy: str, words: str
) -> None:
    with pytest.raises(RunFailed, match=words):
        run(scenario_file, f"{my_policies}:{policy}", 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.failed" / "reason.txt").exists()


@pytest.mark.usefixtures("fake_program")
@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("proportinal", "did you mean `proportional`"),
        ("no_such_module:Policy", "No module named 'no_such_module'"),
        ("MODULE:Goood", "has no `Goood`; did you mean `Good`"),
        ("MODULE:Mute", "has no method `reset` nor `act`"),
        ("MODULE:Unmade", "cannot be made: TypeError"),
        ("broken:Policy", "cannot be imported: SyntaxError"),
        ("tiny.yaml", "tiny.yaml"),
    ],
)
def test_a_bad_policy_writes_nothing(
    tmp_path: Path, scenario_file: Path, my_policies: str, policy: str, words: str
) -> None:
    (tmp_path / "broken.py").write_text("def :\n")
    before = entries(tmp_path)
    with pytest.raises(PolicyError, match=re.escape(words)):
        run(scenario_file, policy.replace("MODULE", my_policies), 1, tmp_path / "runs" / "one")
    assert entries(tmp_path) - {"__pycache__"} == before


@pytest.mark.usefixtures("fake_program")
@pytest.mark.parametrize("taken", ["file", "folder"])
def test_what_is_there_is_left_alone(tmp_path: Path, scenario_file: Path, taken: str) -> None:
    out = tmp_path / "out"
    if taken == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine").write_text("mine")
    before = entries(tmp_path)
    with pytest.raises(RunError, match="is not an empty directory"):
        run(scenario_file, "static", 1, out)
    assert entries(tmp_path) == before


@pytest.mark.usefixtures("fake_program")
@pytest.mark.parametrize(
    ("out", "words"),
    [
        (".", "is the current directory"),
        ("../here", "is the current directory"),
        ("..", "is not an empty directory"),
        ("../disk", "is a mount point"),
    ],
)
def test_a_directory_that_cannot_be_replaced_is_refused_before_anything_is_simulated(
    tmp_path: Path, scenario_file: Path, monkeypatch: pytest.MonkeyPatch, out: str, words: str
) -> None:
    for name in ("here", "disk"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("os.path.ismount", lambda path: Path(path).name == "disk")
    before = entries(tmp_path)
    with pytest.raises(RunError, match=words):
        run(scenario_file, "static", 1, out)
    assert entries(tmp_path) == before
    assert entries(Path()) == set()


@pytest.mark.usefixtures("fake_program")
def test_a_link_to_an_empty_directory_is_followed(tmp_path: Path, scenario_file: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to("elsewhere")
    run(scenario_file, "static", 1, tmp_path / "out")
    assert entries(tmp_path / "elsewhere") == FILES


@pytest.mark.usefixtures("fake_program")
def test_an_empty_directory_is_filled(tmp_path: Path, scenario_file: Path) -> None:
    (tmp_path / "out").mkdir()
    assert entries(run(scenario_file, "static", 1, tmp_path / "out").out) == FILES


def test_a_missing_program_writes_nothing(tmp_path: Path, scenario_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLICEBRIDGE_BIN", str(tmp_path / "nowhere"))
    with pytest.raises(BinaryNotFound, match="nowhere"):
        run(scenario_file, "static", 1, tmp_path / "runs" / "one")
    assert entries(tmp_path) == {"tiny.yaml"}


@pytest.mark.usefixtures("fake_program")
def test_an_interrupted_run_leaves_nothing(
    tmp_path: Path, scenario_file: Path, my_policies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(time_s: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(scenario_file, f"{my_policies}:Good", 1, tmp_path / "runs" / "one", progress=interrupt)
    assert entries(tmp_path / "runs") == set()


@pytest.mark.usefixtures("fake_program")
def test_what_a_killed_run_left_goes_with_the_next_one(tmp_path: Path, scenario_file: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    for name in (f".a.{gone.pid}.partial", f".a.{os.getppid()}.partial", f".b.{gone.pid}.partial"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    run(scenario_file, "static", 1, tmp_path / "runs" / "a")
    assert entries(tmp_path / "runs") == {"a", f".a.{os.getppid()}.partial", f".b.{gone.pid}.partial"}


@pytest.mark.usefixtures("fake_program")
def test_the_scenario_may_be_an_object(tmp_path: Path, scenario_file: Path) -> None:
    scenario = parse_scenario(scenario_file.read_text())
    result: Any = run(scenario, "max-weight", None, tmp_path / "out")
    assert result.manifest["seed"] == scenario.seed


class _Trained:
    """Equal scores, whatever it sees."""

    def check_spaces(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        assert isinstance(action_space, gym.spaces.Box)
        self.shape = action_space.shape
        if observation_space.shape == (0,):
            raise PolicyError("not mine")

    def act(self, observation: Any) -> Any:
        return np.ones(self.shape, np.float32)


def _load_trained(path: Path) -> _Trained:
    if path.read_text() != "trained":
        raise PolicyError(f"{path}: not trained")
    return _Trained()


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers a loader of checkpoints by its entry point."""
    entry = EntryPoint("test", f"{__name__}:_load_trained", "slicebridge.policies")
    monkeypatch.setattr("pybridge.policies.entry_points", lambda group: [entry])


@pytest.mark.usefixtures("fake_program", "loader")
def test_a_checkpoint_runs_on_the_environment(tmp_path: Path, scenario_file: Path) -> None:
    checkpoint = tmp_path / "policy.bin"
    checkpoint.write_text("trained")
    result = run(scenario_file, str(checkpoint), 3, tmp_path / "out")
    assert entries(result.out) == FILES
    assert load_scenario(result.out / "scenario.json").seed == 3
    assert result.manifest["policy"]["kind"] == "checkpoint"
    assert len(result.manifest["policy"]["sha256"]) == 64


@pytest.mark.usefixtures("fake_program", "loader")
@pytest.mark.parametrize("damage", ["content", "folder"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, scenario_file: Path, damage: str) -> None:
    checkpoint = tmp_path / "policy.bin"
    if damage == "folder":
        checkpoint.mkdir()
    else:
        checkpoint.write_text("else")
    with pytest.raises(PolicyError, match=r"policy\.bin"):
        run(scenario_file, str(checkpoint), 3, tmp_path / "out")
    assert entries(tmp_path) == {"policy.bin", "tiny.yaml"}
