# SPDX-License-Identifier: MIT
"""Downlink traffic of a UE: six source models and the load that varies over time."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pybridge.scenario.base import KeyProblem, ScenarioModel, require_keys_of_model

NonNegative = Annotated[float, Field(ge=0.0)]

SHORTEST_S = 1e-3
"""Shorter times are slips of the unit, and would be drawn until memory is full."""

Holding = Annotated[float, Field(ge=SHORTEST_S)]


class Load(ScenarioModel):
    """A factor on the arrival rate of a source, over time."""

    model: Literal["constant", "profile", "markov"] = Field(default="constant", description="how the factor varies")
    factor: float | None = Field(default=None, ge=0.0, le=1000.0, description="constant only, default 1")
    points: tuple[tuple[NonNegative, NonNegative], ...] | None = Field(
        default=None,
        min_length=1,
        description="profile only: [[time_s, factor], ...], linear between, from the end of warm-up",
    )
    states: tuple[tuple[NonNegative, Holding], ...] | None = Field(
        default=None,
        min_length=2,
        description="markov only: [[factor, mean_holding_s], ...], next uniform among the others",
    )

    @model_validator(mode="before")
    @classmethod
    def _default_factor(cls, data: Any) -> Any:
        constant = isinstance(data, dict) and data.get("model") in (None, "constant")
        return {**data, "factor": 1.0} if constant and data.get("factor") is None else data

    @model_validator(mode="after")
    def _keys_match_model(self) -> Self:
        require_keys_of_model(self, {"factor": ("constant",), "points": ("profile",), "states": ("markov",)})
        for model, key in (("profile", "points"), ("markov", "states")):
            if self.model == model and getattr(self, key) is None:
                raise KeyProblem(key, f"is required by `model: {model}`")
        times = [time_s for time_s, _ in self.points or ()]
        if any(later <= earlier for earlier, later in itertools.pairwise(times)):
            raise KeyProblem("points", "must have strictly increasing times")
        return self


class _Source(ScenarioModel):
    """Keys that all models have."""

    packet_bytes: int = Field(default=1200, ge=32, le=1400, description="UDP payload of a packet")
    load: Load = Field(default_factory=lambda: Load(), description="multiplies the arrival rate over time")


class ConstantTraffic(_Source):
    """Constant bit rate."""

    model: Literal["constant"]
    rate_mbps: float = Field(gt=0.0, le=10_000.0, description="mean rate per UE, UDP payload, Mbit/s")


class OnOffTraffic(_Source):
    """Video-like: exponential on and off times, constant rate while on."""

    model: Literal["on-off"]
    rate_mbps: float = Field(gt=0.0, le=10_000.0, description="rate per UE while on, UDP payload, Mbit/s")
    on_mean_s: float = Field(ge=SHORTEST_S, le=3600.0, description="mean of the exponential on time")
    off_mean_s: float = Field(ge=SHORTEST_S, le=3600.0, description="mean of the exponential off time")


class Ftp3Traffic(_Source):
    """FTP model 3 of TR 36.889, A.1.1: files of one size, Poisson arrivals at every UE."""

    model: Literal["ftp3"]
    file_bytes: int = Field(ge=1, le=1_000_000_000, description="size of a file")
    arrival_rate_hz: float = Field(gt=0.0, le=100_000.0, description="files per second and UE")


class PeriodicTraffic(_Source):
    """One packet per period, displaced by uniform jitter."""

    model: Literal["periodic"]
    period_ms: float = Field(ge=0.01, le=3.6e6, description="between packets of a UE")
    jitter_ms: float = Field(default=0.0, ge=0.0, description="uniform in [0, jitter_ms], at most the period")

    @model_validator(mode="after")
    def _jitter_keeps_order(self) -> Self:
        if self.jitter_ms > self.period_ms:
            raise KeyProblem("jitter_ms", f"must be at most period_ms ({self.period_ms:g}), got {self.jitter_ms:g}")
        return self


class PoissonTraffic(_Source):
    """Single packets with exponential gaps."""

    model: Literal["poisson"]
    arrival_rate_hz: float = Field(gt=0.0, le=100_000.0, description="packets per second and UE")


class BetaBurstTraffic(_Source):
    """Synchronised devices: in every burst each sends one packet at a Beta(3, 4) time (TR 37.868, 6.1.1)."""

    model: Literal["beta-burst"]
    burst_period_s: float = Field(
        ge=SHORTEST_S, le=86_400.0, description="from the start of a burst to that of the next"
    )
    burst_duration_s: float = Field(ge=SHORTEST_S, le=86_400.0, description="length of a burst, at most the period")

    @model_validator(mode="after")
    def _bursts_do_not_overlap(self) -> Self:
        if self.burst_duration_s > self.burst_period_s:
            raise KeyProblem(
                "burst_duration_s",
                f"must be at most burst_period_s ({self.burst_period_s:g}), got {self.burst_duration_s:g}",
            )
        return self


Traffic = Annotated[
    ConstantTraffic | OnOffTraffic | Ftp3Traffic | PeriodicTraffic | PoissonTraffic | BetaBurstTraffic,
    Field(discriminator="model"),
]
