# SPDX-License-Identifier: MIT
"""The tree of a condition, bound to a simulation: names are looked up and kinds checked before the first step."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pybridge.conditions.selection import SelectionError, select
from pybridge.conditions.syntax import COMPARISONS, ConditionError, Node, Number, Operation, Selection, error_at, parse
from pybridge.observation import Observation
from pybridge.schema import Levels, Schema

Kind = Literal["number", "truth"]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Bound:
    """A part of a condition that can be evaluated."""

    kind: Kind
    count: int
    what: str
    get: Callable[[Observation], Array]
    """Shape (count,); float64 for numbers, bool for truths."""


_ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}

_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}

_LOGIC: dict[str, Callable[[Array, Array], Array]] = {"and": np.logical_and, "or": np.logical_or}


def _known(values: Array) -> Array:
    """Without NaN: what was not measured counts neither way. NaN if nothing was."""
    kept = values[~np.isnan(values)]
    return kept if kept.size else np.array([np.nan])


_REDUCE: dict[str, Callable[[Array], Any]] = {
    "min()": lambda values: _known(values).min(),
    "max()": lambda values: _known(values).max(),
    "sum()": lambda values: _known(values).sum(),
    "mean()": lambda values: _known(values).mean(),
}

_QUANTIFY: dict[str, Callable[[Array], Any]] = {"any()": np.any, "all()": np.all}

FUNCTIONS = tuple(name[:-2] for name in (*_REDUCE, *_QUANTIFY, "abs()"))


class Condition:
    """A condition on the observations of one simulation. Call it with an observation."""

    def __init__(self, text: str, bound: Callable[[Observation], Array]) -> None:
        self.text = text
        self._get = bound

    def __call__(self, observation: Observation) -> bool:
        """Whether it holds. Comparisons with what was not measured (NaN) are false, whatever the operator."""
        with np.errstate(all="ignore"):
            return bool(self._get(observation)[0])

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"


def compile_condition(text: str, schema: Schema, levels: Levels) -> Condition:
    """Read a condition.

    text: e.g. "slice[urllc].x.hol_delay_ms > 8 and min(slice[embb].ue.x.cqi) < 4"; KPMs in the units of the schema.
    schema, levels: of the simulation whose observations will be asked about. KPMs are over the shortest period of the
        levels.

    Raises `ConditionError`: malformed, an unknown slice, cell, UE or KPM (with what is near), numbers where truths are
    wanted or the other way round, several values where one is wanted.
    """
    bound = _Binder(text, schema, levels).bind(parse(text))
    if bound.kind != "truth":
        raise ConditionError(f"condition `{text}` is a number; compare it with something, e.g. `{text.strip()} > 0`")
    if bound.count != 1:
        raise ConditionError(
            f"condition `{text}` has {bound.count} answers, one for each of its {bound.what}; "
            "write any(…) or all(…) around it, or choose one"
        )
    return Condition(text, bound.get)


class _Binder:
    def __init__(self, text: str, schema: Schema, levels: Levels) -> None:
        self._text = text
        self._schema = schema
        self._levels = levels

    def bind(self, node: Node) -> _Bound:
        if isinstance(node, Number):
            constant = np.array([node.value])
            return _Bound("number", 1, "values", lambda _: constant)
        if isinstance(node, Selection):
            return self._selection(node)
        return self._operation(node)

    def _selection(self, node: Selection) -> _Bound:
        try:
            selected = select(node, self._schema, self._levels)
        except SelectionError as error:
            raise self._error(node, str(error)) from None
        return _Bound("number", selected.count, selected.what, selected.get)

    def _operation(self, node: Operation) -> _Bound:
        name = node.name
        if name.endswith("()"):
            return self._call(node)
        operands = [self.bind(operand) for operand in node.operands]
        if name == "not":
            self._require(node, operands, "truth")
            inner = operands[0].get
            return _Bound("truth", operands[0].count, operands[0].what, lambda o: ~inner(o))
        if name == "negative":
            self._require(node, operands, "number")
            inner = operands[0].get
            return _Bound("number", operands[0].count, operands[0].what, lambda o: -inner(o))
        if name in _LOGIC:
            return self._pair(node, operands, "truth", "truth", _LOGIC[name])
        if name in COMPARISONS:
            return self._pair(node, operands, "number", "truth", _comparison(name))
        return self._pair(node, operands, "number", "number", _ARITHMETIC[name])

    def _pair(
        self, node: Operation, operands: list[_Bound], takes: Kind, gives: Kind, apply: Callable[[Array, Array], Array]
    ) -> _Bound:
        self._require(node, operands, takes)
        left, right = operands
        if left.count != right.count and 1 not in (left.count, right.count):
            raise self._error(
                node,
                f"`{node.name}` stands between {left.count} {left.what} and {right.count} {right.what}; "
                "reduce one side by min, max, mean or sum",
            )
        larger = left if left.count >= right.count else right
        return _Bound(gives, larger.count, larger.what, lambda o: apply(left.get(o), right.get(o)))

    def _call(self, node: Operation) -> _Bound:
        if node.name not in _REDUCE and node.name not in _QUANTIFY and node.name != "abs()":
            near = difflib.get_close_matches(node.name[:-2], FUNCTIONS, n=1)
            hint = f"did you mean `{near[0]}`? There" if near else "there"
            raise self._error(node, f"no function `{node.name[:-2]}`; {hint} are {', '.join(FUNCTIONS)}")
        operands = [self.bind(operand) for operand in node.operands]
        self._require(node, operands, "truth" if node.name in _QUANTIFY else "number")
        if node.name == "abs()":
            if len(operands) != 1:
                raise self._error(node, f"abs takes one value, got {len(operands)}")
            only = operands[0]
            return _Bound("number", only.count, only.what, lambda o: np.abs(only.get(o)))
        kind: Kind = "truth" if node.name in _QUANTIFY else "number"
        reduce = _QUANTIFY[node.name] if node.name in _QUANTIFY else _REDUCE[node.name]
        return _Bound(
            kind, 1, "values", lambda o: np.array([reduce(np.concatenate([operand.get(o) for operand in operands]))])
        )

    def _require(self, node: Operation, operands: list[_Bound], kind: Kind) -> None:
        for operand in operands:
            if operand.kind != kind:
                name = {"negative": "-"}.get(node.name, node.name.removesuffix("()"))
                wanted, found = ("a number", "a comparison") if kind == "number" else ("a comparison", "a number")
                raise self._error(node, f"`{name}` wants {wanted} and got {found}")

    def _error(self, node: Selection | Operation, what: str) -> ConditionError:
        return error_at(self._text, node.position, what)


def _comparison(name: str) -> Callable[[Array, Array], Array]:
    """`!=` too is false where there is nothing to compare, unlike IEEE 754 has it."""
    compare = _COMPARE[name]
    if name != "!=":
        return compare
    return lambda left, right: compare(left, right) & ~(np.isnan(left) | np.isnan(right))
