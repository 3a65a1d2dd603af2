#!/usr/bin/env bash
# C and CUDA files look as clang-format writes them: ./dev format.
set -u
cd "$(dirname "$0")/.." || exit 2
find include src tests bench examples -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' | sort |
    xargs clang-format-14 --dry-run -Werror 2>&1 | awk -F: '
        / error: / && !bad[$1]++ { print $1 ":" $2 ": not formatted; run ./dev format" }
        / error: / { n++ }
        END { exit n > 0 }'
