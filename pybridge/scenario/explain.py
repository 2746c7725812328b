# SPDX-License-Identifier: MIT
"""Turns pydantic's findings into lines that say which key to change, and to what."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pybridge.scenario.base import KeyProblem, ScenarioModel
from pybridge.scenario.errors import Problem
from pybridge.scenario.source import KeyPath, Source, path_text

_UNIT = re.compile(
    r"_(ms|us|s|min|[kmg]?bps|dbm|dbw|db|w|m|km|mps|kmh|[kmg]?hz|bytes|byte|bits|[km]b|prb|rb|rbg)$",
    re.IGNORECASE,
)
"""Suffixes by which a key with a wrong unit is recognised."""

_TAG_KEYS = ("model", "algorithm")
"""Keys that tell which member of a union a mapping is."""

_TYPE_NAMES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "string_unicode": "text without halves of characters",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
}


def explain(error: ValidationError, model: type[BaseModel], source: Source) -> list[Problem]:
    """One `Problem` per finding, in the order of the file."""
    details = error.errors(include_url=False)
    problems = [_problem(detail, model, source) for detail in details if not _is_consequence(detail, details)]
    return sorted(problems, key=lambda problem: problem.line or 0)


def _is_consequence(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """True for a list called too short only because pydantic does not count its faulty entries."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(other["loc"][:-1][: len(loc)] == loc for other in details)


def _problem(detail: ErrorDetails, model: type[BaseModel], source: Source) -> Problem:
    path, owner = _resolve(tuple(detail["loc"]), model, source.data)
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, KeyProblem):
        path = (*path, *_split(cause.key))
    if detail["type"] == "union_tag_invalid":
        path = (*path, _tag_key(detail))
    message = _message(detail, path, owner)
    return Problem(_origin(path, source), _line(path, source), path_text(path), message)


def _resolve(loc: KeyPath, model: type[BaseModel], data: Any) -> tuple[KeyPath, type[BaseModel] | None]:
    """The path in the file (pydantic's has tags of unions in it) and the model that holds its last key."""
    path: list[str | int] = []
    here: Any = model
    owner: type[BaseModel] | None = None
    for part in loc:
        if isinstance(data, Mapping) and part not in data and _is_union(here) and part in map(data.get, _TAG_KEYS):
            here = _variant(here, str(part))
            continue
        if part == "[key]":
            continue
        owner = here if isinstance(here, type) and issubclass(here, BaseModel) else None
        path.append(part)
        here = _child(here, part)
        data = _child_value(data, part)
    return tuple(path), owner


def _strip(annotation: Any) -> Any:
    """Without Annotated and None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        return _strip(members[0]) if len(members) == 1 else annotation
    return annotation


def _is_union(annotation: Any) -> bool:
    return get_origin(_strip(annotation)) in (Union, types.UnionType)


def _variant(union: Any, tag: str) -> Any:
    """The member of a union of models that `tag` names."""
    for member in get_args(_strip(union)):
        fields = [member.model_fields[key] for key in _TAG_KEYS if key in member.model_fields]
        if any(tag in get_args(field.annotation) for field in fields):
            return member
    return None


def _child(annotation: Any, part: str | int) -> Any:
    """Type of the value at `part` of a value of type `annotation`; None if unknown."""
    here = _strip(annotation)
    if isinstance(here, type) and issubclass(here, BaseModel):
        found = here.model_fields.get(str(part))
        return found.annotation if found else None
    arguments = get_args(here)
    if get_origin(here) is tuple and isinstance(part, int) and arguments:
        return _strip(arguments[0] if Ellipsis in arguments else arguments[min(part, len(arguments) - 1)])
    return None


def _child_value(data: Any, part: str | int) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def _message(detail: ErrorDetails, path: KeyPath, owner: type[BaseModel] | None) -> str:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail.get("input")
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), owner)
    if kind == "missing":
        return "is required" + _purpose(owner, path)
    if kind == "union_tag_not_found":
        return f"needs a key `{_tag_key(detail)}`"
    if kind in ("literal_error", "union_tag_invalid"):
        got = value.get(_tag_key(detail)) if isinstance(value, Mapping) else value
        return _not_allowed(context, got) + _other_ran_allows(owner, path, value)
    if kind in _TYPE_NAMES:
        return f"must be {_TYPE_NAMES[kind]}, got {_shown(value)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}, got {_shown(value)}"
    if kind == "too_short":
        return f"must have at least {context['min_length']} entries, got {context['actual_length']}"
    if kind in ("too_long", "string_too_long"):
        return f"must have at most {context['max_length']} entries, got {context.get('actual_length', 'more')}"
    return _out_of_range(detail, path, owner)


def _out_of_range(detail: ErrorDetails, path: KeyPath, owner: type[BaseModel] | None) -> str:
    bounds = dict(_bounds(owner, path)) or dict(detail.get("ctx", {}))
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    words = [f"{signs[sign]} {bounds[sign]:.12g}" for sign in signs if isinstance(bounds.get(sign), (int, float))]
    if not words:
        return f"{detail['msg'][0].lower()}{detail['msg'][1:]}, got {_shown(detail.get('input'))}"
    return f"must be {' and '.join(words)}, got {_shown(detail.get('input'))}"


def _bounds(owner: type[BaseModel] | None, path: KeyPath) -> Iterator[tuple[str, Any]]:
    found = owner.model_fields.get(str(path[-1])) if owner and path else None
    for constraint in found.metadata if found else ():
        for sign in ("ge", "gt", "le", "lt"):
            if hasattr(constraint, sign):
                yield sign, getattr(constraint, sign)


def _tag_key(detail: ErrorDetails) -> str:
    """The key that tells members of a union apart."""
    return str(detail.get("ctx", {}).get("discriminator", "")).strip("'")


def _not_allowed(context: Mapping[str, Any], got: Any) -> str:
    allowed = str(context.get("expected") or context.get("expected_tags"))
    names = re.findall(r"'([^']*)'", allowed)
    near = difflib.get_close_matches(str(got), names, n=1, cutoff=0.6)
    hint = f" (did you mean `{near[0]}`?)" if near else ""
    return f"must be one of {', '.join(names) if names else allowed.replace(' or ', ', ')}; got {_shown(got)}{hint}"


def _unknown_key(key: str, owner: type[BaseModel] | None) -> str:
    known = list(owner.model_fields) if owner else []
    if owner and (other := _counterpart(owner)) and key in other.model_fields:
        return f"belongs to `ran: {other.ran_name}`, but `ran` is `{getattr(owner, 'ran_name', None)}`"
    quantity = _UNIT.sub("", key)
    for name in known:
        unit = _UNIT.search(name)
        if unit and quantity == _UNIT.sub("", name):
            return f"is no key here; did you mean `{name}` (unit: {unit[1]})?"
    near = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=1, cutoff=0.6)
    if near:
        return f"is no key here; did you mean `{near[0]}`?"
    return f"is no key here; allowed: {', '.join(known)}" if known else "is no key here"


def _counterpart(owner: type[BaseModel] | None) -> type[ScenarioModel] | None:
    """The same section of the other RAN, if each has its own."""
    return owner.counterpart if owner and issubclass(owner, ScenarioModel) else None


def _other_ran_allows(owner: type[BaseModel] | None, path: KeyPath, value: Any) -> str:
    """Where a value belongs that this RAN lacks."""
    other = _counterpart(owner)
    found = other.model_fields.get(str(path[-1])) if other and path else None
    if not other or not found or value not in get_args(found.annotation):
        return ""
    return f"; `{value}` belongs to `ran: {other.ran_name}`"


def _purpose(owner: type[BaseModel] | None, path: KeyPath) -> str:
    found = owner.model_fields.get(str(path[-1])) if owner else None
    return f" ({found.description})" if found and found.description else ""


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _split(key: str) -> KeyPath:
    parts = re.findall(r"([^.\[\]]+)|\[(\d+)\]", key)
    return tuple(int(index) if index else name for name, index in parts)


def _origin(path: KeyPath, source: Source) -> str:
    overridden = any(path[:length] in source.overridden for length in range(len(path) + 1))
    return "--set" if overridden else source.origin


def _line(path: KeyPath, source: Source) -> int | None:
    if _origin(path, source) != source.origin:
        return None
    return next((source.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in source.lines), None)
