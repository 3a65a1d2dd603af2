#!/usr/bin/env bash
# Every program with a full standard output, and with descriptors 0 to 2 closed: a result that is
# lost is exit code 1 and one line, and no message lands in a file that got the number of a closed
# descriptor.
#   tests/test_streams.sh BUILD
set -u
build=$(cd "$1" && pwd)
source=$(cd "$(dirname "$0")/.." && pwd)
PATH=$build:$build/bench:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failed=0
fail() {
    echo "$*"
    failed=1
}

cat >job.ini <<'END'
[run]
dir = run
device = cpu
threads = 1
[synthetic]
rows_train = 3000
rows_valid = 600
sparse_fields = 4
dense_fields = 2
vocabulary = 20
[model]
tokens = 4
width = 8
layers = 1
embedding_width = 4
END
rmx-train -q job.ini >first || fail "the run that the others look at"
best=run/checkpoints/best.h5
valid=$(echo run/data/*-valid.h5)
rmx-predict -q $best "$valid" -o first.csv >/dev/null || fail "the predictions to compare with"
printf 'x,y\n' >t.csv
seq 1 300 | awk '{ print $1 "," $1 % 2 }' >>t.csv
printf '[file]\nheader = yes\n[columns]\nx = dense\ny = label positive=1\n' >spec.ini

# ---- a full device ---------------------------------------------------------------------------
lost() { # COMMAND...
    local status=0
    "$@" >/dev/full 2>err || status=$?
    [ $status -eq 1 ] || fail "$*: exit $status, not 1, with a full standard output"
    grep -q "^$1: cannot write to the standard output: No space left on device$" err ||
        fail "$*: no word of the lost output: $(cat err)"
}
lost rmx-train -q job.ini --set run.dir=again
lost rmx-train --print-config
lost rmx-train job.ini --print-config
lost rmx-train --print-keys
lost rmx-eval -q $best "$valid"
lost rmx-predict -q $best "$valid" -o p.csv
lost rmx-info $best
lost rmx-info --json $best
lost rmx-data info "$valid"
lost rmx-data check "$valid"
lost rmx-data generate -q -o generated --rows-train 100 --rows-valid 0
lost rmx-data import -q --spec spec.ini t.csv -o t.h5
for program in rmx-train rmx-eval rmx-predict rmx-info rmx-data rmx-bench rmx-verify; do
    command -v $program >/dev/null || continue
    lost $program --help
    lost $program --version
    $program --help >long && $program -h >short && cmp -s long short || fail "$program -h"
done
rmx-data import -h | grep -q 'Usage: rmx-data import' || fail "rmx-data import -h"

# An exit code that says more than 1 stays.
status=0
rmx-data info none.h5 >/dev/full 2>err || status=$?
[ $status -eq 3 ] || fail "exit $status, not 3, for a file that is missing"

# ---- closed descriptors ----------------------------------------------------------------------
same() { # WHAT FILE FILE
    cmp -s "$2" "$3" || fail "$1: $2 and $3 differ"
}
rmx-predict $best "$valid" -o closed.csv >&- 2>&- || fail "predict, 1 and 2 closed: exit $?"
same "predict, 1 and 2 closed" first.csv closed.csv
rmx-predict $best "$valid" -o all.csv <&- >&- 2>&- || fail "predict, all closed: exit $?"
same "predict, all closed" first.csv all.csv
rmx-train job.ini --set run.dir=two 2>&- >out || fail "train, 2 closed: exit $?"
[ -s two/.lock ] && fail "train, 2 closed: messages in .lock: $(cat two/.lock)"
rmx-train -q job.ini --set run.dir=one >&- 2>/dev/null || fail "train, 1 closed: exit $?"
[ -s one/.lock ] && fail "train, 1 closed: the result is in .lock: $(cat one/.lock)"
rmx-train -q job.ini --set run.dir=none <&- >&- 2>&- || fail "train, all closed: exit $?"
for run in two one none; do
    rmx-info $run/checkpoints/best.h5 | grep params_xxh3 >is
    rmx-info $best | grep params_xxh3 >should
    same "train, $run" is should
done
for command in "rmx-data generate -o g --rows-train 100 --rows-valid 0" \
    "rmx-data import --spec spec.ini t.csv -o closed.h5" "rmx-data info $valid" \
    "rmx-data check $valid" "rmx-info $best" "rmx-eval $best $valid"; do
    # shellcheck disable=SC2086 # words
    $command <&- >&- 2>&- || fail "$command, all closed: exit $?"
done
rmx-data check closed.h5 >/dev/null || fail "import, all closed: the set is not whole"

exit $failed
