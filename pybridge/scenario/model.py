# SPDX-License-Identifier: MIT
"""The scenario as a whole, and its canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from pybridge.scenario.base import KeyProblem, Name, ScenarioModel, Text
from pybridge.scenario.lte import LteCarrier, LtePropagation
from pybridge.scenario.nr import RMA_GHZ_MAX, Csi, Harq, NrCarrier, NrPropagation
from pybridge.scenario.radio import Cells, Du, Mobility, Timing
from pybridge.scenario.slices import FIVE_QI_OF_NR, QCI_OF_LTE, Slice

LTE_UES_PER_CELL_MAX = 320
"""Largest SRS periodicity in ms (TS 36.213, table 8.2-1): one UE per subframe of it."""

_SUM_TOLERANCE = 1e-6


def _attribute_text(value: Any) -> Any:
    """ns-3 reads attribute values as text; YAML's numbers and booleans become what ns-3 would print."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


AttributeName = Annotated[str, StringConstraints(pattern=r"^ns3::[A-Za-z0-9_:]+::[A-Za-z0-9_]+$")]
AttributeValue = Annotated[Text, BeforeValidator(_attribute_text)]


class Recording(ScenarioModel):
    """What a simulation writes besides the slices' KPM."""

    packets: Literal["none", "summary", "all"] = Field(
        default="summary", description="summary: delay histogram per slice; all: one row per packet"
    )
    ues: bool = Field(default=False, description="KPM rows per UE too")


class Scenario(ScenarioModel):
    """Everything that a simulation depends on, besides the policy. Same scenario, same bits.

    What all radio access networks share; `LteScenario` and `NrScenario` are what is read and validated.
    """

    schema_version: Literal[1] = Field(default=1, description="of this format")
    name: Name = Field(description="of the scenario")
    description: Text = Field(default="", max_length=10_000, description="free text")
    ran: Literal["lte", "nr"] = Field(description="radio access network")
    seed: int = Field(default=1, ge=1, le=2**32 - 1, description="ns-3 RngRun")
    timing: Timing = Field(default_factory=lambda: Timing(), description="time scales")
    carrier: LteCarrier | NrCarrier = Field(description="downlink carrier")
    cells: Cells = Field(default_factory=lambda: Cells(), description="sites")
    propagation: LtePropagation | NrPropagation = Field(description="channel model")
    mobility: Mobility = Field(default_factory=lambda: Mobility(), description="movement of UEs")
    du: Du = Field(default_factory=lambda: Du(), description="packet processing in the DU")
    slices: tuple[Slice, ...] = Field(min_length=1, max_length=8, description="slices, in the order of their ids")
    attributes: dict[AttributeName, AttributeValue] = Field(
        default_factory=dict, description='ns-3 attribute defaults, "ns3::Class::Attribute": value'
    )
    recording: Recording = Field(default_factory=lambda: Recording(), description="what is written")

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        seen: dict[str, int] = {}
        for index, item in enumerate(self.slices):
            if item.name in seen:
                raise KeyProblem(f"slices[{index}].name", f"`{item.name}` is the name of slices[{seen[item.name]}] too")
            seen[item.name] = index
        return self

    @model_validator(mode="after")
    def _policies_fit_in_a_cell(self) -> Self:
        total = sum(item.policy.min for item in self.slices)
        if total > 1.0 + _SUM_TOLERANCE:
            shares = " + ".join(f"{item.policy.min:g}" for item in self.slices)
            raise KeyProblem("slices", f"sum of policy.min must be at most 1, got {shares} = {total:g}")
        return self

    @model_validator(mode="after")
    def _positions_match_ues(self) -> Self:
        for index, item in enumerate(self.slices):
            expected = item.ues * self.cells.count
            if item.positions_m is not None and len(item.positions_m) != expected:
                raise KeyProblem(
                    f"slices[{index}].positions_m",
                    f"must have a position for each of the {item.ues} UEs x {self.cells.count} cells = {expected}, "
                    f"got {len(item.positions_m)}",
                )
        return self

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.cells.count

    @property
    def n_slices(self) -> int:
        """Number of slices."""
        return len(self.slices)

    @property
    def ues_per_cell(self) -> int:
        """UEs dropped in each cell, over all slices."""
        return sum(item.ues for item in self.slices)

    @property
    def n_ues(self) -> int:
        """UEs in all cells and slices."""
        return self.ues_per_cell * self.n_cells

    @property
    def ue_slice(self) -> tuple[int, ...]:
        """Slice index of every UE, shape (n_ues,): slice by slice, within a slice cell by cell."""
        return tuple(index for index, item in enumerate(self.slices) for _ in range(item.ues * self.n_cells))

    def resolved_json(self) -> str:
        """Canonical JSON with every default filled in: what the C++ program reads. One line, keys sorted."""
        data = self.model_dump(mode="json")
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def content_hash(self) -> str:
        """SHA-256 of `resolved_json()` in hexadecimal; the seed is part of it."""
        return hashlib.sha256(self.resolved_json().encode()).hexdigest()

    def with_seed(self, seed: int) -> Self:
        """The same scenario under another ns-3 RngRun, 1..2^32-1. Raises pydantic's ValidationError if out of range."""
        return type(self).model_validate({**self.model_dump(), "seed": seed})

    def to_yaml(self) -> str:
        """The resolved scenario as YAML that `load_scenario` reads back to an equal one."""
        return str(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120))


def _refuse_five_qi(scenario: Scenario, five_qi: int, why: str) -> None:
    for index, item in enumerate(scenario.slices):
        if item.five_qi == five_qi:
            raise KeyProblem(f"slices[{index}].five_qi", f"is {five_qi}, {why}")


class LteScenario(Scenario):
    """A scenario with `ran: lte`, on ns-3's LTE stack and its EPC."""

    ran_name = "lte"

    ran: Literal["lte"] = Field(default="lte", description="radio access network")
    carrier: LteCarrier = Field(default_factory=lambda: LteCarrier(), description="downlink carrier")
    propagation: LtePropagation = Field(default_factory=lambda: LtePropagation(), description="channel model")

    @model_validator(mode="after")
    def _bearers_exist(self) -> Self:
        _refuse_five_qi(self, FIVE_QI_OF_NR, "which ns-3's bearers lack, belongs to `ran: nr`")
        return self

    @model_validator(mode="after")
    def _lte_carries_the_ues(self) -> Self:
        if self.ues_per_cell > LTE_UES_PER_CELL_MAX:
            raise KeyProblem(
                "slices",
                f"{self.ues_per_cell} UEs per cell, LTE takes at most {LTE_UES_PER_CELL_MAX} (SRS periodicity); "
                "larger cells are for `ran: nr`",
            )
        return self


class NrScenario(Scenario):
    """A scenario with `ran: nr`, on the slot-level NR cell (docs/nr-model.md)."""

    ran_name = "nr"
    counterpart = LteScenario

    ran: Literal["nr"] = Field(description="radio access network")
    carrier: NrCarrier = Field(default_factory=lambda: NrCarrier(), description="downlink carrier")
    propagation: NrPropagation = Field(default_factory=lambda: NrPropagation(), description="channel model")
    harq: Harq = Field(default_factory=lambda: Harq(), description="retransmissions and processing times")
    csi: Csi = Field(default_factory=lambda: Csi(), description="channel state reports and link adaptation")
    core: Literal["none", "epc-like"] = Field(
        default="none",
        description="none: packets go straight into the cell; epc-like: through UDP and IP of ns-3, from a remote host",
    )
    core_delay_ms: float | None = Field(
        default=None, ge=0.0, le=1000.0, description="epc-like only: one way, remote host to cell, default 0"
    )

    @model_validator(mode="before")
    @classmethod
    def _core_has_a_delay(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("core") == "epc-like" and data.get("core_delay_ms") is None:
            return {**data, "core_delay_ms": 0.0}
        return data

    @model_validator(mode="after")
    def _delay_belongs_to_a_core(self) -> Self:
        if self.core == "none" and self.core_delay_ms is not None:
            raise KeyProblem("core_delay_ms", "belongs to `core: epc-like`, but core is `none`")
        return self

    @model_validator(mode="after")
    def _five_qis_are_of_5g(self) -> Self:
        _refuse_five_qi(self, QCI_OF_LTE, "a QCI of LTE alone, belongs to `ran: lte`")
        return self

    @model_validator(mode="after")
    def _rlc_is_unacknowledged(self) -> Self:
        for index, item in enumerate(self.slices):
            if item.rlc != "um":
                raise KeyProblem(f"slices[{index}].rlc", f"must be `um` with `ran: nr`, got '{item.rlc}'")
        return self

    @model_validator(mode="after")
    def _channel_models_reach_the_carrier(self) -> Self:
        if self.propagation.model == "rma" and self.carrier.frequency_ghz > RMA_GHZ_MAX:
            raise KeyProblem("propagation.model", f"`rma` ends at {RMA_GHZ_MAX:g} GHz (carrier.frequency_ghz)")
        return self


LteScenario.counterpart = NrScenario

SCENARIO_OF_RAN: dict[str, type[Scenario]] = {"lte": LteScenario, "nr": NrScenario}
"""The model that `ran` chooses."""


class RanChoice(ScenarioModel):
    """The one key that says which model the others follow."""

    model_config = ConfigDict(extra="ignore")

    ran: Literal["lte", "nr"] = Field(default="lte", description="radio access network")


def scenario_json_schema() -> dict[str, Any]:
    """JSON Schema of scenarios, one alternative per radio access network."""
    return TypeAdapter(LteScenario | NrScenario).json_schema()
