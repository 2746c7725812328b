# SPDX-License-Identifier: MIT
"""Figures, tables and report of a finished, a half-finished and an empty campaign."""

from __future__ import annotations

import html.parser
import itertools
import json
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import polars as pl
import pytest
from click.testing import CliRunner
from matplotlib.axis import Axis
from matplotlib.transforms import Bbox

from results import catalogue
from results.cells import condition_cells
from results.cli import report
from results.figures import delay_ccdf
from results.load import CampaignResults, ResultsError, load_campaign_results
from results.report import write_report
from results.tables import by_method, summary
from tests.results.synthetic import METHODS, MIXES, SIZES, SLICES, write_campaign

EVALUATED = (
    "qos", "efficiency", "delay", "throughput", "fairness", "prb_shares", "compute_shares", "power_shares", "learning",
    "speed",
)  # fmt: skip
"""Figures that evaluations and trainings fill."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("finished")
    write_campaign(root)
    return root


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture(scope="module")
def results(finished: Path) -> CampaignResults:
    return load_campaign_results(finished)


def test_every_run_and_slice_is_in_the_summary(results: CampaignResults) -> None:
    table = summary(results)
    assert len(table) == len(METHODS) * len(SIZES) * len(MIXES) * 2 * len(SLICES)
    assert table["method"].unique(maintain_order=True).to_list() == list(METHODS)


def test_load_computes_what_the_files_say(results: CampaignResults) -> None:
    row = results.slices.row(
        by_predicate=(pl.col("method") == "static") & (pl.col("size") == "large") & (pl.col("mix") == "heavy")
        & (pl.col("seed") == 1) & (pl.col("slice") == "mmtc"),
        named=True,
    )  # fmt: skip
    assert row["goodput_mbps"] == pytest.approx(3.6)
    assert row["offered_mbps"] == pytest.approx(4.0)
    assert row["in_time"] == pytest.approx((100 - 2) / 101)
    assert row["loss"] == pytest.approx(1 / 101)


def test_what_does_not_apply_is_a_dash(results: CampaignResults) -> None:
    headings, rows = condition_cells(results)
    found = {row[3]: row[headings.index("in time")] for row in rows if row[4] == "static"}
    assert found == {"embb": "–", "urllc": "98.02 %", "mmtc": "97.03 %"}


def test_slice_without_traffic_leaves_numbers(copy: Path) -> None:
    for path in (copy / "runs").glob("*/kpm.parquet"):
        idle = (pl.col("slice") == "mmtc") & ~pl.col("name").str.ends_with("_ratio")
        kpm = pl.read_parquet(path).with_columns(pl.when(idle).then(0.0).otherwise("value").alias("value"))
        kpm.write_parquet(path)
        packets = path.with_name("packets.parquet")
        pl.read_parquet(packets).filter(pl.col("slice") != "mmtc").write_parquet(packets)
    text = write_report(copy)
    table = by_method(load_campaign_results(copy))
    assert table["qos mmtc"].to_list() == [1.0] * 4
    assert table["efficiency"].is_between(0.5, 1.0).all()
    assert table["gain_percent"].is_finite().all()
    headings, rows = condition_cells(load_campaign_results(copy))
    idle_row = dict(zip(headings, next(row for row in rows if row[3] == "mmtc"), strict=True))
    assert idle_row["QoS"] == "100.0 %"
    assert [idle_row[name] for name in ("in time", "lost", "p50", "p99.9", "Jain")] == ["–"] * 5
    assert not re.search(r"\bnan\b", text + (copy / "report.md").read_text(encoding="utf-8"))


def test_by_method_averages_conditions_then_seeds(results: CampaignResults) -> None:
    table = by_method(results)
    runs = results.runs.filter(pl.col("method") == "ppo")
    [row] = table.filter(pl.col("method") == "ppo").iter_rows(named=True)
    per_seed = [runs.filter(pl.col("seed") == seed)["efficiency"].to_numpy().mean() for seed in (1, 2)]
    assert row["efficiency"] == pytest.approx(sum(per_seed) / 2)
    assert (row["efficiency_low"], row["efficiency_high"]) == pytest.approx((min(per_seed), max(per_seed)))
    assert row["n_seeds"] == 2
    assert table["difference"][0] == 0.0


def test_figures_are_drawn_without_a_warning(results: CampaignResults, tmp_path: Path) -> None:
    filled = [name for name in catalogue.EXHIBITS if len(catalogue.data_of(results, name))]
    assert sorted(filled) == sorted(EVALUATED)
    for name in filled:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            catalogue.draw(results, name).savefig(tmp_path / f"{name}.png", dpi=60)
        image = plt.imread(tmp_path / f"{name}.png")
        assert image.std() > 0.02, "nothing is drawn"


def test_figure_without_data_is_refused_and_names_what_fills_it(results: CampaignResults) -> None:
    with pytest.raises(ResultsError, match=r"figure ablations: made-up has no data for it; it takes .*`ablation`"):
        catalogue.draw(results, "ablations")
    with pytest.raises(ResultsError, match="figure nonsense: must be one of gains, "):
        catalogue.draw(results, "nonsense")


def tick_labels(axis: Axis) -> list[Bbox]:
    low, high = sorted(axis.get_view_interval())
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    shown = [tick.label1 for tick in ticks if low <= tick.get_loc() <= high and tick.label1.get_text()]
    return [label.get_window_extent() for label in shown if label.get_visible()]


def test_delays_within_a_decade_have_labels_that_do_not_overlap(results: CampaignResults) -> None:
    delay_ms = [2.0, 2.2, 2.4, 2.6, 2.8]
    keys = [{"method": "static", "ran": "nr", "size": "small", "mix": "heavy", "slice": "embb"}]
    curves = pl.DataFrame(keys).join(
        pl.DataFrame({"delay_ms": delay_ms, "later": [1.0, 0.5, 0.1, 0.01, 0.0]}), how="cross"
    )
    figure = delay_ccdf(curves, {("nr", "embb"): None, ("nr", "urllc"): 10.0, ("nr", "mmtc"): None}, results.axes)
    figure.canvas.draw()
    for panel in figure.axes:
        boxes = tick_labels(panel.xaxis)
        assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert len(tick_labels(figure.axes[-1].xaxis)) >= 2


@pytest.mark.parametrize("conditions", [4, 1])
def test_text_in_figures_does_not_overlap_or_leave_the_page(results: CampaignResults, conditions: int) -> None:
    if conditions == 1:
        axes = replace(results.axes, sizes={"small": "6 UEs"}, mixes={"heavy": "heavy"})
        results = replace(results, axes=axes)
    for name in EVALUATED:
        figure = catalogue.draw(results, name)
        figure.canvas.draw()
        page = figure.bbox
        title = figure._suptitle.get_window_extent()  # type: ignore[attr-defined]
        note = figure._supxlabel.get_window_extent()  # type: ignore[attr-defined]
        assert page.x0 <= note.x0
        assert note.x1 <= page.x1, name
        for legend in figure.legends:
            assert not title.overlaps(legend.get_window_extent()), name
        for panel in (panel for panel in figure.axes if panel.get_visible()):
            box = panel.get_tightbbox()
            assert box is not None
            assert not box.overlaps(note), name
            assert box.y1 <= page.y1


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.images += [values.get("src", "")] if tag == "img" else []
        self.links += [values["href"]] if tag == "a" else []
        self.ids |= {values["id"]} if "id" in values else set()


def test_report_is_self_contained_and_its_links_lead_somewhere(copy: Path) -> None:
    text = write_report(copy)
    assert str(copy / "report.html") in text
    page = _Page()
    page.feed((copy / "report.html").read_text(encoding="utf-8"))
    assert len([image for image in page.images if image]) == len(EVALUATED)
    assert all(image.startswith("data:image/png;base64,") for image in page.images if image)
    for link in page.links:
        assert link[1:] in page.ids if link.startswith("#") else (copy / link).is_file(), link
    markdown = (copy / "report.md").read_text(encoding="utf-8")
    for image in re.findall(r"!\[.*?\]\((.*?)\)", markdown):
        assert (copy / image).is_file()
    assert "ppo: steps 5000" in markdown
    assert "The paper's definition is unavailable; ours differs." in markdown
    assert "It takes variants of the learner: `ablation` has them." in markdown
    assert len(pl.read_csv(copy / "summary.csv")) == len(METHODS) * len(SIZES) * len(MIXES) * 2 * len(SLICES)


def test_report_twice_gives_the_same_numbers(copy: Path) -> None:
    first = write_report(copy), (copy / "report.md").read_bytes(), (copy / "summary.csv").read_bytes()
    assert (write_report(copy), (copy / "report.md").read_bytes(), (copy / "summary.csv").read_bytes()) == first


def test_half_finished_campaign_says_what_is_missing_and_compares_only_common_runs(copy: Path) -> None:
    for directory in (copy / "runs").glob("ppo-*-s2"):
        shutil.rmtree(directory)
    shutil.rmtree(copy / "runs" / "max-weight-small-heavy-s1")
    assert "5 of 34 runs are missing" in write_report(copy)
    table = by_method(load_campaign_results(copy))
    assert table["n_seeds"].to_list() == [1, 1, 1, 1]


def test_nothing_in_common_leaves_a_report(tmp_path: Path) -> None:
    write_campaign(tmp_path, methods=("static", "proportional"))
    for pattern in ("static-*-s1", "proportional-*-s2"):
        for directory in (tmp_path / "runs").glob(pattern):
            shutil.rmtree(directory)
    assert "8 of 16 runs are missing" in write_report(tmp_path)
    assert by_method(load_campaign_results(tmp_path)).is_empty()


def test_failed_run_is_missing(copy: Path) -> None:
    (copy / "runs" / "static-small-heavy-s1" / "manifest.json").write_text(json.dumps({"exit_code": 1}))
    assert load_campaign_results(copy).missing == ["static-small-heavy-s1"]


def test_truncated_run_is_missing(copy: Path) -> None:
    run = copy / "runs" / "static-small-heavy-s1"
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["files"] = {"kpm.parquet": {"bytes": (run / "kpm.parquet").stat().st_size}}
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert load_campaign_results(copy).missing == []
    (run / "kpm.parquet").write_bytes((run / "kpm.parquet").read_bytes()[:-100])
    assert load_campaign_results(copy).missing == ["static-small-heavy-s1"]


@pytest.mark.parametrize("name", ["kpm.parquet", "packets.parquet", "scenario.json"])
@pytest.mark.parametrize("damage", ["garbage", "gone"])
def test_damaged_run_is_named_and_the_rest_is_shown(copy: Path, name: str, damage: str) -> None:
    path = copy / "runs" / "static-small-heavy-s1" / name
    path.write_bytes(path.read_bytes()[:-100])
    if damage == "gone":
        path.unlink()
    results = load_campaign_results(copy)
    [line] = results.unusable
    assert line.startswith("runs/static-small-heavy-s1: ")
    assert len(results.runs) == len(METHODS) * len(SIZES) * len(MIXES) * 2 - 1


def test_report_names_what_cannot_be_used(copy: Path) -> None:
    (copy / "runs" / "train-ppo-s1" / "learning_curve.parquet").write_bytes(b"PAR1")
    path = copy / "runs" / "static-small-heavy-s1" / "kpm.parquet"
    pl.read_parquet(path).filter(pl.col("ue").is_null()).write_parquet(path)
    text = write_report(copy)
    assert "2 finished runs cannot be used and are left out" in text
    assert "runs/train-ppo-s1: " in text
    assert re.search(r"runs/static-small-heavy-s1: .*no rows of UEs", text)
    assert "static" in by_method(load_campaign_results(copy))["method"]


@pytest.mark.parametrize("key", ["name", "campaign", "jobs"])
def test_campaign_file_that_lacks_a_key_is_named(copy: Path, key: str) -> None:
    recorded = json.loads((copy / "campaign.json").read_text())
    del recorded[key]
    (copy / "campaign.json").write_text(json.dumps(recorded))
    with pytest.raises(ResultsError, match=rf"campaign\.json: cannot be used: KeyError: '{key}'"):
        write_report(copy)


def test_method_that_never_finished_leaves_the_others(copy: Path) -> None:
    for directory in (copy / "runs").glob("static-*"):
        shutil.rmtree(directory)
    write_report(copy)
    table = by_method(load_campaign_results(copy))
    assert table["method"].to_list() == ["proportional", "max-weight", "ppo"]
    assert table["gain_percent"].to_list() == [None] * 3


def test_empty_campaign_has_a_report_that_says_so(copy: Path) -> None:
    shutil.rmtree(copy / "runs")
    text = write_report(copy)
    assert "34 of 34 runs are missing" in text
    page = (copy / "report.html").read_text(encoding="utf-8")
    assert "No evaluation and no adaptation has finished yet." in page
    assert "none has finished of max-weight, ppo, proportional, static" in page
    assert "<figure>" not in page
    for name in catalogue.DATA:
        catalogue.data_of(load_campaign_results(copy), name)


def test_no_campaign(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no campaign is here"):
        write_report(tmp_path)


def test_one_method_one_seed(tmp_path: Path) -> None:
    write_campaign(tmp_path, seeds=(7,), methods=("proportional",))
    assert "n = 1 seed: too few" in write_report(tmp_path)


def test_command_writes_the_report_anew(copy: Path) -> None:
    done = CliRunner().invoke(report, [copy.name, "--out", str(copy.parent)])
    assert done.exit_code == 0, done.output
    assert f"Report: {copy / 'report.html'}" in done.output
    assert (copy / "report.html").is_file()
    with pytest.raises(ResultsError, match="no campaign is here"):
        CliRunner().invoke(report, ["nothing", "--out", str(copy.parent)], catch_exceptions=False)


def test_command_exports_the_data_of_any_figure(copy: Path) -> None:
    for name in ("qos", "claims", "gains", "summary"):
        done = CliRunner().invoke(report, [str(copy), "--data", name])
        assert done.exit_code == 0, done.output
        exported = pl.read_csv(done.output.encode())
        assert exported.columns == catalogue.data_of(load_campaign_results(copy), name).columns
    assert not (copy / "report.html").exists()
    listed = CliRunner().invoke(report, [str(copy), "--list"]).output
    assert [line.split()[0] for line in listed.splitlines()] == list(catalogue.DATA)
    with pytest.raises(ResultsError, match="--data nonsense: must be one of claims, "):
        CliRunner().invoke(report, [str(copy), "--data", "nonsense"], catch_exceptions=False)


def test_numbers_of_the_report_are_what_its_commands_give(copy: Path) -> None:
    write_report(copy)
    markdown = (copy / "report.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"`slicebridge report (\S+) --data (\w+)`", markdown))
    assert {name for _, name in commands} >= {*EVALUATED, "methods", "conditions", "claims", "cost"}
    root, _ = next(iter(commands))
    table = pl.read_csv(CliRunner().invoke(report, [root, "--data", "methods"]).output.encode())
    for value in table["efficiency"]:
        assert f"| {value:.3f} |" in markdown
