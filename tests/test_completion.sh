#!/usr/bin/env bash
# Completion in bash offers what there is: the options of every program and command, compared with
# what --usage prints; the keys after --set, compared with a complete config; words, files, groups.
# The file is installed under the name of every program.
#   tests/test_completion.sh BUILD
set -u
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.." || exit 2
source cmake/completion.bash
PATH=$build:$build/bench:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
options=
compopt() { options+="$2 "; } # bash's own works only while it completes

offered() { # LINE: what is offered at its end, in one line
    COMP_LINE=$1 COMP_POINT=${#1} options=
    _rmx_complete "${1%% *}" 2>"$folder/errors"
    [ -s "$folder/errors" ] && sed 's/^/  /' "$folder/errors"
    echo "${COMPREPLY[*]}${options:+ ($options)}"
}
expect() { # LINE WANTED
    local found
    found=$(offered "$1")
    [ "$found" = "$2" ] && return
    printf '"%s" offers\n  %s\ninstead of\n  %s\n' "$1" "$found" "$2"
    failed=1
}

# ---- options of every program -----------------------------------------------------------------
usage() { # PROGRAM [COMMAND]: the long options of --usage
    "$@" --usage </dev/null | grep -oE -- '--[a-z-]+=?' | sort
}
compare() { # PROGRAM [COMMAND]
    local found wanted
    found=$(offered "$* -" | sed 's/ (.*//; s/ /\n/g' | sort)
    wanted=$(usage "$@")
    [ "$(wc -l <<<"$wanted")" -gt 2 ] && [ "$found" = "$wanted" ] && return
    echo "$*: other options are offered (<) than there are (>)"
    diff <(echo "$found") <(echo "$wanted")
    failed=1
}
programs=$(find src bench -name 'rmx-*.c' -exec basename {} .c \; | sort)
for program in $programs; do
    [ -x "$build/$program" ] || continue # a build without benchmarks
    compare "$program"
    complete -p "$program" >/dev/null || failed=1
done
commands=$(offered 'rmx-data ')
[ "$(wc -w <<<"$commands")" -ge 4 ] || { echo "rmx-data: commands: $commands" && failed=1; }
for command in $commands; do compare rmx-data "$command"; done

# ---- config keys ------------------------------------------------------------------------------
keys=$(rmx-train --print-config | sed -nE 's/^\[([a-z]+)\].*/\1/; T key; h; d
    : key; s/^([a-z0-9_]+) =.*/\1/; T; G; s/(.*)\n(.*)/\2.\1=/p' | paste -sd ' ')
[ "$(wc -w <<<"$keys")" -ge 50 ] || { echo "keys of the config: $keys" && failed=1; }
expect 'rmx-train --set ' "$keys (nospace )"
expect 'rmx-train -s train.embedding_optimizer=ada' 'adagrad adamw'
expect 'rmx-train --set=train.embedding_optimizer=r' 'rmsprop rowwise_adagrad'
expect 'rmx-train --set train.optimizer=r' 'rmsprop'
expect 'rmx-train --set train.momentum=' 'auto'
expect 'rmx-train --set run.seed=' ''
expect 'rmx-train --set train.lr=' ''
expect 'rmx-train --set no/such=' ''
expect 'rmx-train configs/base.ini --set run.dir=doc' 'docs (filenames )'
COMP_WORDBREAKS=${COMP_WORDBREAKS//=/}
expect 'rmx-train --set=model.norm=p' '--set=model.norm=post --set=model.norm=pre'
expect 'rmx-train --device=cu' '--device=cuda'
COMP_WORDBREAKS+='='

# ---- words and files ---------------------------------------------------------------------------
expect 'rmx-train --device c' 'cpu cuda'
expect 'rmx-eval --device=' 'auto cpu cuda'
expect 'rmx-train -r n' 'never (filenames )'
expect 'rmx-train configs/ba' 'configs/base.ini (filenames )'
expect 'rmx-predict a.h5 b.h5 -o REA' 'README.md (filenames )'
expect 'rmx-data import --spec=configs/adult.c' 'configs/adult.columns.ini (filenames )'
expect 'rmx-data import READ' 'README.md (filenames )'
expect 'rmx-data i' 'import info'
expect 'rmx-predict --threads=' ''
if [ -x "$build/rmx-bench" ]; then
    expect 'rmx-bench product gr' 'gradient_norm'
fi

# ---- installed ---------------------------------------------------------------------------------
cmake --install "$build" --prefix "$folder/moved" >"$folder/log" ||
    { cat "$folder/log" && failed=1; }
for program in "$folder"/moved/bin/rmx-*; do
    cmp cmake/completion.bash \
        "$folder/moved/share/bash-completion/completions/${program##*/}" || failed=1
done
exit $failed
