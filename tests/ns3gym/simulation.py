# SPDX-License-Identifier: MIT
"""A simulation in the manner of ns3-gym's C++ module, written from docs/ns3gym.md; it can misbehave.

    python simulation.py --openGymPort=P --simSeed=S [--steps=N] [--spaces=box|rich] [--behave=WHAT[@STEP]]

It counts: observation and reward follow from the seed, the step and the last action.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from typing import Any

import zmq

from pybridge.ns3gym import messages as wire

BOX_SIZE = 3


def box_space(number: int, low: float, high: float, shape: list[int]) -> Any:
    """A Box."""
    box = wire.new("BoxSpace", low=low, high=high, number=number, shape=shape)
    return wire.new("Space", kind=wire.KIND_BOX, description=wire.pack(box, wire.KIND_BOX))


def composite_space(kind: int, **elements: Any) -> Any:
    """A Tuple or a Dict."""
    for name, element in elements.items():
        element.name = name
    content = wire.new("CompositeSpace", element=list(elements.values()))
    return wire.new("Space", kind=kind, description=wire.pack(content, kind))


def discrete_space(n: int) -> Any:
    """0 .. n - 1."""
    content = wire.new("DiscreteSpace", n=n)
    return wire.new("Space", kind=wire.KIND_DISCRETE, description=wire.pack(content, wire.KIND_DISCRETE))


def box_value(number: int, values: list[float], field: str = "floats") -> Any:
    """Numbers; the shape is left out, as some simulations do."""
    box = wire.new("BoxValue", number=number, **{field: values})
    return wire.new("Value", kind=wire.KIND_BOX, content=wire.pack(box, wire.KIND_BOX))


def discrete_value(value: int) -> Any:
    """One of n."""
    content = wire.new("DiscreteValue", value=value)
    return wire.new("Value", kind=wire.KIND_DISCRETE, content=wire.pack(content, wire.KIND_DISCRETE))


def composite_value(kind: int, **elements: Any) -> Any:
    """A Tuple or a Dict."""
    for name, element in elements.items():
        element.name = name
    content = wire.new("CompositeValue", element=list(elements.values()))
    return wire.new("Value", kind=kind, content=wire.pack(content, kind))


def rich_space() -> Any:
    """Every kind of space and number."""
    pair = composite_space(wire.KIND_TUPLE, a=discrete_space(4), b=box_space(wire.NUMBER_UINT, 0.0, 100.0, [2]))
    return composite_space(
        wire.KIND_DICT,
        doubles=box_space(wire.NUMBER_DOUBLE, -1.0, 1.0, [2, 2]),
        ints=box_space(wire.NUMBER_INT, -5.0, 5.0, [1]),
        pair=pair,
    )


class Simulation:
    """The REQ side."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.behaviour, _, step = options.behave.partition("@")
        self.bad_step = int(step or 0)
        self.socket = zmq.Context().socket(zmq.REQ)
        self.socket.connect(f"tcp://localhost:{options.openGymPort}")
        self.action: Any = None

    def ask(self, message: Any) -> bytes:
        """Send and wait for the answer, for ever, as ns3-gym does."""
        self.socket.send(message if isinstance(message, bytes) else message.SerializeToString())
        answer: bytes = self.socket.recv()
        return answer

    def misbehaves(self, what: str, step: int) -> bool:
        """Whether this is the place to."""
        return self.behaviour == what and step == self.bad_step

    def run(self) -> None:
        """Introduction, steps, end."""
        if self.behaviour == "never-dials":
            time.sleep(600)
        rich = self.options.spaces == "rich"
        space = rich_space() if rich else box_space(wire.NUMBER_FLOAT, 0.0, 1.0, [BOX_SIZE])
        if self.behaviour == "unbounded":
            space = box_space(wire.NUMBER_FLOAT, 0.0, 0.0, [BOX_SIZE])
        hello = wire.new("Hello", simulation_pid=os.getpid(), shell_pid=os.getppid())
        hello.action_space.CopyFrom(space)
        if self.behaviour != "no-space":
            hello.observation_space.CopyFrom(space)
        if wire.parse("Welcome", self.ask(hello)).stop:
            return
        for step in range(self.options.steps + 1):
            answer = wire.parse("Decision", self.ask(self.state(step)))
            if answer.stop:
                return
            self.action = answer.action

    def state(self, step: int) -> Any:
        """What is reported after so many steps."""
        if self.misbehaves("dies", step):
            print("the reason, in the log", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if self.misbehaves("exits", step):
            print("the reason, in the log", flush=True)
            sys.exit(7)
        if self.misbehaves("hangs", step):
            time.sleep(600)
        if self.misbehaves("closes", step):
            self.socket.close(linger=0)
            time.sleep(600)
        if self.misbehaves("garbage", step):
            return b"\xff\xfe garbage"
        game_over = self.misbehaves("game-over", step)
        over = step == self.options.steps or game_over
        state = wire.new("State", reward=float(step), over=over, info=f"step {step}")
        state.reason = wire.GAME_OVER if game_over else wire.SIMULATION_END
        if not self.misbehaves("no-observation", step):
            state.observation.CopyFrom(self.observation(step))
        return state

    def observation(self, step: int) -> Any:
        """The last action, or the seed before there is one."""
        if self.misbehaves("short", step):
            return box_value(wire.NUMBER_FLOAT, [0.0])
        if self.misbehaves("wrong-kind", step):
            return discrete_value(1)
        if self.misbehaves("wrong-content", step):
            value = discrete_value(1)
            value.kind = wire.KIND_BOX
            return value
        if self.misbehaves("wrong-keys", step):
            return composite_value(wire.KIND_DICT, ints=box_value(wire.NUMBER_INT, [1], "ints"))
        if self.misbehaves("fractions", step):
            return self.rich(ints=box_value(wire.NUMBER_FLOAT, [0.5]))
        if self.action is not None:
            return self.action
        if self.options.spaces == "rich":
            return self.rich(ints=box_value(wire.NUMBER_INT, [-3], "ints"))
        return box_value(wire.NUMBER_FLOAT, [self.options.simSeed / 2**32] * BOX_SIZE)

    @staticmethod
    def rich(ints: Any) -> Any:
        """Every kind of value."""
        return composite_value(
            wire.KIND_DICT,
            doubles=box_value(wire.NUMBER_DOUBLE, [0.1, 0.2, 0.3, 0.4], "doubles"),
            ints=ints,
            pair=composite_value(wire.KIND_TUPLE, a=discrete_value(3), b=box_value(wire.NUMBER_UINT, [7, 8], "uints")),
        )


def main() -> None:
    """Entry."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--openGymPort", type=int, default=5555)
    parser.add_argument("--simSeed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--spaces", default="box")
    parser.add_argument("--behave", default="")
    parser.add_argument("--as-grandchild", action="store_true", help="through another process, as `ns3 run` does")
    options = parser.parse_args()
    if options.as_grandchild:
        arguments = [argument for argument in sys.argv[1:] if argument != "--as-grandchild"]
        sys.exit(subprocess.call([sys.executable, "-m", "tests.ns3gym.simulation", *arguments]))
    Simulation(options).run()


if __name__ == "__main__":
    main()
