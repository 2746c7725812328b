# SPDX-License-Identifier: MIT
"""Tasks: networks drawn from stated ranges, with what their operator wants (METHOD.md 1 and 2b).

A task is a scenario (keys that differ from a base scenario), operator weights ω and prices. On the **hidden** track the
weights and prices are in the reward alone; on the **told** track weights stand in every method's observation through
the scenario's SLAs, and prices are appended to it (`NetworkTask.shown`).

Training, validation and test tasks come from random streams of their own, so no task is in two of them. Test tasks may
have ranges of their own, for sizes and mixes that training never saw.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pybridge.errors import SliceBridgeError

SHIPPED = Path(__file__).with_name("nr-tasks.yaml")
"""Ranges that tasks are drawn from where none are given."""

_SMALLEST_PRICE = 1e-3
"""For logarithms."""

Split = Literal["train", "validation", "test"]
Track = Literal["hidden", "told"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class TaskError(SliceBridgeError):
    """A description of tasks cannot be read or makes no sense."""

    exit_code = 2


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Range(_Model):
    """How one number, or one choice, is drawn; exactly one of the four."""

    uniform: tuple[float, float] | None = Field(default=None, description="[lowest, highest]")
    log_uniform: tuple[float, float] | None = Field(default=None, description="[lowest, highest], lowest > 0")
    integer: tuple[int, int] | None = Field(default=None, description="[lowest, highest], both may occur")
    choice: tuple[Any, ...] | None = Field(default=None, min_length=1, description="any values, equally likely")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of uniform, log_uniform, integer, choice is required, got {given or 'none'}")
        bounds = self.uniform or self.log_uniform or self.integer
        if bounds is not None and bounds[0] > bounds[1]:
            raise ValueError(f"{given[0]} is [lowest, highest], got {list(bounds)}")
        if self.log_uniform is not None and self.log_uniform[0] <= 0.0:
            raise ValueError("log_uniform is of positive numbers")
        return self

    def draw(self, stream: np.random.Generator) -> Any:
        """One value: float, int, or one of the choices."""
        if self.integer is not None:
            return int(stream.integers(*self.integer, endpoint=True))
        if self.choice is not None:
            return self.choice[int(stream.integers(len(self.choice)))]
        if self.uniform is not None:
            return float(stream.uniform(*self.uniform))
        assert self.log_uniform is not None
        low, high = np.log(self.log_uniform)
        return float(np.exp(stream.uniform(low, high)))


class TaskRanges(_Model):
    """What tasks are drawn from."""

    base: str = Field(default="nr-small", description="shipped scenario, or a file")
    set: dict[str, Any] = Field(default_factory=dict, description="scenario keys of all tasks")
    vary: dict[str, Range] = Field(default_factory=dict, description="scenario key: range")
    test: dict[str, Range] = Field(default_factory=dict, description="in place of `vary`'s, for test tasks")
    track: Track = Field(default="hidden", description="whether weights and prices are observed")
    slices: int = Field(default=3, ge=1, le=64, description="of the base scenario")
    dirichlet: float = Field(default=0.5, gt=0.0, le=100.0, description="operator weights ~ Dirichlet of this")
    power_price: Range = Range(log_uniform=(0.02, 1.5))
    prb_price: Range = Range(log_uniform=(0.02, 1.5))
    reconfiguration_price: float = Field(default=0.1, ge=0.0, description="of half the sum of changed shares")

    @model_validator(mode="after")
    def _ranges_fit(self) -> Self:
        unknown = sorted(set(self.test) - set(self.vary))
        if unknown:
            raise ValueError(f"test: {unknown[0]} is not in vary")
        for name in ("power_price", "prb_price"):
            if getattr(self, name).log_uniform is None:
                raise ValueError(f"{name} takes log_uniform")
        return self


@dataclass(frozen=True)
class NetworkTask:
    """One network and what its operator wants."""

    name: str
    """`test-3`: its split and its number there."""
    base: str
    overrides: Mapping[str, Any]
    """Scenario keys that differ from the base."""
    weights: tuple[float, ...]
    """ω, Σ = 1."""
    power_price: float
    prb_price: float
    reconfiguration_price: float
    track: Track
    prices_at: tuple[tuple[float, float], tuple[float, float]]
    """Of the prices in training, power and PRBs: logarithm of the mean, and standard deviation of the logarithm."""

    @property
    def family(self) -> str:
        """Slice that matters most: tasks of one family share the moving average of their weight in training."""
        return f"slice-{int(np.argmax(self.weights))}"

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """What the hidden track hides, about −2…2 each, shape (slices + 2,): weights, and standardised log prices.

        Equal weights and the mean prices of training are 0.
        """
        return task_features(np.array(self.weights), np.array([self.power_price, self.prb_price]), self.prices_at)

    @property
    def shown(self) -> NDArray[np.float32]:
        """What is appended to every method's observation: on the told track both prices, else nothing."""
        return self.features[-2:] if self.track == "told" else self.features[:0]

    def describe(self) -> dict[str, Any]:
        """JSON-able: enough to make the task again, for reports and campaign files."""
        return {
            "name": self.name,
            "base": self.base,
            "overrides": dict(self.overrides),
            "weights": list(self.weights),
            "prices": {
                "power": self.power_price,
                "prb": self.prb_price,
                "reconfiguration": self.reconfiguration_price,
            },
            "track": self.track,
        }


def task_features(
    weights: NDArray[np.float64],
    prices: NDArray[np.float64],
    prices_at: tuple[tuple[float, float], tuple[float, float]],
) -> NDArray[np.float32]:
    """`NetworkTask.features` of weights (slices,) and prices of power and PRBs (2,)."""
    at, sd = np.array(prices_at).T
    logs = (np.log(np.maximum(prices, _SMALLEST_PRICE)) - at) / sd
    return np.concatenate([len(weights) * weights - 1.0, logs]).astype(np.float32)


class TaskDistribution:
    """Tasks by their number: the same ranges, seed, split and number give the same task anywhere."""

    POOL = 1_000_000
    """Training tasks that there are."""

    def __init__(self, ranges: TaskRanges, seed: int = 0) -> None:
        """seed: of the distribution, not of a training; trainings of all seeds meet the same pool of tasks."""
        self.ranges = ranges
        self.seed = seed
        self._prices_at = (log_moments(ranges.power_price), log_moments(ranges.prb_price))

    def task(self, split: Split, number: int) -> NetworkTask:
        """Task `number` ≥ 0 of a split."""
        ranges = self.ranges
        stream = np.random.default_rng([self.seed, SPLITS.index(split), number])
        # Drawn in the order of names, whether the range is that of test tasks or not, and however a file is written.
        vary = ranges.vary | ranges.test if split == "test" else ranges.vary
        overrides = ranges.set | {key: vary[key].draw(stream) for key in sorted(ranges.vary)}
        weights = tuple(float(w) for w in stream.dirichlet(np.full(ranges.slices, ranges.dirichlet)))
        return NetworkTask(
            f"{split}-{number}",
            ranges.base,
            overrides,
            weights,
            ranges.power_price.draw(stream),
            ranges.prb_price.draw(stream),
            ranges.reconfiguration_price,
            ranges.track,
            self._prices_at,
        )

    def tasks(self, split: Split, count: int) -> list[NetworkTask]:
        """The first `count` tasks of a split."""
        return [self.task(split, number) for number in range(count)]

    def sample(self, stream: np.random.Generator, count: int) -> list[NetworkTask]:
        """`count` training tasks, for `agents.meta.MetaLearner`."""
        return [self.task("train", int(number)) for number in stream.integers(self.POOL, size=count)]


def load_task_ranges(path: Path) -> TaskRanges:
    """Read ranges from a YAML file. Raises TaskError that names the file and the key."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TaskRanges.model_validate(data)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TaskError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        problems = [f"{path}: {'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors()]
        raise TaskError("\n".join(problems)) from None


def log_moments(price: Range) -> tuple[float, float]:
    """Logarithm of the mean, and standard deviation of the logarithm; a constant has 1 for the latter."""
    assert price.log_uniform is not None
    lowest, highest = price.log_uniform
    if lowest == highest:
        return math.log(lowest), 1.0
    log_ratio = math.log(highest / lowest)
    return math.log((highest - lowest) / log_ratio), log_ratio / math.sqrt(12.0)
