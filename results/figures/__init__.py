# SPDX-License-Identifier: MIT
"""Figures as functions: tidy tables in, a matplotlib Figure out. None reads files or knows where data came from."""

from results.figures.adaptation import ablations, adaptation_curves, faster, gains, regret
from results.figures.network import by_condition, by_slice, delay_ccdf, shares_over_time
from results.figures.run import kpms_over_time, prb_grid
from results.figures.scale import scalability, simulator_speed
from results.figures.training import learning_curves, per_family

__all__ = [
    "ablations",
    "adaptation_curves",
    "by_condition",
    "by_slice",
    "delay_ccdf",
    "faster",
    "gains",
    "kpms_over_time",
    "learning_curves",
    "per_family",
    "prb_grid",
    "regret",
    "scalability",
    "shares_over_time",
    "simulator_speed",
]
