#!/usr/bin/env bash
# The documents are true as far as a script can tell: links between files lead somewhere, and the
# program in the README is the one in examples/, which the tests run.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
for document in *.md docs/*.md; do
    [ -e "$document" ] || continue
    folder=$(dirname "$document")
    while read -r target; do
        [ -e "$folder/${target%%#*}" ] || { echo "$document links to $target" && bad=1; }
    done < <(grep -oE '\]\([^)# ]+' "$document" | sed 's/^](//' | grep -v '^[a-z]*://')
done
diff <(sed -n '/^```c$/,/^```$/p' README.md | sed '1d; $d') examples/score.c ||
    { echo "README.md does not show examples/score.c as it is" && bad=1; }
exit $bad
