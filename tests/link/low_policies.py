# SPDX-License-Identifier: MIT
"""Low-level policies with random weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from pybridge.envs.features import DEFAULT_UE_FEATURES
from pybridge.low_policy import Layer, LowPolicy, n_inputs


def random_policy(seed: int = 0, width: int = 32, **settings: Any) -> LowPolicy:
    """Two layers of `width` in the encoder, one in the head; `settings` as for `LowPolicy`."""
    random = np.random.default_rng(seed)

    def layer(outputs: int, inputs: int) -> Layer:
        weight = random.normal(size=(outputs, inputs)) / np.sqrt(inputs)
        return weight.astype(np.float32), random.normal(scale=0.1, size=outputs).astype(np.float32)

    features = settings.get("features", DEFAULT_UE_FEATURES)
    inputs = n_inputs(len(features), len(settings.get("slice_features", ())), len(settings.get("context", ())))
    return LowPolicy(
        encoder=[layer(width, inputs), layer(width, width)],
        head=[layer(width, 3 * width + 1), layer(2, width)],
        **settings,
    )
