#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs every style and type check, all of them even if one fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

status=0
check()
{
    printf '+ %s\n' "$*"
    "$@" || status=1
}

check .venv/bin/ruff check .
check .venv/bin/ruff format --check .
check .venv/bin/mypy
mapfile -t sources < <(find ns3_scenarios -name '*.cc' -o -name '*.h' | sort)
printf '+ clang-format --dry-run -Werror (%d files)\n' "${#sources[@]}"
.venv/bin/clang-format --dry-run -Werror "${sources[@]}" || status=1
exit "$status"
