#!/usr/bin/env bash
# Is the new build slower than the old one? Both are measured in turns within one run.
#   bench/compare.sh [-n ROUNDS] OLD NEW [NOUN...] [-- OPTION...]
#
# OLD and NEW are build folders, bundles (./dev bundle) or rmx-bench programs. Without a NOUN all
# nouns with times are measured (rmx-bench --list). OPTIONs go to both programs: -- --threads=2.
# Of every noun both builds are run ROUNDS times (default 9) in turns; the first one alternates.
#
# A time is the 10th percentile of a run, as other programs only add to it. A line's ratio is the
# median over the rounds of new time / old time, its noise half the span of these ratios. A noun's
# ratio is the geometric mean of its lines. Exit status 1: a noun is more than 3 % slower, or a
# line more than 10 %. Where the noise is of that size take more rounds, or a machine at rest.
set -euo pipefail
export LC_ALL=C
die() {
    echo "compare: $*" >&2
    exit 2
}
program() { # OLD or NEW
    local path
    for path in "$1" "$1/rmx-bench" "$1/bin/rmx-bench"; do
        [ -f "$path" ] && [ -x "$path" ] && realpath "$path" && return
    done
    die "$1: neither a build folder, a bundle nor rmx-bench"
}

rounds=9
[ "${1-}" != -n ] || { rounds=${2-} && shift $(($# > 1 ? 2 : 1)); }
[[ $rounds =~ ^[1-9][0-9]*$ ]] || die "-n takes a number of rounds, not '$rounds'"
[ $# -ge 2 ] || die "usage: compare.sh [-n ROUNDS] OLD NEW [NOUN...] [-- OPTION...]"
old=$(program "$1")
new=$(program "$2")
shift 2
nouns=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do nouns+=("$1") && shift; done
[ $# -eq 0 ] || shift
[ ${#nouns[@]} -gt 0 ] || mapfile -t nouns < <("$new" --list | grep -v '^memory$')
# Short runs bring old and new nearer together in time; builds older than --seconds take longer.
brief=--seconds=0.2
for build in "$old" "$new"; do [[ $("$build" --help) == *--seconds=* ]] || brief=-q; done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
measure() { # old|new ROUND NOUN OPTION...: lines "side round noun op shape seconds"
    local side=$1 round=$2
    shift 2
    # the vendor's products would only take time
    "${!side}" -q "$brief" --openblas=none --cublas=none --json="$folder/json" "$@" \
        2>"$folder/err" || die "${!side} $*: $(head -n 1 "$folder/err")"
    sed -nE 's/^\{"[a-z]+":"([^"]*)","op":"([^"]*)","shape":"([^"]*)"/\1\t\2\t\3\t/
        s/\t,.*"p10_s":([0-9][0-9.e+-]*).*/\t\1/
        s/^/'"$side\t$round\t"'/
        /\t[0-9.e+-]+$/p' "$folder/json" >>"$folder/lines"
}
echo "old $old"
echo "new $new"
for noun in "${nouns[@]}"; do
    for ((round = 1; round <= rounds; round++)); do
        echo "compare: $noun, round $round of $rounds" >&2
        order=(old new)
        [ $((round % 2)) -eq 1 ] || order=(new old)
        for side in "${order[@]}"; do measure "$side" "$round" "$noun" "$@"; done
    done
done

awk -F '\t' -v rounds="$rounds" '
    function median(values, n,    i, j, x, s) { # sorts; sets least and greatest
        for (i = 1; i <= n; i++) s[i] = values[i]
        for (i = 2; i <= n; i++) {
            x = s[i]
            for (j = i - 1; j > 0 && s[j] > x; j--) s[j + 1] = s[j]
            s[j + 1] = x
        }
        least = s[1]; greatest = s[n]
        return n % 2 ? s[(n + 1) / 2] : sqrt(s[n / 2] * s[n / 2 + 1])
    }
    function duration(s) {
        if (s < 1e-3) return sprintf("%.1f us", s * 1e6)
        return s < 1 ? sprintf("%.2f ms", s * 1e3) : sprintf("%.3f s", s)
    }
    function verdict(ratio, limit) {
        if (ratio <= limit) return ""
        broken++
        return least > 1 || rounds == 1 ? "  SLOWER" : "  SLOWER, but not in every round"
    }
    function print_line(text, before, after, ratio, limit,    noise) { # after median()
        noise = rounds > 1 ? sprintf("+-%.1f %%", 50 * (greatest - least) / ratio) : ""
        printf "%-62s %10s %10s %7.3f %10s%s\n", text, before, after, ratio, noise,
            verdict(ratio, limit)
    }
    {
        key = $4 "  " $5
        seconds[key, $1, $2] = $6
        seen[key, $1]++
        if (!(key in noun) || $1 == "new") noun[key] = $3
        if (seen[key, "old"] + seen[key, "new"] == 1) keys[++count] = key
    }
    END {
        printf "\n%-62s %10s %10s %7s %10s\n", "line", "old", "new", "new/old", "noise"
        for (k = 1; k <= count; k++) {
            key = keys[k]
            name = noun[key]
            if (seen[key, "old"] != rounds || seen[key, "new"] != rounds) {
                alone++
                continue
            }
            for (i = 1; i <= rounds; i++) {
                before[i] = seconds[key, "old", i]
                after[i] = seconds[key, "new", i]
                ratio[i] = after[i] / before[i]
                logs[name, i] += log(ratio[i])
            }
            if (!lines[name]++) names[++different] = name
            b = duration(median(before, rounds))
            a = duration(median(after, rounds))
            r = median(ratio, rounds)
            sum[name] += log(r)
            print_line(name ": " key, b, a, r, 1.10)
        }
        printf "\n%-62s %10s %10s %7s %10s\n", "geometric mean", "", "lines", "new/old", "noise"
        for (k = 1; k <= different; k++) {
            name = names[k]
            for (i = 1; i <= rounds; i++) ratio[i] = exp(logs[name, i] / lines[name])
            median(ratio, rounds)
            print_line(name, "", lines[name], exp(sum[name] / lines[name]), 1.03)
        }
        print ""
        if (alone) printf "%d lines are of one build only and were left out\n", alone
        if (!different) print "nothing to compare"
        else if (broken) print broken " slower than allowed: 3 % a noun, 10 % a line"
        else print "ok: no noun is more than 3 % slower, no line more than 10 %"
        exit different ? broken > 0 : 2
    }' "$folder/lines"
