#!/usr/bin/env bash
# What `cmake --install` leaves is complete: a program that knows only pkg-config and the public
# headers builds against the shared and the static library and runs; the shared one exports
# nothing but rmx_*.
#   tests/test_install.sh BUILD
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$1" --prefix "$folder/moved" >"$folder/log" || { cat "$folder/log"; exit 1; }
libraries=$(dirname "$(find "$folder/moved" -name librankmixer.so)")
export PKG_CONFIG_PATH=$libraries/pkgconfig
cat >"$folder/consumer.c" <<'END'
#include <rankmixer/model.h>
#include <stdio.h>
int main(void)
{
    rmx_context *ctx = NULL;
    const rmx_context_options options = {.device = RMX_DEVICE_CPU, .threads = 1};
    if (rmx_context_create(&options, &ctx, NULL, 0) != RMX_OK) return 1;
    printf("%s\n", rmx_version());
    rmx_context_destroy(ctx);
    return 0;
}
END
version=$(pkg-config --modversion rankmixer)
# shellcheck disable=SC2046,SC2086 # several words
consumer() { # NAME, flags in front of and behind the program's own
    cc -std=c11 -Wall -Werror -o "$folder/$1" "$folder/consumer.c" \
        $(pkg-config --cflags rankmixer) $2
    found=$(LD_LIBRARY_PATH=$libraries "$folder/$1")
    [ "$found" = "$version" ] || { echo "$1 says $found, pkg-config $version" && exit 1; }
}
consumer shared "$(pkg-config --libs rankmixer)"
consumer static "$libraries/librankmixer.a $(pkg-config --libs --static rankmixer |
    sed 's/-lrankmixer//')"
readelf -d "$folder/shared" | grep -q 'NEEDED.*librankmixer\.so\.[0-9]*\.[0-9]' ||
    { echo "the program does not ask for the library by its SONAME" && exit 1; }
others=$(nm -D --defined-only "$libraries/librankmixer.so" | awk '$3 !~ /^rmx_/ { print $3 }')
[ -z "$others" ] || { echo "exported, but not ours: $others" && exit 1; }
for source in src/train/rmx-*.c src/data/rmx-*.c; do
    [ -e "$source" ] || continue
    program=$folder/moved/bin/$(basename "$source" .c)
    "$program" --version >/dev/null || { echo "$program --version failed" && exit 1; }
done
