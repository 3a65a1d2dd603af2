#!/usr/bin/env bash
# clang-tidy over the C files that changed since it last passed here; a changed header or
# configuration means all of them. Not the host side of CUDA, whose headers need not be here.
#   tests/lint_tidy.sh BUILD
set -u
cd "$(dirname "$0")/.." || exit 2
stamps=$1/tidy
mkdir -p "$stamps"
newest=$(find include src tests bench examples .clang-tidy tests/lint_tidy.sh \
    \( -name '*.h' -o -name '.clang-tidy' -o -name lint_tidy.sh \) -printf '%T@ %p\n' |
    sort -n | tail -n 1 | cut -d' ' -f2-)
libraries=$(pkg-config --cflags hdf5 libxxhash inih jansson criterion) || exit 1
# The analyser follows 50,000 states of a function instead of 225,000: two fifths of the time, and
# only the deepest paths of long functions are left out.
states="--extra-arg=-Xclang --extra-arg=-analyzer-config"
states="$states --extra-arg=-Xclang --extra-arg=max-nodes=50000"
export libraries stamps newest states
tidy() { # FILE
    local stamp=$stamps/${1//\//.}
    [ "$stamp" -nt "$1" ] && [ "$stamp" -nt "$newest" ] && return
    # shellcheck disable=SC2086
    clang-tidy-14 --quiet $states "$1" -- -std=c11 -Iinclude -Isrc -Itests $libraries \
        -D_GNU_SOURCE -DRMX_CPU_CODE=generic -DRMX_VERSION='""' -DRMX_SOURCE_DIR='""' \
        -DRMX_BINARY_DIR='""' -DRMX_PRELOAD_FAIL='""' \
        2>"$stamp.log" && touch "$stamp" && return
    grep -v 'warnings* \(generated\|treated\)\|Suppressed\|Use -header-filter' "$stamp.log"
    return 1
}
export -f tidy
find src tests bench examples -name '*.c' ! -path '*/cuda/*' -print0 |
    xargs -0 -n 1 -P "${RMX_JOBS:-$(nproc)}" bash -c 'tidy "$0"'
