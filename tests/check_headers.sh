#!/usr/bin/env bash
# Each public header compiles alone, as C11 and as C++17, without a warning, with gcc and, where
# it is there, clang.
set -u
cd "$(dirname "$0")/.." || exit 2
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
bad=0 n=0
compile() # COMPILER LANGUAGE STANDARD HEADER
{
    n=$((n + 1))
    echo "#include \"rankmixer/$4\"" |
        "$1" -x "$2" "-std=$3" "${warnings[@]}" -Iinclude -fsyntax-only - ||
        { echo "$4: not by itself with $1 as $3" && bad=1; }
}
for header in include/rankmixer/*.h; do
    compile gcc c c11 "${header##*/}"
    compile g++ c++ c++17 "${header##*/}"
    command -v clang >/dev/null && compile clang c c11 "${header##*/}"
    command -v clang++ >/dev/null && compile clang++ c++ c++17 "${header##*/}"
done
[ $n -ge 40 ] || { echo "only $n compilations" && bad=1; }
exit $bad
