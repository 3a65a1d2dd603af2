#!/usr/bin/env bash
# CMake refuses flags that would round otherwise than numerics.h writes, wherever they come from.
set -u
cd "$(dirname "$0")/.." || exit 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
bad=0
configure() { # VAR=VALUE of the environment, CMake's arguments
    local variable=$1
    shift
    rm -rf "$folder/b"
    env "$variable" cmake -G Ninja -S . -B "$folder/b" -DRMX_PROGRAMS=OFF -DRMX_CUDA=OFF "$@" \
        >"$folder/log" 2>&1
}
refused() {
    configure "$@" && echo "accepted: $*" && bad=1
    grep -q 'allows other roundings' "$folder/log" || { cat "$folder/log" && bad=1; }
}
configure A=b -DCMAKE_C_FLAGS=-march=x86-64-v3 || { cat "$folder/log" && bad=1; }
refused A=b -DCMAKE_C_FLAGS=-ffast-math
refused A=b -DCMAKE_C_FLAGS=-Ofast
refused CFLAGS=-ffp-contract=fast
refused A=b "-DCMAKE_C_FLAGS=-O2 -funsafe-math-optimizations"
exit $bad
