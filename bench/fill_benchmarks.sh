#!/usr/bin/env bash
# Writes docs/benchmarks/cpu.md or cuda.md and the pictures in docs/figures from the results of
# ./dev bench, here or on another machine. Missing pictures are drawn here, from the CSV.
#   bench/fill_benchmarks.sh cpu|cuda [FOLDER]     of rmx-bench --out; default build/bench
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?usage: bench/fill_benchmarks.sh cpu|cuda [FOLDER]}
from=${2:-build/bench}
page=docs/benchmarks/$kind.md
[ "$kind" = cpu ] || [ "$kind" = cuda ] || { echo "cpu or cuda, not '$kind'" >&2 && exit 2; }
[ -s "$from/bench.md" ] || { echo "no $from/bench.md: run ./dev bench first" >&2 && exit 1; }
grep -q "^Device: $kind" "$from/bench.md" ||
    { echo "$from/bench.md is not of $kind: $(head -n 1 "$from/bench.md")" >&2 && exit 1; }

pictures=$from
drawn=$(mktemp -d)
trap 'rm -rf "$drawn"' EXIT
if ! [ -s "$from/product.svg" ]; then
    ./dev bench --draw "$from/bench.csv" --plots "$drawn"
    pictures=$drawn
fi
mkdir -p docs/benchmarks docs/figures
rm -f docs/figures/*-"$kind.svg" # pictures of an older rmx-bench
{
    echo "# Results: $kind"
    echo
    echo "Written by \`bench/fill_benchmarks.sh\`; do not edit. Taken on" \
        "$(date -r "$from/bench.md" +%F) with \`rmx-bench --all --device=$kind\`."
    echo "[benchmarks.md](../benchmarks.md) says what the columns mean."
    echo
    sed 's|Yardstick: \([A-Za-z]*\) (.*/\([^/]*\))|Yardstick: \1 (\2)|; s/^### /## /' \
        "$from/bench.md"
    printf '\n## Pictures\n'
    for picture in product memory_bound token_mixer block step; do
        [ -s "$pictures/$picture.svg" ] || continue
        cp "$pictures/$picture.svg" "docs/figures/$picture-$kind.svg"
        printf '\n![%s](../figures/%s-%s.svg)\n' "$picture" "$picture" "$kind"
    done
} >"$page"
