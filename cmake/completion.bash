# SPDX-License-Identifier: MIT
# Completion of the rmx-* programs in bash: source it, or install it where bash-completion looks.
# Options, commands and config keys are read from what the programs print, so none is named here.

_rmx_run() # PROGRAM ARGUMENT...
{
    ARGP_HELP_FMT='' "${1/#\~/$HOME}" "${@:2}" 2>/dev/null </dev/null
}

# From a help text: "--long -s ARGUMENT" of each option; "-" where there is no short name.
_rmx_options() { sed -nE 's/^ +(-(.),)? *(--[a-z-]+)(=([^ ]+))?( .*)?$/\3 -\2 \5/p'; }

# From a help text: its commands.
_rmx_commands() { sed -nE 's/^  ([a-z]+)  +[a-z].*/\1/p'; }

# From the table of rmx-train --print-keys: "section.key WORD...". FILES stands for file names.
_rmx_keys()
{
    # shellcheck disable=SC2016 # the backquotes are those of the table
    sed -nE 's/\\\|//g; s/^\| `([^`]+)` \| ([^|]*) \|.*/\1 \2/; t found; d; : found
        s/ text$/ FILES/; s/ [-+.0-9e]+ (or more|\.\. [-+.0-9e]+)(, |$)/ /; p'
}

# The words that the argument of an option in --help stands for.
_rmx_words() # a|b|FILE
{
    local word
    for word in ${1//|/ }; do
        case $word in
        *.* | FILE | PATH | DIR | FOLDER) echo FILES ;;
        *[A-Z]*) ;;
        *) echo "$word" ;;
        esac
    done
}

_rmx_complete() # PROGRAM
{
    local line=${COMP_LINE:0:COMP_POINT}
    local value=${line##*[[:space:]]} # the word before the cursor, whatever bash breaks words at
    local word=$value prefix='' words=FILES before help keys option long short argument command
    read -ra before <<<"${line%"$word"}"
    help=$(_rmx_run "$1" --help)
    for command in $(_rmx_commands <<<"$help"); do
        [ ${#before[@]} -gt 1 ] || words=$(_rmx_commands <<<"$help")
        [ "${before[1]-}" != "$command" ] || help=$(_rmx_run "$1" "$command" --help)
    done
    [[ $help != *'[NOUN...]'* ]] || words=$(_rmx_run "$1" --list)
    option=${before[-1]}
    if [[ $word == --*=* ]]; then
        option=${word%%=*}
        prefix=$option= value=${word#*=}
    elif [[ $word == -* ]]; then
        option='' words=$(_rmx_options <<<"$help" | sed -E 's/ .* (.+)/=/; s/ .*//')
    fi
    while read -r long short argument; do
        [[ -n $argument && ($option == "$long" || $option == "$short") ]] || continue
        words=$(_rmx_words "$argument")
        [ "$long" = --set ] || continue
        keys=$(_rmx_run "$1" --print-keys | _rmx_keys)
        words=$(awk '{ print $1 "=" }' <<<"$keys")
        [[ $value == *=* ]] || continue
        words=$(awk -v key="${value%%=*}" '$1 == key { $1 = ""; print }' <<<"$keys")
        prefix+=${value%%=*}= value=${value#*=}
    done < <(_rmx_options <<<"$help")

    mapfile -t COMPREPLY < <(compgen -W "${words//FILES/}" -- "$value")
    if [[ $words == *FILES* ]]; then
        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$value")
        compopt -o filenames
    fi
    [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
    # Bash replaces only what follows the last "=", where that breaks words.
    [[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
}

complete -F _rmx_complete rmx-bench rmx-data rmx-eval rmx-info rmx-predict rmx-train rmx-verify
