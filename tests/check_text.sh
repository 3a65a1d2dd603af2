#!/usr/bin/env bash
# Rules that a search can check: long lines, loose ends, and calls that would break the promise
# about bits or that a library must not make.
set -u
shopt -s lastpipe # complain, at a pipe's end, sets bad
cd "$(dirname "$0")/.." || exit 2
bad=0
complain() { # RULE: the offending lines come in on stdin
    local lines
    lines=$(cat)
    [ -z "$lines" ] && return
    printf '%s:\n%s\n' "$1" "$lines"
    bad=1
}

mapfile -t code < <(find include src tests bench examples -name '*.[ch]' -o -name '*.cu' \
    -o -name '*.cuh' | sort)
scripts=(dev .ci/run {,tests/,bench/}CMakeLists.txt cmake/*.* cmake/bundle/* tests/*.sh)
mapfile -t documents < <(find . docs -maxdepth 1 -name '*.md')

LC_ALL=C.UTF-8 grep -nE '^.{101,}' "${code[@]}" "${scripts[@]}" | cut -c1-120 |
    complain "lines over 100 columns"
grep -nE '[[:space:]]+$' "${code[@]}" "${scripts[@]}" "${documents[@]}" |
    complain "white space at the end of a line"
grep -nP '\t' "${code[@]}" "${scripts[@]}" | complain "tabs"
grep -nE '\b(TO''DO|FIX''ME|XX''X|HA''CK)\b' "${code[@]}" "${scripts[@]}" "${documents[@]}" |
    complain "loose ends: do it, or write an issue"

for file in "${code[@]}"; do
    case $file in examples/*) continue ;; esac # they are shown as they are in README.md
    head -n 1 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file"
done | complain "no SPDX-License-Identifier in the first line"

# From here on without comments, which may well speak of what is forbidden.
without_comments() { # FILE...: "file:line:text"
    perl -0777 -ne '
        s{("(?:\\.|[^"\\\n])*"|\x27(?:\\.|[^\x27\\\n])*\x27)|/\*.*?\*/|//[^\n]*}
         { $1 // $& =~ s/[^\n]//gr }gse;
        my $line = 0;
        print map { ++$line; /\S/ ? "$ARGV:$line:$_\n" : () } split /\n/' "$@"
}
plain=$(without_comments "${code[@]}")
forbid() { # FILES PATTERN RULE
    grep -E "^($1)[^:]*:" <<<"$plain" | grep -P "^[^:]*:[0-9]+:.*$2" | complain "$3"
}
library='include/|src/core/|src/kernels/|src/layers/'
functions='(exp|exp2|expm1|log|log2|log10|log1p|sin|cos|tan|sinh|cosh|tanh|erf|erfc|pow|cbrt)f?'
forbid 'src/kernels/|src/layers/' "(?<![\w.>])$functions *\(" \
    "libm differs from machine to machine: use numerics.h"
forbid 'src/kernels/|src/layers/' '(?<!\w)(rsqrtf?|__(exp|log|sin|cos|pow|tan)f|__fdividef) *\(' \
    "approximate functions: use numerics.h"
forbid 'src/' '(?<!\w)(atomicAdd|__nv_atomic_fetch_add) *\((?!\(unsigned)' \
    "an atomic sum has no stated order; one of whole numbers shows its (unsigned *) cast"
forbid "$library" '(?<!\w)(exit|_exit|abort|printf|fprintf|puts|fputs|perror|putchar) *\(' \
    "the library returns a status; it never ends the process or prints"
forbid 'src/kernels/reference/' \
    '(# *(define +(?!RMX_REFERENCE_H|RMX_SLOT\()|pragma|if )|RMX_CPU *\(|rmx_parallel|__\w+)' \
    "the reference is plain C: no macros, vectors, threads or hints"
forbid 'src/kernels/cpu/([^s]|s[^i])' \
    '(# *(el)?if.*(RMX_VL|__AVX)|immintrin|(?<!\w)_mm\d*_|(?<!\w)__m(128|256|512))' \
    "intrinsics, and code for one vector width, belong in simd.h"
forbid 'src/|include/' '#pragma +(GCC optimize|STDC FP_CONTRACT ON|clang fp)' \
    "rounding is decided by numerics.h and the build's flags alone"
grep -nE 'fast[-_]math|-Ofast' CMakePresets.json CMakeLists.txt {tests,bench}/CMakeLists.txt dev |
    complain "fast-math changes results"
exit $bad
