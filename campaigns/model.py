# SPDX-License-Identifier: MIT
"""The campaign file: YAML, validated like a scenario."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from pybridge.scenario import Problem, ScenarioError
from pybridge.scenario.base import KeyProblem, Name, ScenarioModel
from pybridge.scenario.explain import explain
from pybridge.scenario.source import parse_yaml, read_text

LIBRARY = Path(__file__).resolve().parent / "library"
"""Folder of the shipped campaigns."""

MAX_SEED = 999_999
"""Largest evaluation seed; RngRun beyond it is for training, so that no policy is evaluated on what it has seen."""

Overrides = dict[str, Any]
"""Dotted key path of a scenario to value, e.g. `slices.embb.ues: 6`."""

AsTuple = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)


class CampaignError(ScenarioError):
    """A campaign file cannot be read or is not valid. The text has one line per problem."""


class PpoTraining(ScenarioModel):
    """A short training by stable-baselines3's PPO; keys as in agents.sb3.PpoConfig."""

    steps: int = Field(ge=1, le=100_000_000, description="high-level decisions in all")
    episode_s: float = Field(default=5.0, gt=0.0, le=3600.0, description="measured length of a training episode")
    rollout_steps: int = Field(default=250, ge=2, description="steps between two updates")
    minibatch: int = Field(default=50, ge=2, description="divides rollout_steps")
    epochs: int = Field(default=10, ge=1, le=1000)
    learning_rate: float = Field(default=1e-3, gt=0.0, le=1.0)
    gamma: float = Field(default=0.95, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _rollout_is_whole_minibatches(self) -> Self:
        if self.rollout_steps % self.minibatch:
            raise KeyProblem("minibatch", f"must divide rollout_steps ({self.rollout_steps}), got {self.minibatch}")
        return self


class Method(ScenarioModel):
    """One way to manage the network: a policy that exists, or one to be trained."""

    name: Name = Field(description="unique in the campaign")
    label: str | None = Field(default=None, max_length=40, description="in figures, default the name")
    policy: str | None = Field(
        default=None, min_length=1, description="static, proportional, max-weight or module:Class"
    )
    ppo: PpoTraining | None = Field(default=None, description="train PPO once per seed over all sizes and mixes")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.policy is None) == (self.ppo is None):
            raise KeyProblem("policy", "exactly one of policy, ppo is required")
        return self


class Variant(ScenarioModel):
    """One value of an axis: a name, and the keys of the scenario that it sets."""

    name: Name = Field(description="unique in its axis")
    label: str | None = Field(default=None, max_length=40, description="in figures, default the name")
    set: Overrides = Field(default_factory=dict, description="scenario key path: value, e.g. slices.embb.ues: 6")


class Evaluation(ScenarioModel):
    """How a method is judged: one run per seed, size and mix."""

    duration_s: float = Field(
        ge=1.0, le=100_000.0, description="measured simulated time of a run; QoS is judged in windows of 1 s"
    )


class Campaign(ScenarioModel):
    """Methods × seeds × sizes × mixes over one scenario."""

    name: Name = Field(description="folder of the results")
    description: str = Field(default="", max_length=2000)
    scenario: str = Field(min_length=1, description="shipped scenario, or a file relative to this one")
    set: Overrides = Field(default_factory=dict, description="scenario keys, for all runs")
    methods: Annotated[tuple[Method, ...], AsTuple] = Field(min_length=1)
    baseline: str | None = Field(default=None, description="method that gains are measured against, default the first")
    seeds: Annotated[tuple[Annotated[int, Field(ge=1, le=MAX_SEED)], ...], AsTuple] = Field(
        min_length=1, description="RngRun of evaluations, and seeds of trainings; the same for every method"
    )
    sizes: Annotated[tuple[Variant, ...], AsTuple] = Field(min_length=1, description="network sizes")
    mixes: Annotated[tuple[Variant, ...], AsTuple] = Field(min_length=1, description="traffic mixes")
    evaluation: Evaluation
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, le=4096, description="runs at a time, default one per core"
    )

    @model_validator(mode="after")
    def _axes_are_unambiguous(self) -> Self:
        for axis in ("methods", "sizes", "mixes"):
            _refuse_repeats(axis, (entry.name for entry in getattr(self, axis)))
        _refuse_repeats("seeds", self.seeds)
        names = [method.name for method in self.methods]
        if self.baseline is not None and self.baseline not in names:
            raise KeyProblem("baseline", f"must be one of {', '.join(names)}; got {self.baseline!r}")
        return self

    @model_validator(mode="after")
    def _axes_do_not_contradict(self) -> Self:
        for size in self.sizes:
            for index, mix in enumerate(self.mixes):
                for key in size.set.keys() & mix.set.keys():
                    raise KeyProblem(f"mixes[{index}].set", f"{key} is set by size `{size.name}` too; one axis per key")
        return self

    @property
    def baseline_name(self) -> str:
        """Name of the method that gains are measured against."""
        return self.baseline or self.methods[0].name


def _refuse_repeats(axis: str, values: Iterable[Any]) -> None:
    seen: set[Any] = set()
    for index, value in enumerate(values):
        if value in seen:
            key = f"{axis}[{index}]" if axis == "seeds" else f"{axis}[{index}].name"
            raise KeyProblem(key, f"{value!r} stands twice")
        seen.add(value)


def shipped_campaigns() -> dict[str, Path]:
    """Names of the campaigns that ship with the package, and their files."""
    return {path.stem: path for path in sorted(LIBRARY.glob("*.yaml"))}


def load_campaign(source: str | os.PathLike[str]) -> Campaign:
    """Read and validate a campaign file, or the shipped campaign of that name.

    A relative scenario file is resolved against the campaign file. Raises CampaignError, one line per problem with
    file, line and key.
    """
    path = _find(source)
    try:
        parsed = parse_yaml(read_text(path, str(source)), str(source))
        campaign = Campaign.model_validate(parsed.data, strict=True)
    except ValidationError as error:
        raise CampaignError(explain(error, Campaign, parsed)) from None
    except ScenarioError as error:
        raise CampaignError(error.problems) from None
    beside = path.parent / campaign.scenario
    return campaign.model_copy(update={"scenario": str(beside)}) if beside.is_file() else campaign


def _find(source: str | os.PathLike[str]) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    shipped = shipped_campaigns()
    if str(source) in shipped:
        return shipped[str(source)]
    what = "is a directory, not a campaign file" if path.is_dir() else "no such file, nor a shipped campaign"
    raise CampaignError([Problem(str(source), None, "", f"{what} ({', '.join(shipped)})")])
