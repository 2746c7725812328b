# SPDX-License-Identifier: MIT
"""From the seeds of Gymnasium and PettingZoo to ns-3's RngRun."""

from __future__ import annotations

import numpy as np

RNG_RUN_MAX = 2**32 - 1


class EpisodeSeeds:
    """RngRun of each episode of an environment.

    `reset(seed=s)` runs under RngRun s (the same as `slicebridge run --seed s`; s outside 1..2^32−1 wraps into it). The
    first reset, if it has no seed, runs under the scenario's own. Every further reset without a seed draws its RngRun
    from a generator seeded with the last seed given (the scenario's, if none was), so that a whole training is
    determined by its first reset.
    """

    def __init__(self, scenario_seed: int) -> None:
        self._scenario_seed = scenario_seed
        self._generator: np.random.Generator | None = None

    def next(self, seed: int | None) -> int:
        """RngRun of the episode that begins now, 1..2^32−1. Raises `ValueError` if `seed` is negative."""
        if seed is not None and seed < 0:
            raise ValueError(f"a seed is not negative, got {seed}")
        if seed is None and self._generator is not None:
            return int(self._generator.integers(1, RNG_RUN_MAX, endpoint=True))
        chosen = self._scenario_seed if seed is None else seed
        self._generator = np.random.default_rng(chosen)
        return 1 + (chosen - 1) % RNG_RUN_MAX
