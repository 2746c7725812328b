# SPDX-License-Identifier: MIT
"""What numbers in [-1, 1], as Gaussian and squashed policies give them, mean for the network: two parameterisations.

* `scores`: an action of the environment each, mapped linearly to [0, 1]; 0 is the middle.
* `residual`: added, times `REACH`, to the logarithms that drift-plus-penalty decides on (`agents.dpp`); 0 is the rule.
  METHOD.md 2b: multipliers on the need learn faster and end higher than raw shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agents import dpp
from agents.controls import action_of_logits
from agents.rules import Interface
from agents.slice_inputs import read_slice_inputs

Array = NDArray[np.float64]
Kind = Literal["scores", "residual"]
LOGITS_PER_SLICE = 4
REACH = 3.0
"""A residual multiplies what the rule wants by at most e^3, about 20."""


@dataclass(frozen=True)
class Actuator:
    """A parameterisation for one kind of environment."""

    kind: Kind
    interface: Interface
    parameters: Array | None = None
    """θ of the rule under a residual, (P,); None: `dpp.default_parameters`."""

    @property
    def size(self) -> int:
        """Numbers of an action."""
        if self.kind == "scores":
            return self.interface.action_shape[0]
        return self.interface.cells * LOGITS_PER_SLICE * self.interface.slices

    @property
    def theta(self) -> Array:
        """θ of the rule."""
        if self.parameters is not None:
            return self.parameters
        return dpp.default_parameters(self.interface.slices, told=self.interface.told)

    def start(self, shape: tuple[int, ...]) -> dpp.DppState:
        """What is remembered at the beginning of episodes. shape: leading axes."""
        return dpp.start_state((*shape, self.interface.cells, self.interface.slices))

    def apply(
        self, action: NDArray[np.floating], observation: NDArray[np.floating], memory: dpp.DppState
    ) -> tuple[NDArray[np.float32], dpp.DppState]:
        """Actions of the environment (..., numbers), in [0, 1], and what is remembered now.

        action: (..., size), clipped to [-1, 1]. observation: (..., numbers), the one that it answers; of this, too,
        a rule makes what the residual is added to.
        """
        clipped = np.clip(action.astype(np.float64), -1.0, 1.0)
        if self.kind == "scores":
            return ((clipped + 1.0) / 2.0).astype(np.float32), memory
        interface = self.interface
        inputs = read_slice_inputs(observation, interface.cells, interface.slices)
        memory = dpp.update_state(inputs, memory)
        logits = dpp.dpp_logits(inputs, memory, self.theta, interface.period_s)
        logits = logits + REACH * clipped.reshape(logits.shape)
        return action_of_logits(logits, interface.controls, interface.share_floor), memory
