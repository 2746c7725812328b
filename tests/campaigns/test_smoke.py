# SPDX-License-Identifier: MIT
"""The shipped campaign `smoke` on the real simulation: interrupted, resumed, reported, and again to the same bits."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import polars as pl
import pytest
from nbclient import NotebookClient

DEADLINE_S = 500.0

NOTEBOOKS = Path(__file__).parents[2] / "results/notebooks"
NOTEBOOK_S = 120
"""Longest time for one cell of a notebook."""

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("simulation_program"), pytest.mark.timeout(1500)]


def start(out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pybridge", "campaign", "run", "smoke", "--out", str(out)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ))


@pytest.fixture(scope="module")
def campaign(simulation_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the campaign after it was interrupted once and then finished."""
    out = tmp_path_factory.mktemp("campaigns")
    root = out / "smoke"
    process = start(out)
    deadline = time.monotonic() + DEADLINE_S
    while len(list(root.glob("runs/*"))) < 3 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    kept = {path: path.stat().st_mtime_ns for path in root.glob("runs/*/*")}
    assert kept

    process = start(out)
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, output
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    return root


def test_all_runs_and_the_report_are_there(campaign: Path) -> None:
    assert len(list(campaign.glob("runs/*/manifest.json"))) == 56
    assert list(campaign.glob("tmp/*")) == []
    assert list(campaign.glob("failed/*")) == []
    assert {path.stem for path in campaign.glob("figures/*.png")} >= {
        "qos", "efficiency", "delay", "throughput", "fairness", "prb_shares", "compute_shares", "power_shares",
        "learning", "speed", "gains", "adaptation", "regret", "task_weights", "td_variance",
    }  # fmt: skip
    assert "hardly trained" in (campaign / "report.html").read_text(encoding="utf-8")
    table = pl.read_csv(campaign / "summary.csv")
    assert len(table) == 5 * 2 * 2 * 2 * 3  # methods, RANs, sizes, seeds, slices
    assert table["qos"].is_between(0.0, 1.0).all()
    assert table["efficiency"].is_between(0.0, 1.0).all()
    assert (table["goodput_mbps"] > 0.0).all()
    assert (table["delay_p50_ms"].is_between(0.5, 500.0)).all()


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook_executes(campaign: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLICEBRIDGE_CAMPAIGN", str(campaign))
    book = nbformat.read(path, as_version=4)
    executed = NotebookClient(book, timeout=NOTEBOOK_S, resources={"metadata": {"path": str(path.parent)}}).execute()
    kinds = [kind for cell in executed.cells for output in cell.get("outputs", ()) for kind in output.get("data", ())]
    if path.stem != "04_ablations":  # `ablation` fills its figures
        assert "image/png" in kinds


def test_next_time_nothing_runs(campaign: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in campaign.glob("runs/*/*")}
    output, _ = start(campaign.parent).communicate(timeout=DEADLINE_S)
    assert "all 56 runs are done" in output
    assert {path: path.stat().st_mtime_ns for path in campaign.glob("runs/*/*")} == before


def test_runs_made_again_have_the_same_bits(campaign: Path) -> None:
    chosen = [
        next(campaign.glob(f"runs/{name}"))
        for name in ("train-ppo-s1-*", "ppo-nr-small-plain-s1-*", "static-lte-large-plain-s2-*")
    ]
    files = [path for run in chosen for path in run.rglob("*") if path.suffix in (".parquet", ".safetensors")]
    assert len(files) >= 8
    before = {path: path.read_bytes() for path in files}
    for run in chosen:
        shutil.rmtree(run)
    assert start(campaign.parent).wait(timeout=DEADLINE_S) == 0
    for path, content in before.items():
        assert path.read_bytes() == content, path
