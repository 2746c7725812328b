# SPDX-License-Identifier: MIT
"""The campaign file: YAML, validated like a scenario."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union, get_type_hints

from pydantic import BeforeValidator, Field, ValidationError, create_model, model_validator

from agents.trainers import TRAINERS, OptionError, Options
from pybridge.scenario import Problem, ScenarioError
from pybridge.scenario.base import KeyProblem, Name, ScenarioModel
from pybridge.scenario.explain import explain
from pybridge.scenario.load import override
from pybridge.scenario.source import Source, parse_yaml, read_text

LIBRARY = Path(__file__).resolve().parent / "library"
"""Folder of the shipped campaigns."""

MAX_SEED = 999_999
"""Largest evaluation seed; RngRun beyond it is for training, so that no policy is evaluated on what it has seen."""

Overrides = dict[str, Any]
"""Dotted key path of a scenario to value, e.g. `slices.embb.ues: 6`."""

AsTuple = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)


class CampaignError(ScenarioError):
    """A campaign file cannot be read or is not valid. The text has one line per problem."""


class Training(ScenarioModel):
    """A training by one of agents.trainers: the keys that all have, beside those of its options."""

    algorithm: str
    episode_s: float = Field(default=5.0, gt=0.0, le=3600.0, description="measured length of a training episode")

    @model_validator(mode="after")
    def _options_go_together(self) -> Self:
        try:
            self.options()
        except OptionError as error:
            raise KeyProblem(error.key, str(error)) from None
        return self

    def options(self) -> Options:
        """Of the trainer."""
        kind = TRAINERS[self.algorithm].options
        made: Options = kind(**{field.name: getattr(self, field.name) for field in dataclasses.fields(kind)})
        return made


def _training(name: str, options: type[Any]) -> type[Training]:
    """A model with a key per field of a trainer's options."""
    hints = get_type_hints(options, include_extras=True)
    keys: dict[str, Any] = {"algorithm": (Literal[name], ...)}
    for field in dataclasses.fields(options):
        required = field.default is dataclasses.MISSING
        keys[field.name] = (hints[field.name], ... if required else field.default)
    title = "".join(part.title() for part in name.split("-"))
    return create_model(f"{title}Training", __base__=Training, __doc__=options.__doc__, **keys)


TRAININGS = {name: _training(name, trainer.options) for name, trainer in TRAINERS.items()}
"""Models of trainings by their algorithm."""

if TYPE_CHECKING:
    AnyTraining = Training
else:
    AnyTraining = Annotated[Union[tuple(TRAININGS.values())], Field(discriminator="algorithm")]  # noqa: UP007


class Method(ScenarioModel):
    """One way to manage the network: a policy that exists, or one to be trained."""

    name: Name = Field(description="unique in the campaign")
    label: str | None = Field(default=None, max_length=40, description="in figures, default the name")
    policy: str | None = Field(
        default=None, min_length=1, description="static, proportional, max-weight or module:Class"
    )
    train: AnyTraining | None = Field(
        default=None, description="train once per seed, over all sizes and mixes of the RANs for training"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.policy is None) == (self.train is None):
            raise KeyProblem("policy", "exactly one of policy, train is required")
        return self


class Ran(ScenarioModel):
    """One radio access network: the scenario that all sizes and mixes are variants of."""

    name: Name = Field(description="unique in the campaign")
    label: str | None = Field(default=None, max_length=40, description="in figures, default the name")
    scenario: str = Field(min_length=1, description="shipped scenario, or a file relative to this one")
    set: Overrides = Field(default_factory=dict, description="scenario keys, for all runs on it")
    train: bool = Field(default=True, description="whether trainings run on it; evaluations always do")


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
    """Methods × seeds × RANs × sizes × mixes."""

    name: Name = Field(description="folder of the results")
    description: str = Field(default="", max_length=2000)
    include: str | None = Field(
        default=None, description="campaign, shipped or beside this file, that gives the keys which this one leaves out"
    )
    rans: Annotated[tuple[Ran, ...], AsTuple] = Field(min_length=1, description="radio access networks")
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
        for axis in ("methods", "rans", "sizes", "mixes"):
            _refuse_repeats(axis, (entry.name for entry in getattr(self, axis)))
        _refuse_repeats("seeds", self.seeds)
        names = [method.name for method in self.methods]
        if self.baseline is not None and self.baseline not in names:
            raise KeyProblem("baseline", f"must be one of {', '.join(names)}; got {self.baseline!r}")
        return self

    @model_validator(mode="after")
    def _axes_do_not_contradict(self) -> Self:
        axes: dict[str, tuple[Ran | Variant, ...]] = {"rans": self.rans, "sizes": self.sizes, "mixes": self.mixes}
        setters: dict[str, tuple[str, str]] = {}
        for axis, variants in axes.items():
            for index, variant in enumerate(variants):
                for key in variant.set:
                    by, name = setters.setdefault(key, (axis, variant.name))
                    if by != axis:
                        message = f"{key} is set by `{name}` of {by} too; one axis per key"
                        raise KeyProblem(f"{axis}[{index}].set", message)
        return self

    @model_validator(mode="after")
    def _trainings_have_a_ran(self) -> Self:
        trained = [method.name for method in self.methods if method.train is not None]
        if trained and not any(ran.train for ran in self.rans):
            raise KeyProblem("rans", f"none is for training (`train: false`), but {', '.join(trained)} must be trained")
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


def load_campaign(source: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None) -> Campaign:
    """Read and validate a campaign file, or the shipped campaign of that name.

    A relative scenario file is resolved against the campaign file. `overrides` maps dotted key paths to values, as for
    scenarios. Raises CampaignError, one line per problem with file, line and key.
    """
    path = _find(source)
    try:
        parsed = parse_yaml(read_text(path, str(source)), str(source))
        _include(parsed, path.parent, (path.resolve(),))
        for key, value in (overrides or {}).items():
            override(parsed, key, value)
        campaign = Campaign.model_validate(parsed.data, strict=True)
    except ValidationError as error:
        raise CampaignError(explain(error, Campaign, parsed)) from None
    except ScenarioError as error:
        raise CampaignError(error.problems) from None
    rans = tuple(ran.model_copy(update={"scenario": _beside(path.parent, ran.scenario)}) for ran in campaign.rans)
    return campaign.model_copy(update={"rans": rans})


def _include(source: Source, folder: Path, chain: tuple[Path, ...]) -> None:
    """Fill the keys that a campaign leaves out from the one that it includes, `set` key by key."""
    name = source.data.pop("include", None)
    if name is None:
        return
    line = source.lines.get(("include",))
    if not isinstance(name, str):
        raise ScenarioError([Problem(source.origin, line, "include", f"must be a text, got {name!r}")])
    path = _find(name, folder)
    if path.resolve() in chain:
        raise ScenarioError([Problem(source.origin, line, "include", f"{name} includes this file in turn")])
    base = parse_yaml(read_text(path, name), name)
    _include(base, path.parent, (*chain, path.resolve()))
    for ran in base.data.get("rans") or ():
        if isinstance(ran, dict) and isinstance(ran.get("scenario"), str):
            ran["scenario"] = _beside(path.parent, ran["scenario"])
    common = base.data.get("set"), source.data.get("set")
    if all(isinstance(part, dict) for part in common):
        source.data["set"] = {**common[0], **common[1]}
    source.data = base.data | source.data


def _beside(folder: Path, scenario: str) -> str:
    """A scenario file that lies in the campaign file's folder by its path, else the name as it is."""
    return str(folder / scenario) if (folder / scenario).is_file() else scenario


def _find(source: str | os.PathLike[str], folder: Path = Path()) -> Path:
    path = folder / source
    if path.is_file():
        return path
    shipped = shipped_campaigns()
    if str(source) in shipped:
        return shipped[str(source)]
    what = "is a directory, not a campaign file" if path.is_dir() else "no such file, nor a shipped campaign"
    raise CampaignError([Problem(str(source), None, "", f"{what} ({', '.join(shipped)})")])
