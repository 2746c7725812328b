# SPDX-License-Identifier: MIT
"""Rewrite the lock files from pyproject.toml: for developers who change a dependency; set-up only reads them.

    python tools/lock.py            # needs uv on the PATH

`requirements.lock` is the complete closure without the CUDA packages; `requirements-cuda.lock` holds those, which only
PyTorch's default Linux build asks for; `requirements-sdist.lock` those that are released as source alone, which are
built with the locked setuptools. All carry the hashes of every build of a release (Python 3.11 and later, any
platform), and none names an index.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CUDA_NAME = re.compile(r"^(cuda-|nvidia-|triton$)")
SOURCE_ONLY = {"rliable"}

# PyTorch's CPU-only builds are not on PyPI, so no resolver sees them there; file name -> SHA-256.
TORCH_CPU_WHEELS = {
    "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl": (
        "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
    ),
}

HEADER = "# Written by tools/lock.py from pyproject.toml; do not edit.\n"


def compile_closure() -> str:
    """Resolve pyproject.toml with all its extras for every Python and platform; return the requirements with hashes.

    Raises:
        SystemExit: uv is not installed.
        subprocess.CalledProcessError: the requirements cannot be met.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise SystemExit("uv is not on the PATH; install it with: python3 -m pip install uv")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "closure.txt"
        command = [uv, "pip", "compile", "pyproject.toml", "--all-extras", "--universal", "--generate-hashes"]
        command += ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header", "--quiet"]
        subprocess.run([*command, "--output-file", str(output)], cwd=ROOT, check=True)
        return output.read_text()


def split(closure: str) -> dict[str, str]:
    """Divide a closure into lock files, by their names, adding the CPU builds' hashes to torch."""
    locks: dict[str, list[str]] = {"requirements.lock": [], "requirements-cuda.lock": [], "requirements-sdist.lock": []}
    for entry in re.split(r"\n(?=\S)", closure.strip()):
        name = entry.split("==")[0]
        if name == "torch":
            missing = [digest for digest in TORCH_CPU_WHEELS.values() if digest not in entry]
            entry += "".join(f" \\\n    --hash=sha256:{digest}" for digest in missing)
        part = "-cuda" if CUDA_NAME.match(name) else "-sdist" if name in SOURCE_ONLY else ""
        locks[f"requirements{part}.lock"].append(entry)
    return {name: "\n".join(entries) + "\n" for name, entries in locks.items()}


def main() -> None:
    """Write the lock files."""
    for name, text in split(compile_closure()).items():
        if "://" in text:
            raise SystemExit(f"{name} would name an address; nothing written")
        (ROOT / name).write_text(HEADER + text)
        print(f"{name}: {len(re.findall(r'(?m)^[a-z]', text))} packages", file=sys.stderr)


if __name__ == "__main__":
    main()
