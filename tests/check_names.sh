#!/usr/bin/env bash
# One noun, one name: the table below says which files a noun has, and every kernel and every file
# of a kernel begins with a noun. A name leads to one file: names are unique but for the files of a
# noun, and for reference/, cpu/ and cuda/, which mirror each other. Every test program is in
# minimum_counts, and the other way.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
complain() {
    echo "$*"
    bad=1
}

# ---- nouns ---------------------------------------------------------------------------------------
# layer: include/rankmixer/NOUN.h and src/layers/NOUN.c; kernel: NOUN.* in src/kernels/reference,
# cpu and cuda. Each has tests/test_NOUN.c.
nouns='
activation    layer kernel
attention     layer
block         layer
column_sum    kernel
dropout       layer kernel
embedding     layer kernel
feed_forward  layer
gradient_norm kernel
linear        layer
loss          layer kernel
mean          layer kernel
norm          layer kernel
optimizer     layer kernel
pooling       layer
product       layer kernel
softmax       layer kernel
token_mixer   layer kernel
tokenizer     layer
'
# Kernels without a noun of their own; token_mix is the permutation of token_mixer.
helpers='add nonfinite sigmoid token_mix'
# Files of kernels/cpu and kernels/cuda that serve several nouns, and public headers of none.
shared='async_copy backend cpu cuda double_sum exp failure partial_sums partial_sums_across queue
row_partition simd table tensor_map threads'
headers='context model rankmixer schedule status tensor version'
# FILE -> TARGET: still to be renamed.
exceptions='
'

begins_with_noun() { # NAME: is it a noun, or a noun and _more?
    local noun
    for noun in $(awk '{ print $1 }' <<<"$nouns"); do
        [[ $1 = "$noun" || $1 = "$noun"_* ]] && return
    done
    return 1
}
among() { [[ " $(echo $2) " = *" $1 "* ]]; } # WORD WORDS
excepted() { awk -v file="$1" '$1 == file { found = 1 } END { exit !found }' <<<"$exceptions"; }

while read -r noun kinds; do
    [ -n "$noun" ] || continue
    wanted="tests/test_$noun.c"
    [[ $kinds = *layer* ]] && wanted+=" include/rankmixer/$noun.h src/layers/$noun.c"
    [[ $kinds = *kernel* ]] && wanted+=" src/kernels/reference/$noun.c src/kernels/cpu/$noun.c" &&
        wanted+=" src/kernels/cuda/$noun.cu"
    for file in $wanted; do
        [ -e "$file" ] || complain "the noun $noun has no $file"
    done
done <<<"$nouns"

kernels=$(sed -n '/define RMX_[A-Z_]*KERNELS/,/[^\\]$/p' src/kernels/ops.h |
    grep -oE 'X\([a-z_]+\)' | sed 's/X(//; s/)//')
[ "$(wc -l <<<"$kernels")" -gt 20 ] || complain "src/kernels/ops.h: found no list RMX_KERNELS"
for kernel in $kernels; do
    among "$kernel" "$helpers" || begins_with_noun "$kernel" ||
        complain "src/kernels/ops.h: the kernel $kernel begins with no noun"
done
for file in src/kernels/{cpu,cuda}/*; do
    stem=$(basename "${file%.*}")
    among "$stem" "$shared $helpers" || begins_with_noun "$stem" || excepted "$file" ||
        complain "$file begins with no noun, and is none of: $(echo $shared)"
done
for file in include/rankmixer/*.h; do
    stem=$(basename "$file" .h)
    among "$stem" "$headers" || grep -q "^$stem .*layer" <<<"$nouns" ||
        complain "$file has the name of no layer, and is none of: $headers"
done
while read -r file _; do
    [ -z "$file" ] || [ -e "$file" ] || complain "$file is gone: take it off the exceptions"
done <<<"$exceptions"
for file in src/kernels/reference/*.c; do
    stem=$(basename "$file" .c)
    [ "$stem" = table ] && continue
    among "$stem" "$helpers" || grep -q "^$stem .*kernel" <<<"$nouns" ||
        complain "$file has the name of no kernel"
    grep -qE "^[a-z].* \*?rmx_reference_$stem(_[a-z_]+)?\(" "$file" ||
        complain "$file defines no function rmx_reference_$stem..."
done

# ---- unique --------------------------------------------------------------------------------------
names() { # FIND-TEST...: of all files that the tests keep
    find src tests bench examples -type f ! -name CMakeLists.txt ! -name '.*' \
        ! -name README.md "$@" | sed 's,.*/,,' | sort
}
twice=$(names ! -path 'src/kernels/cuda/*' ! -path 'src/kernels/reference/*' | uniq -d)
for name in $twice; do
    grep -q "^${name%.*} .*layer kernel" <<<"$nouns" && continue # of layers/ and kernels/cpu/
    complain "more than one file is called $name:" && find src tests bench examples -name "$name"
done

# ---- programs ------------------------------------------------------------------------------------
there=$(compgen -G 'tests/test_*.c'; compgen -G 'tests/plain_*.c'; compgen -G 'tests/long_*.c')
there=$(sed 's,.*/,,; s,\.c$,,' <<<"$there" | sort)
listed=$(awk '!/^#/ && NF { print $1 }' tests/minimum_counts | sort)
only() { diff <(echo "$1") <(echo "$2") | sed -n 's/^< //p'; }
for name in $(only "$there" "$listed"); do
    complain "tests/$name.c is not in tests/minimum_counts"
done
for name in $(only "$listed" "$there"); do
    complain "tests/minimum_counts names $name, which is not there"
done
exit $bad
