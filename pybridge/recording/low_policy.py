# SPDX-License-Identifier: MIT
"""A low-level policy as JSON, bit for bit, so that a recording holds it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pybridge.low_policy import Layer, LowPolicy, Weights

WEIGHTS = "weights_base64"


def low_policy_to_json(policy: LowPolicy) -> dict[str, Any]:
    """What WELCOME and POLICY say of it (docs/protocol.md)."""
    return policy.description() | {WEIGHTS: base64.b64encode(policy.weights().tobytes()).decode()}


def low_policy_from_json(data: dict[str, Any]) -> LowPolicy:
    """The policy that `low_policy_to_json` was given. Raises `LowPolicyError`, `ValueError`, `KeyError`."""
    # Brings Gymnasium and PettingZoo, a tenth of a second that recording does without.
    from pybridge.envs.features import Feature
    from pybridge.low_policy import LowPolicy, n_inputs

    left = np.frombuffer(base64.b64decode(data[WEIGHTS]), "<f4")

    def take(*shape: int) -> Weights:
        nonlocal left
        size = int(np.prod(shape))
        taken, left = left[:size].reshape(shape), left[size:]
        return taken

    def layers(inputs: int, outputs: list[int]) -> list[Layer]:
        made = []
        for given, given_out in zip([inputs, *outputs], outputs, strict=False):
            made.append((take(given_out, given), take(given_out)))
        return made

    encoder = layers(n_inputs(len(data["features"]), len(data["slice_features"]), data["context"]), data["encoder"])
    head = layers(3 * data["encoder"][-1] + 1, data["head"])
    return LowPolicy(
        encoder=encoder,
        head=head,
        log_std=take(2),
        features=[Feature(**item) for item in data["features"]],
        slice_features=[Feature(**item) for item in data["slice_features"]],
        context=take(data["context"]),
        activation=data["activation"],
        stochastic=data["stochastic"],
        record=data["record"],
    )
