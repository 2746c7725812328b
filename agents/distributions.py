# SPDX-License-Identifier: MIT
"""Distributions of actions, built from the parameters that a network puts out.

Probabilities are PyTorch's, so that they can be differentiated, also twice and under `torch.func.vmap`. Samples are
NumPy's, so that every sub-environment can own a random stream whose bits no batching changes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SMALLEST_SHARE = 1e-6
"""Samples keep this distance from the border of the simplex, where the logarithm of the density has no bound."""


class ActionDistribution(ABC):
    """A batch of distributions of shape (...,), each over actions of shape (actions,)."""

    @abstractmethod
    def log_prob(self, action: Tensor) -> Tensor:
        """(..., actions) to (...,): logarithm of the density."""

    @abstractmethod
    def entropy(self) -> Tensor:
        """(...,): differential entropy in nats."""

    @abstractmethod
    def kl_to(self, other: ActionDistribution) -> Tensor:
        """(...,): KL(self ‖ other) in nats. Raises TypeError if `other` is of another family."""

    @abstractmethod
    def mode(self) -> Tensor:
        """(..., actions): the action of a deterministic evaluation."""

    @abstractmethod
    def sample(self, streams: Sequence[np.random.Generator]) -> NDArray[np.float32]:
        """(..., actions), float32; row i along the first axis is drawn from `streams[i]` alone."""


@dataclass(frozen=True)
class DiagonalGaussian(ActionDistribution):
    """Independent normal components. mean, log_std: (..., actions)."""

    mean: Tensor
    log_std: Tensor

    def log_prob(self, action: Tensor) -> Tensor:
        standardised = (action - self.mean) * torch.exp(-self.log_std)
        return (-0.5 * standardised.square() - self.log_std - 0.5 * math.log(2.0 * math.pi)).sum(-1)

    def entropy(self) -> Tensor:
        return (self.log_std + 0.5 * math.log(2.0 * math.pi * math.e)).sum(-1)

    def kl_to(self, other: ActionDistribution) -> Tensor:
        if not isinstance(other, DiagonalGaussian):
            raise TypeError(f"no KL from a Gaussian to a {type(other).__name__}")
        ratio = torch.exp(2.0 * (self.log_std - other.log_std))
        distance = ((self.mean - other.mean) * torch.exp(-other.log_std)).square()
        return (0.5 * (ratio + distance - 1.0) + other.log_std - self.log_std).sum(-1)

    def mode(self) -> Tensor:
        return self.mean

    def sample(self, streams: Sequence[np.random.Generator]) -> NDArray[np.float32]:
        mean, std = _to_numpy(self.mean), np.exp(_to_numpy(self.log_std))
        return _rows(streams, mean, lambda i, stream: mean[i] + std[i] * stream.standard_normal(mean[i].shape))


@dataclass(frozen=True)
class DirichletBeta(ActionDistribution):
    """Points on simplices and fractions in (0, 1), all independent: METHOD.md 2, high level.

    simplices: concentrations of each simplex, (..., components), all > 1.
    fractions: the two concentrations of each fraction, (..., fractions, 2), all > 1; may have no fractions.
    An action is the simplices' points and then the fractions. A fraction x ~ Beta is the point (x, 1 - x) ~ Dirichlet.
    """

    simplices: tuple[Tensor, ...]
    fractions: Tensor

    def log_prob(self, action: Tensor) -> Tensor:
        *points, x = torch.split(action, self._sizes(), -1)
        total = _log_density(self.fractions, torch.stack([x, 1.0 - x], -1)).sum(-1)
        for alpha, point in zip(self.simplices, points, strict=True):
            total = total + _log_density(alpha, point)
        return total

    def entropy(self) -> Tensor:
        total = _entropy(self.fractions).sum(-1)
        for alpha in self.simplices:
            total = total + _entropy(alpha)
        return total

    def kl_to(self, other: ActionDistribution) -> Tensor:
        if not isinstance(other, DirichletBeta):
            raise TypeError(f"no KL from Dirichlets to a {type(other).__name__}")
        total = _kl(self.fractions, other.fractions).sum(-1)
        for mine, theirs in zip(self.simplices, other.simplices, strict=True):
            total = total + _kl(mine, theirs)
        return total

    def mode(self) -> Tensor:
        points = [(alpha - 1.0) / (alpha - 1.0).sum(-1, keepdim=True) for alpha in self.simplices]
        fractions = (self.fractions - 1.0) / (self.fractions - 1.0).sum(-1, keepdim=True)
        return torch.cat([*points, fractions[..., 0]], -1)

    def sample(self, streams: Sequence[np.random.Generator]) -> NDArray[np.float32]:
        parts = [_sample_simplex(_to_numpy(alpha), streams) for alpha in self.simplices]
        parts.append(_sample_simplex(_to_numpy(self.fractions), streams)[..., 0])
        return np.concatenate(parts, axis=-1, dtype=np.float32)

    def _sizes(self) -> list[int]:
        return [*(alpha.shape[-1] for alpha in self.simplices), self.fractions.shape[-2]]


def _log_normaliser(alpha: Tensor) -> Tensor:
    """Logarithm of the multivariate beta function."""
    return torch.lgamma(alpha).sum(-1) - torch.lgamma(alpha.sum(-1))


def _log_density(alpha: Tensor, point: Tensor) -> Tensor:
    """Of Dirichlet(alpha)."""
    return ((alpha - 1.0) * torch.log(point)).sum(-1) - _log_normaliser(alpha)


def _entropy(alpha: Tensor) -> Tensor:
    """Of Dirichlet(alpha): log B(α) + (Σα − K)·ψ(Σα) − Σ (α − 1)·ψ(α)."""
    total = alpha.sum(-1)
    spread = (total - alpha.shape[-1]) * torch.digamma(total) - ((alpha - 1.0) * torch.digamma(alpha)).sum(-1)
    return _log_normaliser(alpha) + spread


def _kl(alpha: Tensor, beta: Tensor) -> Tensor:
    """KL(Dirichlet(alpha) ‖ Dirichlet(beta)): log B(β) − log B(α) + Σ (α − β)·(ψ(α) − ψ(Σα))."""
    expected_log = torch.digamma(alpha) - torch.digamma(alpha.sum(-1, keepdim=True))
    return _log_normaliser(beta) - _log_normaliser(alpha) + ((alpha - beta) * expected_log).sum(-1)


def _sample_simplex(alpha: NDArray[np.float64], streams: Sequence[np.random.Generator]) -> NDArray[np.float32]:
    """A Dirichlet sample as normalised gamma variates (Devroye 1986, XI.4)."""
    gamma = _rows(streams, alpha, lambda i, stream: stream.standard_gamma(alpha[i]))
    point = np.maximum(gamma / gamma.sum(-1, keepdims=True), SMALLEST_SHARE)
    normalised: NDArray[np.float32] = (point / point.sum(-1, keepdims=True)).astype(np.float32)
    return normalised


def _rows(
    streams: Sequence[np.random.Generator],
    like: NDArray[np.float64],
    draw: Callable[[int, np.random.Generator], NDArray[np.float64]],
) -> NDArray[np.float32]:
    if len(streams) != len(like):
        raise ValueError(f"{len(like)} rows need as many streams, got {len(streams)}")
    return np.stack([draw(i, stream) for i, stream in enumerate(streams)]).astype(np.float32)


def _to_numpy(tensor: Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = tensor.detach().double().numpy()
    return array
