# SPDX-License-Identifier: MIT
"""`python -m agents.train`: meta-training on real simulations, from ranges of tasks to a checkpoint.

DIR holds `states/` (what a training goes on from after Ctrl-C, kill -9 or a power cut: run the same command again),
`tensorboard/`, and at the end `checkpoint/`, `curve.parquet` and `speed.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import polars as pl
import yaml
from pydantic import TypeAdapter, ValidationError
from torch.utils.tensorboard import SummaryWriter

from agents.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from agents.learning_curve import LearningCurve
from agents.meta_hrl import MetaHrl, Network, Progress, Speed, claim, train
from agents.meta_hrl_config import MetaHrlConfig
from agents.network import scenario_of, simulation_task, vector_factory
from agents.network_task import SHIPPED, TaskDistribution, TaskError, TaskRanges, load_task_ranges
from agents.rollout import Simulations
from agents.trainers import MetaHrlOptions, TrainingJob
from pybridge.errors import SliceBridgeError

CURVE_SCALARS = ("high/return", "high/return_before", "low/return", "evolution/reward")


_CONFIG = TypeAdapter(MetaHrlConfig)


class TrainError(SliceBridgeError):
    """A training's options make no sense."""

    exit_code = 2


def train_into(
    directory: Path,
    ranges: TaskRanges,
    config: MetaHrlConfig,
    seed: int,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Speed:
    """Train, going on from what `directory` holds, and write the results there. Raises as `agents.meta_hrl.train`."""
    tasks = TaskDistribution(ranges)
    first = tasks.task("train", 0)
    scenario = scenario_of(first)
    if len(scenario.slices) != ranges.slices:
        raise TaskError(f"{ranges.base}: has {len(scenario.slices)} slices, the ranges say {ranges.slices}")
    steps = scenario.timing.n_high_epochs
    period_s = scenario.timing.high_period_ms / 1000
    network = Network(scenario.cells.count, ranges.slices, ranges.track == "told", steps, period_s)
    try:
        learner = MetaHrl(config, network, seed)
    except ValueError as error:  # only the rule depends on the network besides the configuration
        raise TrainError(f"rule: {error}") from error
    claim(directory / "states", learner, tasks)
    with SummaryWriter(str(directory / "tensorboard")) as board, vector_factory(first)(config.simulations) as vector:

        def told(progress: Progress) -> None:
            for name, value in progress.scalars.items():
                board.add_scalar(f"{progress.stage}/{name}", value, progress.iteration)
            on_progress(progress)

        speed = train(learner, tasks, Simulations(vector, simulation_task, steps), directory / "states", told)
    save_checkpoint(learner.checkpoint(tasks), directory / "checkpoint")
    if speed.clock.env_steps:  # else it had ended before, and its speed stands there
        (directory / "speed.json").write_text(json.dumps(speed.shares(), indent=1) + "\n", encoding="utf-8")
    return speed


def run(options: MetaHrlOptions, job: TrainingJob) -> tuple[Checkpoint, LearningCurve]:
    """Meta-HRL as a trainer of campaigns; interrupted, it goes on from `job.states`."""
    ranges = load_task_ranges(SHIPPED if options.tasks is None else Path(options.tasks))
    if options.track is not None:
        ranges = ranges.model_validate(ranges.model_dump() | {"track": options.track})
    config = options.config()
    file = CurveFile(job.states)

    def told(progress: Progress) -> None:
        file(progress)
        job.on_progress(progress.done)

    job.states.mkdir(parents=True, exist_ok=True)
    train_into(job.states, ranges, config, job.seed, told)
    steps = scenario_of(TaskDistribution(ranges).task("train", 0)).timing.n_high_epochs
    return load_checkpoint(job.states / "checkpoint"), file.learning_curve(config, steps)


class CurveFile:
    """curve.parquet, a row per iteration, and scalars.parquet, a row per scalar; kept across interruptions."""

    def __init__(self, directory: Path) -> None:
        self._curve, self._scalars = directory / "curve.parquet", directory / "scalars.parquet"

    def __call__(self, progress: Progress) -> None:
        """One more iteration; those after it, of an interrupted training, go."""
        place = {"stage": progress.stage, "iteration": progress.iteration}
        row = place | {name.replace("/", "_"): progress.scalars.get(name) for name in CURVE_SCALARS}
        floats = {name.replace("/", "_"): pl.Float64 for name in CURVE_SCALARS}
        _append(self._curve, pl.DataFrame([row], schema_overrides=floats), progress)
        # How fast it was is not what it learned, and differs each time.
        told = {name: value for name, value in progress.scalars.items() if not name.startswith("speed/")}
        rows = [place | {"name": name, "value": float(value)} for name, value in told.items()]
        _append(self._scalars, pl.DataFrame(rows), progress)

    def learning_curve(self, config: MetaHrlConfig, steps: int) -> LearningCurve:
        """Rewards of the high level, counted in decisions from the beginning of the first stage.

        The low level's own, where it is trained under random shares, is another reward and is left out.
        steps: of an episode.
        """
        curve, at = LearningCurve(), {}
        played = number = 0
        for row in pl.read_parquet(self._curve).iter_rows(named=True):
            played, number = played + config.episodes(row["stage"]) * steps, number + 1
            at[row["stage"], row["iteration"]] = played, number
            if row["stage"] == "joint":
                curve.add(played, row["high_return"] / steps)
            elif row["evolution_reward"] is not None:
                curve.add(played, row["evolution_reward"])
        for row in pl.read_parquet(self._scalars).iter_rows(named=True):
            curve.note(*at[row["stage"], row["iteration"]], {row["name"]: row["value"]})
        return curve


def _append(file: Path, table: pl.DataFrame, progress: Progress) -> None:
    if file.exists():
        old = pl.read_parquet(file)
        same = pl.col("stage") == progress.stage
        table = pl.concat([old.filter(~same | (pl.col("iteration") < progress.iteration)), table])
    fresh = file.with_suffix(".tmp")
    table.write_parquet(fresh)
    fresh.replace(file)


@click.command()
@click.option(
    "--tasks", type=click.Path(path_type=Path), default=SHIPPED, help="YAML of agents.network_task.TaskRanges."
)
@click.option("--track", type=click.Choice(["hidden", "told"]), help="In place of the file's.")
@click.option("--variant", type=click.Choice(["ours", "paper"]), default="ours", show_default=True)
@click.option("--budget", type=float, default=1.0, show_default=True, help="Factor on all iterations.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any key of MetaHrlConfig.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="To write to, or go on in.")
def main(
    tasks: Path, track: str | None, variant: str, budget: float, seed: int, settings: tuple[str, ...], out: Path
) -> None:
    """Meta-train a policy; the same command goes on where an interrupted one was."""
    try:
        ranges = load_task_ranges(tasks)
        if track is not None:
            ranges = ranges.model_copy(update={"track": track})
        config = _config({"variant": variant, "budget": budget} | dict(map(_setting, settings)))
        out.mkdir(parents=True, exist_ok=True)
        curve = CurveFile(out)
        with _line() as show:

            def told(progress: Progress) -> None:
                curve(progress)
                show(progress)

            speed = train_into(out, ranges, config, seed, told)
    except SliceBridgeError as error:
        print(f"agents.train: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except FloatingPointError as error:
        print(f"agents.train: {error}; the states before it are kept", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"agents.train: {error.filename or out}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("agents.train: interrupted; the same command goes on from the last state", file=sys.stderr)
        sys.exit(130)
    shares = ", ".join(f"{name} {value:.3g}" for name, value in speed.shares().items())
    click.echo(f"{out}: trained; {shares}", err=True)


def _config(settings: dict[str, Any]) -> MetaHrlConfig:
    known = {field.name for field in fields(MetaHrlConfig)}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise TrainError(f"--set: no key {unknown[0]!r}; there are {', '.join(sorted(known))}")
    try:
        return _CONFIG.validate_python(settings)
    except ValidationError as error:
        problems = [
            (str(p["loc"][0]) if p["loc"] else "", p["msg"].removeprefix("Value error, ")) for p in error.errors()
        ]
        texts = [f"--set {key}={settings[key]}: {said}" if key else f"--set: {said}" for key, said in problems]
        raise TrainError("\n".join(texts)) from None


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise TrainError(f"--set {text}: write KEY=VALUE")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise TrainError(f"--set {text}: not a YAML value ({' '.join(str(error).split())})") from error


@contextmanager
def _line() -> Any:
    """A line with stage, return and time left where somebody looks, else one every ten iterations."""
    if not sys.stderr.isatty():
        yield _plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    with Bar(TextColumn("{task.description}"), BarColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda progress: bar.update(task, completed=progress.done, description=_text(progress))


def _plain(progress: Progress) -> None:
    if progress.iteration % 10 == 0:
        print(_text(progress), file=sys.stderr, flush=True)


def _text(progress: Progress) -> str:
    names = ("high/return", "low/return", "evolution/reward")
    value = next((progress.scalars[name] for name in names if name in progress.scalars), float("nan"))
    speed = progress.scalars["speed/env_steps_per_s"]
    minutes, seconds = divmod(round(progress.left_s), 60)
    return (
        f"{progress.stage} {progress.iteration}: return {value:.3g}, {speed:.0f} steps/s, {minutes}:{seconds:02} left"
    )


if __name__ == "__main__":
    main()
