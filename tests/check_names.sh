#!/usr/bin/env bash
# A name leads to one file: names are unique but for cpu/ and cuda/, which mirror each other, and
# for a public header's private one. Every test program is in minimum_counts, and the other way.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
twice=$(find src tests bench examples -type f ! -name CMakeLists.txt ! -name '.*' \
    ! -path 'src/kernels/cuda/*' |
    sed 's,.*/,,' | sort | uniq -d | grep -v '^README\.md$')
for name in $twice; do
    echo "more than one file is called $name:" && find src tests bench examples -name "$name"
    bad=1
done
there=$(compgen -G 'tests/test_*.c'; compgen -G 'tests/plain_*.c'; compgen -G 'tests/long_*.c')
there=$(sed 's,.*/,,; s,\.c$,,' <<<"$there" | sort)
listed=$(awk '!/^#/ && NF { print $1 }' tests/minimum_counts | sort)
only() { diff <(echo "$1") <(echo "$2") | sed -n 's/^< //p'; }
for name in $(only "$there" "$listed"); do
    echo "tests/$name.c is not in tests/minimum_counts"
    bad=1
done
for name in $(only "$listed" "$there"); do
    echo "tests/minimum_counts names $name, which is not there"
    bad=1
done
exit $bad
