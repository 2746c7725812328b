# SPDX-License-Identifier: MIT
"""Meta-HRL on the network: the two learners, and their training in stages.

* `paper`: shares on simplices, ProMP's inner gradient step on both levels, tasks weighted by the variance of TD errors.
* `ours`: residuals on drift-plus-penalty, one that slices share and one by networks; what a task hides is inferred from
  its rewards (`agents.reward_model`), in training as in use, and feeds the rule and the context z; robust task weights.
  Its critic sees the truth, and so do most of the tasks that its rule learns on: privileged information, in training
  alone.

Stages: `rule` learns the rule and the shared residual, `low` the low level: `ours` under the rule, both by perturbing
parameters (`agents.evolution_stages`), `paper` by gradients under random shares. `joint` trains both levels. Every
iteration's randomness follows from (seed, stage, iteration), and states are written whole, so that a training that was
killed goes on from the last one and ends with the same bits.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from agents.checkpoint import Checkpoint, CheckpointError
from agents.dpp import as_if_tuned_told, default_parameters
from agents.evolution_stages import EvolutionStage, LowStage, RuleStage
from agents.high_level import HighControls, ResidualControls, SimplexControls
from agents.inner import InnerConfig
from agents.level import Level, LevelConfig
from agents.low_level import by_slice, low_networks
from agents.meta import MetaConfig, MetaLearner
from agents.meta_hrl_config import MetaHrlConfig, WeightMode
from agents.nets import SetActor
from agents.network_task import NetworkTask, TaskDistribution
from agents.outer import OuterConfig
from agents.reward_model import Beliefs, reward_parameters
from agents.rollout import Clock, NetworkRollout, Simulations
from agents.slice_inputs import INPUTS_PER_SLICE
from agents.slice_residual import with_residual
from agents.task_weights import TaskWeightConfig
from agents.training_state import load_training_state, save_training_state

ALGORITHM = "meta-hrl"
PRIOR = "prior.reward"
"""Tensor of a checkpoint: `reward_parameters` of training tasks."""
PRIOR_TASKS = 512
RULE = "rule.parameters"
"""Tensor of a checkpoint: what `ours` decides by before its networks, parameters of `agents.slice_residual.decide`."""
KNOWN = "task.features"
"""Tensor of a checkpoint: what is known of its task's features, by the track or from rewards."""
LOW_GAMMA = 0.95**0.1


class Network(NamedTuple):
    """Sizes of the networks that tasks are of."""

    cells: int
    slices: int
    told: bool
    """Prices are appended to observations."""
    episode_steps: int
    """High-level periods of an episode."""
    period_s: float = 0.1
    """Between decisions of the high level."""


@dataclass(frozen=True)
class Progress:
    """Told after every iteration."""

    stage: str
    iteration: int
    """Finished ones of this stage."""
    done: float
    """Of the whole training, in (0, 1]."""
    left_s: float
    """Estimated."""
    scalars: dict[str, float]


@dataclass
class Speed:
    """What a training cost, since it was begun or resumed."""

    wall_s: float = 0.0
    learning_s: float = 0.0
    clock: Clock = field(default_factory=Clock)

    def shares(self) -> dict[str, float]:
        """Environment steps per second; parts of wall time in simulation, link, inference, learning."""
        wall = max(self.wall_s, 1e-9)
        parts = {name: getattr(self.clock, name) / wall for name in ("simulation", "link", "inference")}
        return {"env_steps_per_s": self.clock.env_steps / wall, **parts, "learning": self.learning_s / wall}


def high_controls(config: MetaHrlConfig, network: Network) -> HighControls:
    """The parameterisation that a variant acts by."""
    observed = network.cells * network.slices * INPUTS_PER_SLICE + (2 if network.told else 0)
    sizes = (network.cells, network.slices, observed, network.slices + 3)
    if config.variant == "paper":
        return SimplexControls(*sizes)
    slices = network.slices
    own = as_if_tuned_told(np.array(config.rule), slices) if config.rule else default_parameters(slices, told=True)
    parameters = with_residual(own, slices) if config.residual else own
    return ResidualControls(*sizes, parameters, network.period_s)


def _outer_settings(config: MetaHrlConfig) -> tuple[float, int, float]:
    """Learning rate, epochs and KL target of the high level."""
    rate, epochs, kl_target = (1e-3, 15, 0.05) if config.variant == "ours" else (1e-4, 5, 0.01)
    return config.learning_rate or rate, config.epochs or epochs, config.kl_target or kl_target


class MetaHrl:
    """The levels of one training, and what to do with them."""

    def __init__(self, config: MetaHrlConfig, network: Network, seed: int) -> None:
        """seed: of first weights, tasks and rollouts."""
        torch.set_num_threads(1)
        self.config, self.network, self.seed = config, network, seed
        self.controls = high_controls(config, network)
        adapted = ("context",) if config.variant == "ours" else ("context", "head")
        inner = InnerConfig(adapted=adapted, first_order=config.first_order)
        rate, epochs, kl_target = _outer_settings(config)
        outer = OuterConfig(learning_rate=rate, epochs=epochs, kl_target=kl_target)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.high = Level(*self.controls.networks(), LevelConfig(inner=inner, outer=outer))
            low_inner = InnerConfig(step_size=0.03, critic_step_size=0.03, first_order=config.first_order)
            low_outer = OuterConfig(learning_rate=config.low_learning_rate, epochs=config.low_epochs)
            low = LevelConfig(gamma=LOW_GAMMA, inner=low_inner, outer=low_outer)
            actor, critic = low_networks()
            actor = by_slice(actor) if config.variant == "ours" else actor
            self.low = Level(actor, critic, low) if config.low_level else None

    def prior(self, tasks: TaskDistribution) -> NDArray[np.float64] | None:
        """Weights and prices of training tasks, for `ours`, which infers those of a task that hides them."""
        if self.config.variant != "ours":
            return None
        return reward_parameters(tasks.tasks("train", PRIOR_TASKS))

    def learner(self, stage: str) -> MetaLearner[NetworkTask]:
        """Of a stage; learners of both stages share the low level."""
        config = self.config
        levels = {} if stage == "low" else {"high": self.high}
        if self.low is not None:
            levels["low"] = self.low
        mode: WeightMode = "robust" if config.variant == "ours" else "paper"
        if config.weights != "default":
            mode = config.weights
        meta = MetaConfig(
            iterations=config.stages[stage],
            tasks=config.tasks,
            support_episodes=config.support_episodes,
            query_episodes=config.query_episodes,
            adapt=config.inner_steps,
            weights=TaskWeightConfig(mode=mode),
            seed=2 * self.seed + (stage == "joint"),
        )
        return MetaLearner(levels, meta)

    def stage(self, name: str, tasks: TaskDistribution) -> MetaLearner[NetworkTask] | EvolutionStage:
        """What learns in a stage."""
        if self.config.variant == "paper" or name == "joint":
            return self.learner(name)
        prior = None if self.network.told else self.prior(tasks)
        assert isinstance(self.controls, ResidualControls)
        terms = self.controls, self.config.stages[name], self.config.pairs, prior, self.seed
        if name == "rule":
            return RuleStage(*terms)
        assert self.low is not None
        actor = self.low.actor()
        assert isinstance(actor, SetActor)
        return LowStage(*terms, actor)

    def take(self, stage: MetaLearner[NetworkTask] | EvolutionStage) -> None:
        """Act by what a stage has learned; learners have done so all along."""
        if isinstance(stage, RuleStage):
            self.use_rule(stage.parameters)
        elif isinstance(stage, LowStage):
            assert self.low is not None
            weight, bias = map(torch.from_numpy, stage.layer(stage.parameters))
            with torch.no_grad():
                self.low.theta["head.weight"].copy_(weight)
                self.low.theta["head.bias"].copy_(bias)

    def use_rule(self, parameters: NDArray[np.float64]) -> None:
        """Act by the rule with these parameters from now on."""
        assert isinstance(self.controls, ResidualControls)
        self.controls.parameters = parameters

    def checkpoint(self, tasks: TaskDistribution) -> Checkpoint:
        """The shared policy and all that adapting it needs."""
        own = {name: level.parameters() for name, level in self.levels.items()}
        tensors = {f"{name}.{key}": value for name, arrays in own.items() for key, value in arrays.items()}
        if isinstance(self.controls, ResidualControls):
            tensors[RULE] = self.controls.parameters
        prior = self.prior(tasks)
        if prior is not None:
            tensors |= {PRIOR: prior, KNOWN: Beliefs(tasks.tasks("train", 1), prior).features()[0]}
        header = {
            "algorithm": ALGORITHM,
            "architecture": {"network": self.network._asdict(), "config": asdict(self.config)},
            "observation_space": {"shape": [self.controls.observed]},
            "action_space": {"shape": [self.network.cells * (4 * self.network.slices + 1)]},
            "training": {"seed": self.seed, "tasks": tasks.ranges.model_dump(mode="json"), "tasks_seed": tasks.seed},
            "versions": {"torch": torch.__version__.split("+")[0]},
        }
        return Checkpoint(tensors, header)

    def load(self, checkpoint: Checkpoint) -> None:
        """Take over the parameters. Raises CheckpointError if they are of other networks."""
        if isinstance(self.controls, ResidualControls):
            rule = checkpoint.tensors.get(RULE)
            if rule is None or rule.shape != self.controls.parameters.shape:
                raise CheckpointError(f"tensor {RULE} is not of {len(self.controls.parameters)} parameters")
            self.use_rule(rule.astype(np.float64))
        for name, level in self.levels.items():
            own = {key.removeprefix(f"{name}."): value for key, value in checkpoint.tensors.items()}
            level.load_parameters(own)

    @property
    def levels(self) -> dict[str, Level]:
        """By name."""
        return {"high": self.high} | ({} if self.low is None else {"low": self.low})


def from_checkpoint(checkpoint: Checkpoint) -> MetaHrl:
    """The learner that a checkpoint is of. Raises CheckpointError if it is of another kind, or lacks something."""
    header = checkpoint.header
    if header.get("algorithm") != ALGORITHM:
        raise CheckpointError(f"algorithm is {header.get('algorithm')!r}, expected {ALGORITHM!r}")
    try:
        settings = dict(header["architecture"]["config"])
        other = sorted(set(settings) ^ {field.name for field in fields(MetaHrlConfig)})
        if other:
            raise CheckpointError(f"checkpoint is of another version, which differs in {other[0]}; train anew")
        config = MetaHrlConfig(**settings | {"rule": tuple(settings["rule"])})
        network = Network(**header["architecture"]["network"])
        found = MetaHrl(config, network, int(header["training"]["seed"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"checkpoint is incomplete: {error}") from error
    found.load(checkpoint)
    return found


def train(
    learner: MetaHrl,
    tasks: TaskDistribution,
    simulations: Simulations,
    states: Path,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Speed:
    """Go through the stages, from the newest states in `states` on.

    Interrupted at any point, it goes on from there when called again, and ends with the same bits.
    Raises CheckpointError if a state is damaged or of another configuration, RolloutError and FloatingPointError if
    something was not finite; states stay as they were.
    """
    claim(states, learner, tasks)
    rollout = NetworkRollout(simulations, learner.controls, None if learner.network.told else learner.prior(tasks))
    stages = {name: count for name, count in learner.config.stages.items() if count}
    speed = Speed(clock=simulations.clock)
    total, before = sum(learner.config.episodes(name) * count for name, count in stages.items()), 0
    begun, resumed = time.perf_counter(), None
    for stage, count in stages.items():
        meta = learner.stage(stage, tasks)
        each = learner.config.episodes(stage)
        saved = load_training_state(states / stage)
        if saved is not None:
            meta.load_state(*saved)
        resumed = before + meta.iteration * each if resumed is None or saved is not None else resumed
        while meta.iteration < count:
            scalars = meta.iterate(tasks.sample, rollout)
            _account(speed, begun)
            if meta.iteration % learner.config.save_every == 0 or meta.iteration == count:
                save_training_state(states / stage, meta.iteration, *meta.state())
            done = before + meta.iteration * each
            left_s = speed.wall_s / max(1, done - resumed) * (total - done)
            on_progress(Progress(stage, meta.iteration, done / total, left_s, scalars | _speed_scalars(speed)))
        before += count * each
        learner.take(meta)
    return speed


def claim(states: Path, learner: MetaHrl, tasks: TaskDistribution) -> None:
    """Write down, or compare, what these states are of. Raises CheckpointError if it is something else."""
    identity = {
        "config": asdict(learner.config),
        "network": learner.network._asdict(),
        "seed": learner.seed,
        "tasks": tasks.ranges.model_dump(mode="json"),
        "tasks_seed": tasks.seed,
    }
    file = states / "training.json"
    text = json.dumps(identity, indent=1, sort_keys=True) + "\n"
    if not file.exists():
        states.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".tmp")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    elif file.read_text(encoding="utf-8") != text:
        raise CheckpointError(f"{states}: holds states of another training; use another directory")


def _account(speed: Speed, begun: float) -> None:
    speed.wall_s = time.perf_counter() - begun
    clock = speed.clock
    speed.learning_s = max(0.0, speed.wall_s - clock.simulation - clock.link - clock.inference)


def _speed_scalars(speed: Speed) -> dict[str, float]:
    return {f"speed/{name}": value for name, value in speed.shares().items()}
