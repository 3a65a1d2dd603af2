#!/usr/bin/env bash
# Puts the results of a run into docs/benchmarks.md, between its markers, and the pictures beside
# it. Where the run had no gnuplot its pictures are drawn here, from its CSV.
#   bench/fill_benchmarks.sh cpu|cuda [DIR]     DIR: of rmx-bench --out; default build/bench
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?usage: bench/fill_benchmarks.sh cpu|cuda [DIR]}
from=${2:-build/bench}
page=docs/benchmarks.md
[ "$kind" = cpu ] || [ "$kind" = cuda ] || { echo "cpu or cuda, not '$kind'" >&2 && exit 2; }
[ -s "$from/bench.md" ] || { echo "no $from/bench.md: run ./dev bench first" >&2 && exit 1; }
grep -q "^Device: $kind" "$from/bench.md" ||
    { echo "$from/bench.md is not of $kind: $(head -n 1 "$from/bench.md")" >&2 && exit 1; }

new=$(mktemp)
drawn=$(mktemp -d)
trap 'rm -rf "$new" "$drawn"' EXIT
if ! [ -s "$from/product.svg" ]; then
    ./dev bench --draw "$from/bench.csv" --plots "$drawn"
    pictures=$drawn
else
    pictures=$from
fi
{
    echo "Taken on $(date -r "$from/bench.md" +%F) with \`rmx-bench --all --device $kind\`."
    sed 's|Yardstick: \([A-Za-z]*\) (.*/\([^/]*\))|Yardstick: \1 (\2)|' "$from/bench.md"
    mkdir -p docs/figures
    rm -f docs/figures/*-"$kind.svg" # whatever an older rmx-bench drew
    for picture in product rows mixers block step; do
        [ -s "$pictures/$picture.svg" ] || continue
        cp "$pictures/$picture.svg" "docs/figures/$picture-$kind.svg"
        printf '\n![%s](figures/%s-%s.svg)\n' "$picture" "$picture" "$kind"
    done
} >"$new"
awk -v begin="<!-- results $kind: begin -->" -v end="<!-- results $kind: end -->" -v new="$new" '
    $0 == end { inside = 0 }
    !inside { print }
    $0 == begin { inside = 1; while ((getline line < new) > 0) print line; found = 1 }
    END { exit !found }' "$page" >"$page.tmp"
mv "$page.tmp" "$page"
