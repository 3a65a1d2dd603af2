#!/usr/bin/env bash
# A file includes only from its left: numerics <- kernels <- core <- layers <- data <- train, and
# public headers from anywhere. Public headers and examples know public headers alone; reference/,
# cpu/ and cuda/ do not know each other, but that the reference's memory is the CPU backend's, and
# that the CPU leaves rare rows to the reference; and numerics.h knows nobody.
set -u
cd "$(dirname "$0")/.." || exit 2
grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' include src examples \
    --include='*.[ch]' --include='*.cu' --include='*.cuh' |
    sed -E 's/^([^:]*):([0-9]+):[^"]*"([^"]*)".*/\1 \2 \3/' |
    awk '
        BEGIN {
            n = split("kernels core layers data train", order)
            for (i = 1; i <= n; i++) rank[order[i]] = i
        }
        function refuse(why) { print file ":" line ": \"" what "\": " why; bad = 1 }
        {
            file = $1; line = $2; what = $3; seen++
            split(file, from, "/"); split(what, to, "/")
            public = to[1] == "rankmixer"
            if (file ~ /^src\/kernels\/numerics\.h$/) refuse("numerics.h includes no file of ours")
            else if (from[1] != "src" && !public)
                refuse("only public headers here, written \"rankmixer/...\"")
            else if (public) next
            else if (!(to[1] in rank)) refuse("write the path from src/ on, or from include/")
            else if (rank[to[1]] > rank[from[2]]) refuse(from[2] " may not know " to[1])
            else if (from[3] == "reference" && what == "kernels/cpu/backend.h") next
            else if (from[3] == "cpu" && what == "kernels/reference/reference.h") next
            else if (from[2] == "kernels" && to[2] ~ /^(reference|cpu|cuda)$/ && to[2] != from[3])
                refuse("of the kernels, only " to[2] "/ knows " to[2] "/")
        }
        END {
            if (seen < 100) { print "only " seen " includes were found"; bad = 1 }
            exit bad
        }'
