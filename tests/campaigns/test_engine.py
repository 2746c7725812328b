# SPDX-License-Identifier: MIT
"""Execution on the embedded Dask cluster: order, failures, interruption, resumption. Jobs are processes of a shell."""

from __future__ import annotations

import fcntl
import json
import threading
import time
from pathlib import Path

import psutil
import pytest
from distributed import Future
from distributed.client import FutureCancelledError

from campaigns.cluster import ClusterError, open_cluster
from campaigns.engine import execute, missing
from campaigns.model import Campaign
from campaigns.plan import Code, Job, plan
from campaigns.store import Store, StoreError
from tests.campaigns.conftest import Jobs, RecordingReporter

WORKERS = 2


@pytest.fixture
def jobs(tiny: Campaign, code: Code) -> list[Job]:
    return plan(tiny, code)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results" / "tiny")


def run(jobs: list[Job], store: Store, reporter: RecordingReporter | None = None) -> tuple[int, int, int]:
    with store.locked() as session, open_cluster(None, WORKERS) as client:
        outcome = execute(missing(jobs, store), store, session, client, reporter or RecordingReporter())
    return len(outcome.done), len(outcome.failed), len(outcome.blocked)


def leftovers(store: Store) -> list[Path]:
    return list((store.root / "tmp").iterdir())


def test_all_jobs_run_once_and_needs_come_first(jobs: list[Job], store: Store, processes: Jobs) -> None:
    reporter = RecordingReporter()
    assert run(jobs, store, reporter) == (26, 0, 0)
    assert sorted(processes.started) == sorted(job.id for job in jobs)
    order = {job_id: place for place, job_id in enumerate(processes.started)}
    for job in jobs:
        assert all(order[need] < order[job.id] for need in job.needs)
    assert sorted(job_id for kind, job_id in reporter.events if kind == "done") == sorted(order)
    assert leftovers(store) == []


def test_scheduler_that_goes_away_after_a_job_has_ended_is_told(
    jobs: list[Job], store: Store, processes: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(future: Future[object]) -> None:
        raise FutureCancelledError(future.key, "scheduler-connection-lost")

    monkeypatch.setattr(Future, "result", lost)
    with pytest.raises(ClusterError, match="scheduler is gone"):
        run(jobs[:1], store)


def test_as_many_at_a_time_as_there_are_workers(jobs: list[Job], store: Store, processes: Jobs, tmp_path: Path) -> None:
    count = f"ls -d {store.root}/tmp/*/ | wc -l >>{tmp_path}/counts; sleep 0.2"
    for job in jobs:
        processes.behave(job.id, f'{count}; echo \'{{"exit_code": 0, "files": {{}}}}\' >manifest.json')
    assert run(jobs[:12], store) == (12, 0, 0)
    assert max(map(int, (tmp_path / "counts").read_text().split())) == WORKERS


def test_costly_jobs_begin_first(jobs: list[Job], store: Store, processes: Jobs) -> None:
    evaluations = sorted((job for job in jobs if not job.needs), key=lambda job: -job.cost_s)
    # None ends before as many have begun as there are workers: one that begins late is still among the first.
    wait = f"until [ $(wc -l <{processes.folder}/started) -ge {WORKERS} ]; do sleep 0.01; done"
    for job in evaluations:
        processes.behave(job.id, f'{wait}; echo \'{{"exit_code": 0, "files": {{}}}}\' >manifest.json')
    assert run(evaluations, store)[0] == len(evaluations)
    first = processes.started[:WORKERS]
    assert {job.id for job in evaluations[:WORKERS]} == set(first)


def test_second_time_nothing_runs(jobs: list[Job], store: Store, processes: Jobs) -> None:
    run(jobs, store)
    before = len(processes.started)
    assert run(jobs, store) == (0, 0, 0)
    assert len(processes.started) == before


def test_failing_run_is_tried_twice_and_does_not_stop_the_others(
    jobs: list[Job], store: Store, processes: Jobs
) -> None:
    bad = next(job for job in jobs if job.labels["method"] == "static")
    processes.behave(bad.id, "echo the sky is falling; exit 5")
    assert run(jobs, store) == (25, 1, 0)
    assert processes.started.count(bad.id) == 2
    assert store.has_failed(bad.id)
    assert not store.is_done(bad.id)
    assert store.failure_log(bad.id).read_text() == "the sky is falling\n"
    del processes.behaviour[bad.id]
    assert run(jobs, store) == (1, 0, 0)
    assert not store.has_failed(bad.id)
    assert list((store.root / "failed").iterdir()) == []


def test_failed_training_blocks_only_what_needs_it(jobs: list[Job], store: Store, processes: Jobs) -> None:
    training = next(job for job in jobs if job.kind == "train")
    processes.behave(training.id, "kill -9 $$")
    reporter = RecordingReporter()
    assert run(jobs, store, reporter) == (21, 1, 4)
    blocked = {job_id for kind, job_id in reporter.events if kind == "blocked"}
    assert blocked == {job.id for job in jobs if training.id in job.needs}


@pytest.mark.parametrize(
    "script", ["true", "echo '{\"exit_code\": 1}' >manifest.json", "echo '{\"exit_code\": 0' >manifest.json"]
)
def test_exit_code_0_without_a_whole_manifest_is_a_failure(
    jobs: list[Job], store: Store, processes: Jobs, script: str
) -> None:
    processes.behave(jobs[-1].id, script)
    assert run(jobs[-3:], store)[1] == 1


def test_interrupted_campaign_ends_its_processes_and_resumes_with_what_is_missing(
    jobs: list[Job], store: Store, processes: Jobs
) -> None:
    # The trainings and two more come before them: nothing that ends waits behind one that sleeps.
    evaluations = [job for job in jobs if not job.needs and job.kind != "train"]
    slow = sorted(evaluations, key=lambda job: (-job.cost_s, job.id))[2:]
    for job in slow:
        processes.behave(job.id, "sleep 60 & sleep 60")
    with pytest.raises(KeyboardInterrupt):
        run(jobs, store, RecordingReporter(interrupt_after=4))
    assert leftovers(store) == []
    assert [child for child in psutil.Process().children(recursive=True) if child.name() == "sleep"] == []
    left = {job.id for job in missing(jobs, store)}
    assert {job.id for job in slow} <= left
    processes.behaviour.clear()
    assert run(jobs, store) == (len(left), 0, 0)
    assert missing(jobs, store) == []


DAMAGED = [
    "", "{", "[]", "{}", "\x00", '{"exit_code": 0}', '{"exit_code": 1, "files": {}}',
    '{"exit_code": false, "files": {}}', '{"exit_code": 0, "files": {"gone": {"bytes": 0}}}',
    '{"exit_code": 0, "files": []}', '{"exit_code": 0, "files": {"job.json": 3}}',
]  # fmt: skip


def finished(job: Job, store: Store, files: str = "{}") -> Path:
    directory = store.run_directory(job.id)
    directory.mkdir(parents=True)
    (directory / "kpm.parquet").write_bytes(b"x" * 10)
    (directory / "manifest.json").write_text(f'{{"exit_code": 0, "files": {files}}}')
    return directory


@pytest.mark.parametrize("manifest", DAMAGED)
def test_damaged_manifest_means_the_run_is_missing(jobs: list[Job], store: Store, manifest: str) -> None:
    directory = finished(jobs[3], store)
    assert missing(jobs[3:4], store) == []
    (directory / "manifest.json").write_text(manifest)
    assert missing(jobs[3:4], store) == [jobs[3]]


def test_run_whose_files_were_cut_off_is_missing(jobs: list[Job], store: Store) -> None:
    directory = finished(jobs[3], store, '{"kpm.parquet": {"bytes": 10}}')
    assert store.is_done(jobs[3].id)
    (directory / "kpm.parquet").write_bytes(b"x" * 9)
    assert not store.is_done(jobs[3].id)


def test_altered_bytes_are_found_by_their_checksum(jobs: list[Job], store: Store) -> None:
    digest = "fc11d6f28e59d3cc33c0b14ceb644bf0902ebd63d61218dffe9e7dac7c254542"  # sha256sum of ten x
    directory = finished(jobs[3], store, f'{{"kpm.parquet": {{"bytes": 10, "sha256": "{digest}"}}}}')
    other = finished(jobs[4], store, '{"kpm.parquet": {"bytes": 10, "sha256": "0"}}')
    assert store.damaged([jobs[3].id, jobs[4].id]) == [other.name]
    assert store.damaged([jobs[3].id]) == []
    (directory / "kpm.parquet").write_bytes(b"x" * 9 + b"y")
    assert store.is_done(jobs[3].id)
    assert store.damaged([jobs[3].id]) == [jobs[3].id]


def test_leftovers_of_a_killed_campaign_are_removed(jobs: list[Job], store: Store, processes: Jobs) -> None:
    with store.locked():
        (store.root / "tmp" / f"{jobs[0].id}.dead").mkdir()
        (store.root / "tmp" / f"{jobs[0].id}.dead.lock").touch()
    assert run(jobs[:1], store) == (1, 0, 0)
    assert leftovers(store) == []


def test_attempt_that_somebody_still_makes_is_left_alone(jobs: list[Job], store: Store) -> None:
    with store.locked():
        pass
    alive = store.root / "tmp" / f"{jobs[0].id}.alive"
    alive.mkdir()
    with alive.with_name(f"{alive.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with store.locked():
            assert alive.is_dir()
    with store.locked():
        assert not alive.exists()


def test_attempts_stop_when_their_campaign_is_gone(jobs: list[Job], store: Store, processes: Jobs) -> None:
    from campaigns.attempt import AttemptFailed, attempt

    processes.behave(jobs[0].id, "sleep 60")
    with store.locked() as session:
        ender = threading.Timer(1.0, store.end_session)
        ender.start()
        begun_at = time.monotonic()
        with pytest.raises(AttemptFailed):
            attempt(str(store.root), jobs[0], session)
        assert time.monotonic() - begun_at < 30.0
    assert not store.has_failed(jobs[0].id)
    with pytest.raises(AttemptFailed), store.locked():
        attempt(str(store.root), jobs[0], "another session")


def test_slower_one_of_two_attempts_changes_nothing(jobs: list[Job], store: Store, processes: Jobs) -> None:
    run(jobs[:1], store)
    before = {path: path.stat().st_mtime_ns for path in store.run_directory(jobs[0].id).iterdir()}
    with store.attempt(jobs[0]) as late:
        assert store.finish(jobs[0], late, 5)
    assert {path: path.stat().st_mtime_ns for path in store.run_directory(jobs[0].id).iterdir()} == before
    assert leftovers(store) == []


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
    recorded = store.read_plan()
    assert [entry["id"] for entry in recorded["jobs"]] == [job.id for job in jobs]
    assert recorded["campaign"]["seeds"] == [1, 2]


@pytest.mark.parametrize("text", ["", "[]", '{"jobs": [{"id": "x"}], "name": "x"}', '{"jobs": 3}'])
def test_plan_of_another_version_is_named(store: Store, text: str) -> None:
    store.root.mkdir(parents=True)
    (store.root / "campaign.json").write_text(text)
    with pytest.raises(StoreError, match=r"no campaign is here|another version"):
        store.read_plan()


def test_clusters_that_are_not_there() -> None:
    with pytest.raises(ClusterError, match="must be slurm"), open_cluster("k8s", 1):
        pass
    with pytest.raises(ClusterError, match="no scheduler answers"), open_cluster("tcp://127.0.0.1:9", 1):
        pass


def test_embedded_cluster_listens_on_loopback_only() -> None:
    process = psutil.Process()
    with open_cluster(None, 2) as client:
        assert client.submit(sum, [1, 2]).result() == 3
        listening = {c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening <= {"127.0.0.1"}


def test_job_description_is_beside_its_results(jobs: list[Job], store: Store, processes: Jobs) -> None:
    run(jobs[:1], store)
    assert json.loads((store.run_directory(jobs[0].id) / "job.json").read_text())["id"] == jobs[0].id
