# SPDX-License-Identifier: MIT
"""Reads scenarios: from YAML or JSON files, by the name of a shipped one, with overrides."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pybridge.scenario.base import ScenarioModel
from pybridge.scenario.error_table import inline_error_table
from pybridge.scenario.errors import Problem, ScenarioError
from pybridge.scenario.explain import explain
from pybridge.scenario.model import SCENARIO_OF_RAN, RanChoice, Scenario
from pybridge.scenario.source import KeyPath, Source, parse_yaml, path_text, read_text

LIBRARY = Path(__file__).resolve().parents[2] / "ns3_scenarios" / "scenarios" / "library"
"""Folder of the shipped scenarios."""


def shipped_scenarios() -> dict[str, Path]:
    """Names of the scenarios that ship with the package, and their files."""
    return {path.stem: path for path in sorted(LIBRARY.glob("*.yaml"))}


def load_scenario(source: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None) -> Scenario:
    """Read and validate a scenario.

    `source` is a YAML (or JSON) file, or the name of a shipped scenario (`shipped_scenarios()`); a file goes first.
    `overrides` maps dotted key paths to values, e.g. `{"seed": 7, "slices.embb.ues": 20, "slices.0.rule": "rr"}`:
    an entry of a list is named by its index or by its `name`.

    Raises `ScenarioError`, one line per problem with file, line and key.
    """
    path = _find(source)
    parsed = parse_yaml(read_text(path, str(source)), str(source))
    for key, value in (overrides or {}).items():
        override(parsed, key, value)
    inline_error_table(parsed, path.parent)
    return scenario_from(parsed)


def parse_scenario(text: str, origin: str = "scenario") -> Scenario:
    """Validate a scenario that is at hand as YAML or JSON text. Raises `ScenarioError` naming `origin`."""
    parsed = parse_yaml(text, origin)
    inline_error_table(parsed, Path())
    return scenario_from(parsed)


def scenario_from(source: Source) -> Scenario:
    """Validate parsed data. Raises `ScenarioError`."""
    model: type[ScenarioModel] = RanChoice
    data = _with_tuples(source.data)
    try:
        scenario_type = SCENARIO_OF_RAN[RanChoice.model_validate(data, strict=True).ran]
        model = scenario_type
        return scenario_type.model_validate(data, strict=True)
    except ValidationError as error:
        raise ScenarioError(explain(error, model, source)) from None


def _find(source: str | os.PathLike[str]) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    shipped = shipped_scenarios()
    if str(source) in shipped:
        return shipped[str(source)]
    what = "is a directory, not a scenario file" if path.is_dir() else "no such file, nor a shipped scenario"
    names = f" ({', '.join(shipped)})" if shipped else ""
    raise ScenarioError([Problem(str(source), None, "", what + names)])


def override(source: Source, key: str, value: Any) -> None:
    """Set the value at a dotted key path; mappings on the way are made, entries of lists must exist.

    Raises `ScenarioError`.
    """
    parts = key.split(".")
    if not all(parts):
        raise ScenarioError([Problem("--set", None, key, "is no key path; write e.g. slices.embb.ues=20")])
    here: Any = source.data
    path: KeyPath = ()
    for part in parts[:-1]:
        step = _step(here, part, path)
        if isinstance(here, dict) and here.get(part) is None:
            here[part] = {}
        here, path = here[step], (*path, step)
    last = _step(here, parts[-1], path)
    # A copy: a later, deeper override must not reach into the caller's value.
    here[last] = copy.deepcopy(value)
    source.overridden.add((*path, last))


def _step(here: Any, part: str, path: KeyPath) -> str | int:
    if isinstance(here, dict):
        return part
    if isinstance(here, list):
        names = [entry.get("name") if isinstance(entry, dict) else None for entry in here]
        if part in names:
            return names.index(part)
        if part.isdecimal() and int(part) < len(here):
            return int(part)
        known = ", ".join(str(name) for name in names if name is not None) or f"0..{len(here) - 1}"
        raise ScenarioError([Problem("--set", None, path_text(path), f"has no entry `{part}`; it has {known}")])
    raise ScenarioError([Problem("--set", None, path_text((*path, part)), f"{path_text(path)} has no keys")])


def _with_tuples(value: Any) -> Any:
    """Lists as tuples: pydantic's strict mode does not take the one for the other."""
    if isinstance(value, dict):
        return {key: _with_tuples(entry) for key, entry in value.items()}
    return tuple(_with_tuples(entry) for entry in value) if isinstance(value, (list, tuple)) else value
