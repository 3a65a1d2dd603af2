#!/usr/bin/env bash
# Doxygen makes pages of the public headers without a warning, and every function has a comment, its
# own or its neighbour's. Skipped where there is no doxygen; ./dev docs installs it.
set -u
cd "$(dirname "$0")/.." || exit 2
command -v doxygen >/dev/null || {
    echo "no doxygen here: nobody looked at the comments of the public headers"
    exit 77
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake/doxygen/doxygen.sh "$folder" || exit 1
[ -s "$folder/html/model_8h.html" ] || { echo "no page of model.h was written" && exit 1; }
