# SPDX-License-Identifier: MIT
"""The key reference of scenarios, read off the models so that it cannot go stale."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pybridge.scenario.model import SCENARIO_OF_RAN, LteScenario, NrScenario

RAN_NAMES = " | ".join(SCENARIO_OF_RAN)
_SCALARS = {int: "integer", float: "number", str: "text", bool: "true | false"}


@dataclass(frozen=True)
class KeyReference:
    """One row of the reference."""

    key: str
    """Dotted path; `[]` stands for an entry of a list; a key of one `model` or `ran` alone has its name in brackets."""
    type: str
    default: str
    """As in YAML; empty if the key is required."""
    range: str
    description: str


def scenario_reference() -> list[KeyReference]:
    """Every key of a scenario, in the order of the models; LTE's own first, then NR's own."""
    lte, nr = list(_rows(LteScenario, "")), list(_rows(NrScenario, ""))
    lte_own, nr_own = set(lte) - set(nr), set(nr) - set(lte)
    return [_of_ran(row, "lte") if row in lte_own and row.key != "ran" else row for row in lte] + [
        _of_ran(row, "nr") for row in nr if row in nr_own and row.key != "ran"
    ]


def _of_ran(row: KeyReference, ran: str) -> KeyReference:
    """The row with the RAN's name behind the first part of its key, as in `carrier(nr).numerology`."""
    section, _, rest = row.key.partition(".")
    return replace(row, key=f"{section}({ran})" + (f".{rest}" if rest else ""))


def _rows(model: type[BaseModel], prefix: str, names: Iterable[str] | None = None) -> Iterator[KeyReference]:
    for name, info in model.model_fields.items():
        if names is not None and name not in names:
            continue
        key = f"{prefix}{name}"
        nested, listed = _models(info.annotation)
        if not nested:
            kind = RAN_NAMES if key == "ran" else _type_text(info.annotation)
            yield KeyReference(key, kind, _default(info), _range(info), info.description or "")
        elif len(nested) == 1:
            yield from _rows(nested[0], f"{key}{'[]' if listed else ''}.")
        else:
            yield from _union_rows(nested, key)


def _union_rows(variants: list[type[BaseModel]], key: str) -> Iterator[KeyReference]:
    """The discriminator, the keys of all variants, then those of each."""
    tags = " | ".join(_tag(variant) for variant in variants)
    yield KeyReference(f"{key}.model", tags, "", "", "kind; says which further keys there are")
    shared = set.intersection(*(set(variant.model_fields) for variant in variants)) - {"model"}
    yield from _rows(variants[0], f"{key}.", shared)
    for variant in variants:
        yield from _rows(variant, f"{key}({_tag(variant)}).", set(variant.model_fields) - shared - {"model"})


def _models(annotation: Any) -> tuple[list[type[BaseModel]], bool]:
    """Models behind an annotation, and whether it is a list of them."""
    if get_origin(annotation) is Annotated:
        return _models(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation], False
    if get_origin(annotation) in (Union, types.UnionType):
        return [model for member in get_args(annotation) for model in _models(member)[0]], False
    if get_origin(annotation) is tuple:
        return _models(get_args(annotation)[0])[0], True
    return [], False


def _tag(model: type[BaseModel]) -> str:
    return str(get_args(model.model_fields["model"].annotation)[0])


def _type_text(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        return _type_text(get_args(annotation)[0])
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return " | ".join(str(value) for value in arguments)
    if get_origin(annotation) in (Union, types.UnionType):
        return " | ".join("null" if member is type(None) else _type_text(member) for member in arguments)
    if get_origin(annotation) is tuple:
        members = ", ".join("..." if member is Ellipsis else _type_text(member) for member in arguments)
        return f"[{members}]"
    if get_origin(annotation) is dict:
        return "mapping of text to text"
    return _SCALARS.get(annotation, str(annotation))


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return ""
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:.12g}" if isinstance(value, float) else str(value) or '""'


def _range(info: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = {sign: getattr(item, sign) for item in info.metadata for sign in signs if hasattr(item, sign)}
    pattern = next((str(item.pattern) for item in info.metadata if getattr(item, "pattern", None)), "")
    return pattern or ", ".join(f"{signs[sign]} {found[sign]:.12g}" for sign in signs if sign in found)
