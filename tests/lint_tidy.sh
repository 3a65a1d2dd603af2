#!/usr/bin/env bash
# clang-tidy over the C files that changed since it last passed here; a changed header or
# configuration means all of them. The host side of CUDA only where its headers are.
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
tidy() { # FILE CODE FLAG...: of an instruction set of the CPU kernels
    local file=$1 code=$2 stamp=$stamps/$2.${1//\//.}
    shift 2
    [ "$stamp" -nt "$file" ] && [ "$stamp" -nt "$newest" ] && return
    # shellcheck disable=SC2086
    clang-tidy-14 --quiet $states ${code_checks-} "$file" -- -std=c11 -Iinclude -Isrc -Itests \
        $libraries -D_GNU_SOURCE -DRMX_CPU_CODE="$code" "$@" -DRMX_VERSION='""' \
        -DRMX_SOURCE_DIR='""' -DRMX_BINARY_DIR='""' -DRMX_PRELOAD_FAIL='""' \
        2>"$stamp.log" && touch "$stamp" && return
    grep -v 'warnings* \(generated\|treated\)\|Suppressed\|Use -header-filter' "$stamp.log"
    return 1
}
# The CPU kernels once more for each instruction set, which changes simd.h alone. The analyser takes
# most of the time, and follows the same paths as in the generic copy: without it.
tidy_codes() { # FILE
    local code_checks="--checks=-clang-analyzer-*" bad=0
    tidy "$1" avx2 -mavx2 -mfma -mbmi2 || bad=1
    tidy "$1" avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mbmi2 || bad=1
    return $bad
}
export -f tidy tidy_codes
in_turns() { xargs -0 -n 1 -P "${RMX_JOBS:-$(nproc)}" bash -c "$1"; }
bad=0
find src tests bench examples -name '*.c' ! -path '*/cuda/*' -print0 |
    in_turns 'tidy "$0" generic' || bad=1
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
cuda=${nvcc%/bin/nvcc}/include
export cuda
if [ -e "$cuda/cuda_runtime_api.h" ]; then
    find src/kernels/cuda -name '*.c' -print0 |
        in_turns 'tidy "$0" cuda -isystem "$cuda" -DRMX_WITH_CUDA' || bad=1
fi
[ "$(uname -m)" = x86_64 ] || exit $bad
find src/kernels/cpu -name '*.c' ! -name backend.c ! -name threads.c -print0 |
    in_turns 'tidy_codes "$0"' || bad=1
exit $bad
