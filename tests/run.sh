#!/usr/bin/env bash
# Runs the tests of a build folder and counts their cases.
#
#   tests/run.sh BUILD [--list] [--kinds "KIND..."] [NAME[:FILTER]...]
#
# BUILD may also be a bundle that this script lies in: tests/programs, which --list wrote there,
# then stands for the sources.
#
# KIND is one of
#   criterion  tests/test_*.c    every case counts
#   plain      tests/plain_*.c   one case each, passed where it exits 0; so are the following;
#                                exit status 77 and a line that begins with "no GPU": skipped
#   long       tests/long_*.c    both also *.cu, where there is nvcc
#   fault      tests/fault_*.c   programs under kills, failing calls and full disks
#   mutate     tests/mutate_*.c  files with changed bytes
#   fuzz       tests/fuzz_*.c    a corpus and changes of it
#   libfuzzer  tests/fuzz_*.c    by libFuzzer for RMX_FUZZ_SECONDS (60), in a build with RMX_FUZZ
#              fault-long, mutate-long and fuzz-long are the same with --long; the last line that
#              each of these says, its figures, is shown
#   example    examples/*.c
#   script     tests/test_*.sh   called with the build folder
#   check      tests/check_*.sh  called with the build folder; style. One that says "no doxygen"
#                                where there is none counts for nothing
#   lint       tests/lint_*.sh   the same, but slow
# NAME is a program or script, with or without its prefix and suffix; without its prefix it also
# stands for NAME_*: norm for test_norm and test_norm_large. FILTER is Criterion's.
#
# Criterion is not believed blindly: its TAP report must have as many results as it planned, and
# at least as many cases as tests/minimum_counts says must have run, so a program that died, a
# filter that matches nothing and a case that got lost are failures. A skipped case is a failure
# too, unless its reason begins with "no GPU" and RMX_REQUIRE_GPU is not set, or with "no gnuplot"
# where there is none, as on a machine for a bundle. Under a sanitizer, whatever was written to its
# log is a failure, as Criterion hides it from the exit status.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${1:?usage: tests/run.sh BUILD [--list] [--kinds "KIND..."] [NAME[:FILTER]...]}
build=$(cd "$build" && pwd) || exit 2
shift
only_list=
if [ "${1-}" = --list ]; then
    only_list=1
    shift
fi
kinds="criterion plain fault mutate fuzz example script check"
if [ "${1-}" = --kinds ]; then
    kinds=$2
    shift 2
fi
jobs=${RMX_JOBS:-$(nproc)}
limit=${RMX_TEST_SECONDS:-900}
out=$(mktemp -d "$build/results.XXXXXX" 2>/dev/null || mktemp -d) || exit 2
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM
wrap=() # ThreadSanitizer of gcc 12 wants a plain memory map
grep -qs 'RMX_SANITIZE:STRING=thread' "$build/CMakeCache.txt" && setarch -R true 2>/dev/null &&
    wrap=(setarch -R)

# ---- which ones -----------------------------------------------------------------------------
list() # KIND: its programs and scripts, by name
{
    if [ -e tests/programs ]; then
        awk -v kind="$1" '$1 == kind { print $2 }' tests/programs
        return
    fi
    case ${1%-long} in
    fault) without_cuda 'tests/fault_*.c' ;;
    mutate | fuzz) compgen -G "tests/${1%-long}_*.c" ;;
    libfuzzer) compgen -G 'tests/fuzz_*.c' ;;
    criterion) compgen -G 'tests/test_*.c' ;;
    plain) compgen -G 'tests/plain_*.c' && with_cuda 'tests/plain_*.cu' ;;
    long) compgen -G 'tests/long_*.c' && with_cuda 'tests/long_*.cu' ;;
    example) compgen -G 'examples/*.c' | sed 's,/,/example_,' ;;
    script) compgen -G 'tests/test_*.sh' ;;
    check) compgen -G 'tests/check_*.sh' ;;
    lint) compgen -G 'tests/lint_*.sh' ;;
    esac | sed 's,.*/,,; s,\.cu*$,,' | sort
}

with_cuda() { # PATTERN: only where nvcc was there to build them
    grep -qs '^RMX_HAVE_CUDA:.*=TRUE' "$build/CMakeCache.txt" && compgen -G "$1"
}

# PATTERN: the CUDA runtime within a program checks none of its own allocations, and its end does
# not stand the preloaded library, so builds without it have these tests.
without_cuda() {
    grep -qs '^RMX_HAVE_CUDA:.*=TRUE' "$build/CMakeCache.txt" || compgen -G "$1"
}

selected=() # kind name filter
for kind in $kinds; do
    for name in $(list "$kind"); do
        [ $# -eq 0 ] && selected+=("$kind $name")
        for wanted; do
            short=${name%.sh}
            case ${wanted%%:*} in
            "$name" | "$short" | "${short#*_}") ;;
            *) [[ $name = "test_${wanted}_"* ]] || continue ;;
            esac
            filter=
            [ "$wanted" != "${wanted%%:*}" ] && filter=${wanted#*:}
            selected+=("$kind $name $filter")
            [ -n "$filter" ] || break # norm and norm_large name one program twice
        done
    done
done
if [ ${#selected[@]} -eq 0 ]; then
    echo "no test is called ${*:-so}; there are:" >&2
    for kind in $kinds; do list "$kind"; done | sed "s,^,  ," >&2
    exit 2
fi

if [ -n "$only_list" ]; then
    printf '%s\n' "${selected[@]}" | sed 's/ *$//'
    exit 0
fi

# ---- running one -----------------------------------------------------------------------------
# A result file holds "passed failed skipped-for-want-of-a-GPU"; a log holds what to show.
criterion() # NAME FILTER
{
    local tap=$out/$1.tap status least filter=()
    [ -n "$2" ] && filter=(--filter "$2")
    timeout "$limit" "$build/tests/$1" -j1 --tap="$tap" "${filter[@]}" >"$out/$1.log" 2>&1
    status=$?
    [ -f "$tap" ] || : >"$tap"
    least=$(awk -v name="$1" '$1 == name { print $2 }' tests/minimum_counts)
    [ -n "$2" ] && least=1
    awk -v name="$1" -v status="$status" -v least="$least" -v filtered="$2" \
        -v gpu="${RMX_REQUIRE_GPU-}" -v gnuplot="$(command -v gnuplot)" '
        function fail(why) { failed++; print "  " why > "/dev/stderr" }
        /^1\.\.[0-9]+$/ { plan = substr($0, 4) + 0 }
        /^not ok / { seen++; fail($0); next }
        /^ok / && !/ # SKIP/ { seen++; passed++ }
        /^ok / && / # SKIP/ {
            seen++
            reason = $0
            sub(/^.* # SKIP */, "", reason)
            if (filtered != "" && reason == "test was skipped") next
            if (reason ~ /^no gnuplot/ && gnuplot == "") { waived++; next }
            if (reason ~ /^no GPU/ && gpu == "") skipped++
            else fail("skipped: " $0)
        }
        END {
            if (seen != plan || plan == 0) fail("planned " plan + 0 " cases, reported " seen + 0)
            else if (least == "") fail("tests/minimum_counts lacks the line: " name " " plan)
            else if (passed + skipped + waived + failed < least + 0)
                fail("ran " passed + skipped + failed " cases, at least " least " are expected")
            if (status != 0 && failed == 0) fail("exit status " status)
            print passed + 0, failed + 0, skipped + 0
        }' "$tap" >"$out/$1.result" 2>>"$out/$1.log"
}

plain() # NAME COMMAND...
{
    local name=$1 status
    shift
    timeout "$limit" "$@" >"$out/$name.log" 2>&1
    status=$?
    if [ $status -eq 0 ]; then
        echo "1 0 0"
    elif [ $status -eq 77 ] && [ -z "${RMX_REQUIRE_GPU-}" ] &&
        grep -q '^no GPU' "$out/$name.log"; then
        echo "0 0 1"
    elif [ $status -eq 77 ] && ! command -v doxygen >/dev/null &&
        grep '^no doxygen' "$out/$name.log" >"$out/$name.figures"; then
        echo "0 0 0"
    else
        echo "  exit status $status" >>"$out/$name.log"
        echo "0 1 0"
    fi >"$out/$name.result"
}

libfuzzer() # NAME: what it finds new goes to a corpus in the build folder
{
    local corpus=$build/corpus/${1#fuzz_}
    mkdir -p "$corpus"
    plain "$1" "$build/tests/$1" -max_total_time="${RMX_FUZZ_SECONDS:-60}" -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$build/$1-" "$corpus" \
        "tests/corpus/${1#fuzz_}"
    awk -v name="$1" '
        / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
        /number_of_executed_units/ { runs = $2 }
        /Test unit written to/ { kept = $NF }
        END {
            print name ": " runs + 0 " runs, " cov + 0 " edges" (kept ? ", failed on " kept : "")
        }
        ' "$out/$1.log" >>"$out/$1.figures"
}

one() # KIND NAME FILTER
{
    local name=$2 began=$SECONDS passed failed skipped verdict=ok limit=$limit
    [[ $1 != *long ]] || limit=$((limit + 3600)) # all floats, a dozen functions
    export ASAN_OPTIONS="log_path=$out/$name.sanitizer:detect_stack_use_after_return=1"
    export UBSAN_OPTIONS="log_path=$out/$name.sanitizer:print_stacktrace=1"
    export TSAN_OPTIONS="log_path=$out/$name.sanitizer"
    export LSAN_OPTIONS="suppressions=$PWD/tests/sanitizer_leaks:print_suppressions=0"
    case $1 in
    criterion) criterion "$name" "${3-}" ;;
    libfuzzer) libfuzzer "$name" ;;
    fault-long | mutate-long | fuzz-long) plain "$name" "$build/tests/$name" --long ;;
    plain | long | example | fault | mutate | fuzz)
        plain "$name" "${wrap[@]}" "$build/tests/$name"
        ;;
    script | check | lint) plain "$name" "tests/$name" "$build" ;;
    esac
    read -r passed failed skipped <"$out/$name.result"
    if ls "$out/$name".sanitizer.* >/dev/null 2>&1; then
        failed=$((failed + 1))
        cat "$out/$name".sanitizer.* >>"$out/$name.log"
    fi
    echo "$passed $failed $skipped" >"$out/$name.result"
    [ "$failed" -gt 0 ] && verdict=FAIL
    printf '%-4s %-28s %4d passed%s%s  %d s\n' $verdict "${name%.sh}" "$passed" \
        "$([ "$failed" -gt 0 ] && echo ", $failed failed")" \
        "$([ "$skipped" -gt 0 ] && echo ", $skipped skipped (no GPU)")" $((SECONDS - began))
    case ${1%-long} in
    fault | mutate | fuzz)
        grep -aE "seed [0-9]+, [0-9]+ s$" "$out/$name.log" >"$out/$name.figures"
        ;;
    esac
    [ ! -s "$out/$name.figures" ] || sed 's/^/     /' "$out/$name.figures"
    if [ "$failed" -gt 0 ]; then
        tail -n "${RMX_LOG_LINES:-60}" "$out/$name.log" | sed 's/^/    /'
    fi
}

running=0
for test in "${selected[@]}"; do
    if [ "$running" -ge "$jobs" ]; then
        wait -n
        running=$((running - 1))
    fi
    # shellcheck disable=SC2086 # three words
    one $test &
    running=$((running + 1))
done
wait

# ---- what came of it -------------------------------------------------------------------------
read -r passed failed skipped < <(cat "$out"/*.result |
    awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
lost=$((${#selected[@]} - $(find "$out" -name '*.result' | wc -l)))
failed=$((failed + lost))
[ "$lost" -gt 0 ] && echo "$lost programs left no result"
if [ -n "${RMX_TALLY-}" ]; then # a part of something larger, which says the last word
    echo "$passed $failed $skipped" >>"$RMX_TALLY"
else
    compgen -G '/dev/nvidia[0-9]*' >/dev/null || echo "no GPU here: $skipped GPU tests were skipped"
    echo "$passed passed, $failed failed, $skipped skipped"
fi
[ "$failed" -eq 0 ]
