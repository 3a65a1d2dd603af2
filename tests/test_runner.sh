#!/usr/bin/env bash
# tests/run.sh sees what Criterion's exit status and last line do not tell.
#   tests/test_runner.sh BUILD
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{tests,build/tests}
cp tests/run.sh tests/sanitizer_leaks "$folder/tests/"
unset RMX_TALLY RMX_REQUIRE_GPU
cat >"$folder/tests/test_good.c" <<'END'
#include <criterion/criterion.h>
Test(suite, first) { cr_assert(1); }
Test(suite, second) { cr_assert(1); }
Test(suite, gpu) { cr_skip_test("no GPU"); }
END
cat >"$folder/tests/test_lost.c" <<'END'
#include <criterion/criterion.h>
Test(suite, only) { cr_assert(1); }
END
cat >"$folder/tests/test_skips.c" <<'END'
#include <criterion/criterion.h>
Test(suite, first) { cr_skip_test("not today"); }
END
cat >"$folder/tests/test_crash.c" <<'END'
#include <criterion/criterion.h>
#include <stdlib.h>
ReportHook(PRE_SUITE)(struct criterion_suite_set *set) { (void)set; abort(); }
Test(suite, first) { cr_assert(1); }
END
cat >"$folder/tests/test_leak.c" <<'END'
#include <criterion/criterion.h>
#include <stdlib.h>
Test(suite, first) { char *volatile p = malloc(7); p = NULL; cr_assert_null(p); }
END
printf '%s\n' 'test_good 3' 'test_lost 2' 'test_skips 1' 'test_crash 1' 'test_leak 1' \
    >"$folder/tests/minimum_counts"
for name in good lost skips crash leak; do
    sanitize=
    [ $name = leak ] && sanitize=-fsanitize=address
    gcc $sanitize "$folder/tests/test_$name.c" -o "$folder/build/tests/test_$name" -lcriterion
done
expect() { # STATUS "last line" NAME...
    local status=0
    "$folder/tests/run.sh" "$folder/build" --kinds criterion "${@:3}" >"$folder/log" 2>&1 ||
        status=$?
    [ "$status" -eq "$1" ] && [ "$(tail -n 1 "$folder/log")" = "$2" ] && return
    echo "expected $1 and '$2' of ${*:3}, got $status and"
    cat "$folder/log"
    exit 1
}
expect 0 "2 passed, 0 failed, 1 skipped" good
expect 0 "1 passed, 0 failed, 0 skipped" "good:suite/first"
expect 1 "0 passed, 1 failed, 0 skipped" "good:nothing/matches"
expect 1 "1 passed, 1 failed, 0 skipped" lost
expect 1 "0 passed, 1 failed, 0 skipped" skips
expect 1 "0 passed, 1 failed, 0 skipped" crash
expect 1 "1 passed, 1 failed, 0 skipped" leak
grep -q 'LeakSanitizer: detected' "$folder/log" || { cat "$folder/log" && exit 1; }
expect 2 "  test_skips" no_such_test

# The name of a noun stands for all of its programs; a filter, and a whole name, for one.
sed -i 's/^test_good .*/&\ntest_good_also 3/' "$folder/tests/minimum_counts"
cp "$folder/tests/test_good.c" "$folder/tests/test_good_also.c"
cp "$folder/build/tests/test_good" "$folder/build/tests/test_good_also"
expect 0 "4 passed, 0 failed, 2 skipped" good
expect 0 "2 passed, 0 failed, 1 skipped" test_good
expect 0 "1 passed, 0 failed, 0 skipped" "good:suite/first"
rm "$folder"/tests/test_good_also.c
RMX_REQUIRE_GPU=1 expect 1 "2 passed, 1 failed, 0 skipped" good

# A bundle has no sources: what --list wrote stands for them.
"$folder/tests/run.sh" "$folder/build" --list --kinds criterion good lost >"$folder/programs"
diff "$folder/programs" <(printf 'criterion %s\n' test_good test_lost)
mv "$folder/programs" "$folder/tests/" && rm "$folder"/tests/*.c
expect 1 "3 passed, 1 failed, 1 skipped"
expect 2 "  test_lost" leak
