#!/usr/bin/env bash
# A bundle is complete and may lie anywhere: every program finds its libraries in it, glibc's
# apart, and a test that reads data and runs programs passes with the bundle's own. Where there is
# no nvcc, ./dev bundle says so.
#   tests/test_bundle.sh BUILD
set -eu
cd "$(dirname "$0")/.."
unset RMX_TALLY
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
    echo "$*"
    cat "$folder/log"
    exit 1
}
if ! grep -qs '^RMX_HAVE_CUDA:.*=TRUE' "$1/CMakeCache.txt"; then
    if ! command -v nvcc >/dev/null && [ ! -x /usr/local/cuda/bin/nvcc ]; then
        ! CUDACXX='' CUDA_PATH='' ./dev bundle >"$folder/log" 2>&1 || fail "a bundle without CUDA"
        grep -q 'a bundle needs CUDA' "$folder/log" || fail "no word of CUDA"
    fi
    exit 0
fi
cmake --build "$1" --target bundle_parts >"$folder/log" 2>&1 || fail "bundle_parts was not built"
cmake/bundle.sh "$1" "$folder/made" >"$folder/log" 2>&1 || fail "bundle.sh failed"
mv "$folder/made" "$folder/moved"

# ldd asks the loader, which knows RPATH as it is. Nothing but glibc lies outside.
glibc='linux-vdso|ld-linux|lib(c|m|pthread|dl|rt|resolv|util|anl)\.so\.[0-9]'
programs=0
for program in "$folder"/moved/bin/* "$folder"/moved/tests/*_*; do
    [ -x "$program" ] || continue
    programs=$((programs + 1))
    env -i ldd "$program" >"$folder/log"
    ! grep -vE "^[[:space:]]*(/[^ ]*/)?($glibc)|=> $folder/moved/(tests|bin)/\.\./lib/" \
        "$folder/log" || fail "$program: the lines above are from elsewhere"
done
listed=$(wc -l <"$folder/moved/tests/programs")
[ "$programs" -gt "$listed" ] || fail "$programs programs, though $listed are tests"
[ "$(du -sb "$folder/moved" | cut -f1)" -le $((60 << 20)) ] || fail "over 60 MiB"

run() { # STATUS "last line" NAME...
    local status=0
    env -i PATH="$PATH" "$folder/moved/run-tests" "${@:3}" >"$folder/log" 2>&1 || status=$?
    [ "$status" -eq "$1" ] && tail -n 1 "$folder/log" | grep -qx "$2" ||
        fail "expected $1 and '$2' of ${*:3}, got $status and"
}
run 0 "[1-9][0-9]* passed, 0 failed, 0 skipped" activation rmx_data schedule
mv "$folder/moved/tests/golden/golden.h5" "$folder/moved/bin/rmx-data" "$folder/"
run 1 "[0-9]* passed, [1-9][0-9]* failed, 0 skipped" activation
run 1 "[0-9]* passed, [1-9][0-9]* failed, 0 skipped" rmx_data:rmx_data/generate_then_look
