#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Configures, where needed, and builds the C++ side.
#
#   tools/build.sh DIRECTORY TARGET [CMAKE_OPTION...]
#
# DIRECTORY is emptied when it was made for another ns-3 or with other options: objects compiled against different
# headers must never be linked together, and time stamps of unpacked headers cannot tell.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/lib.sh

directory=$1
target=$2
shift 2
ns3=$PWD/.deps/ns3
if [[ -n ${NS3_DIR:-} ]]; then
    ns3=$(realpath -e "$NS3_DIR") || die "NS3_DIR='$NS3_DIR' does not exist"
fi
lock_setup
key="$PWD $ns3 $(cat "$ns3/.stamp" 2>/dev/null || true) $*"
if [[ "$(cat "$directory/.stamp" 2>/dev/null)" != "$key" ]]; then
    rm -rf "$directory"
    cmake -S ns3_scenarios -B "$directory" -G Ninja -DNS3_DIR="$ns3" "$@"
    printf '%s\n' "$key" >"$directory/.stamp"
fi
cmake --build "$directory" --target "$target" --parallel "$(nproc)"
