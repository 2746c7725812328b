# SPDX-License-Identifier: MIT
"""A slice: identity, service level agreement, policy in force at the start, UEs and their traffic."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from pybridge.scenario.base import KeyProblem, Name, Position, ScenarioModel
from pybridge.scenario.traffic import Traffic

FIVE_QIS = frozenset({*range(1, 11), 65, 66, 67, *range(69, 77), 79, 80, *range(82, 91)})
"""5QIs of TS 23.501, table 5.7.4-1, and QCIs of TS 23.203, table 6.1.7; each RAN lacks one of them."""
FIVE_QI_OF_NR = 10
"""ns-3's bearer table of release 18 lacks it, hence LTE."""
QCI_OF_LTE = 75
"""Reserved in TS 23.501, hence none of NR."""


class SNssai(ScenarioModel):
    """Single Network Slice Selection Assistance Information (TS 23.003, 28.4.2)."""

    sst: int = Field(ge=0, le=255, description="slice/service type: 1 eMBB, 2 URLLC, 3 MIoT (TS 23.501, 5.15.2.2)")
    sd: int | None = Field(default=None, ge=0, le=0xFFFFFF, description="slice differentiator, 24 bits")


class PolicyRatio(ScenarioModel):
    """RRMPolicyRatio of TS 28.541, 4.3.36, as ratios of a cell's allocatable PRBs, until the first decision."""

    dedicated: float = Field(default=0.0, ge=0.0, le=1.0, description="reserved, idle if unused; at most min")
    min: float = Field(default=0.0, ge=0.0, le=1.0, description="guaranteed, lent while unused; at most max")
    max: float = Field(default=1.0, ge=0.0, le=1.0, description="cap")

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.dedicated > self.min:
            raise KeyProblem("dedicated", f"must be at most min: {self.dedicated:g} > {self.min:g}")
        if self.min > self.max:
            raise KeyProblem("min", f"must be at most max: {self.min:g} > {self.max:g}")
        return self


class Sla(ScenarioModel):
    """Service level agreement; what is null is not agreed upon."""

    ue_throughput_mbps: float | None = Field(default=None, gt=0.0, le=10_000.0, description="per UE, downlink, Mbit/s")
    delay_budget_ms: float | None = Field(
        default=None, gt=0.0, le=3.6e6, description="one-way delay from the source to the UE application"
    )
    reliability: float | None = Field(
        default=None, gt=0.0, lt=1.0, description="part of packets within delay_budget_ms; mMTC: delivery ratio"
    )
    weight: float = Field(default=1.0, ge=0.0, le=1000.0, description="operator weight of the slice")

    @model_validator(mode="after")
    def _reliability_needs_budget(self) -> Self:
        if self.reliability is not None and self.delay_budget_ms is None:
            raise KeyProblem("reliability", "needs delay_budget_ms, as it is the part of packets within that budget")
        return self


class Slice(ScenarioModel):
    """One slice; its place in the list is its id everywhere."""

    name: Name = Field(description="unique in the scenario")
    s_nssai: SNssai = Field(description="identity of the slice")
    five_qi: int = Field(description="5QI of the slice's bearers, QCI on LTE (TS 23.501, table 5.7.4-1)")
    rule: Literal["rr", "pf", "max-cqi", "m-lwdf"] = Field(default="pf", description="scheduling rule inside the slice")
    rlc: Literal["um", "am"] = Field(default="um", description="RLC mode of the bearers")
    ues: int = Field(ge=1, le=100_000, description="UEs per cell")
    positions_m: tuple[Position, ...] | None = Field(
        default=None, description="[[x, y, z], ...] of all UEs of the slice, cell by cell, in place of random ones"
    )
    policy: PolicyRatio = Field(default_factory=lambda: PolicyRatio(), description="until the first decision")
    sla: Sla = Field(default_factory=lambda: Sla(), description="what the slice was promised")
    traffic: Traffic = Field(description="downlink traffic of every UE of the slice")

    @field_validator("five_qi")
    @classmethod
    def _five_qi_exists(cls, value: int) -> int:
        if value not in FIVE_QIS:
            known = ", ".join(str(qi) for qi in sorted(FIVE_QIS))
            raise ValueError(f"{value} is no 5QI of TS 23.501, table 5.7.4-1; allowed: {known}")
        return value
