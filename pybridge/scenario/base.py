# SPDX-License-Identifier: MIT
"""What all scenario models share: strictness, number types, and a way to blame one key."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _without_control_characters(text: str) -> str:
    """What YAML cannot hold literally would not survive a round trip through files."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cn", "Cs", "Zl", "Zp") and character not in "\n\t":
            raise ValueError(f"must not hold the control character U+{ord(character):04X}")
    return text


Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
"""A name of lower-case letters, digits and hyphens, at most 64 characters."""

Text = Annotated[str, AfterValidator(_without_control_characters)]
"""Text without control characters other than line ends and tabs."""

Position = tuple[float, float, float]
"""x, y, z in metres."""


class ScenarioModel(BaseModel):
    """Frozen, refuses unknown keys, infinities and NaN; null means the same as leaving a key out."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    ran_name: ClassVar[str | None] = None
    """The RAN that a section belongs to, where each has its own."""
    counterpart: ClassVar[type[ScenarioModel] | None] = None
    """The same section of the other RAN; errors use it to say where a misplaced key belongs."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


class KeyProblem(ValueError):
    """A rule across several keys is broken; `key` (relative to the model) is the one to change."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def require_keys_of_model(section: ScenarioModel, owners: dict[str, tuple[str, ...]]) -> None:
    """Refuse the keys that belong to another model than the one that `section.model` names.

    `owners` maps a key to the models that it belongs to. Raises `KeyProblem`.
    """
    chosen = str(getattr(section, "model"))  # noqa: B009 - every caller has it, ScenarioModel has not
    for key, models in owners.items():
        if chosen not in models and getattr(section, key) is not None:
            raise KeyProblem(key, f"belongs to `model: {' | '.join(models)}`, but the model is `{chosen}`")
