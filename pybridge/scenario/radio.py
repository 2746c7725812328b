# SPDX-License-Identifier: MIT
"""Time scales, cells, mobility and the DU of a scenario: what all radio access networks share."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pybridge.scenario.base import KeyProblem, Position, ScenarioModel, require_keys_of_model

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Timing(ScenarioModel):
    """Decision periods and the length of a simulation."""

    low_period_ms: int = Field(default=10, ge=1, le=1000, description="period of low-level (DU) decisions")
    high_period_ms: int = Field(
        default=100,
        ge=1,
        le=60_000,
        description="period of high-level (near-RT RIC) decisions, a multiple of low_period_ms",
    )
    warm_up_s: float = Field(
        default=0.5, ge=0.0, le=600.0, description="discarded at the start, at least; ends when all UEs are connected"
    )
    duration_s: float = Field(
        default=5.0, gt=0.0, le=86_400.0, description="measured simulated time, a multiple of high_period_ms"
    )

    @model_validator(mode="after")
    def _periods_nest(self) -> Self:
        if self.high_period_ms % self.low_period_ms:
            raise KeyProblem(
                "high_period_ms",
                f"must be a multiple of low_period_ms: {self.high_period_ms} is none of {self.low_period_ms}",
            )
        if round(self.duration_s * NS_PER_S) % (self.high_period_ms * NS_PER_MS):
            raise KeyProblem(
                "duration_s",
                f"must be a multiple of high_period_ms: {self.duration_s:g} s is none of {self.high_period_ms} ms",
            )
        return self

    @property
    def n_high_epochs(self) -> int:
        """High-level decision periods in the measured time."""
        return round(self.duration_s * NS_PER_S) // (self.high_period_ms * NS_PER_MS)


class Cells(ScenarioModel):
    """The sites: one omnidirectional cell each."""

    count: int = Field(
        default=1, ge=1, le=19, description="number of cells; follows from positions_m where that is given"
    )
    inter_site_distance_m: float = Field(default=500.0, ge=10.0, le=100_000.0, description="of the hexagonal layout")
    height_m: float = Field(default=25.0, ge=1.0, le=500.0, description="antenna height of the sites in the layout")
    positions_m: tuple[Position, ...] | None = Field(
        default=None, min_length=1, max_length=19, description="[[x, y, z], ...] of the sites in place of the layout"
    )
    handover: bool = Field(default=True, description="X2 handover by event A3; without effect with one cell")

    @model_validator(mode="before")
    @classmethod
    def _count_follows_positions(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("count") is None and isinstance(data.get("positions_m"), (list, tuple)):
            return {**data, "count": len(data["positions_m"])}
        return data

    @model_validator(mode="after")
    def _count_agrees(self) -> Self:
        if self.positions_m is not None and self.count != len(self.positions_m):
            raise KeyProblem("count", f"is {self.count}, but positions_m has {len(self.positions_m)}; leave count out")
        return self


SpeedRange = tuple[Annotated[float, Field(ge=0.0, le=200.0)], Annotated[float, Field(ge=0.0, le=200.0)]]


class Mobility(ScenarioModel):
    """How UEs move."""

    model: Literal["static", "random-walk"] = Field(
        default="random-walk", description="random-walk: inside the cell area"
    )
    speed_mps: SpeedRange | None = Field(
        default=None, description="random-walk only: [lowest, highest], uniform over UEs, default [10, 20]"
    )
    height_m: float = Field(
        default=1.5, ge=0.5, le=300.0, description="antenna height of UEs without an explicit position"
    )

    @model_validator(mode="before")
    @classmethod
    def _default_speed(cls, data: Any) -> Any:
        walks = isinstance(data, dict) and data.get("model") in (None, "random-walk")
        return {**data, "speed_mps": (10.0, 20.0)} if walks and data.get("speed_mps") is None else data

    @model_validator(mode="after")
    def _keys_match_model(self) -> Self:
        require_keys_of_model(self, {"speed_mps": ("random-walk",)})
        if self.speed_mps is not None and self.speed_mps[0] > self.speed_mps[1]:
            low, high = self.speed_mps
            raise KeyProblem("speed_mps", f"must be [lowest, highest], got [{low:g}, {high:g}]")
        return self


class Du(ScenarioModel):
    """Packet processing in the distributed unit: one queue per slice and cell ahead of the RAN."""

    compute_bps: float = Field(
        default=200.0e6, gt=0.0, le=1.0e15, description="capacity of a cell's DU processing, shared by slices, bit/s"
    )
    compute_overhead_bytes: int = Field(
        default=40, ge=0, le=65_535, description="per packet, added to its size when it is processed"
    )
    queue_packets: int = Field(default=2000, ge=1, le=10_000_000, description="queue length per slice and cell")
