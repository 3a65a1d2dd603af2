#!/usr/bin/env bash
# Puts a bundle together: what the target bundle_parts of a build with CUDA made, data, configs, and
# every library that neither glibc nor the driver brings.
#   cmake/bundle.sh BUILD BUNDLE
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(cd "$1" && pwd)
bundle=$2
limit_mib=60
die() {
    echo "bundle: $*" >&2
    exit 1
}

new=$bundle.new
rm -rf "$new"
mkdir -p "$new"/{bin,lib,bench,configs,docs,tests/golden}
tests/run.sh "$build" --list --kinds "criterion plain long example" >"$new/tests/programs"
while read -r _ name; do
    cp "$build/bundle/tests/bundle_$name" "$new/tests/$name"
done <"$new/tests/programs"
for source in src/*/rmx-*.c bench/rmx-*.c; do
    name=$(basename "$source" .c)
    cp "$build/bundle/bin/bundle_$name" "$new/bin/$name"
done
cp tests/run.sh tests/minimum_counts "$new/tests/"
cp tests/golden/golden.h5 "$new/tests/golden/"
cp bench/compare.sh "$new/bench/"
cp configs/*.ini "$new/configs/"
cp docs/training.md docs/data.md "$new/docs/"
cp cmake/bundle/* LICENSE "$new/"
chmod -R u+w "$new"

# ---- libraries -------------------------------------------------------------------------------
mapfile -t programs < <(find "$new/bin" "$new/tests" -maxdepth 1 -type f -perm -u+x ! -name '*.sh')
cudart=$(sed -n 's/^CUDA_CUDART:FILEPATH=//p' "$build/CMakeCache.txt")
needed=$(LD_LIBRARY_PATH=$build/bundle/lib:${cudart%/*} ldd "${programs[@]}" |
    sed -nE 's/^\t(.+) => (.+)$/\1 \2/p' | sort -u)
while read -r name path _; do
    case $name in
    ld-linux* | libc.so.* | libm.so.* | libpthread.so.* | libdl.so.* | librt.so.* | \
        libresolv.so.* | libutil.so.* | libanl.so.*) ;; # glibc's
    libcuda.so.*) die "$name, the driver's, must not be linked" ;;
    *)
        [ "$path" != not ] || die "$name is not found"
        [ -e "$new/lib/$name" ] || cp -L "$path" "$new/lib/$name"
        ;;
    esac
done <<<"$needed"
chmod u+w "$new"/lib/*
strip --strip-debug "${programs[@]}" "$new"/lib/*

# ---- README and size -------------------------------------------------------------------------
glibc=$(objdump -T "${programs[@]}" "$new"/lib/* 2>/dev/null |
    grep -oE 'GLIBC_2\.[0-9]+' | sort -Vu | tail -n 1)
[ -n "$glibc" ] || die "no version of glibc found in the programs"
sed -i "s/@GLIBC@/${glibc#GLIBC_}/" "$new/README.txt"
bytes=$(du -sb "$new" | cut -f1)
[ "$bytes" -le $((limit_mib << 20)) ] ||
    die "$((bytes >> 20)) MiB, at most $limit_mib are allowed: $new"
rm -rf "$bundle"
mv "$new" "$bundle"
echo "$bundle: $(((bytes >> 20) + 1)) MiB, for glibc ${glibc#GLIBC_} or newer"
