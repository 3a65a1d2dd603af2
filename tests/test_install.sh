#!/usr/bin/env bash
# What `cmake --install` leaves is complete: a program in C or C++ that knows only pkg-config, or
# only find_package, and the public headers builds against the shared and the static library and
# runs; the shared one exports nothing but rmx_*. The source folder works within another project.
#   tests/test_install.sh BUILD
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$1" --prefix "$folder/moved" >"$folder/log" || { cat "$folder/log"; exit 1; }
libraries=$(dirname "$(find "$folder/moved" -name librankmixer.so)")
export PKG_CONFIG_PATH=$libraries/pkgconfig
cat >"$folder/consumer.c" <<'END'
#include <rankmixer/rankmixer.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    rmx_context *ctx = NULL;
    const rmx_context_options options = {RMX_DEVICE_CPU, 1, NULL};
    if (strcmp(rmx_version(), RMX_VERSION_STRING) != 0) return 2;
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
for file in doc/rankmixer/{README.md,docs/model.md,examples/score.c} rankmixer/configs/base.ini; do
    [ -e "$folder/moved/share/$file" ] || { echo "share/$file was not installed" && exit 1; }
done

# ---- CMake ---------------------------------------------------------------------------------------
mkdir "$folder/project"
cp "$folder/consumer.c" "$folder/project/consumer.c"
cp "$folder/consumer.c" "$folder/project/consumer.cc"
cat >"$folder/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(consumer C CXX)
if(RMX_FOLDER)
  set(before "${CMAKE_C_FLAGS} ${CMAKE_BUILD_TYPE} ${CMAKE_C_STANDARD}")
  add_subdirectory(${RMX_FOLDER} rankmixer)
  foreach(target rmx-train rmx_app rmx_testing rmx_bench)
    if(TARGET ${target})
      message(FATAL_ERROR "${target} would be built, though nobody asked for it")
    endif()
  endforeach()
  get_directory_property(options COMPILE_OPTIONS)
  if(options OR NOT before STREQUAL "${CMAKE_C_FLAGS} ${CMAKE_BUILD_TYPE} ${CMAKE_C_STANDARD}")
    message(FATAL_ERROR "settings of rankmixer leak")
  endif()
else()
  find_package(rankmixer ${RMX_WANTED} REQUIRED)
endif()
foreach(kind rankmixer rankmixer_shared)
  foreach(language c cc)
    add_executable(${kind}_${language} consumer.${language})
    target_link_libraries(${kind}_${language} PRIVATE rankmixer::${kind})
  endforeach()
endforeach()
END
project() { # NAME, options: configured, built and run
    { cmake -S "$folder/project" -B "$folder/$1" "${@:2}" &&
        cmake --build "$folder/$1" --parallel; } >"$folder/log" 2>&1 ||
        { cat "$folder/log" && exit 1; }
    for kind in rankmixer rankmixer_shared; do
        for language in c cc; do
            found=$("$folder/$1/${kind}_$language")
            [ "$found" = "$version" ] || { echo "$1: $language, $kind: $found" && exit 1; }
        done
    done
}
project package "-DCMAKE_PREFIX_PATH=$folder/moved" "-DRMX_WANTED=$version"
if cmake -S "$folder/project" -B "$folder/wrong" "-DCMAKE_PREFIX_PATH=$folder/moved" \
    -DRMX_WANTED=99.0 >"$folder/log" 2>&1; then
    echo "version 99.0 was found" && exit 1
fi
# The whole library once more; not optimised, as that takes most of the time.
project subfolder "-DRMX_FOLDER=$PWD" -DRMX_CUDA=OFF -DCMAKE_BUILD_TYPE=None
