# SPDX-License-Identifier: MIT
"""Carrier, HARQ, channel state and propagation of NR scenarios."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from pybridge.scenario.base import KeyProblem, ScenarioModel, require_keys_of_model
from pybridge.scenario.lte import LteCarrier, LtePropagation

FR1_GHZ = (0.5, 7.125)
"""Frequency range 1 of TS 38.104, table 5.1-1, as far as the channel models of TR 38.901 reach down."""
FR2_GHZ = (24.25, 71.0)
RMA_GHZ_MAX = 30.0
"""Upper end of the RMa path loss (TR 38.901, table 7.4.1-1), as ns-3 has it."""
SYMBOLS_PER_SLOT = 14

_BANDWIDTHS_MHZ: dict[tuple[int, int], tuple[int, ...]] = {
    (1, 0): (3, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50),
    (1, 1): (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100),
    (1, 2): (10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100),
    (2, 2): (50, 100, 200),
    (2, 3): (50, 100, 200, 400),
}
"""Channel bandwidths by (frequency range, numerology): TS 38.101-1 and -2, table 5.3.2-1."""

_MCS_COUNT = {1: 29, 2: 28, 3: 29}
"""MCS for new data by table: TS 38.214, tables 5.1.3.1-1 to -3."""

SlotPattern = Annotated[str, StringConstraints(pattern=r"^[DSU]{1,80}$")]


class NrCarrier(ScenarioModel):
    """The downlink carrier, the same in all cells (reuse 1); N_RB follows from numerology and bandwidth."""

    ran_name = "nr"
    counterpart = LteCarrier

    numerology: Literal[0, 1, 2, 3] = Field(
        default=1, description="µ: subcarrier spacing 15 kHz x 2^µ, slots of 1 ms / 2^µ"
    )
    bandwidth_mhz: int = Field(default=20, ge=3, le=400, description="channel bandwidth (TS 38.101-1/-2, 5.3.2)")
    frequency_ghz: float = Field(default=3.5, ge=FR1_GHZ[0], le=FR2_GHZ[1], description="carrier; tells FR1 from FR2")
    tx_power_dbm: float = Field(default=43.0, ge=-30.0, le=60.0, description="downlink power budget per cell")
    noise_figure_ue_db: float = Field(default=9.0, ge=0.0, le=30.0, description="noise figure of the UE receivers")
    rbg_size_prb: int | None = Field(
        default=None, ge=1, le=275, description="unit of allocation; null: TS 38.214, 5.1.2.2.1-1, configuration 1"
    )
    slot_pattern: SlotPattern = Field(
        default="D", description="D downlink, S special, U uplink slots, repeated; D alone is FDD, DDDSU a TDD pattern"
    )
    control_symbols: int = Field(default=1, ge=0, le=3, description="PDCCH symbols of a slot")
    data_symbols: int = Field(default=12, ge=1, le=14, description="PDSCH symbols of a downlink slot")
    special_symbols: int = Field(
        default=9, ge=0, le=14, description="PDSCH symbols of a special slot; at most data_symbols"
    )
    dmrs_res_per_prb: int = Field(default=12, ge=0, le=48, description="resource elements per PRB and slot for DM-RS")
    overhead_res_per_prb: Literal[0, 6, 12, 18] = Field(default=0, description="xOverhead (TS 38.214, 5.1.3.2)")
    mcs_table: Literal[1, 2, 3] = Field(
        default=1, description="TS 38.214, tables 5.1.3.1-1 (64QAM), -2 (256QAM), -3 (low SE), and its CQI table"
    )
    error_table_db: tuple[Annotated[float, Field(ge=-30.0, le=60.0)], ...] | None = Field(
        default=None,
        description="SINR per MCS of mcs_table at which 10 % of blocks over the whole carrier fail, a list or the name "
        "of a CSV file; null: docs/nr-model.md",
    )

    @model_validator(mode="before")
    @classmethod
    def _special_fits_data(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("special_symbols") is not None:
            return data
        symbols = data.get("data_symbols")
        fits = not isinstance(symbols, int) or symbols >= 9
        return data if fits else {**data, "special_symbols": symbols}

    @model_validator(mode="after")
    def _bandwidth_exists(self) -> Self:
        if FR1_GHZ[1] < self.frequency_ghz < FR2_GHZ[0]:
            raise KeyProblem(
                "frequency_ghz", f"{self.frequency_ghz:g} lies in neither FR1 (0.5..7.125) nor FR2 (24.25..71)"
            )
        band = 1 if self.frequency_ghz <= FR1_GHZ[1] else 2
        allowed = _BANDWIDTHS_MHZ.get((band, self.numerology))
        if allowed is None:
            has = ", ".join(str(numerology) for fr, numerology in _BANDWIDTHS_MHZ if fr == band)
            raise KeyProblem("numerology", f"must be one of {has} in FR{band}; got {self.numerology}")
        if self.bandwidth_mhz not in allowed:
            names = ", ".join(map(str, allowed))
            raise KeyProblem(
                "bandwidth_mhz",
                f"must be one of {names} with numerology {self.numerology} in FR{band}; got {self.bandwidth_mhz}",
            )
        return self

    @model_validator(mode="after")
    def _error_table_has_every_mcs(self) -> Self:
        expected = _MCS_COUNT[self.mcs_table]
        if self.error_table_db is not None and len(self.error_table_db) != expected:
            raise KeyProblem(
                "error_table_db",
                f"must have a value for each of the {expected} MCS of mcs_table {self.mcs_table}, "
                f"got {len(self.error_table_db)}",
            )
        return self

    @model_validator(mode="after")
    def _symbols_fit(self) -> Self:
        if "D" not in self.slot_pattern:
            raise KeyProblem("slot_pattern", f"must hold a downlink slot (D), got {self.slot_pattern!r}")
        if self.control_symbols + self.data_symbols > SYMBOLS_PER_SLOT:
            raise KeyProblem(
                "data_symbols", f"{self.data_symbols} and {self.control_symbols} control symbols pass the slot's 14"
            )
        if self.special_symbols > self.data_symbols:
            raise KeyProblem("special_symbols", f"must be at most data_symbols ({self.data_symbols})")
        if self.dmrs_res_per_prb + self.overhead_res_per_prb >= 12 * self.data_symbols:
            raise KeyProblem("dmrs_res_per_prb", "and overhead_res_per_prb leave no resource element for data")
        return self


class Harq(ScenarioModel):
    """HARQ and processing times; a slot is 1 ms / 2^numerology."""

    processes: int = Field(default=16, ge=1, le=32, description="per UE")
    transmissions: int = Field(default=4, ge=1, le=8, description="of a block at most, the first included")
    n0_slots: int = Field(default=2, ge=0, le=16, description="from scheduling decision to transmission")
    k1_slots: int = Field(default=2, ge=1, le=16, description="from transmission to its feedback (K1); TDD: at least")
    n2_slots: int = Field(default=1, ge=0, le=16, description="from feedback to the next scheduling decision")
    decode_us: float = Field(default=100.0, ge=0.0, le=1000.0, description="from the last data symbol to delivery")


class Csi(ScenarioModel):
    """Sub-band CQI reports and the outer loop of link adaptation."""

    period_slots: int = Field(default=10, ge=1, le=640, description="of reports")
    delay_slots: int = Field(default=4, ge=0, le=640, description="from measurement to use")
    outer_loop_step_db: float = Field(
        default=0.5, ge=0.0, le=6.0, description="down per block error; 0 switches the outer loop off"
    )


class NrPropagation(ScenarioModel):
    """Path loss, line of sight, shadowing and fading between sites and UEs."""

    ran_name = "nr"
    counterpart = LtePropagation

    model: Literal["uma", "umi", "rma", "inh", "constant-loss", "constant-sinr"] = Field(
        default="uma", description="of TR 38.901, 7.4.1: urban macro, street canyon, rural macro, indoor hotspot"
    )
    line_of_sight: Literal["random", "always", "never"] | None = Field(
        default=None, description="uma, umi, rma, inh only, default random (TR 38.901, table 7.4.2-1)"
    )
    shadowing: bool | None = Field(default=None, description="uma, umi, rma, inh only, default true")
    fading: Literal["tdl-a", "tdl-b", "tdl-c", "tdl-d", "tdl-e", "none"] = Field(
        default="tdl-c", description="TR 38.901, 7.7.2; constant-sinr has none, and none is its default"
    )
    delay_spread_ns: float | None = Field(
        default=None, gt=0.0, le=10_000.0, description="RMS, of fading other than none, default 100"
    )
    loss_db: float | None = Field(default=None, ge=0.0, le=300.0, description="constant-loss only, required there")
    sinr_db: float | None = Field(default=None, ge=-20.0, le=60.0, description="constant-sinr only, required there")

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_model(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        model = data.get("model")
        defaults: dict[str, Any] = {}
        if model in (None, "uma", "umi", "rma", "inh"):
            defaults = {"line_of_sight": "random", "shadowing": True}
        elif model == "constant-sinr":
            defaults = {"fading": "none"}
        filled = {**data, **{key: value for key, value in defaults.items() if data.get(key) is None}}
        if filled.get("fading") != "none" and filled.get("delay_spread_ns") is None:
            filled["delay_spread_ns"] = 100.0
        return filled

    @model_validator(mode="after")
    def _keys_match_model(self) -> Self:
        channel = ("uma", "umi", "rma", "inh")
        owners = {"line_of_sight": channel, "shadowing": channel}
        require_keys_of_model(self, {**owners, "loss_db": ("constant-loss",), "sinr_db": ("constant-sinr",)})
        needed = {"constant-loss": "loss_db", "constant-sinr": "sinr_db"}.get(self.model)
        if needed is not None and getattr(self, needed) is None:
            raise KeyProblem(needed, f"is required by `model: {self.model}`")
        if self.model == "constant-sinr" and self.fading != "none":
            raise KeyProblem("fading", "must be `none` with `model: constant-sinr`")
        if self.fading == "none" and self.delay_spread_ns is not None:
            raise KeyProblem("delay_spread_ns", "belongs to a fading other than `none`")
        return self


LteCarrier.counterpart = NrCarrier
LtePropagation.counterpart = NrPropagation
