#!/usr/bin/env bash
# Writes the pages of the public headers to FOLDER/html. A warning of Doxygen's is an error.
#   cmake/doxygen/doxygen.sh FOLDER
set -euo pipefail
mkdir -p "$1"
RMX_DOCS=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
RMX_VERSION=$(sed -n 's/^#define RMX_VERSION_STRING "\(.*\)"$/\1/p' include/rankmixer/version.h)
export RMX_DOCS RMX_VERSION
doxygen cmake/doxygen/Doxyfile
