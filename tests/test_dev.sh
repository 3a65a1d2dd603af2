#!/usr/bin/env bash
# ./dev among programs that are made up: what it says of unknown commands and presets, how it waits
# for the lock of packages, goes without gnuplot, and shows how far a build is.
#   tests/test_dev.sh BUILD
set -u
cd "$(dirname "$0")/.." || exit 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
fail() {
    echo "$*"
    sed 's/^/    /' "$folder/log"
    failed=1
}
mkdir "$folder/bin" "$folder/tree"
cp dev "$folder/tree/dev"
for tool in awk bash cat cp dirname env flock grep mkdir mktemp rm sed sleep stat tail; do
    ln -s "$(command -v $tool)" "$folder/bin/$tool"
done
made_up() { # NAME, its text on stdin
    {
        echo '#!/bin/bash'
        cat
    } >"$folder/bin/$1"
    chmod +x "$folder/bin/$1"
}
for tool in gcc ninja pkg-config gnuplot; do echo : | made_up $tool; done
echo 'echo installed' | made_up dpkg-query
echo 'echo "${MADE_UP_USER:-0}"' | made_up id
# Every call of apt-get is noted; the first ones find the lock held.
made_up apt-get <<'END'
echo "$*" >>"$0.calls"
[ "$(grep -c . "$0.calls")" -gt "${MADE_UP_LOCKS:-0}" ] && exit
echo "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (made up)" >&2
exit 100
END
made_up cmake <<'END'
if [ "$1" = --build ]; then
    for i in 1 2 3; do
        [ $i != 3 ] || [ -z "${MADE_UP_SECONDS-}" ] || sleep "$MADE_UP_SECONDS"
        echo "[$i/3] Building C object part$i.o"
    done
    [ -z "${MADE_UP_ERROR-}" ] && exit
    printf 'FAILED: part.o\n%s\n' "$MADE_UP_ERROR" && exit 1
fi
END
mkdir -p "$folder/tree/build/release"
printf '#!/bin/bash\necho "ran $*"\n' >"$folder/tree/build/release/rmx-train"
chmod +x "$folder/tree/build/release/rmx-train"

dev() { # STATUS ARGUMENTS...
    local should=$1 status=0
    shift
    : >"$folder/bin/apt-get.calls"
    env -i PATH="$folder/bin" TERM=xterm HOME="$folder" MADE_UP_USER="${user-0}" \
        MADE_UP_LOCKS="${locks-0}" MADE_UP_SECONDS="${seconds-}" MADE_UP_ERROR="${error-}" \
        "$folder/tree/dev" "$@" >"$folder/log" 2>&1 </dev/null || status=$?
    [ $status -eq "$should" ] || fail "./dev $*: exit $status, not $should"
}
says() { grep -qF -- "$1" "$folder/log" || fail "'$1' is not said"; }
silent_about() { ! grep -qF -- "$1" "$folder/log" || fail "'$1' is said"; }

# ---- commands ---------------------------------------------------------------------------------
for help in -h --help help ''; do
    # shellcheck disable=SC2086 # none is a case
    dev 0 $help
    says 'usage: ./dev COMMAND'
done
for pair in trian:train bulid:build tests:test evla:eval sanitise:sanitize pred:predict; do
    dev 2 "${pair%:*}"
    says "unknown command '${pair%:*}'; did you mean '${pair#*:}'?"
    says 'there are train data eval predict info verify bench test check sanitize ci format bundle'
done
dev 2 nonsense
says "unknown command 'nonsense'"
silent_about 'did you mean'
dev 1 build fast
says "no preset 'fast'; there are release, release-clang, debug, asan, tsan and cuda"

# ---- packages ---------------------------------------------------------------------------------
dev 0 train a.ini
says 'ran a.ini'
[ ! -s "$folder/bin/apt-get.calls" ] || fail "apt-get was called though nothing is missing"
rm "$folder/bin/gnuplot"
user=1000 dev 0 train a.ini
says 'dev: without gnuplot no pictures are drawn; they need: apt-get install gnuplot-nox'
says 'ran a.ini'
locks=1 dev 0 train a.ini
says 'dev: installing gnuplot-nox'
says 'dev: another program installs packages; waiting for it, up to 300 s'
[ "$(grep -c 'installs packages' "$folder/log")" -eq 1 ] || fail "said more than once"
grep -q 'DPkg::Lock::Timeout=300 install -y' "$folder/bin/apt-get.calls" || fail "nothing installed"
echo : | made_up gnuplot
rm "$folder/bin/ninja"
user=1000 dev 1 train a.ini
says 'please install as root: apt-get install ninja-build'
silent_about 'ran a.ini'
echo : | made_up ninja
echo 'case $* in *libzstd-dev*) ;; *) echo installed ;; esac' | made_up dpkg-query
dev 0 train a.ini
says 'dev: installing libzstd-dev'
echo 'echo installed' | made_up dpkg-query

# ---- builds -----------------------------------------------------------------------------------
dev 0 build
silent_about building
error='x.c:1: error: no such thing' dev 1 build
says 'x.c:1: error: no such thing'
silent_about 'Building C object'
says 'dev: failed (1): cmake --build build/release'
if script -qec true /dev/null >/dev/null 2>&1; then
    env -i PATH="$folder/bin:$PATH" TERM=xterm HOME="$folder" \
        script -qec "$folder/tree/dev train a.ini" /dev/null >"$folder/log" 2>&1 </dev/null
    says $'\r\033[Kbuilding 3/3\r\033[K'
    says 'ran a.ini'
fi
exec 8>"$folder/tree/build/.lock-release"
flock 8
(sleep 1 && exec 8>&-) &
exec 8>&-
dev 0 build
says 'dev: another build works in build/release; waiting for it'
wait
seconds=11 dev 0 build
says 'dev: building 3/3'
silent_about 'building 1/3'
exit $failed
