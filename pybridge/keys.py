# SPDX-License-Identifier: MIT
"""Key files for simulations on other hosts (ZeroMQ CURVE: Curve25519, each side knows the other's public key)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import zmq

from pybridge.errors import SliceBridgeError

LEARNER_FILE, SIMULATION_FILE = "learner.key", "simulation.key"

_Z85_LENGTH = 40


class KeyFileError(SliceBridgeError):
    """A key file cannot be read, is no key, or is open to others."""

    exit_code = 2


@dataclass(frozen=True)
class LearnerKey:
    """What a learner needs to prove itself and to know its simulations, in Z85."""

    public: bytes
    secret: bytes
    simulation_public: bytes

    def __repr__(self) -> str:
        return f"LearnerKey(public={self.public!r})"


def write_keys(folder: Path) -> tuple[Path, Path]:
    """New `learner.key` and `simulation.key` in `folder`, readable by their owner alone.

    Raises `KeyFileError` if one is there already or cannot be written; nothing is overwritten.
    """
    learner_public, learner_secret = (key.decode() for key in zmq.curve_keypair())
    public, secret = (key.decode() for key in zmq.curve_keypair())
    learner, simulation = folder / LEARNER_FILE, folder / SIMULATION_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in (learner, simulation):
            if path.exists():
                raise KeyFileError(f"{path} is there already: choose another --out, or remove it")
        _write(
            learner,
            {"role": "learner", "public": learner_public, "secret": learner_secret, "simulation_public": public},
        )
        _write(simulation, {"role": "simulation", "public": public, "secret": secret, "learner_public": learner_public})
    except OSError as error:
        raise KeyFileError(f"{error.filename}: cannot be written: {error.strerror}") from None
    return learner, simulation


def read_learner_key(path: Path | str) -> LearnerKey:
    """Read `learner.key`. Raises `KeyFileError`."""
    path = Path(path)
    try:
        shared = path.stat().st_mode & 0o077
        data = json.loads(path.read_text(encoding="ascii"))
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise KeyFileError(f"the key file {path} is malformed") from None
    if shared:
        raise KeyFileError(f"the key file {path} is open to others: run `chmod 600 {path}`")
    if not isinstance(data, dict) or data.get("role") != "learner":
        raise KeyFileError(f"the key file {path} is not a learner's")
    keys = [data.get(name) for name in ("public", "secret", "simulation_public")]
    if not all(isinstance(key, str) and len(key) == _Z85_LENGTH for key in keys):
        raise KeyFileError(f"the key file {path} is malformed")
    return LearnerKey(*(str(key).encode() for key in keys))


def _write(path: Path, content: dict[str, str]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(json.dumps(content, indent=2) + "\n")
