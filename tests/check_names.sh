#!/usr/bin/env bash
# A name leads to one file: names are unique but for a public header's private one, and for
# reference/, cpu/ and cuda/, which mirror each other. A file of reference/ has the name of a noun,
# which its functions begin with, and which a layer's file may have too. Every test program is in
# minimum_counts, and the other way.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
names() { # FIND-TEST...: of all files that the tests keep
    find src tests bench examples -type f ! -name CMakeLists.txt ! -name '.*' \
        ! -name README.md "$@" | sed 's,.*/,,' | sort
}
twice=$(names ! -path 'src/kernels/cuda/*' ! -path 'src/kernels/reference/*' | uniq -d)
taken=$(names ! -path 'src/kernels/*/*' ! -path 'src/layers/*')
taken=$(names -path 'src/kernels/reference/*' | comm -12 - <(uniq <<<"$taken"))
for name in $(sort -u <<<"$twice"$'\n'"$taken"); do
    echo "more than one file is called $name:" && find src tests bench examples -name "$name"
    bad=1
done
for file in src/kernels/reference/*.c; do
    noun=$(basename "$file" .c)
    grep -qE "^[a-z].* \*?rmx_reference_$noun(_[a-z_]+)?\(" "$file" || [ "$noun" = table ] || {
        echo "$file defines no function rmx_reference_$noun..."
        bad=1
    }
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
