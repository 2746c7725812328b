# SPDX-License-Identifier: MIT
"""Carrier and propagation of LTE scenarios."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from pybridge.scenario.base import KeyProblem, ScenarioModel, require_keys_of_model


class LteCarrier(ScenarioModel):
    """The downlink carrier, the same in all cells (reuse 1)."""

    ran_name = "lte"

    bandwidth_prb: Literal[6, 15, 25, 50, 75, 100] = Field(default=25, description="LTE bandwidth in PRBs, 25 is 5 MHz")
    dl_earfcn: int = Field(
        default=100,
        ge=0,
        le=6599,
        description="downlink EARFCN of an FDD band (TS 36.101, 5.7.3); 100 is 2120 MHz, band 1",
    )
    tx_power_dbm: float = Field(default=43.0, ge=-30.0, le=60.0, description="downlink power budget per cell")
    noise_figure_ue_db: float = Field(default=9.0, ge=0.0, le=30.0, description="noise figure of the UE receivers")

    @model_validator(mode="after")
    def _earfcn_is_in_a_band(self) -> Self:
        if 4950 <= self.dl_earfcn < 5000 or 5380 <= self.dl_earfcn < 5730:
            raise KeyProblem("dl_earfcn", f"{self.dl_earfcn} lies in no FDD band, e.g. 0..599 is band 1")
        return self


class LtePropagation(ScenarioModel):
    """Path loss and fading between sites and UEs."""

    ran_name = "lte"

    model: Literal["cost231", "log-distance", "constant-loss", "constant-sinr"] = Field(
        default="cost231", description="cost231: COST 231 Hata, urban"
    )
    exponent: float | None = Field(default=None, ge=1.0, le=10.0, description="log-distance only, default 3.5")
    reference_loss_db: float | None = Field(
        default=None, ge=0.0, le=200.0, description="log-distance only: loss at 1 m, default 46.7"
    )
    loss_db: float | None = Field(default=None, ge=0.0, le=300.0, description="constant-loss only, required there")
    sinr_db: float | None = Field(default=None, ge=-20.0, le=60.0, description="constant-sinr only, required there")
    fading: Literal["jakes", "none"] = Field(
        default="jakes", description="small-scale fading; constant-sinr has none, and none is its default"
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_model(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        defaults: dict[str, Any] = {}
        if data.get("model") == "log-distance":
            defaults = {"exponent": 3.5, "reference_loss_db": 46.7}
        elif data.get("model") == "constant-sinr":
            defaults = {"fading": "none"}
        return {**data, **{key: value for key, value in defaults.items() if data.get(key) is None}}

    @model_validator(mode="after")
    def _keys_match_model(self) -> Self:
        owners = {"exponent": "log-distance", "reference_loss_db": "log-distance"}
        owners |= {"loss_db": "constant-loss", "sinr_db": "constant-sinr"}
        require_keys_of_model(self, {key: (model,) for key, model in owners.items()})
        for key in ("loss_db", "sinr_db"):
            if owners[key] == self.model and getattr(self, key) is None:
                raise KeyProblem(key, f"is required by `model: {self.model}`")
        if self.model == "constant-sinr" and self.fading != "none":
            raise KeyProblem("fading", "must be `none` with `model: constant-sinr`")
        return self
