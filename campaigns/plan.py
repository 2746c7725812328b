# SPDX-License-Identifier: MIT
"""Expands a campaign into jobs. A job's id is a digest of everything that its result depends on.

Of a policy of one's own, the file of its class counts; modules which that file imports do not. Whoever edits those
removes the directories of the runs that are to be made again, or renames the method.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agents.adapters import ADAPTERS
from agents.network_task import TaskRanges
from agents.trainers import TRAINERS
from campaigns.model import Campaign, CampaignError, Method, Training
from campaigns.tasks import evaluation_scenario, training_scenarios
from campaigns.version import file_digest, library_versions, package_digest
from pybridge.policies import PolicyError, ResolvedPolicy, resolve_policy
from pybridge.scenario import Problem, Scenario, load_scenario

# Wall seconds on one core of a 2-core machine, LTE at 25 PRBs, NR at 20 MHz and µ = 1; a first guess until this
# campaign's own runs have been timed.
START_S = 1.2
START_OF_TORCH_S = 4.0
S_PER_SIMULATED_S_AND_UE = {"lte": 0.031, "nr": 0.0003}
S_PER_ADAPTATION_STEP = 0.0024

TrainingKey = tuple[str, int, str | None]
"""Method, seed, and track of those on tasks."""


KINDS = ("train", "adapt", "evaluate")
"""Stages of a campaign."""


@dataclass(frozen=True)
class Job:
    """One run of the campaign, to be executed at most once."""

    id: str
    """`method-ran-size-mix-sSEED-DIGEST`, `train-method[-track]-sSEED-DIGEST`, or `adapt-method-track-sSEED-DIGEST`."""
    labels: dict[str, Any]
    """Its place on the axes: kind, method, seed; ran, size, mix of an evaluation; track of what is about tasks."""
    config: dict[str, Any]
    """All that the result depends on, JSON-able."""
    needs: tuple[str, ...]
    """Ids of the jobs whose results it reads."""
    cost_s: float
    """Estimated wall time on one core."""

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return str(self.labels["kind"])


@dataclass(frozen=True)
class Code:
    """Digests of the code that results depend on."""

    simulator: str
    pybridge: str
    agents: str
    campaigns: str
    libraries: str
    """Versions of the libraries that agents compute with."""


def code_in_use(simulator: Path) -> Code:
    """Digests of the simulation program and the Python packages that runs pass through."""
    packages = {name: package_digest(name) for name in ("pybridge", "agents", "campaigns")}
    return Code(simulator=file_digest(simulator), **packages, libraries=library_versions())


def plan(campaign: Campaign, code: Code, origin: str = "campaign") -> list[Job]:
    """All jobs, trainings first. The same campaign, code and policies give the same ids on any machine.

    origin: the campaign's file, for messages. Raises CampaignError if a policy cannot be found or loaded, or if a
    combination of axes is no valid scenario; TaskError if a training's own tasks cannot be read.
    """
    policies = _policies(campaign, origin)
    trainings = _trainings(campaign, code)
    adaptations = _adaptations(campaign, code, trainings)
    return [*trainings.values(), *adaptations, *_evaluations(campaign, code, policies, trainings)]


def _policies(campaign: Campaign, origin: str) -> dict[str, ResolvedPolicy]:
    """Policies by method, but for those that are to be trained."""
    found, problems = {}, []
    for index, method in enumerate(campaign.methods):
        if method.policy is not None:
            try:
                found[method.name] = resolve_policy(method.policy)
            except PolicyError as error:
                problems.append(Problem(origin, None, f"methods[{index}].policy", str(error)))
    if problems:
        raise CampaignError(problems)
    return found


def _trainings(campaign: Campaign, code: Code) -> dict[TrainingKey, Job]:
    """Those that others begin at come first."""
    found: dict[TrainingKey, Job] = {}
    for method in sorted(campaign.methods, key=lambda method: method.rule_from is not None):
        if method.train is None:
            continue
        for track in _tracks(campaign, method.train):
            common, cost_s = _training(campaign, method.train, track)
            for seed in campaign.seeds:
                labels: dict[str, Any] = {"kind": "train", "method": method.name, "seed": seed}
                labels |= {"track": track} if track else {}
                config = common | {"code": asdict(code), "seed": seed}
                needs = _needed(campaign, found, method.rule_from, seed, track)
                config |= {"rule_from": needs[0]} if needs else {}
                name = "-".join(["train", method.name, *([track] if track else []), f"s{seed}"])
                found[method.name, seed, track] = _job(name, labels, config, needs, cost_s)
    return found


def _needed(
    campaign: Campaign, trainings: Mapping[TrainingKey, Job], method: str | None, seed: int, track: str | None
) -> tuple[str, ...]:
    """Id of a method's training. Raises CampaignError if it is not trained on that track."""
    if method is None:
        return ()
    if (method, seed, track) not in trainings:
        message = f"{method} is not trained on the track {track}, where a policy of its is needed"
        raise CampaignError([Problem(f"campaign {campaign.name}", None, "methods", message)])
    return (trainings[method, seed, track].id,)


def _tracks(campaign: Campaign, training: Training) -> Sequence[str | None]:
    """Tracks that a training is made for, once each."""
    if not training.on_tasks:
        return (None,)
    own: str | None = getattr(training, "track")  # noqa: B009 - a key of those on tasks
    if own is not None:
        return (own,)
    return campaign.adaptation.tracks if campaign.adaptation else (training.ranges().track,)


def _training(campaign: Campaign, training: Training, track: str | None) -> tuple[dict[str, Any], float]:
    """What all seeds of a training depend on, and what it costs."""
    described = training.model_dump(mode="json")
    if training.on_tasks:
        # What the file says counts, wherever it lies.
        tasks = _tasks(training.ranges(), str(track))
        steps = load_scenario(tasks["tasks"]["base"], tasks["tasks"]["set"]).timing.n_high_epochs
        cost_s = START_OF_TORCH_S + training.options().env_steps(steps) * TRAINERS[training.algorithm].step_s
        return {"train": described | {"tasks": None, "track": track}, "scenarios": [], **tasks}, cost_s
    scenarios = training_scenarios(campaign, training.episode_s)
    dumped = [scenario.model_dump(mode="json") for scenario in scenarios]
    return {"train": described, "scenarios": dumped}, _training_cost_s(training, scenarios)


def _tasks(ranges: TaskRanges, track: str) -> dict[str, Any]:
    """What tasks are drawn from and vary."""
    on_track = ranges.model_copy(update={"track": track})
    return {"tasks": on_track.model_dump(mode="json"), "base": load_scenario(ranges.base).model_dump(mode="json")}


def _adaptations(campaign: Campaign, code: Code, trainings: Mapping[TrainingKey, Job]) -> Iterator[Job]:
    adaptation = campaign.adaptation
    if adaptation is None:
        return
    ranges = adaptation.ranges()
    steps = load_scenario(ranges.base, ranges.set).timing.n_high_epochs
    settings = adaptation.model_dump(mode="json", exclude={"tasks", "tracks"})
    for method, track in itertools.product(campaign.methods, adaptation.tracks):
        allowed, training = campaign.ways(method), campaign.training_of(method)
        if not allowed or (training is not None and track not in _tracks(campaign, training)):
            continue
        way = method.adapt or allowed[0]
        points = method.episodes or adaptation.episodes
        episodes = ADAPTERS[way].episodes(adaptation.held_out, points, adaptation.judging)
        cost_s = START_OF_TORCH_S + episodes * steps * S_PER_ADAPTATION_STEP
        common = {
            "adapt": way,
            "adaptation": settings | {"episodes": list(points)},
            **_tasks(ranges, track),
            "code": asdict(code),
        }
        for seed in campaign.seeds:
            owner = None if training is None else method.trained_as or method.name
            needs = _needed(campaign, trainings, owner, seed, track)
            policy = {"policy": needs[0] if needs else method.policy}
            labels = {"kind": "adapt", "method": method.name, "track": track, "seed": seed}
            name = f"adapt-{method.name}-{track}-s{seed}"
            yield _job(name, labels, common | policy | {"seed": seed}, needs, cost_s)


def _evaluations(
    campaign: Campaign, code: Code, policies: Mapping[str, ResolvedPolicy], trainings: Mapping[TrainingKey, Job]
) -> Iterator[Job]:
    methods = [method for method in campaign.methods if method.trained_as is None]
    for ran, size, mix in itertools.product(campaign.rans, campaign.sizes, campaign.mixes):
        # Validated once: thousands of seeds differ in their seed alone.
        scenario = evaluation_scenario(campaign, ran, size, mix)
        simulation_s, described = _simulation_cost_s(scenario), scenario.model_dump(mode="json")
        place = {"ran": ran.name, "size": size.name, "mix": mix.name}
        for seed in campaign.seeds:
            for method in methods:
                track = _tracks(campaign, method.train)[0] if method.train else None
                needs = _needed(campaign, trainings, method.name, seed, track) if method.train else ()
                config = {
                    **_policy_of_evaluation(method, policies.get(method.name), needs, code),
                    "scenario": described | {"seed": seed},
                    "seed": seed,
                }
                name = "-".join([method.name, *place.values(), f"s{seed}"])
                labels = {"kind": "evaluate", "method": method.name, **place, "seed": seed}
                takes_torch = method.train is not None and method.train.algorithm == "meta-hrl"
                cost_s = simulation_s + (START_OF_TORCH_S - START_S if takes_torch else 0.0)
                yield _job(name, labels, config, needs, cost_s)


def _policy_of_evaluation(
    method: Method, policy: ResolvedPolicy | None, needs: Sequence[str], code: Code
) -> dict[str, Any]:
    """Policy and code of an evaluation. A rule inside the simulation does not depend on how agents are written."""
    used = {"simulator": code.simulator, "pybridge": code.pybridge}
    if policy is not None and policy.kind == "built-in":
        return {"policy": method.policy, "code": used}
    used |= {"agents": code.agents, "libraries": code.libraries}
    if policy is None:
        return {"policy": needs[0], "code": used}
    return {"policy": method.policy, "policy_sha256": policy.sha256, "code": used}


def _job(name: str, labels: dict[str, Any], config: dict[str, Any], needs: tuple[str, ...], cost_s: float) -> Job:
    canonical = json.dumps({"name": name, **config}, sort_keys=True, separators=(",", ":"))
    return Job(f"{name}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}", labels, config, needs, cost_s)


def _simulation_cost_s(scenario: Scenario) -> float:
    ues = scenario.cells.count * sum(entry.ues for entry in scenario.slices)
    simulated_s = scenario.timing.warm_up_s + scenario.timing.duration_s
    return START_S + simulated_s * S_PER_SIMULATED_S_AND_UE[scenario.ran] * ues


def _training_cost_s(training: Training, scenarios: Sequence[Scenario]) -> float:
    period_s = scenarios[0].timing.high_period_ms / 1000
    steps = training.options().env_steps(max(1, round(training.episode_s / period_s)))
    episodes = steps * period_s / training.episode_s
    mean_s = sum(_simulation_cost_s(scenario) - START_S for scenario in scenarios) / len(scenarios)
    return START_S + episodes * mean_s + steps * TRAINERS[training.algorithm].step_s


def ways_to_the_end_s(jobs: Sequence[Job]) -> dict[str, float]:
    """Of each job, its cost and that of the longest chain of jobs that wait for it; one that it needs has more."""
    waiting: dict[str, list[str]] = {job.id: [] for job in jobs}
    left = {job.id: sum(need in waiting for need in job.needs) for job in jobs}
    for job in jobs:
        for need in job.needs:
            waiting.get(need, []).append(job.id)
    by_id, order = {job.id: job for job in jobs}, [job.id for job in jobs if not left[job.id]]
    for job_id in order:  # grows: whatever has nothing left to wait for is next
        for follower in waiting[job_id]:
            left[follower] -= 1
            order += [] if left[follower] else [follower]
    ways: dict[str, float] = {}
    for job_id in reversed(order):
        ways[job_id] = by_id[job_id].cost_s + max((ways[follower] for follower in waiting[job_id]), default=0.0)
    return {job_id: ways[job_id] for job_id in order}


def remaining_s(jobs: Sequence[Job], workers: int) -> float:
    """Estimated wall time of `jobs` on `workers` cores: of what can begin, that with the longest way to the end."""
    ways = ways_to_the_end_s(jobs)
    by_id = {job.id: job for job in jobs}
    waiting: dict[str, list[str]] = {job_id: [] for job_id in by_id}
    left = {job.id: [need for need in job.needs if need in by_id] for job in jobs}
    for job_id, needs in left.items():
        for need in needs:
            waiting[need].append(job_id)
    ready = [(-ways[job_id], job_id) for job_id, needs in left.items() if not needs]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            _, job_id = heapq.heappop(ready)
            heapq.heappush(running, (now + by_id[job_id].cost_s, job_id))
        now, ended = heapq.heappop(running)
        for follower in waiting[ended]:
            left[follower].remove(ended)
            if not left[follower]:
                heapq.heappush(ready, (-ways[follower], follower))
    return now
