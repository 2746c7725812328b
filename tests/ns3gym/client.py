# SPDX-License-Identifier: MIT
"""A client of ns3-gym's protocol that does what ns3-gym's own does, written from docs/ns3gym.md.

Like that one it binds a REP socket, starts `ns3 run "NAME --openGymPort=P --simSeed=S ..."` through a shell from where
it finds a file called `ns3` upwards of its directory, reads the first state while it is made, answers the last one with
a stop, and makes everything anew for each episode. Unlike that one it has deadlines, so that a test ends.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zmq

from pybridge.ns3gym import messages as wire
from pybridge.ns3gym.spaces import space_from

DEADLINE_MS = 60_000


def find_ns3(directory: Path) -> Path:
    """The nearest file called `ns3`."""
    return next(folder / "ns3" for folder in (directory, *directory.parents) if (folder / "ns3").exists())


class Client:
    """One simulation, from its start to its end."""

    def __init__(self, directory: Path | None = None, seed: int = 0, arguments: dict[str, Any] | None = None) -> None:
        """directory: whose name is the scenario's; None: somebody else starts the simulation."""
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.REP)
        self.socket.rcvtimeo = self.socket.sndtimeo = DEADLINE_MS
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.shell: subprocess.Popen[bytes] | None = None
        self.over = False
        if directory is not None:
            ns3 = find_ns3(directory)
            text = f"{directory.name} --openGymPort={self.port}" + (f" --simSeed={seed}" if seed else "")
            text += "".join(f" {key}={value}" for key, value in (arguments or {}).items())
            self.shell = subprocess.Popen(
                f'{ns3} run "{text}"', shell=True, cwd=ns3.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def introduce(self) -> None:
        """Learn the spaces and the first state."""
        hello = wire.parse("Hello", self.socket.recv())
        self.pid = int(hello.simulation_pid)
        self.observation_space, self.action_space = (
            space_from(hello.observation_space),
            space_from(hello.action_space),
        )
        self.socket.send(wire.new("Welcome", done=True).SerializeToString())
        self.receive()

    def receive(self) -> None:
        """Next state; the last one is answered at once."""
        self.state = wire.parse("State", self.socket.recv())
        box = wire.unpack("BoxValue", wire.KIND_BOX, self.state.observation.content)
        self.observation = np.array(box.floats, dtype=np.float32)
        self.over = bool(self.state.over)
        if self.over:
            self.stop()

    def step(self, action: npt.NDArray[np.float32]) -> None:
        """Act, and see what it leads to."""
        box = wire.new("BoxValue", number=wire.NUMBER_FLOAT, shape=[len(action)], floats=action.tolist())
        self.send(wire.new("Decision", action=wire.new("Value", kind=wire.KIND_BOX, content=wire.pack(box, 2))))
        self.receive()

    def send(self, decision: Any) -> None:
        """Any answer."""
        self.socket.send(decision.SerializeToString())

    def stop(self) -> None:
        """Answer that no more is wanted."""
        self.send(wire.new("Decision", stop=True))

    def close(self) -> None:
        """As ns3-gym's: tell a running simulation to stop, and kill at once what was started."""
        if not self.over:
            self.stop()
        self.context.destroy(linger=1_000)
        if self.shell is not None:
            self.shell.kill()
            self.shell.wait()
