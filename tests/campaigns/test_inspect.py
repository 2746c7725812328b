# SPDX-License-Identifier: MIT
"""`slicebridge campaign status | show | reproduce | gc` and the query layer, on one finished campaign."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from campaigns.query import AXES, manifests, runs, scan
from campaigns.store import Store, StoreError
from pybridge.cli import main
from tests.campaigns.conftest import CAMPAIGN, fake_program

FEW = "".join(
    line for line in CAMPAIGN.splitlines(keepends=True) if not any(name in line for name in ("ppo", "heavy", "large"))
)
"""4 runs: two methods × two seeds."""

Invoke = Callable[..., Result]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with program, campaign file and, below `out`, the finished campaign."""
    folder = tmp_path_factory.mktemp("campaign")
    fake_program(folder / "bin")
    (folder / "few.yaml").write_text(FEW)
    result = CliRunner(env={"SLICEBRIDGE_BIN": str(folder / "bin" / "ran-slicing")}).invoke(
        main, ["campaign", "run", str(folder / "few.yaml"), "--out", str(folder / "out")]
    )
    assert len(list((folder / "out" / "tiny" / "runs").glob("*/manifest.json"))) == 4, result.output
    return folder


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    """A copy of the campaign's directory, to be damaged."""
    return shutil.copytree(finished / "out" / "tiny", tmp_path / "out" / "tiny")


@pytest.fixture
def invoke(finished: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """`slicebridge campaign ARGUMENTS --out` of that copy."""
    monkeypatch.setenv("SLICEBRIDGE_BIN", str(finished / "bin" / "ran-slicing"))
    return lambda *arguments: CliRunner().invoke(
        main, ["campaign", *map(str, arguments), "--out", str(root.parent)], prog_name="slicebridge"
    )


def run_of(root: Path, method: str = "static") -> Path:
    return next(iter(sorted(root.glob(f"runs/{method}-*"))))


def alter(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def test_status_counts_and_lists(invoke: Invoke, root: Path, finished: Path) -> None:
    shutil.rmtree(run_of(root))
    for name in ("tiny", finished / "few.yaml", root):
        result = invoke("status", name, "--runs")
        assert result.exit_code == 0
        assert "evaluate      4 runs: 3 done, 0 running, 0 failed, 1 missing" in result.output
        assert result.output.count("done    proportional-lte-small-even-s") == 2
        assert result.output.count("missing static-lte-small-even-s1-") == 1


def test_status_verifies_checksums(invoke: Invoke, root: Path) -> None:
    result = invoke("status", "tiny", "--verify")
    assert result.exit_code == 0
    assert "4 of 4 finished runs have the checksums of their manifests" in result.output
    alter(run_of(root) / "kpm.parquet")
    result = invoke("status", "tiny", "--verify")
    assert result.exit_code == 1
    assert f"damaged: {run_of(root).name}" in result.output
    assert "3 of 4 finished runs" in result.output


def test_damaged_run_is_made_again(invoke: Invoke, root: Path, finished: Path) -> None:
    before = (run_of(root) / "kpm.parquet").read_bytes()
    alter(run_of(root) / "kpm.parquet")
    result = invoke("run", finished / "few.yaml")
    assert f"{run_of(root).name}: its files are not those of its manifest any more" in result.output
    assert "4 runs, 1 to do" in result.output
    assert (run_of(root) / "kpm.parquet").read_bytes() == before


def test_set_changes_a_key(invoke: Invoke, root: Path, finished: Path) -> None:
    result = invoke("plan", finished / "few.yaml", "--set", "seeds=[1, 2, 3]")
    assert "6 runs, 2 to do" in result.output
    result = invoke("plan", finished / "few.yaml", "--set", "seeds=0")
    assert result.exit_code == 2
    assert "seeds" in result.stderr
    assert "--set" in result.stderr


def test_show(invoke: Invoke, root: Path) -> None:
    run = run_of(root)
    result = invoke("show", run.name)
    assert result.exit_code == 0
    lines = dict(line.split(maxsplit=1) for line in result.output.splitlines()[:5])
    assert lines["run"] == run.name
    assert lines["state"] == "done"
    assert lines["place"] == "kind evaluate, method static, ran lte, size small, mix even, seed 1"
    assert lines["needs"] == "no other run"
    for file in run.iterdir():
        assert f"{file.stat().st_size:>10} bytes  {file.name}" in result.output


def test_show_of_a_run_that_is_not_there(invoke: Invoke) -> None:
    result = invoke("show", "static-nowhere")
    assert result.exit_code == 1
    assert result.stderr.startswith("slicebridge: static-nowhere: no such run below ")
    assert "status NAME --runs" in result.stderr


def test_reproduce_gives_the_same_bits(invoke: Invoke, root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    result = invoke("reproduce", run_of(root).name)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{run_of(root).name}: the same bits again\n"
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_reproduce_names_the_file_that_was_altered(invoke: Invoke, root: Path) -> None:
    alter(run_of(root) / "kpm.parquet")
    result = invoke("reproduce", run_of(root).name)
    assert result.exit_code == 1
    assert result.stdout == "differs: kpm.parquet\n"


def test_reproduce_says_that_the_program_is_another(invoke: Invoke, root: Path, finished: Path, tmp_path: Path) -> None:
    other = tmp_path / "ran-slicing"
    other.write_text((finished / "bin" / "ran-slicing").read_text() + "# another one\n")
    other.chmod(0o755)
    result = CliRunner(env={"SLICEBRIDGE_BIN": str(other)}).invoke(
        main, ["campaign", "reproduce", run_of(root).name, "--out", str(root.parent)]
    )
    assert "note: simulator of today are not those that made this run" in result.stderr
    assert result.exit_code == 0


def test_gc_removes_what_the_plan_does_not_name(invoke: Invoke, root: Path) -> None:
    old = root / "runs" / "static-lte-small-even-s1-000000000000"
    shutil.copytree(run_of(root), old)
    (root / "failed" / "static-x").mkdir()
    (root / "state" / "train-gone").mkdir(parents=True)
    kept = set((root / "runs").iterdir()) - {old}

    result = invoke("gc", "tiny", "--dry-run")
    assert result.exit_code == 0
    assert result.output.count("would remove") == 3
    assert "3 directories" in result.output
    assert old.is_dir()

    result = invoke("gc", "tiny")
    assert result.output.count("removed") == 3
    assert set((root / "runs").iterdir()) == kept
    assert list((root / "failed").iterdir()) == []
    assert list((root / "state").iterdir()) == []
    assert "0 directories" in invoke("gc", "tiny").output


def test_gc_keeps_off_a_running_campaign(invoke: Invoke, root: Path) -> None:
    (root / "failed" / "static-x").mkdir()
    with Store(root).locked():
        result = invoke("gc", "tiny")
    assert result.exit_code == 1
    assert "another process runs this campaign" in result.stderr
    assert (root / "failed" / "static-x").is_dir()


def test_runs_have_a_row_each(root: Path) -> None:
    shutil.rmtree(run_of(root))
    table = runs(root)
    assert set(AXES) <= set(table.columns)
    assert table.group_by("state").len().sort("state").rows() == [("done", 3), ("missing", 1)]
    assert set(table.select("method", "seed").rows()) == {
        (method, seed) for method in ("static", "proportional") for seed in (1, 2)
    }


def test_scan_joins_all_runs_with_their_place(root: Path) -> None:
    table = scan(root, "kpm.parquet").collect()
    single = pl.concat(
        pl.read_parquet(run / "kpm.parquet").with_columns(id=pl.lit(run.name)) for run in root.glob("runs/*")
    )
    columns = single.columns
    assert table.select(columns).sort(columns).equals(single.sort(columns))
    assert set(AXES) <= set(table.columns)
    assert "path" not in table.columns
    chosen = scan(root, "kpm.parquet", (pl.col("method") == "static") & (pl.col("seed") == 2)).collect()
    assert set(chosen.select("method", "seed").unique().rows()) == {("static", 2)}
    assert chosen.height == table.height // 4


def test_scan_of_nothing(root: Path) -> None:
    with pytest.raises(StoreError, match=r"no finished run that was asked for has a learning_curve\.parquet"):
        scan(root, "learning_curve.parquet")
    with pytest.raises(StoreError, match="no campaign is here"):
        runs(root.parent / "other")


def test_manifests(root: Path) -> None:
    ids = runs(root)["id"].to_list()
    assert [found["seed"] for found in manifests(root, ids)] == runs(root)["seed"].to_list()
    (root / "runs" / ids[0] / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match=ids[0]):
        manifests(root, ids)


def test_results_of_another_version_are_refused_by_name(invoke: Invoke, root: Path) -> None:
    plan = json.loads((root / "campaign.json").read_text())
    for job in plan["jobs"]:
        del job["kind"]
    (root / "campaign.json").write_text(json.dumps(plan))
    result = invoke("status", "tiny")
    assert result.exit_code == 1
    assert "was written by another version; `slicebridge campaign run` renews it" in result.stderr
