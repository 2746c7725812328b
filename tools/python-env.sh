#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes .venv hold exactly what the lock files say, and this project, editable.
#
# A stamp inside .venv, written last, holds the hash of everything that went in. An environment without its stamp
# (an interrupted set-up, a changed lock) is made anew.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/lib.sh
lock_setup

hash_of()
{
    cat "$@" | sha256sum | cut -d' ' -f1
}

venv=.venv
python=$venv/bin/python
# The path counts as well: the environment's scripts name it, so a moved clone needs a new one.
packages_key="$PWD $(hash_of requirements.lock requirements-cuda.lock tools/python-env.sh)"
project_key="$packages_key $(hash_of pyproject.toml)"

pip_install()
{
    "$python" -m pip install --quiet --disable-pip-version-check --no-input "$@"
}

install_packages()
{
    local base
    base=$(find_python) || die "no Python 3.11 or later that can make virtual environments"
    say "making .venv with $("$base" --version) (the first time this downloads; docs/install.md gives the sizes)"
    "$base" -m venv --clear "$venv"
    # The lock is the whole closure. Without --no-deps pip would demand hashes of the CUDA packages from
    # every build of PyTorch alike.
    pip_install --no-deps --require-hashes --only-binary=:all: -r requirements.lock
    if "$python" tools/torch_needs_cuda.py; then
        say "this build of PyTorch needs the CUDA packages: installing them"
        pip_install --no-deps --require-hashes --only-binary=:all: -r requirements-cuda.lock
    fi
    printf '%s\n' "$packages_key" >"$venv/.packages-stamp"
}

if [[ "$(cat "$venv/.packages-stamp" 2>/dev/null)" != "$packages_key" ]] || ! "$python" -c '' 2>/dev/null; then
    install_packages
fi
if [[ "$(cat "$venv/.project-stamp" 2>/dev/null)" != "$project_key" ]]; then
    say "installing slicebridge into .venv, editable"
    pip_install --no-deps --no-index --no-build-isolation --editable .
    printf '%s\n' "$project_key" >"$venv/.project-stamp"
fi
