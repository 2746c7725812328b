# SPDX-License-Identifier: MIT
"""What ns3-gym's own client takes for ns-3: `ns3 run "NAME --openGymPort=P --simSeed=S ..."` (docs/ns3gym.md)."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass, field

from pybridge.errors import SliceBridgeError
from pybridge.process import find_binary
from pybridge.scenario import ScenarioError, load_scenario
from pybridge.scenario.source import parse_value

USAGE = """Usage: ns3 run "NAME [--openGymPort=PORT] [--simSeed=SEED] [OPTION...]"
       ns3 build

Starts the scenario NAME (a shipped one, or a file) under the ns3-gym client at PORT (5555 by default).
OPTION: --scenario=FILE in place of NAME, --set:KEY=VALUE to change a key of the scenario (--set:timing.duration_s=10),
        else whatever ran-slicing takes, such as --out=DIR
"""
DEFAULT_PORT = 5555
SEED_MAX = 2**32 - 1


class ShimUsageError(SliceBridgeError):
    """A command line that this `ns3` does not understand."""

    exit_code = 2


@dataclass
class Request:
    """What was asked for."""

    scenario: str
    port: int = DEFAULT_PORT
    seed: int | None = None
    overrides: dict[str, object] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    """For ran-slicing, as they are."""


def parse_request(text: str) -> Request:
    """Read what follows `ns3 run`. Raises `ShimUsageError`."""
    name, *options = shlex.split(text) or [""]
    if not name or name.startswith("-"):
        raise ShimUsageError(f"ns3 run: no scenario is named in {text!r}")
    request = Request(name)
    for option in options:
        key, equals, value = option.partition("=")
        if not key.startswith("--") or not equals:
            raise ShimUsageError(f"ns3 run: {option!r} is no --KEY=VALUE")
        if key == "--scenario":
            request.scenario = value
        elif key == "--openGymPort":
            request.port = _number(key, value, 65535)
        elif key == "--simSeed":
            # The client draws 0 .. 2^32 - 2; ns-3's RngRun begins at 1.
            request.seed = max(_number(key, value, SEED_MAX), 1)
        elif key.startswith("--set:"):
            request.overrides[key.removeprefix("--set:")] = parse_value(value)
        else:
            request.options.append(option)
    return request


def _number(key: str, value: str, greatest: int) -> int:
    if not (value.isascii() and value.isdigit() and int(value) <= greatest):
        raise ShimUsageError(f"ns3 run: {key} is {value!r} (allowed: 0 .. {greatest})")
    return int(value)


def run(request: Request) -> int:
    """Simulate; exit code of the program. Raises `ScenarioError`, `BinaryNotFound`."""
    scenario = load_scenario(request.scenario, request.overrides)
    if request.seed is not None:
        scenario = scenario.with_seed(request.seed)
    command = [str(find_binary()), "--scenario", "/dev/stdin", "--agent", f"ns3gym://127.0.0.1:{request.port}"]
    # A child, not this process itself: the client kills what it started as soon as it has told the simulation to stop,
    # which then still has records to write. It ends by itself, as its connection tells it that the client is gone.
    child = subprocess.Popen([*command, *request.options], stdin=subprocess.PIPE, text=True)
    child.communicate(scenario.resolved_json())
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def main(arguments: list[str]) -> int:
    """The command `ns3`; its exit code."""
    if arguments[:1] == ["build"]:
        return 0  # `make build` has built it
    if len(arguments) < 2 or arguments[0] != "run":
        print(USAGE, end="", file=sys.stderr)
        return 2
    try:
        return run(parse_request(" ".join(arguments[1:])))
    except (SliceBridgeError, ScenarioError) as error:
        print(error, file=sys.stderr)
        return getattr(error, "exit_code", 2)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
