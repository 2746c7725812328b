# SPDX-License-Identifier: MIT
"""What all trainings by stable-baselines3 on tasks share: normalisation, progress, and the way to a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import stable_baselines3
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecNormalize

from agents.checkpoint import Checkpoint
from agents.learning_curve import LearningCurve
from agents.network_policy import CLIP_OBSERVATION, NORMALISATION_EPSILON, network_checkpoint
from agents.task_vector import TaskSource, TaskVecEnv

Progress = Callable[[float], None]


def normalised(environment: TaskVecEnv, gamma: float, *, rewards: bool) -> VecNormalize:
    """With running statistics of observations, and of returns if `rewards`, which on-policy critics need."""
    return VecNormalize(
        environment,
        norm_reward=rewards,
        gamma=gamma,
        clip_obs=CLIP_OBSERVATION,
        epsilon=NORMALISATION_EPSILON,
    )


def learn(learner: BaseAlgorithm, steps: int, on_progress: Progress) -> LearningCurve:
    """Train for `steps` environment steps; the curve has a point per episode, the mean over simulations."""
    recorder = _Recorder(steps, on_progress)
    learner.set_logger(without_files())
    learner.learn(steps, callback=recorder)
    return recorder.curve


def without_files() -> Logger:
    """A logger of stable-baselines3 that writes nothing; its own leaves an empty directory behind per training."""
    return Logger(folder=None, output_formats=[])


def silence(layer: torch.Tensor | torch.nn.Module) -> None:
    """Zero a linear layer, so that what it puts out is 0 until it learns."""
    assert isinstance(layer, torch.nn.Linear)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)


class _Recorder(BaseCallback):
    def __init__(self, total_steps: int, on_progress: Progress) -> None:
        super().__init__()
        self.curve = LearningCurve()
        self._total_steps, self._on_progress = total_steps, on_progress
        self._updates = 0

    def _on_rollout_start(self) -> None:
        self._note()

    def _on_training_end(self) -> None:
        self._note()

    def _note(self) -> None:
        """What the last update told of itself."""
        told = {name: float(value) for name, value in self.logger.name_to_value.items() if name.startswith("train/")}
        if told:
            self._updates += 1
            self.curve.note(self.num_timesteps, self._updates, told)

    def _on_step(self) -> bool:
        ended = [info["episode"] for info in self.locals["infos"] if "episode" in info]
        if ended:
            mean = float(np.mean([episode["r"] / episode["l"] for episode in ended]))
            self.curve.add(self.num_timesteps, mean)
        self._on_progress(min(1.0, self.num_timesteps / self._total_steps))
        return True


def layer_tensors(learner: BaseAlgorithm, name: str, layers: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Of linear layers, by their prefixes in stable-baselines3's state: `<name>.<i>.weight` and `.bias`."""
    state = learner.policy.state_dict()
    return {
        f"{name}.{index}.{part}": state[f"{prefix}.{part}"].detach().numpy().copy()
        for index, prefix in enumerate(layers)
        for part in ("weight", "bias")
    }


def checkpoint_of(
    algorithm: str,
    learner: BaseAlgorithm,
    tensors: dict[str, NDArray[Any]],
    architecture: dict[str, Any],
    source: TaskSource,
    config: Any,
    seed: int,
) -> Checkpoint:
    """What was learned. config: a dataclass. architecture: as for `network_checkpoint`, without `layers`."""
    environment = learner.get_vec_normalize_env()
    assert environment is not None
    statistics = environment.obs_rms
    assert not isinstance(statistics, dict)  # it is one for Dict spaces only
    tensors = tensors | {
        "observation.mean": np.asarray(statistics.mean),
        "observation.variance": np.asarray(statistics.var),
    }
    layers = sum(name.startswith("actor.") and name.endswith(".bias") for name in tensors)
    versions = {"stable_baselines3": stable_baselines3.__version__, "torch": torch.__version__.split("+")[0]}
    training = {"config": asdict(config), "seed": seed, "steps": learner.num_timesteps, "versions": versions}
    return network_checkpoint(algorithm, tensors, {"layers": layers} | architecture, source.actuator, training)
