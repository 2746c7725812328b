#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs, by apt, the system packages that a part of the set-up needs: only those that are missing.
#
#   tools/system-packages.sh build|python|fuzz|browser|check
#
# build   compiler, CMake, Ninja and C++ libraries
# fuzz    Clang with libFuzzer
# python  Python 3.11 or later that can make virtual environments
# browser Chromium and its driver, for the test that opens the report
# check   installs nothing; prints the packages that build and python lack, one a line
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/lib.sh

# Found by what they provide, not by package name, so that a tool from elsewhere counts too.
missing_tools()
{
    command -v cmake >/dev/null || echo cmake
    command -v ninja >/dev/null || echo ninja-build
    command -v g++ >/dev/null || echo g++
    command -v protoc >/dev/null || echo protobuf-compiler
}

missing_headers()
{
    local -A package_of=([zmq.h]=libzmq3-dev [zmq.hpp]=cppzmq-dev [sodium.h]=libsodium-dev
                         [nlohmann/json.hpp]=nlohmann-json3-dev [google/protobuf/message.h]=libprotobuf-dev
                         [gtest/gtest.h]=libgtest-dev [rapidcheck.h]=librapidcheck-dev)
    if ! command -v g++ >/dev/null; then
        printf '%s\n' "${package_of[@]}"
        return
    fi
    local header
    for header in "${!package_of[@]}"; do
        printf '#if !__has_include(<%s>)\n%s\n#endif\n' "$header" "${package_of[$header]}"
    done | g++ -E -P -x c++ - | sed '/^$/d'
}

missing_python()
{
    if find_python >/dev/null; then
        return
    fi
    # The distribution's own Python where it is new enough, else the oldest that is.
    if ! command -v python3 >/dev/null || python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo python3-venv
    else
        echo python3.11-venv
    fi
}

missing_fuzz()
{
    local program=$'#include <cstddef>\nextern "C" int LLVMFuzzerTestOneInput(const char*, std::size_t) { return 0; }'
    if ! clang++ -fsanitize=fuzzer,address -x c++ - -o /dev/null <<<"$program" 2>/dev/null; then
        # Debian has the runtime in a package of its own since version 14, named after that of Clang.
        echo clang
        apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p'
    fi
}

missing_browser()
{
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || echo chromium
    command -v chromedriver >/dev/null || echo chromium-driver
}

install()
{
    local -a command=(env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@")
    local manual="apt-get update && apt-get install -y --no-install-recommends $*"
    if ! command -v apt-get >/dev/null; then
        die "missing, and there is no apt-get here to install them; on Debian and Ubuntu the packages are: $*"
    fi
    local -a as_root=()
    if [[ $EUID -ne 0 ]]; then
        # Without a terminal sudo could not ask for a password.
        if ! command -v sudo >/dev/null || ! { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
            die "system packages are missing and this user may not install them; as root, run: $manual"
        fi
        as_root=(sudo)
    fi
    say "installing system packages: $*"
    if ! "${as_root[@]}" apt-get update -qq || ! "${as_root[@]}" "${command[@]}" >&2; then
        die "system packages could not be installed; as root, run: $manual"
    fi
}

missing()
{
    case "$1" in
        build) missing_tools; missing_headers ;;
        python) missing_python ;;
        fuzz) missing_fuzz ;;
        browser) missing_browser ;;
        check) missing build; missing python ;;
        *) die "usage: tools/system-packages.sh build|python|fuzz|browser|check" ;;
    esac
}

part=${1:-}
packages=$(missing "$part" | sort -u)
if [[ $part == check ]]; then
    printf '%s\n' "$packages"
elif [[ -n $packages ]]; then
    mapfile -t list <<<"$packages"
    install "${list[@]}"
    packages=$(missing "$part")
    [[ -z $packages ]] || die "still missing after their installation: ${packages//$'\n'/ }"
fi
