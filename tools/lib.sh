# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the set-up scripts share. Source it from the root of the repository.

say()
{
    printf 'setup: %s\n' "$*" >&2
}

die()
{
    printf 'setup: error: %s\n' "$*" >&2
    exit 1
}

# Two set-ups at once would overwrite each other: the second waits here until the first ends.
lock_setup()
{
    mkdir -p .deps
    exec 9>.deps/.lock
    flock 9
}

# Prints the path of a Python 3.11 or later that can make virtual environments; fails if there is none.
find_python()
{
    local name
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}
