#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Feeds malformed inputs to everything that reads what a peer sends, until one does harm or RUNS of each are done.
#
#   tools/fuzz.sh RUNS
#
# What libFuzzer finds interesting stays in build-fuzz/<target>-corpus, what does harm in build-fuzz/<target>-crash-*.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=$1

tools/build.sh build-fuzz fuzzers -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DSLICEBRIDGE_SANITIZE=ON -DSLICEBRIDGE_FUZZ=ON -DSLICEBRIDGE_TESTS=OFF -DSLICEBRIDGE_NS3GYM=OFF
for target in header layout welcome dialogue zmtp; do
    printf '+ %s: %d inputs\n' "$target" "$runs"
    # Seconds for one input, and MiB: far above what an input may need, far below what it could ask for.
    (cd build-fuzz && "bin/fuzz-$target" -runs="$runs" -max_len=65536 -timeout=10 -malloc_limit_mb=16 -rss_limit_mb=1024 \
        -artifact_prefix="$target-" -verbosity=1 -print_final_stats=1 "$target-corpus" 2>&1 | tail -n 12)
done
printf '+ learner: %d conversations\n' "$runs"
.venv/bin/python -m tests.link.fuzz "$runs"
printf '+ streams: %d\n' "$runs"
.venv/bin/python -m tests.link.fuzz_zmtp "$runs"
