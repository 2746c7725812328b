# SPDX-License-Identifier: MIT
"""Bernoulli bandits for RL² (Duan et al. 2016, arXiv:1611.02779): RecurrentPPO against the Bayes-optimal policy."""

from __future__ import annotations

from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.vec_env import DummyVecEnv

from agents.sb3_training import without_files

Array = NDArray[np.float32]
State = tuple[tuple[int, int], ...]


def bayes_optimal(arms: int, pulls: int) -> float:
    """Expected sum of rewards of the best policy there is, each arm's p ~ U[0, 1], by dynamic programming.

    The state is how often each arm gave 1 and 0. Arms of equal history are alike, so the state is sorted.
    """

    @cache
    def value(state: State, left: int) -> float:
        if left == 0:
            return 0.0
        best = 0.0
        for arm in set(state):
            ones, zeros = arm
            others = list(state)
            others.remove(arm)
            p = (ones + 1) / (ones + zeros + 2)  # mean of the posterior Beta(1 + ones, 1 + zeros)
            won = value(tuple(sorted([*others, (ones + 1, zeros)])), left - 1)
            lost = value(tuple(sorted([*others, (ones, zeros + 1)])), left - 1)
            best = max(best, p * (1.0 + won) + (1.0 - p) * lost)
        return best

    return value(((0, 0),) * arms, pulls)


class BanditTask(gym.Env[Array, np.int64]):
    """An episode is `pulls` of one bandit; arms are drawn anew each episode. Observed: last arm, last reward, and a 1
    before the first pull."""

    def __init__(self, arms: int, pulls: int) -> None:
        self._arms, self._pulls = arms, pulls
        self.observation_space = gym.spaces.Box(0.0, 1.0, (arms + 2,), np.float32)
        self.action_space = gym.spaces.Discrete(arms)
        self._p = np.zeros(arms)
        self._pulled = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self._p = self.np_random.uniform(size=self._arms)
        self._pulled = 0
        first = np.zeros(self._arms + 2, np.float32)
        first[-1] = 1.0
        return first, {}

    def step(self, action: np.int64) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        reward = float(self.np_random.uniform() < self._p[action])
        self._pulled += 1
        observation = np.zeros(self._arms + 2, np.float32)
        observation[action] = 1.0
        observation[self._arms] = reward
        return observation, reward, self._pulled == self._pulls, False, {}


def train(arms: int, pulls: int, steps: int, seed: int) -> RecurrentPPO:
    """RL²: a recurrent policy whose hidden state is what it knows of the bandit."""
    torch.set_num_threads(1)
    environments = DummyVecEnv([lambda: BanditTask(arms, pulls)] * 64)
    learner = RecurrentPPO(
        "MlpLstmPolicy",
        environments,
        n_steps=2 * pulls,
        batch_size=128 * pulls,
        n_epochs=10,
        learning_rate=5e-3,
        gamma=0.9,  # rewards are immediate; with 1.0 and λ 0.95 their luck drowns what one pull is worth
        gae_lambda=0.3,
        ent_coef=0.005,
        policy_kwargs={"lstm_hidden_size": 48, "net_arch": [], "enable_critic_lstm": True},
        seed=seed,
        device="cpu",
    )
    learner.set_logger(without_files())
    return learner.learn(steps)


def mean_total(learner: RecurrentPPO, arms: int, pulls: int, episodes: int, seed: int) -> float:
    """Mean sum of rewards of the deterministic policy over fresh bandits."""
    stream = np.random.default_rng(seed)
    p = stream.uniform(size=(episodes, arms))
    observation = np.zeros((episodes, arms + 2), np.float32)
    observation[:, -1] = 1.0
    state: tuple[NDArray[Any], ...] | None = None
    starts = np.ones(episodes, bool)
    total = np.zeros(episodes)
    rows = np.arange(episodes)
    for _ in range(pulls):
        action, state = learner.predict(observation, state=state, episode_start=starts, deterministic=True)
        reward = (stream.uniform(size=episodes) < p[rows, action]).astype(np.float32)
        total += reward
        observation = np.zeros_like(observation)
        observation[rows, action] = 1.0
        observation[:, arms] = reward
        starts = np.zeros(episodes, bool)
    return float(total.mean())
