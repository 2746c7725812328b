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
packages_key="$PWD $(hash_of requirements.lock requirements-cuda.lock requirements-sdist.lock tools/python-env.sh)"
project_key="$packages_key $(hash_of pyproject.toml)"

pip_install()
{
    # A person at a terminal sees the progress of long downloads; a log is spared them.
    local -a quiet=(--quiet)
    if [[ -t 1 ]]; then
        quiet=()
    fi
    "$python" -m pip install "${quiet[@]}" --disable-pip-version-check --no-input --no-deps "$@"
}

# Takes PyTorch's CPU build where pip has been pointed to one (docs/install.md); fails where it has not. pip alone
# would prefer the build whose hash an index announces.
install_cpu_torch()
{
    local requirement
    requirement=$(sed -n '/^torch==/,/[^\\]$/p' requirements.lock | sed '1s/ \\$/+cpu \\/')
    pip_install --require-hashes --only-binary=:all: -r <(printf '%s\n' "$requirement") 2>/dev/null
}

install_packages()
{
    local base
    base=$(find_python) || die "no Python 3.11 or later that can make virtual environments"
    say "making .venv with $("$base" --version) (the first time this downloads; docs/install.md gives the sizes)"
    "$base" -m venv --clear "$venv"
    if install_cpu_torch; then
        say "PyTorch: the CPU build"
    else
        say "PyTorch: the default build"
    fi
    # The lock is the whole closure, so pip need not look for dependencies (--no-deps); if it did, it would demand
    # the CUDA packages' hashes for every build of PyTorch alike.
    pip_install --require-hashes --only-binary=:all: -r requirements.lock
    # Built here with the setuptools of the lock, so that nothing without a hash takes part.
    pip_install --require-hashes --no-build-isolation -r requirements-sdist.lock
    if "$python" -c 'import sys; from pybridge.doctor import torch_needs_cuda; sys.exit(not torch_needs_cuda())'; then
        say "this build of PyTorch needs the CUDA packages: installing them"
        pip_install --require-hashes --only-binary=:all: -r requirements-cuda.lock
    fi
    printf '%s\n' "$packages_key" >"$venv/.packages-stamp"
}

if [[ "$(cat "$venv/.packages-stamp" 2>/dev/null)" != "$packages_key" ]] || ! "$python" -c '' 2>/dev/null; then
    install_packages
fi
if [[ "$(cat "$venv/.project-stamp" 2>/dev/null)" != "$project_key" ]]; then
    say "installing slicebridge into .venv, editable"
    pip_install --no-index --no-build-isolation --editable .
    printf '%s\n' "$project_key" >"$venv/.project-stamp"
fi
