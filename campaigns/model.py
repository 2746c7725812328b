# SPDX-License-Identifier: MIT
"""The campaign file: YAML, validated like a scenario."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union, get_type_hints

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, create_model, model_validator

from agents.adapters import ways
from agents.network_task import SHIPPED, TaskRanges, Track, load_task_ranges
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


def _ascending(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if not numbers or numbers[0] != 0 or _falls(numbers):
        raise ValueError(f"must ascend from 0, got {list(numbers)}")
    return numbers


def _falls(values: Sequence[Any]) -> bool:
    return any(second <= first for first, second in itertools.pairwise(values))


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

    @property
    def on_tasks(self) -> bool:
        """Whether it trains on tasks of its own, and not on the networks of the campaign."""
        return TRAINERS[self.algorithm].on_tasks

    def ranges(self) -> TaskRanges:
        """What its own tasks are drawn from. Raises TaskError."""
        return task_ranges(getattr(self, "tasks"))  # noqa: B009 - a key of those on tasks


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


Episodes = Annotated[tuple[Annotated[int, Field(ge=0, le=10_000)], ...], AsTuple, AfterValidator(_ascending)]
"""Numbers of episodes that were spent on a task when it is judged."""


class Method(ScenarioModel):
    """One way to manage the network: a policy that exists, one to be trained, or one trained for another method."""

    name: Name = Field(description="unique in the campaign")
    label: str | None = Field(default=None, max_length=40, description="in figures, default the name")
    policy: str | None = Field(
        default=None, min_length=1, description="static, proportional, max-weight or module:Class"
    )
    train: AnyTraining | None = Field(
        default=None, description="train once per seed, over tasks, or all sizes and mixes of the RANs for training"
    )
    trained_as: str | None = Field(
        default=None, description="method whose trained policy this one adapts in its own way; it has no evaluations"
    )
    rule_from: str | None = Field(
        default=None, description="method, trained by `rule`, whose tuned rule this one's training begins at; same seed"
    )
    adapt: str | None = Field(default=None, description="how it adapts to tasks, default as its algorithm does; none")
    episodes: Episodes | None = Field(
        default=None, description="spent on a task, in place of those of `adaptation`: experts for `reference`"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if [self.policy, self.train, self.trained_as].count(None) != 2:
            raise KeyProblem("policy", "exactly one of policy, train, trained_as is required")
        if self.rule_from is not None and (self.train is None or not getattr(self.train.options(), "uses_rule", False)):
            message = "only a training that is a residual on a rule begins at one (meta-hrl of ours, actions: residual)"
            raise KeyProblem("rule_from", message)
        return self


class Ran(ScenarioModel):
    """One radio access network: the scenario that all sizes and mixes are variants of."""

    name: Name = Field(description="unique in the campaign")
    label: str | None = Field(default=None, max_length=40, description="in figures, default the name")
    scenario: str = Field(min_length=1, description="shipped scenario, or a file relative to this one")
    set: Overrides = Field(default_factory=dict, description="scenario keys, for all runs on it")
    train: bool = Field(default=True, description="whether trainings run on it; evaluations always do")
    duration_s: float | None = Field(
        default=None, ge=1.0, le=100_000.0, description="of evaluations on it, default that of `evaluation`"
    )


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


class SizeBin(ScenarioModel):
    """Tasks of one size: those of no smaller bin, with at most so many UEs."""

    name: Name = Field(description="unique among the sizes")
    label: str | None = Field(default=None, max_length=40, description="in figures, default the name")
    max_ues: int | None = Field(default=None, ge=1, description="over all cells; null: any number")


class Adaptation(ScenarioModel):
    """How methods adapt to tasks that no training has seen, and how that is judged."""

    tasks: str | None = Field(
        default=None, description="YAML of agents.network_task.TaskRanges beside this file, default the shipped"
    )
    tracks: Annotated[tuple[Track, ...], AsTuple] = Field(
        default=("hidden",), min_length=1, description="hidden: weights and prices are not observed; told: they are"
    )
    held_out: int = Field(default=8, ge=1, le=10_000, description="the first so many test tasks")
    sizes: Annotated[tuple[SizeBin, ...], AsTuple] = Field(
        default=(SizeBin(name="all"),), min_length=1, description="ascending; the last takes any"
    )
    episodes: Episodes = Field(
        default=(0, 1, 2, 4, 8, 16), description="spent on a task when it is judged, ascending from 0"
    )
    judging: int = Field(
        default=2, ge=1, le=1000, description="episodes per task and point, the same for every method, not learned from"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _refuse_repeats("tracks", self.tracks)
        _refuse_repeats("sizes", (entry.name for entry in self.sizes))
        limits = [entry.max_ues for entry in self.sizes]
        if limits[-1] is not None or any(limit is None for limit in limits[:-1]) or _falls(limits[:-1]):
            raise KeyProblem("sizes", "max_ues must ascend, and only the last is without")
        return self

    def ranges(self) -> TaskRanges:
        """What tasks are drawn from. Raises TaskError."""
        return task_ranges(self.tasks)

    def size_of(self, ues: int) -> str:
        """Name of the size of a task."""
        return next(entry.name for entry in self.sizes if entry.max_ues is None or ues <= entry.max_ues)


def task_ranges(file: str | None) -> TaskRanges:
    """Of a file, or the shipped ones. Raises TaskError."""
    return load_task_ranges(SHIPPED if file is None else Path(file))


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
    claimant: str | None = Field(
        default=None, description="method that the claims are about, default the first trained by meta-hrl"
    )
    reference: Annotated[tuple[str, ...], AsTuple] = Field(
        default=(), description="methods that are the best known, per task; default all of them"
    )
    seeds: Annotated[tuple[Annotated[int, Field(ge=1, le=MAX_SEED)], ...], AsTuple] = Field(
        min_length=1, description="RngRun of evaluations, and seeds of trainings; the same for every method"
    )
    sizes: Annotated[tuple[Variant, ...], AsTuple] = Field(min_length=1, description="network sizes")
    mixes: Annotated[tuple[Variant, ...], AsTuple] = Field(min_length=1, description="traffic mixes")
    evaluation: Evaluation
    adaptation: Adaptation | None = Field(default=None, description="adaptation to held-out tasks, default none")
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, le=4096, description="runs at a time, default one per core"
    )

    @model_validator(mode="after")
    def _axes_are_unambiguous(self) -> Self:
        for axis in ("methods", "rans", "sizes", "mixes"):
            _refuse_repeats(axis, (entry.name for entry in getattr(self, axis)))
        _refuse_repeats("seeds", self.seeds)
        names = [method.name for method in self.methods]
        for key, chosen in (("baseline", self.baseline), ("claimant", self.claimant), *_numbered(self.reference)):
            if chosen is not None and chosen not in names:
                raise KeyProblem(key, f"must be one of {', '.join(names)}; got {chosen!r}")
        return self

    @model_validator(mode="after")
    def _methods_have_what_they_need(self) -> Self:
        for index, method in enumerate(self.methods):
            self._check_method(f"methods[{index}]", method)
        return self

    def _check_method(self, key: str, method: Method) -> None:
        trained = {other.name: other.train for other in self.methods if other.train is not None}
        rules = [name for name, train in trained.items() if getattr(train.options(), "rule", None) == "dpp"]
        if method.rule_from is not None and method.rule_from not in rules:
            message = f"must be a method trained by `rule`, its rule dpp ({', '.join(rules) or 'there is none'})"
            raise KeyProblem(f"{key}.rule_from", f"{message}; got {method.rule_from!r}")
        if method.trained_as is not None and method.trained_as not in trained:
            message = f"must be a method that is trained ({', '.join(trained) or 'there is none'})"
            raise KeyProblem(f"{key}.trained_as", f"{message}; got {method.trained_as!r}")
        for name in ("adapt", "trained_as", "episodes"):
            if self.adaptation is None and getattr(method, name) is not None:
                raise KeyProblem(f"{key}.{name}", "needs the campaign's `adaptation`")
        allowed = self.ways(method)
        if method.adapt is not None and method.adapt not in allowed:
            raise KeyProblem(
                f"{key}.adapt", f"must be one of {', '.join(allowed) or 'none of its kind'}; got {method.adapt!r}"
            )

    def training_of(self, method: Method) -> Training | None:
        """The training that a method's policy comes from."""
        if method.trained_as is None:
            return method.train
        return next(other.train for other in self.methods if other.name == method.trained_as)

    def ways(self, method: Method) -> list[str]:
        """How a method may adapt, by `agents.adapters.ADAPTERS`, the default first; empty if it cannot."""
        training = self.training_of(method)
        return ways(method.policy or "") if training is None else ways(training.algorithm, training.options())

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
        trained = [method.name for method in self.methods if method.train is not None and not method.train.on_tasks]
        if trained and not any(ran.train for ran in self.rans):
            raise KeyProblem("rans", f"none is for training (`train: false`), but {', '.join(trained)} must be trained")
        return self

    @property
    def baseline_name(self) -> str:
        """Name of the method that gains are measured against."""
        return self.baseline or self.methods[0].name


def _numbered(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(f"reference[{index}]", name) for index, name in enumerate(names)]


def _refuse_repeats(axis: str, values: Iterable[Any]) -> None:
    seen: set[Any] = set()
    for index, value in enumerate(values):
        if value in seen:
            key = f"{axis}[{index}]" if axis in ("seeds", "tracks") else f"{axis}[{index}].name"
            raise KeyProblem(key, f"{value!r} stands twice")
        seen.add(value)


def shipped_campaigns() -> dict[str, Path]:
    """Names of the campaigns that ship with the package, and their files."""
    return {path.stem: path for path in sorted(LIBRARY.glob("*.yaml"))}


def load_campaign(source: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None) -> Campaign:
    """Read and validate a campaign file, or the shipped campaign of that name.

    Relative files of scenarios and tasks are resolved against the campaign file. `overrides` maps dotted key paths to
    values, as for scenarios. Raises CampaignError, one line per problem with file, line and key.
    """
    path = _find(source)
    try:
        parsed = parse_yaml(read_text(path, str(source)), str(source))
        _include(parsed, path.parent, (path.resolve(),))
        for key, value in (overrides or {}).items():
            override(parsed, key, value)
        _resolve_files(parsed.data, path.parent)
        campaign = Campaign.model_validate(parsed.data, strict=True)
    except ValidationError as error:
        raise CampaignError(explain(error, Campaign, parsed)) from None
    except ScenarioError as error:
        raise CampaignError(error.problems) from None
    return campaign


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
    _resolve_files(base.data, path.parent)
    common = base.data.get("set"), source.data.get("set")
    if all(isinstance(part, dict) for part in common):
        source.data["set"] = {**common[0], **common[1]}
    source.data = base.data | source.data


def _resolve_files(data: Mapping[str, Any], folder: Path) -> None:
    """Scenarios and tasks that lie in the campaign file's folder by their path; other names stay as they are."""
    holders: list[tuple[Any, str]] = [(ran, "scenario") for ran in _entries(data.get("rans"))]
    holders += [(method.get("train"), "tasks") for method in _entries(data.get("methods"))]
    holders += [(data.get("adaptation"), "tasks")]
    for holder, key in holders:
        name = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(name, str) and (folder / name).is_file():
            holder[key] = str(folder / name)


def _entries(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _find(source: str | os.PathLike[str], folder: Path = Path()) -> Path:
    path = folder / source
    if path.is_file():
        return path
    shipped = shipped_campaigns()
    if str(source) in shipped:
        return shipped[str(source)]
    what = "is a directory, not a campaign file" if path.is_dir() else "no such file, nor a shipped campaign"
    raise CampaignError([Problem(str(source), None, "", f"{what} ({', '.join(shipped)})")])
