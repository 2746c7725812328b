# SPDX-License-Identifier: MIT
"""One run: a scenario under a policy with a seed, into a directory that is complete or not there."""

from __future__ import annotations

import dataclasses
import glob
import json
import os
import shutil
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pybridge import manifest as manifests
from pybridge.errors import SliceBridgeError
from pybridge.policies import ArrayPolicy, Policy, ResolvedPolicy, call_user_code, resolve_policy
from pybridge.process import find_binary, program_options
from pybridge.program import Progress, program_schema, run_built_in
from pybridge.records import controls_table, kpm_table, packets_table, write_parquet
from pybridge.scenario import Scenario, load_scenario
from pybridge.schema import Schema, parse_schema
from pybridge.session import Session


class RunError(SliceBridgeError):
    """A run cannot begin: its directory is taken or cannot be made."""

    exit_code = 2


class RunFailed(SliceBridgeError):
    """A run broke off. Its log, its scenario and the reason are in `folder`, DIR.failed."""

    def __init__(self, message: str, folder: Path, exit_code: int) -> None:
        super().__init__(message)
        self.folder = folder
        self.exit_code = exit_code


@dataclass(frozen=True)
class Aids:
    """What helps to look into a simulation, besides its results; parameters of `Session`."""

    record: str | Path | None = None
    record_slots: bool = False
    ns_log: tuple[str, ...] = ()
    pcap_dir: str | Path | None = None
    gdb: bool = False

    def session_options(self) -> dict[str, Any]:
        """By name."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class RunResult:
    """A finished run on disk."""

    out: Path
    manifest: dict[str, Any]

    def kpm(self) -> pl.DataFrame:
        """Measurements in long format: time_s, cell, slice, ue, name, value, unit (docs/records.md)."""
        return pl.read_parquet(self.out / "kpm.parquet")

    def controls(self) -> pl.DataFrame:
        """Requested, projected and achieved shares per high-level period, cell and slice."""
        return pl.read_parquet(self.out / "controls.parquet")

    def packets(self) -> pl.DataFrame | None:
        """Packets or their delay histogram; None if the scenario records none."""
        path = self.out / "packets.parquet"
        return pl.read_parquet(path) if path.exists() else None


def run(
    scenario: Scenario | str | Path,
    policy: str,
    seed: int | None,
    out: str | Path,
    *,
    record: str | Path | None = None,
    slots: bool = False,
    ns_log: Sequence[str] = (),
    pcap_dir: str | Path | None = None,
    gdb: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Simulate `scenario` under `policy` and write the results to the directory `out`.

    scenario: a `Scenario`, a file, or the name of a shipped one. policy: see `resolve_policy`. seed: ns-3 RngRun in
    place of the scenario's own. record: file that all that is seen and decided goes to (docs/recording.md), also when
    the run fails. slots: the recording has every grant of every slot, too. ns_log, pcap_dir, gdb: as for `Session`;
    what is logged is in log.txt. progress: is told the simulated seconds since the end of warm-up.

    `out` must not exist or be empty, and be neither the current directory nor a mount point. It appears, complete,
    when the run has ended well. A run that fails leaves `out.failed` with its log, replacing an older one; one that is
    interrupted leaves nothing.

    Raises `ScenarioError`, `PolicyError`, `BinaryNotFound`, `RunError` before anything is written, then `RunFailed`.
    """
    resolved = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    if seed is not None:
        resolved = resolved.with_seed(seed)
    chosen, target = resolve_policy(policy), Path(out)
    find_binary()
    aids = Aids(record, slots, tuple(ns_log), pcap_dir, gdb)
    for place, what in ((record, "a recording"), (pcap_dir, "a directory of captures")):
        _refuse_inside(target, place, what)
    with _work_folder(target) as work:
        described = manifests.describe_run(resolved, chosen, target)
        begin = time.monotonic()
        (work / "scenario.json").write_text(resolved.resolved_json() + "\n", encoding="utf-8")
        schema = _simulate(resolved, chosen, work, aids, progress or (lambda _: None))
        _convert(work, schema)
        described |= {
            "ended": manifests.now_text(),
            "wall_s": round(time.monotonic() - begin, 3),
            "sim_s": resolved.timing.duration_s,
            "exit_code": 0,
            "files": manifests.describe_files(work),
        }
        (work / manifests.FILE).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    return RunResult(target, described)


def _simulate(scenario: Scenario, policy: ResolvedPolicy, work: Path, aids: Aids, progress: Progress) -> Schema:
    if policy.kind == "built-in" and (aids.record is not None or aids.gdb):
        return _watch(scenario, policy.name, work, aids, progress)
    if policy.kind == "built-in":
        schema = parse_schema(json.dumps(program_schema(scenario)))
        options = program_options(aids.ns_log, aids.pcap_dir)
        run_built_in(work / "scenario.json", policy.name, work, progress, options)
        return schema
    if policy.agent is not None:
        return _drive(scenario, policy, policy.agent, work, aids, progress)
    assert policy.trained is not None
    return _drive_trained(scenario, policy.trained, work, aids, progress)


def _watch(scenario: Scenario, policy: str, work: Path, aids: Aids, progress: Progress) -> Schema:
    """A built-in policy, with what it sees and decides told to this process."""
    with Session(scenario, policy=policy, out_dir=work, history=0, **aids.session_options()) as session:
        observation = session.reset()
        unused = session.action()
        while not observation.last:
            session.begin_step(unused)
            observation = session.wait()
            progress(observation.time_s)
        return session.schema


def _drive(
    scenario: Scenario, policy: ResolvedPolicy, agent: Policy, work: Path, aids: Aids, progress: Progress
) -> Schema:
    """Steps a simulation by a user's policy in this process."""
    name = policy.name
    with Session(scenario, levels=policy.levels, out_dir=work, history=0, **aids.session_options()) as session:
        observation = session.reset()
        call_user_code(f"policy `{name}` failed in reset()", agent.reset, session.schema, scenario)
        while not observation.last:
            at = f"policy `{name}` failed in act() at {observation.time_s:g} s"
            observation = session.step(call_user_code(at, agent.act, observation))
            progress(observation.time_s)
        return session.schema


def _drive_trained(scenario: Scenario, trained: ArrayPolicy, work: Path, aids: Aids, progress: Progress) -> Schema:
    """Steps a simulation by a policy that was trained on `SliceEnv`."""
    from pybridge.envs import SliceEnv

    options = aids.session_options()
    env = SliceEnv(
        scenario,
        controls=getattr(trained, "controls", "shares"),
        out_dir=work,
        record=options.pop("record"),
        session_options=options,
    )
    try:
        trained.check_spaces(env.observation_space, env.action_space)
        low_policy = getattr(trained, "low_policy", None)
        observation, _ = env.reset(seed=scenario.seed, options={"low_policy": low_policy})
        hear = getattr(trained, "observe_reward", lambda reward: None)
        truncated = False
        while not truncated:
            observation, reward, _, truncated, info = env.step(trained.act(observation))
            hear(reward)
            progress(info["time_s"])
        return env.session.schema
    finally:
        env.close()


def _convert(work: Path, schema: Schema) -> None:
    """Raw records to Parquet; the raw files go."""
    write_parquet(kpm_table(work, schema), work / "kpm.parquet")
    write_parquet(controls_table(work, schema), work / "controls.parquet")
    packets = packets_table(work, schema)
    if packets is not None:
        write_parquet(packets, work / "packets.parquet")
    for raw in work.glob("*.raw"):
        raw.unlink()


@contextmanager
def _work_folder(out: Path) -> Iterator[Path]:
    """A hidden sibling of `out` that takes its name in the end; see `run` for what failures leave behind."""
    out = Path(os.path.realpath(out))
    work = out.parent / f".{out.name}.{os.getpid()}.partial"
    try:
        if out == Path.cwd() or os.path.ismount(out):
            what = "a mount point" if os.path.ismount(out) else "the current directory"
            raise RunError(f"{out}: is {what}, which a finished run cannot replace; choose a directory in it by --out")
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise RunError(f"{out}: exists and is not an empty directory; remove it or choose another --out")
        out.parent.mkdir(parents=True, exist_ok=True)
        _clear_killed(out)
        work.mkdir()
    except OSError as error:
        raise RunError(f"{out}: cannot be made: {error.strerror}") from None
    try:
        yield work
        work.replace(out)
    except Exception as error:
        raise _keep_failure(work, out, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _refuse_inside(out: Path, place: str | Path | None, what: str) -> None:
    """`out` is empty or not there until the run has ended well."""
    if place is not None and Path(out).resolve() in (Path(place).resolve(), *Path(place).resolve().parents):
        raise RunError(f"{place}: {what} cannot be in the run's directory {out}, which appears when the run has ended")


def _clear_killed(out: Path) -> None:
    """Removes what runs into `out` left behind that were killed (SIGKILL, power cut) before they could tidy up."""
    for left in out.parent.glob(f".{glob.escape(out.name)}.*.partial"):
        owner = left.name.split(".")[-2]
        if owner.isdecimal() and (int(owner) == os.getpid() or not Path("/proc", owner).exists()):
            shutil.rmtree(left, ignore_errors=True)


def _keep_failure(work: Path, out: Path, error: Exception) -> RunFailed:
    """Moves what there is to `out.failed`, with the reason. The error to raise comes back."""
    failed = out.parent / f"{out.name}.failed"
    message = str(error) if isinstance(error, SliceBridgeError) else f"{type(error).__name__}: {error}"
    message = message.replace(str(work), str(failed))
    (work / "reason.txt").write_text(message + "\n\n" + "".join(traceback.format_exception(error)), encoding="utf-8")
    shutil.rmtree(failed, ignore_errors=True)
    work.replace(failed)
    code = error.exit_code if isinstance(error, SliceBridgeError) else 1
    return RunFailed(f"{message}\nkept for inspection: {failed}", failed, code)
