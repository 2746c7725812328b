# SPDX-License-Identifier: MIT
"""Text of a condition to a tree.

Grammar:

    condition  = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation   = "not" negation | comparison
    comparison = sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum ]
    sum        = term { ( "+" | "-" ) term }
    term       = factor { ( "*" | "/" ) factor }
    factor     = "-" factor | number | "(" condition ")" | name "(" condition { "," condition } ")" | selection
    selection  = part { "." part },   part = name [ "[" text "]" ]
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pybridge.errors import SliceBridgeError

MAX_LENGTH = 2000
"""Characters of a condition."""

MAX_DEPTH = 20
"""Brackets, signs and negations inside each other."""

MAX_WORDS = 250
"""Names, numbers, signs and brackets: trees stay far below Python's limit of recursion."""

COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")

_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z_0-9]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)"
    r"|(?P<index>\[[^\[\]]*\])"
    r"|(?P<sign><=|>=|==|!=|[<>+\-*/(),.])"
)

_WORDS = frozenset({"and", "or", "not"})

_HINTS = {"&": "write `and`", "|": "write `or`", "!": "write `not`", "=": "equality is `==`"}


class ConditionError(SliceBridgeError, ValueError):
    """A condition cannot be read, or names what the simulation does not have."""

    exit_code = 2


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float
    position: int


class Part(NamedTuple):
    """A dotted name of a selection, with what stood in brackets behind it."""

    name: str
    key: str | None


@dataclass(frozen=True)
class Selection:
    """E.g. `slice[urllc].x.hol_delay_ms`, or a variable."""

    parts: tuple[Part, ...]
    position: int

    def __str__(self) -> str:
        return ".".join(part.name + ("" if part.key is None else f"[{part.key}]") for part in self.parts)


@dataclass(frozen=True)
class Operation:
    """An operator or function with its operands."""

    name: str
    operands: tuple[Node, ...]
    position: int


Node = Number | Selection | Operation
Operand = Callable[[int], Node]


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


def parse(text: str) -> Node:
    """The tree of a condition. Raises `ConditionError` naming the place and what was expected there."""
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"a condition has at most {MAX_LENGTH} characters, this one {len(text)}")
    parser = _Parser(text)
    if parser.at_end:
        raise ConditionError("the condition is empty; one is e.g. `slice[urllc].x.hol_delay_ms > 8`")
    tree = parser.condition(0)
    if not parser.at_end:
        raise parser.unexpected("the end, or an operator")
    return tree


def error_at(text: str, position: int, what: str) -> ConditionError:
    """`what`, with the condition and the place."""
    return ConditionError(f"condition `{text}`, column {position + 1}: {what}")


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            shown = text[position]
            hint = _HINTS.get(shown, "brackets that are closed, names, numbers and + - * / < <= > >= == != ( ) are")
            raise error_at(text, position, f"{shown!r} is not understood here; {hint}")
        if found.lastgroup != "space":
            tokens.append(_Token(found.lastgroup, found[0], position))
        position = found.end()
    return tokens


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        if len(self._tokens) > MAX_WORDS:
            raise ConditionError(f"a condition has at most {MAX_WORDS} words and signs, this one {len(self._tokens)}")

    @property
    def at_end(self) -> bool:
        return self._next == len(self._tokens)

    def unexpected(self, expected: str) -> ConditionError:
        if self.at_end:
            return error_at(self._text, len(self._text), f"{expected} is missing")
        token = self._tokens[self._next]
        return error_at(self._text, token.position, f"`{token.text}` stands where {expected} should be")

    def condition(self, depth: int) -> Node:
        return self._chain(("or",), self._conjunction, depth)

    def _conjunction(self, depth: int) -> Node:
        return self._chain(("and",), self._negation, depth)

    def _negation(self, depth: int) -> Node:
        token = self._take("not")
        if token is None:
            return self._comparison(depth)
        return Operation("not", (self._negation(self._deeper(depth)),), token.position)

    def _comparison(self, depth: int) -> Node:
        left = self._sum(depth)
        token = self._take(*COMPARISONS)
        if token is None:
            return left
        tree = Operation(token.text, (left, self._sum(depth)), token.position)
        if not self.at_end and self._tokens[self._next].text in COMPARISONS:
            raise self.unexpected("`and` (a comparison has two sides: write `a < b and b < c`)")
        return tree

    def _sum(self, depth: int) -> Node:
        return self._chain(("+", "-"), self._term, depth)

    def _term(self, depth: int) -> Node:
        return self._chain(("*", "/"), self._factor, depth)

    def _factor(self, depth: int) -> Node:
        if (token := self._take("-")) is not None:
            return Operation("negative", (self._factor(self._deeper(depth)),), token.position)
        if self._take("(") is not None:
            inner = self.condition(self._deeper(depth))
            self._require(")")
            return inner
        if self.at_end or self._tokens[self._next].text in _WORDS:
            raise self.unexpected("a value")
        token = self._tokens[self._next]
        if token.kind == "number":
            return self._number()
        if token.kind != "name":
            raise self.unexpected("a value")
        self._next += 1
        if self._take("(") is not None:
            return self._call(token, depth)
        return self._selection(token)

    def _number(self) -> Number:
        token = self._tokens[self._next]
        self._next += 1
        value = float(token.text)
        if not math.isfinite(value):
            raise error_at(self._text, token.position, f"{token.text} is too large a number")
        return Number(value, token.position)

    def _call(self, name: _Token, depth: int) -> Operation:
        operands = [self.condition(self._deeper(depth))]
        while self._take(",") is not None:
            operands.append(self.condition(self._deeper(depth)))
        self._require(")")
        return Operation(f"{name.text}()", tuple(operands), name.position)

    def _selection(self, first: _Token) -> Selection:
        parts, token = [], first
        while True:
            key = None
            if not self.at_end and self._tokens[self._next].kind == "index":
                key = self._tokens[self._next].text[1:-1].strip()
                self._next += 1
            parts.append(Part(token.text, key))
            if self._take(".") is None:
                return Selection(tuple(parts), first.position)
            if self.at_end or self._tokens[self._next].kind != "name":
                raise self.unexpected("the name of a KPM, `slice`, `cell` or `ue`")
            token = self._tokens[self._next]
            self._next += 1

    def _chain(self, operators: tuple[str, ...], operand: Operand, depth: int) -> Node:
        tree = operand(depth)
        while (token := self._take(*operators)) is not None:
            tree = Operation(token.text, (tree, operand(depth)), token.position)
        return tree

    def _take(self, *texts: str) -> _Token | None:
        if self.at_end or self._tokens[self._next].text not in texts:
            return None
        self._next += 1
        return self._tokens[self._next - 1]

    def _require(self, text: str) -> None:
        if self._take(text) is None:
            raise self.unexpected(f"`{text}`")

    def _deeper(self, depth: int) -> int:
        if depth >= MAX_DEPTH:
            raise ConditionError(f"a condition has at most {MAX_DEPTH} brackets and signs inside each other")
        return depth + 1
