# SPDX-License-Identifier: MIT
"""Actors of stable-baselines3 in NumPy, for any number of observations at once: using a policy needs no PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Tensors = Mapping[str, NDArray[Any]]
Activation = Literal["tanh", "relu"]
Output = Literal["clip", "tanh"]


class Core(Protocol):
    """From normalised observations to actions in [-1, 1], deterministic."""

    def start(self, shape: tuple[int, ...]) -> Any:
        """Its state at the beginning of a trial; shape: leading axes."""

    def __call__(self, x: Array, state: Any) -> tuple[Array, Any]:
        """(..., inputs) to (..., actions), and the state now."""


class MlpCore:
    """Layers with activations between them. output "tanh": of SAC and DDPG; "clip": a Gaussian's mean, clipped."""

    def __init__(self, tensors: Tensors, layers: int, activation: Activation, output: Output) -> None:
        """tensors: `actor.<i>.weight` (outputs, inputs) and `actor.<i>.bias`. Raises KeyError if one is lacking."""
        self._layers = [(tensors[f"actor.{i}.weight"], tensors[f"actor.{i}.bias"]) for i in range(layers)]
        self._activation, self._output = activation, output

    def start(self, shape: tuple[int, ...]) -> None:
        """It has no state."""

    def __call__(self, x: Array, state: None) -> tuple[Array, None]:
        for weight, bias in self._layers[:-1]:
            x = x @ weight.T + bias
            x = np.tanh(x) if self._activation == "tanh" else np.maximum(x, 0.0)
        weight, bias = self._layers[-1]
        last = x @ weight.T + bias
        return (np.tanh(last) if self._output == "tanh" else np.clip(last, -1.0, 1.0)), None


class LstmState(NamedTuple):
    """(..., units) each."""

    hidden: Array
    cell: Array


class LstmCore:
    """One LSTM layer (Hochreiter and Schmidhuber 1997; gates in PyTorch's order i, f, g, o) and an `MlpCore`."""

    def __init__(self, tensors: Tensors, layers: int, activation: Activation, output: Output) -> None:
        """tensors: those of `MlpCore` and `lstm.weight_ih`, `lstm.weight_hh`, `lstm.bias`. Raises KeyError."""
        self._input, self._recurrent = tensors["lstm.weight_ih"], tensors["lstm.weight_hh"]
        self._bias = tensors["lstm.bias"]
        self._head = MlpCore(tensors, layers, activation, output)

    def start(self, shape: tuple[int, ...]) -> LstmState:
        """Zeros."""
        units = self._recurrent.shape[1]
        return LstmState(np.zeros((*shape, units), np.float32), np.zeros((*shape, units), np.float32))

    def __call__(self, x: Array, state: LstmState) -> tuple[Array, LstmState]:
        gates = x @ self._input.T + state.hidden @ self._recurrent.T + self._bias
        let_in, keep, new, out = np.split(gates, 4, axis=-1)
        cell = _sigmoid(keep) * state.cell + _sigmoid(let_in) * np.tanh(new)
        hidden = _sigmoid(out) * np.tanh(cell)
        action, _ = self._head(hidden, None)
        return action, LstmState(hidden, cell)


def _sigmoid(x: Array) -> Array:
    result: Array = 0.5 * (1.0 + np.tanh(0.5 * x))
    return result
