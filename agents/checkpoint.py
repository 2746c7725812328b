# SPDX-License-Identifier: MIT
"""Checkpoints: a directory with `policy.safetensors` (the tensors) and `policy.json` (all the rest).

No pickle, so that a checkpoint from a stranger cannot run code, and any language can read it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pybridge.errors import SliceBridgeError

FORMAT = "slicebridge-policy/1"
TENSOR_FILE = "policy.safetensors"
HEADER_FILE = "policy.json"


class CheckpointError(SliceBridgeError):
    """A checkpoint cannot be read, or does not fit where it is to be used."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained policy as it lies on disk.

    tensors: by name, float32 or float64.
    header: JSON-able: `algorithm`, `architecture`, `observation_space`, `action_space`, `normalisation`, `training`.
    """

    tensors: dict[str, NDArray[Any]]
    header: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(checkpoint: Checkpoint, directory: Path) -> None:
    """Write `checkpoint` into `directory`, which is made if it does not exist.

    The header goes last and names the tensors' digest, so that an interrupted write is never taken for a checkpoint.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / HEADER_FILE).unlink(missing_ok=True)
    blob = save({name: np.asarray(tensor, order="C") for name, tensor in checkpoint.tensors.items()})
    (directory / TENSOR_FILE).write_bytes(blob)
    header = {"format": FORMAT, **checkpoint.header, "tensors_sha256": hashlib.sha256(blob).hexdigest()}
    (directory / HEADER_FILE).write_text(json.dumps(header, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def load_checkpoint(directory: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises CheckpointError if a file is missing or damaged, if the tensors are not those that the header was written
    for, if a number is not finite, or if the format is another version's.
    """
    try:
        header = json.loads((directory / HEADER_FILE).read_text(encoding="utf-8"))
        blob = (directory / TENSOR_FILE).read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(f"{directory}: not a checkpoint, {Path(error.filename).name} is missing") from error
    except OSError as error:
        raise CheckpointError(f"{directory}: not a checkpoint: {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{directory / HEADER_FILE}: not JSON ({error})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        found = header.get("format") if isinstance(header, dict) else None
        raise CheckpointError(f"{directory / HEADER_FILE}: format is {found!r}, this version reads {FORMAT!r}")
    if hashlib.sha256(blob).hexdigest() != header.get("tensors_sha256"):
        raise CheckpointError(f"{directory / TENSOR_FILE}: damaged, its SHA-256 is not the one in {HEADER_FILE}")
    try:
        tensors = load(blob)
    except SafetensorError as error:
        raise CheckpointError(f"{directory / TENSOR_FILE}: {error}") from error
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise CheckpointError(f"{directory / TENSOR_FILE}: tensor {name} has numbers that are not finite")
    return Checkpoint(tensors, header)
