# SPDX-License-Identifier: MIT
"""Policies by name: built into the simulation program, written by a user, or trained and saved.

A policy of one's own is a class with two methods (`Policy`), named as `module:Class`; the module is found in the
current directory or wherever Python looks. It needs no registration:

    from pybridge import Action

    class EqualMinimum:
        def reset(self, schema, scenario):
            self.action = Action(schema, "high")

        def act(self, observation):
            self.action.prb_policy[..., 1] = 1 / observation.schema.n_slices
            return self.action
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pybridge.errors import SliceBridgeError

if TYPE_CHECKING:
    import gymnasium as gym
    import numpy as np
    import numpy.typing as npt

    from pybridge.observation import Action, Observation
    from pybridge.scenario import Scenario
    from pybridge.schema import Levels, Schema

BUILT_IN = ("static", "proportional", "max-weight")
"""Policies that run inside the simulation program, without a link."""

LOADERS_GROUP = "slicebridge.policies"
"""Entry points: functions from a path to an `ArrayPolicy`, which raise `SliceBridgeError` if it holds no policy."""


class PolicyError(SliceBridgeError):
    """A policy cannot be found or loaded, or it failed while it ran."""


class Policy(Protocol):
    """Manages the network through the link.

    An attribute `levels` says which decisions it takes: "high" (the default when there is none: once per high-level
    period, about slices) or "both" (once per low-level period, about UEs too).
    """

    def reset(self, schema: Schema, scenario: Scenario) -> None:
        """An episode begins: `schema` says what the arrays of observations and actions mean."""

    def act(self, observation: Observation) -> Action:
        """Decide. The returned action may be the same object every time, with its arrays changed."""


class ArrayPolicy(Protocol):
    """A trained policy that maps the observation array of `pybridge.SliceEnv` to its action array.

    An attribute `controls` says what its actions mean, as for `SliceEnv` (default "shares"); an attribute `low_policy`
    is the `LowPolicy` that decides about UEs inside the simulation (default None: nobody does). A method
    `observe_reward(reward)`, if there is one, is told what each action gave, for policies that learn while they act.
    """

    def act(self, observation: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
        """Action for one observation; both have the shapes of the environment's spaces."""

    def check_spaces(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        """Raise `SliceBridgeError` unless these are the spaces that the policy was trained on."""


@dataclass(frozen=True)
class ResolvedPolicy:
    """A policy that was found, ready to run."""

    name: str
    """As the user gave it."""
    kind: Literal["built-in", "class", "checkpoint"]
    sha256: str | None
    """Of the file of the class, or of the checkpoint's files; None for built-in ones."""
    agent: Policy | None = None
    """For kind "class"."""
    trained: ArrayPolicy | None = None
    """For kind "checkpoint"."""

    @property
    def levels(self) -> Levels:
        """Decision levels that the policy takes part in."""
        levels: Levels = getattr(self.agent, "levels", "high")
        return levels


def resolve_policy(name: str) -> ResolvedPolicy:
    """Find a policy: one of `BUILT_IN`, the path of a checkpoint, or `module:Class`. Raises `PolicyError`."""
    if name in BUILT_IN:
        return ResolvedPolicy(name, "built-in", None)
    if Path(name).exists():
        return ResolvedPolicy(name, "checkpoint", _digest(Path(name)), trained=_load_checkpoint(Path(name)))
    module, colon, attribute = name.partition(":")
    if colon and module and attribute and "/" not in name:
        agent, file = _load_class(name, module, attribute)
        return ResolvedPolicy(name, "class", _digest(file) if file else None, agent=agent)
    near = difflib.get_close_matches(name, BUILT_IN, n=1)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    raise PolicyError(
        f"policy `{name}`: neither built in ({', '.join(BUILT_IN)}), nor a path that exists, nor module:Class{hint}"
    )


def _load_class(name: str, module: str, attribute: str) -> tuple[Policy, Path | None]:
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise PolicyError(f"policy `{name}`: {error} (looked in {here} and Python's path)") from error
    except Exception as error:  # user code may raise anything while it is imported
        raise PolicyError(f"policy `{name}`: cannot be imported: {_where(error)}") from error
    factory = getattr(loaded, attribute, None)
    if factory is None:
        near = difflib.get_close_matches(attribute, vars(loaded), n=1)
        raise PolicyError(
            f"policy `{name}`: {module} has no `{attribute}`" + (f"; did you mean `{near[0]}`?" if near else "")
        )
    agent = call_user_code(f"policy `{name}`: cannot be made", factory) if callable(factory) else factory
    missing = [method for method in ("reset", "act") if not callable(getattr(agent, method, None))]
    if missing:
        raise PolicyError(f"policy `{name}`: has no method {' nor '.join(f'`{method}`' for method in missing)}")
    if getattr(agent, "levels", "high") not in ("high", "both"):
        raise PolicyError(f'policy `{name}`: levels must be "high" or "both", got {agent.levels!r}')
    return agent, Path(loaded.__file__) if loaded.__file__ else None


def call_user_code(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a user's function; what it raises becomes a `PolicyError` that begins with `what` and names the line."""
    try:
        return function(*arguments)
    except SliceBridgeError:
        raise
    except Exception as error:
        raise PolicyError(f"{what}: {_where(error)}") from error


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


def _load_checkpoint(path: Path) -> ArrayPolicy:
    loaders = sorted(entry_points(group=LOADERS_GROUP), key=lambda entry: entry.name)
    refusals = []
    for entry in loaders:
        try:
            trained: ArrayPolicy = entry.load()(path)
        except SliceBridgeError as error:
            refusals.append(str(error))
        except OSError as error:
            refusals.append(f"policy `{path}`: cannot be read: {error.strerror}")
        except ImportError as error:
            refusals.append(f"loader `{entry.name}` is not available: {error}")
        else:
            return trained
    raise PolicyError("; ".join(refusals) or f"policy `{path}`: no package that loads checkpoints is installed")


def _digest(path: Path) -> str:
    """SHA-256 over a file, or over names and contents of all files of a folder."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file():
            digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
