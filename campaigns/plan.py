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

from agents.network_task import SHIPPED, load_task_ranges
from campaigns.model import Campaign, CampaignError, Method, Training
from campaigns.tasks import evaluation_scenario, training_scenarios
from campaigns.version import file_digest, library_versions, package_digest
from pybridge.policies import PolicyError, ResolvedPolicy, resolve_policy
from pybridge.scenario import Problem, Scenario, load_scenario

# Wall seconds on one core of a 2-core machine, LTE at 25 PRBs, NR at 20 MHz and µ = 1; a first guess until this
# campaign's own runs have been timed.
START_S = 1.5
S_PER_SIMULATED_S_AND_UE = {"lte": 0.031, "nr": 0.0003}
S_PER_TRAINING_STEP = 0.004


@dataclass(frozen=True)
class Job:
    """One run of the campaign, to be executed at most once."""

    id: str
    """`method-ran-size-mix-sSEED-DIGEST`, or `train-method-sSEED-DIGEST`."""
    labels: dict[str, Any]
    """Its place on the axes: kind (`train` or `evaluate`), method, seed, and ran, size, mix of an evaluation."""
    config: dict[str, Any]
    """All that the result depends on, JSON-able."""
    needs: tuple[str, ...]
    """Ids of the jobs whose results it reads."""
    cost_s: float
    """Estimated wall time on one core."""

    @property
    def kind(self) -> str:
        """`train` or `evaluate`."""
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
    trainings = {(job.labels["method"], job.labels["seed"]): job for job in _trainings(campaign, code)}
    return [*trainings.values(), *_evaluations(campaign, code, policies, trainings)]


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


def _trainings(campaign: Campaign, code: Code) -> Iterator[Job]:
    for method in campaign.methods:
        if method.train is None:
            continue
        scenarios = training_scenarios(campaign, method.train.episode_s)
        common = {
            "train": method.train.model_dump(mode="json"),
            "scenarios": [scenario.model_dump(mode="json") for scenario in scenarios],
            "code": asdict(code),
            **_own_tasks(method.train),
        }
        cost_s = _training_cost_s(method.train, scenarios)
        for seed in campaign.seeds:
            labels = {"kind": "train", "method": method.name, "seed": seed}
            yield _job(f"train-{method.name}-s{seed}", labels, common | {"seed": seed}, (), cost_s)


def _own_tasks(training: Training) -> dict[str, Any]:
    """Of a training on tasks of its own: what the files say that they are drawn from and vary."""
    if "tasks" not in type(training).model_fields:
        return {}
    file: str | None = getattr(training, "tasks")  # noqa: B009 - a key of some trainings
    ranges = load_task_ranges(SHIPPED if file is None else Path(file))
    return {"tasks": ranges.model_dump(mode="json"), "base": load_scenario(ranges.base).model_dump(mode="json")}


def _evaluations(
    campaign: Campaign, code: Code, policies: Mapping[str, ResolvedPolicy], trainings: Mapping[tuple[str, int], Job]
) -> Iterator[Job]:
    for ran, size, mix in itertools.product(campaign.rans, campaign.sizes, campaign.mixes):
        # Validated once: thousands of seeds differ in their seed alone.
        scenario = evaluation_scenario(campaign, ran, size, mix)
        cost_s, described = _simulation_cost_s(scenario), scenario.model_dump(mode="json")
        place = {"ran": ran.name, "size": size.name, "mix": mix.name}
        for seed in campaign.seeds:
            for method in campaign.methods:
                needs = (trainings[method.name, seed].id,) if method.train else ()
                config = {
                    **_policy_of_evaluation(method, policies.get(method.name), needs, code),
                    "scenario": described | {"seed": seed},
                    "seed": seed,
                }
                name = "-".join([method.name, *place.values(), f"s{seed}"])
                labels = {"kind": "evaluate", "method": method.name, **place, "seed": seed}
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
    return START_S + episodes * mean_s + steps * S_PER_TRAINING_STEP


def remaining_s(jobs: Sequence[Job], workers: int) -> float:
    """Estimated wall time of `jobs` on `workers` cores: longest first, never below the longest chain."""
    finish: dict[str, float] = {}
    free_at = [0.0] * workers
    for job in sorted(jobs, key=lambda job: (len(job.needs), -job.cost_s)):
        start = max([heapq.heappop(free_at), *(finish.get(need, 0.0) for need in job.needs)])
        finish[job.id] = start + job.cost_s
        heapq.heappush(free_at, finish[job.id])
    return max(free_at)
