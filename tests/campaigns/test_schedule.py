# SPDX-License-Identifier: MIT
"""Execution and store: order, failures, interruption, resumption."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from campaigns.model import Campaign
from campaigns.plan import Code, Job, plan
from campaigns.schedule import execute, missing
from campaigns.store import Store, StoreError
from tests.campaigns.conftest import FakeExecutor, SilentReporter


@pytest.fixture
def jobs(tiny: Campaign, code: Code) -> list[Job]:
    return plan(tiny, code)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results" / "tiny")


def run(jobs: list[Job], store: Store, executor: FakeExecutor) -> tuple[int, int, int]:
    with store.locked():
        outcome = execute(missing(jobs, store), store, executor, SilentReporter())
    return len(outcome.done), len(outcome.failed), len(outcome.blocked)


def test_all_jobs_run_once_and_two_at_a_time(jobs: list[Job], store: Store, executor: FakeExecutor) -> None:
    assert run(jobs, store, executor) == (26, 0, 0)
    assert sorted(executor.started) == sorted(job.id for job in jobs)
    assert executor.most_at_once == 2
    assert list((store.root / "tmp").iterdir()) == []


def test_trainings_come_first(jobs: list[Job], store: Store, executor: FakeExecutor) -> None:
    run(jobs, store, executor)
    order = {job_id: place for place, job_id in enumerate(executor.started)}
    for job in jobs:
        assert all(order[need] < order[job.id] for need in job.needs)


def test_second_time_nothing_runs(jobs: list[Job], store: Store, executor: FakeExecutor) -> None:
    run(jobs, store, executor)
    again = FakeExecutor()
    assert run(jobs, store, again) == (0, 0, 0)
    assert again.started == []


@pytest.mark.parametrize("after", [0, 1, 7, 25])
def test_interrupted_campaign_resumes_with_what_is_missing(
    jobs: list[Job], store: Store, executor: FakeExecutor, after: int
) -> None:
    executor.interrupt_after = after
    with pytest.raises(KeyboardInterrupt):
        run(jobs, store, executor)
    assert executor.stopped
    assert list((store.root / "tmp").iterdir()) == []
    left = {job.id for job in missing(jobs, store)}
    again = FakeExecutor()
    assert run(jobs, store, again) == (len(left), 0, 0)
    assert set(again.started) == left
    assert missing(jobs, store) == []


def test_failing_run_does_not_stop_the_others(jobs: list[Job], store: Store, executor: FakeExecutor) -> None:
    bad = next(job for job in jobs if job.labels["method"] == "static")
    executor.exit_codes[bad.id] = 5
    assert run(jobs, store, executor) == (25, 1, 0)
    assert store.has_failed(bad.id)
    assert not store.is_done(bad.id)
    assert store.failure_log(bad.id).parent.is_dir()


def test_failed_training_blocks_only_what_needs_it(jobs: list[Job], store: Store, executor: FakeExecutor) -> None:
    training = next(job for job in jobs if job.kind == "train")
    executor.exit_codes[training.id] = -9
    assert run(jobs, store, executor) == (21, 1, 4)


def test_failed_runs_are_tried_again_and_then_are_done(jobs: list[Job], store: Store, executor: FakeExecutor) -> None:
    executor.exit_codes[jobs[-1].id] = 1
    run(jobs, store, executor)
    again = FakeExecutor()
    assert run(jobs, store, again) == (1, 0, 0)
    assert not store.has_failed(jobs[-1].id)
    assert list((store.root / "failed").iterdir()) == []


def test_exit_code_0_without_manifest_is_a_failure(jobs: list[Job], store: Store, executor: FakeExecutor) -> None:
    executor.without_manifest.add(jobs[-1].id)
    assert run(jobs, store, executor) == (25, 1, 0)


DAMAGED = [
    "", "{", "[]", "{}", "\x00", '{"exit_code": 1, "files": {}}',
    '{"exit_code": false, "files": {}}', '{"exit_code": 0, "files": {"gone": {"bytes": 0}}}',
    '{"exit_code": 0, "files": []}', '{"exit_code": 0, "files": {"job.json": 3}}',
]  # fmt: skip


@pytest.mark.parametrize("manifest", DAMAGED)
def test_damaged_manifest_means_the_run_is_missing(
    jobs: list[Job], store: Store, executor: FakeExecutor, manifest: str
) -> None:
    run(jobs, store, executor)
    (store.run_directory(jobs[3].id) / "manifest.json").write_text(manifest)
    assert missing(jobs, store) == [jobs[3]]


def test_run_whose_files_were_cut_off_is_missing(jobs: list[Job], store: Store, executor: FakeExecutor) -> None:
    run(jobs, store, executor)
    directory = store.run_directory(jobs[3].id)
    (directory / "kpm.parquet").write_bytes(b"x" * 10)
    (directory / "manifest.json").write_text('{"exit_code": 0, "files": {"kpm.parquet": {"bytes": 10}}}')
    assert missing(jobs, store) == []
    (directory / "kpm.parquet").write_bytes(b"x" * 9)
    assert missing(jobs, store) == [jobs[3]]


def test_leftovers_of_a_killed_campaign_are_removed(jobs: list[Job], store: Store, executor: FakeExecutor) -> None:
    with store.locked():
        store.begin(jobs[0])
    run(jobs, store, executor)
    assert list((store.root / "tmp").iterdir()) == []


def test_two_campaigns_in_one_directory_are_refused(store: Store) -> None:
    second = Store(store.root).locked()
    with store.locked(), pytest.raises(StoreError, match="another process runs this campaign"), second:
        pass


def test_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"), Store(tmp_path / "file" / "tiny").locked():
        pass


def test_plan_is_recorded(jobs: list[Job], store: Store, tiny: Campaign) -> None:
    with store.locked():
        store.write_plan(tiny.name, tiny.model_dump(mode="json"), jobs)
    recorded = json.loads((store.root / "campaign.json").read_text())
    assert [entry["id"] for entry in recorded["jobs"]] == [job.id for job in jobs]
    assert recorded["campaign"]["seeds"] == [1, 2]
