#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs every test, all of them even if some fail; tools/build.sh's directory `build` and .venv are there.
#
# The Python tests, many of which wait, run beside the C++ side, which builds and tests twice, the second time under
# AddressSanitizer and UBSan. Its output follows when they have ended, then those that measure time, by themselves.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

readonly LOG=build/cpp-tests.log
readonly FAILED=build/failed-checks.log
readonly LAST_FAILED=.pytest_cache/v/cache/lastfailed

check()
{
    printf '+ %s\n' "$*"
    "$@" && return
    printf '%s\n' "$*" >>"$FAILED"
    status=1
    return 1
}

run_ctest()
{
    check ctest --test-dir "$1" --output-on-failure --no-tests=error -j "$(nproc)"
}

# Compilers give way to whatever is being tested.
cpp()
{
    local status=0
    check nice tools/build.sh build all -DCMAKE_BUILD_TYPE=Release && run_ctest build
    check nice tools/build.sh build-asan all -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSLICEBRIDGE_SANITIZE=ON &&
        run_ctest build-asan
    return "$status"
}

status=0
rm -f "$FAILED" "$LAST_FAILED"
set -m # the C++ side is a group of its own, to be ended as one
cpp >"$LOG" 2>&1 &
cpp=$!
trap 'kill -- "-$cpp" 2>/dev/null' EXIT
# One thread for each: tests run beside each other, and a learner's threads that wait for a core take one from others.
# Not for the C++ side: nproc obeys this variable.
check env OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m 'not timed'
tail --pid="$cpp" --lines=+1 --follow "$LOG"
wait "$cpp" || status=1
check env OMP_NUM_THREADS=1 .venv/bin/python -m pytest -m timed
if ((status)); then
    # Said again at the end, which is what one reads first.
    printf '\nFAILED:\n'
    cat "$FAILED" "$LAST_FAILED" 2>/dev/null
fi
exit "$status"
