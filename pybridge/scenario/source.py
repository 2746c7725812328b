# SPDX-License-Identifier: MIT
"""YAML text to plain data, remembering on which line every key stands."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pybridge.scenario.errors import Problem, ScenarioError

KeyPath = tuple[str | int, ...]

MAX_BYTES = 4 * 1024 * 1024
MAX_NODES = 200_000


@dataclass
class Source:
    """Data of a scenario and where it came from."""

    data: Any
    origin: str
    """File name as the user gave it."""
    lines: dict[KeyPath, int] = field(default_factory=dict)
    """Line, from 1, of the key at each path."""
    overridden: set[KeyPath] = field(default_factory=set)
    """Paths that an override set; they have no line."""


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2's core schema.

    PyYAML follows YAML 1.1, where `200.0e6` is a string, `no` a boolean, `1:30` ninety and `010` eight.
    """


_Loader.yaml_implicit_resolvers = {}
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null"))
_NUMBER_START = list("-+0123456789.")
_INT = r"^[-+]?[0-9]+$"
_FLOAT = r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", _INT, _NUMBER_START),
    ("float", _FLOAT, _NUMBER_START),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def _int_of_core_schema(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if len(text) > 40:
        raise yaml.constructor.ConstructorError(None, None, "has an integer of too many digits", node.start_mark)
    return int(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _int_of_core_schema)


class _Walker:
    """Builds plain data from YAML nodes; collects lines and duplicate keys."""

    def __init__(self, loader: _Loader, source: Source) -> None:
        self.loader = loader
        self.source = source
        self.nodes = 0
        self.duplicates: list[Problem] = []

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise ScenarioError([Problem(self.source.origin, None, "", f"more than {MAX_NODES} values")])
        self.source.lines.setdefault(path, node.start_mark.line + 1)
        if node.tag not in _PLAIN_TAGS:
            raise ScenarioError([Problem(self.source.origin, node.start_mark.line + 1, "", f"has the tag {node.tag}")])
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
        value = self.loader.construct_object(node)
        return _joined_surrogates(value) if isinstance(value, str) else value

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            line = key_node.start_mark.line + 1
            if key in data:
                first = self.source.lines[(*path, key)]
                message = f"stands twice, on line {first} already"
                self.duplicates.append(Problem(self.source.origin, line, path_text((*path, key)), message))
                continue
            self.source.lines[(*path, key)] = line
            data[key] = self.build(value_node, (*path, key))
        return data


def _joined_surrogates(text: str) -> str:
    """JSON escapes characters beyond U+FFFF as pairs, which YAML takes for two; lone halves stay and are refused."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def path_text(path: KeyPath) -> str:
    """A key path as people write it: `slices[0].traffic.rate_mbps`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_text(path: Path, origin: str) -> str:
    """Text of a file of at most `MAX_BYTES`. Raises ScenarioError, in which the file is called `origin`."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ScenarioError([Problem(origin, None, "", f"is larger than {MAX_BYTES} bytes")])
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError([Problem(origin, None, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise ScenarioError([Problem(origin, None, "", f"is not UTF-8 text (byte {error.start})")]) from None


def parse_yaml(text: str, origin: str) -> Source:
    """Parse one YAML document of a mapping. Raises `ScenarioError` for syntax, duplicate keys, other tags or sizes."""
    return copy.deepcopy(_parsed(text, origin))


@lru_cache(maxsize=8)
def _parsed(text: str, origin: str) -> Source:
    """Parsing takes far longer than copying, and trainings make thousands of scenarios of one text."""
    source = Source(None, origin)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise ScenarioError([Problem(origin, None, "", "must hold keys and values, e.g. `name: my-cell`")])
        walker = _Walker(loader, source)
        source.data = walker.build(node, ())
    except yaml.YAMLError as error:
        raise ScenarioError([_syntax_problem(error, origin)]) from None
    except RecursionError:
        raise ScenarioError([Problem(origin, None, "", "is nested too deeply")]) from None
    if walker.duplicates:
        raise ScenarioError(walker.duplicates)
    return source


def parse_value(text: str) -> Any:
    """One value by the same rules, e.g. from the command line. Raises `ScenarioError` naming the text."""
    return parse_yaml(f"value: {text}", repr(text)).data["value"]


def _syntax_problem(error: yaml.YAMLError, origin: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        return Problem(origin, mark.line + 1 if mark else None, "", f"is not valid YAML: {what}")
    return Problem(origin, None, "", f"is not valid YAML: {' '.join(str(error).split())}")
