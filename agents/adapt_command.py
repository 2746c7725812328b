# SPDX-License-Identifier: MIT
"""`slicebridge adapt`: a trained policy, a scenario, so many episodes; an adapted policy and its curve."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import polars as pl

from agents.adaptation import Adapted, adapt
from agents.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from agents.meta_hrl import KNOWN, PRIOR, MetaHrl, from_checkpoint
from agents.network import reward_of, scenario_of, scenario_task, simulation_task, vector_factory
from agents.network_task import NetworkTask, TaskRanges
from agents.rollout import Simulations, revealed
from pybridge.errors import SliceBridgeError

CURVE = "curve.parquet"
JUDGING = 4
"""Episodes that an adapted policy is judged on, at each point of the curve; it learns nothing from them."""


PRICE = click.FloatRange(0.0, 1e6)


class AdaptError(SliceBridgeError):
    """The policy and the scenario do not fit, or there is something at the place of the results."""

    exit_code = 2


@click.command(name="adapt")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--scenario", "source", required=True, metavar="FILE|NAME", help="What to adapt to.")
@click.option("--episodes", type=click.IntRange(0, 10_000), default=8, show_default=True, help="To spend on it.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="New directory.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of episodes and of the search.")
@click.option("--power-price", type=PRICE, default=0.1, show_default=True, help="Of the power budget.")
@click.option("--prb-price", type=PRICE, default=0.1, show_default=True, help="Of all PRBs.")
def adapt_command(
    checkpoint: Path, source: str, episodes: int, out: Path, seed: int, power_price: float, prb_price: float
) -> None:
    """Adapt the trained policy CHECKPOINT to a scenario and write the policy and its curve to DIR.

    Weights of slices are those in the scenario's SLAs. Episodes are as long as those of the training. DIR is a
    checkpoint for `slicebridge run --policy`; DIR/curve.parquet holds the mean reward per step, and U, after so many
    episodes, on further ones that are not learned from.

    \b
    Example:
      slicebridge adapt results/runs/trained --scenario my.yaml --episodes 8 --out results/runs/adapted
    """
    trained = load_checkpoint(checkpoint)
    try:
        learner = from_checkpoint(trained)
        ranges = TaskRanges.model_validate(trained.header["training"]["tasks"])
    except (CheckpointError, KeyError, ValueError) as error:
        raise CheckpointError(f"{checkpoint}: {error}") from error
    task = scenario_task(source, ranges, power_price, prb_price, learner.network.episode_steps)
    _check(learner, task, source)
    with _fresh(out) as folder:
        points = [0, *(2**k for k in range(episodes.bit_length()) if 2**k < episodes), episodes]
        with vector_factory(task)(JUDGING) as vector:
            simulations = Simulations(vector, simulation_task, learner.network.episode_steps)
            prior = trained.tensors.get(PRIOR)
            found = adapt(learner, [task], simulations, sorted(set(points)), prior=prior, judging=JUDGING, seed=seed)
        save_checkpoint(adapted_checkpoint(trained, found, task, episodes, seed), folder)
        curve_table(found, task).write_parquet(folder / CURVE)
    first, last = found.curve.reward[0, 0], found.curve.reward[-1, 0]
    click.echo(f"{out}: mean reward per step {first:.3f} before, {last:.3f} after {episodes} episodes", err=True)


def adapted_checkpoint(trained: Checkpoint, found: Adapted, task: NetworkTask, episodes: int, seed: int) -> Checkpoint:
    """The trained checkpoint with one task's parameters in place of the shared ones."""
    tensors = dict(trained.tensors)
    for level, parameters in found.parameters.items():
        for part in ("actor", "critic"):
            own = getattr(parameters, part)
            tensors |= {f"{level}.{part}.{name}": value[0].detach().numpy() for name, value in own.items()}
    if task.track == "told":
        tensors[KNOWN] = revealed([task])[0]
    elif found.believed is not None:
        tensors[KNOWN] = found.believed[0]
    described = {"task": task.describe(), "episodes": episodes, "seed": seed}
    kept = {key: value for key, value in trained.header.items() if key not in ("format", "tensors_sha256")}
    return Checkpoint(tensors, kept | {"adaptation": described})


def curve_table(found: Adapted, task: NetworkTask) -> pl.DataFrame:
    """Rows: episodes spent; mean reward per step; U of it."""
    utility = reward_of(task).utility
    rewards = [float(value) for value in found.curve.reward[:, 0]]
    return pl.DataFrame(
        {"episodes": list(found.curve.episodes), "mean_reward": rewards, "utility": [utility(r) for r in rewards]}
    )


def _check(learner: MetaHrl, task: NetworkTask, source: str) -> None:
    scenario = scenario_of(task)
    found, wanted = (scenario.cells.count, len(scenario.slices)), (learner.network.cells, learner.network.slices)
    if found != wanted:
        raise AdaptError(
            f"{source}: has {found[0]} cells of {found[1]} slices, the policy is for {wanted[0]} of {wanted[1]}"
        )
    period_ms = 1000.0 * learner.network.period_s
    if not math.isclose(scenario.timing.high_period_ms, period_ms):
        raise AdaptError(
            f"{source}: timing.high_period_ms is {scenario.timing.high_period_ms:g}, the policy is for {period_ms:g}"
        )


@contextmanager
def _fresh(out: Path) -> Iterator[Path]:
    """A hidden sibling that takes the name in the end; nothing is left behind if something fails."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AdaptError(f"{out}: exists and is not an empty directory; remove it or choose another --out")
    out = Path(os.path.realpath(out))
    work = out.parent / f".{out.name}.{os.getpid()}.partial"
    try:
        work.mkdir(parents=True)
        yield work
        work.replace(out)
    except OSError as error:
        raise AdaptError(f"{out}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
