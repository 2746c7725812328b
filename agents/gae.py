# SPDX-License-Identifier: MIT
"""Generalised advantage estimation (Schulman et al. 2016, arXiv:1506.02438)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_RIDGE = 1e-5


class Advantages(NamedTuple):
    """All of shape (..., T) and 0 where no step was played."""

    td_error: Tensor
    """δ_t = r_t + γV(s_{t+1}) − V(s_t), V of a terminal state being 0."""
    advantage: Tensor
    """Â_t = Σ_l (γλ)^l δ_{t+l}, eq. 16."""
    target: Tensor
    """G^λ_t = Â_t + V(s_t), the critic's target."""


def estimate_advantages(
    reward: Tensor, value: Tensor, terminated: Tensor, valid: Tensor, gamma: float, gae_lambda: float
) -> Advantages:
    """reward, terminated, valid: (..., T); value: (..., T + 1), without gradient.

    An episode that was cut (not terminated) at its last valid step is continued by the value of where it ended.
    """
    now, following = value[..., :-1], value[..., 1:]
    td_error = reward + gamma * torch.where(terminated, 0.0, following) - now
    td_error = torch.where(valid, td_error, 0.0)
    advantage = torch.zeros_like(td_error)
    carry = torch.zeros_like(td_error[..., 0])
    for t in range(reward.shape[-1] - 1, -1, -1):
        carry = td_error[..., t] + gamma * gae_lambda * torch.where(terminated[..., t], 0.0, carry)
        advantage[..., t] = carry
    return Advantages(td_error, advantage, torch.where(valid, advantage + now, 0.0))


def fitted_values(observation: Tensor, reward: Tensor, valid: Tensor, gamma: float) -> Tensor:
    """Values by least squares of each task's own discounted returns, (B, N, T + 1).

    On the observation, its squares, three powers of time, and a constant: the linear feature baseline of Duan et al.
    2016 (arXiv:1604.06778), which MAML and ProMP take. What comes after a trajectory's end counts nothing.
    observation: (B, N, T + 1, inputs). reward, valid: (B, N, T).
    """
    returns = torch.zeros_like(reward)
    following = torch.zeros_like(reward[..., 0])
    for t in range(reward.shape[-1] - 1, -1, -1):
        following = torch.where(valid[..., t], reward[..., t] + gamma * following, 0.0)
        returns[..., t] = following
    features = _baseline_features(observation.double())
    rows = (features[:, :, :-1] * valid.unsqueeze(-1)).flatten(1, 2)
    ridge = _RIDGE * torch.eye(features.shape[-1], dtype=torch.double)
    weights = torch.linalg.solve(rows.mT @ rows + ridge, rows.mT @ returns.double().flatten(1, 2).unsqueeze(-1))
    values = (features @ weights.unsqueeze(1)).squeeze(-1).to(reward.dtype)
    return torch.cat([values[..., :-1], torch.zeros_like(values[..., :1])], -1)


def _baseline_features(observation: Tensor) -> Tensor:
    """(..., T + 1, inputs) to (..., T + 1, 2 × inputs + 4)."""
    seen = observation.clamp(-10.0, 10.0)
    time = torch.arange(seen.shape[-2], dtype=seen.dtype) / 100.0
    powers = torch.stack([time**power for power in range(4)], -1)
    return torch.cat([seen, seen.square(), powers.expand(*seen.shape[:-1], 4)], -1)


def standardise(advantage: Tensor, decided: Tensor, *, together: bool = False) -> Tensor:
    """Zero mean and unit standard deviation over a task's decisions; (B, ...), per entry of the first axis.

    Makes the size of an inner step independent of the scale of the rewards. together: over all tasks, so that a task
    where much is at stake counts for more: for one policy that is to be good on average.
    """
    axes = tuple(range(0 if together else 1, advantage.dim()))
    count = decided.sum(axes, keepdim=True).clamp(min=1)
    mean = torch.where(decided, advantage, 0.0).sum(axes, keepdim=True) / count
    centred = torch.where(decided, advantage - mean, 0.0)
    std = (centred.square().sum(axes, keepdim=True) / count).sqrt()
    return centred / (std + 1e-8)
