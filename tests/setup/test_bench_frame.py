# SPDX-License-Identifier: MIT
"""The frame that runs the benchmarks."""

import importlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.bench import __main__ as bench


def provide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **results: dict[str, float]) -> Path:
    """Benchmarks of these names that return these figures; returns the path of the report."""
    modules = {f"tests.bench.bench_{name}": SimpleNamespace(run=lambda r=r: r) for name, r in results.items()}
    monkeypatch.setattr(importlib, "import_module", lambda name: modules[name])
    monkeypatch.setattr(bench, "discover", lambda: sorted(results))
    monkeypatch.setattr(bench, "REPORT", tmp_path / "bench.json")
    return tmp_path / "bench.json"


def test_benchmarks_are_found_by_file_name(tmp_path: Path) -> None:
    for name in ("bench_link.py", "bench_campaign.py", "helper.py", "bench_notes.txt"):
        (tmp_path / name).touch()
    assert bench.discover(tmp_path) == ["campaign", "link"]


def test_report_is_one_flat_map_that_keeps_figures_not_measured_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = provide(monkeypatch, tmp_path, link={"link_us": 3.0}, reset={"reset_ms": 60})
    assert bench.main([]) == 0
    assert json.loads(report.read_text()) == {"link_us": 3.0, "reset_ms": 60.0}
    provide(monkeypatch, tmp_path, link={"link_us": 4.0})
    assert bench.main(["link"]) == 0
    assert json.loads(report.read_text()) == {"link_us": 4.0, "reset_ms": 60.0}


@pytest.mark.parametrize("figures", [{}, {"bad": float("nan")}, {"bad": float("inf")}])
def test_a_benchmark_without_figures_fails_and_spares_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, figures: dict[str, float]
) -> None:
    report = provide(monkeypatch, tmp_path, broken=figures, sound={"reset_ms": 60.0})
    assert bench.main([]) == 1
    assert json.loads(report.read_text()) == {"reset_ms": 60.0}


def test_an_unknown_name_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    report = provide(monkeypatch, tmp_path, link={"link_us": 3.0})
    assert bench.main(["link", "lnik"]) == 2
    assert not report.exists()


def test_long_benchmarks_run_only_when_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "long_learn.py").touch()
    assert bench.discover_long(tmp_path) == ["learn"]
    assert bench.discover(tmp_path) == []
    report = provide(monkeypatch, tmp_path, reset={"reset_ms": 60.0})
    monkeypatch.setattr(bench, "discover_long", lambda: ["learn"])
    long = SimpleNamespace(run=lambda: {"mse": 0.5})
    short = importlib.import_module("tests.bench.bench_reset")
    modules = {"tests.bench.long_learn": long, "tests.bench.bench_reset": short}
    monkeypatch.setattr(importlib, "import_module", lambda name: modules[name])
    assert bench.main([]) == 0
    assert json.loads(report.read_text()) == {"reset_ms": 60.0}
    assert bench.main(["learn"]) == 0
    assert json.loads(report.read_text()) == {"reset_ms": 60.0, "mse": 0.5}
