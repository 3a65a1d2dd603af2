/* SPDX-License-Identifier: MIT */
/* test_rmx_data.c: the program rmx-data, as a person at a shell meets it. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "job_testing.h"
#include "testing.h"

TestSuite(rmx_data, .init = job_begin, .fini = job_end, .timeout = 60);

/* rmx-data with these arguments; its exit code. */
static int run(const char *format, ...)
{
    char arguments[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(arguments, sizeof arguments, format, args);
    va_end(args);
    return job_run("rmx-data %s", arguments);
}

static const char *out_text(void) { return job_text("out"); }
static const char *err_text(void) { return job_text("err"); }

static bool says(const char *text, const char *words) { return strstr(text, words) != NULL; }

/* Beside out and err. */
static int count_files(void)
{
    int count = 0;
    DIR *folder = opendir(".");
    cr_assert(folder);
    for (const struct dirent *e; (e = readdir(folder));)
        count += e->d_name[0] != '.' && strcmp(e->d_name, "out") && strcmp(e->d_name, "err");
    closedir(folder);
    return count;
}

Test(rmx_data, help_and_version)
{
    static const char *const commands[] = {"", "generate", "import", "check", "info"};
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(run("%s --help", commands[i]), 0);
        cr_assert(says(out_text(), "Example: rmx-data"), "%s", out_text());
        cr_assert_eq(run("%s --version", commands[i]), 0);
        cr_assert(says(out_text(), "rmx-data "));
    }
}

Test(rmx_data, wrong_usage_exits_2)
{
    static const char *const lines[] = {"",
                                        "nonsense",
                                        "generate extra",
                                        "generate 5",
                                        "generate --rows-train many",
                                        "generate --vocabulary 1",
                                        "generate --rows-train 0 --rows-valid 0",
                                        "import -o x.h5",
                                        "import in.csv",
                                        "import in.csv -o x.h5",
                                        "import -f excel in.csv -o x.h5",
                                        "import --split-by odd in.csv -o x.h5",
                                        "import --split-by tail=a in.csv -o x.h5",
                                        "import --split-by time in.csv -o x.h5",
                                        "import --split-column a in.csv -o x.h5",
                                        "import --max-bad 2 in.csv -o x.h5",
                                        "import --max-bad 101% in.csv -o x.h5",
                                        "import --max-bad -1% in.csv -o x.h5",
                                        "import --max-bad 1%% in.csv -o x.h5",
                                        "import --max-bad nan in.csv -o x.h5",
                                        "import -f criteo in.csv -o in.csv",
                                        "check --json a",
                                        "check",
                                        "check a b",
                                        "info --deep x"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cr_expect_eq(run("%s", lines[i]), 2, "'%s'", lines[i]);
        cr_expect(err_text()[0] && !out_text()[0], "'%s'", lines[i]);
    }
    cr_assert_eq(count_files(), 0);
}

Test(rmx_data, bad_data_exits_3)
{
    job_put("junk.h5", "junk");
    cr_assert_eq(run("check junk.h5"), 3);
    cr_assert(says(err_text(), "junk.h5") && !out_text()[0], "%s", err_text());
    cr_assert_eq(run("info none.h5"), 3);
    cr_assert_eq(run("generate -o junk.h5/folder"), 3);
    cr_assert_eq(run("import -f criteo none.tsv -o x.h5"), 3);
    cr_assert_eq(run("import --spec none.ini junk.h5 -o x.h5"), 3);
    cr_assert(says(err_text(), "none.ini"), "%s", err_text());
    cr_assert_eq(run("import --vocab-from junk.h5 junk.h5 -o x.h5"), 3);
}

Test(rmx_data, generate_then_look)
{
    cr_assert_eq(run("generate --rows-train 5000 --rows-valid 1000 --seed 3"), 0, "%s",
                 err_text());
    cr_assert(says(out_text(), "train.h5: 5000 rows") && says(out_text(), "ceiling AUC 0.9"), "%s",
              out_text());
    cr_assert(!err_text()[0], "no bar where there is no terminal: %s", err_text());
    cr_assert_eq(count_files(), 2);
    cr_assert_eq(run("check train.h5"), 0);
    cr_assert(says(out_text(), "train.h5: good"));
    cr_assert_eq(run("info valid.h5"), 0);
    cr_assert(says(out_text(), "rows         1000") && says(out_text(), "seed 3") &&
                  says(out_text(), "ceiling AUC"),
              "%s", out_text());
}

Test(rmx_data, an_absent_folder_is_made)
{
    cr_assert_eq(run("generate --rows-train 100 --rows-valid 0 -o new/data"), 0, "%s", err_text());
    cr_assert_eq(run("check new/data/train.h5"), 0, "%s", err_text());
    cr_assert(unlink("new/data/train.h5") == 0 && rmdir("new/data") == 0 && rmdir("new") == 0);
}

Test(rmx_data, import_train_and_test)
{
    job_put("s.ini", "[columns]\nx = dense zscore\nc = sparse\ny = label positive=1\n");
    char text[4000] = "";
    for (int i = 0; i < 100; i++) sprintf(text + strlen(text), "%d,v%d,%d\n", i, i % 5, i % 2);
    job_put("a.csv", text);
    job_put("b.csv", "1,v1,1\n2,new,0\nbad\n");
    cr_assert_eq(run("import --spec s.ini a.csv -o a.h5 --split v.h5 --split-fraction 0.2"), 0,
                 "%s", err_text());
    cr_assert(says(out_text(), "a.h5: ") && says(out_text(), "v.h5: "), "%s", out_text());
    cr_assert_eq(run("import --vocab-from a.h5 b.csv -o b.h5"), 3); /* a third is bad */
    cr_assert(says(err_text(), "1 of 3 rows are bad") && says(err_text(), "--max-bad"), "%s",
              err_text());
    cr_assert_eq(run("import -q --max-bad 40%% --vocab-from a.h5 b.csv -o b.h5"), 0, "%s",
                 err_text());
    cr_assert(says(out_text(), "b.h5: 2 rows") && says(out_text(), "left out: 1") &&
                  says(out_text(), "b.csv:3") && says(out_text(), "(id 0): 1"),
              "%s", out_text());
    cr_assert(says(err_text(), "number of columns"), "bad rows with -q too: %s", err_text());
    cr_assert_eq(run("import --strict --vocab-from a.h5 b.csv -o c.h5"), 3);
    cr_assert(says(err_text(), "b.csv:3"), "%s", err_text());
    static const char *const files[] = {"a.h5", "b.h5", "v.h5"};
    for (int i = 0; i < 3; i++) cr_assert_eq(run("check %s", files[i]), 0, "%s", err_text());
    cr_assert_eq(count_files(), 6);
}

/* What a table had to say, on both streams. */
Test(rmx_data, import_reports)
{
    char text[8000] = "click,user,item,price\n";
    for (int i = 0; i < 200; i++)
        sprintf(text + strlen(text), "%d,%s%d,i%d,%s\n", i % 4 == 0, i % 10 ? "u" : "", i % 10,
                i % 3, i == 50 ? "two" : "0.5");
    job_put("s.ini", "[file]\nheader = yes\nmissing = 0\n[columns]\nclick = label positive=1 "
                     "negative=0\nuser = group\nitem = sparse\nprice = dense\n");
    job_put("a.csv", text);
    cr_assert_eq(run("import --spec s.ini a.csv -o a.h5 --bad bad.csv"), 0, "%s", err_text());
    cr_assert(says(err_text(), "1 of 200 rows are bad and left out (0.5 %)") &&
                  says(err_text(), "no number") && says(err_text(), "price   a.csv:52: 'two'"),
              "%s", err_text());
    cr_assert(says(out_text(), "label click: 50 positive (25.13 %), 149 negative") &&
                  says(out_text(), "rows without a group: 19") &&
                  says(out_text(), "unknown ids (id 0): 0 of 199 values (0 %)") &&
                  says(out_text(), "bad rows left out: 1 of 200, the first: a.csv:52: column "
                                   "'price': 'two' is no number") &&
                  says(out_text(), "bad.csv: 1 bad rows"),
              "%s", out_text());
    cr_assert_str_eq(job_text("bad.csv"), "click,user,item,price\n0,0,i2,two\n");
    cr_assert_eq(run("check a.h5"), 0);
    cr_assert(says(out_text(), "a.h5: good") && says(out_text(), "50 positive (25.13 %)"), "%s",
              out_text());
    cr_assert_eq(run("info a.h5"), 0);
    cr_assert(says(out_text(), "50 positive (25.13 %), 149 negative") &&
                  says(out_text(), "group        user: 19 of 199 rows have none") &&
                  says(out_text(), "source rows  kept") && says(out_text(), "encoding     ") &&
                  says(out_text(), "fingerprint  ") && says(out_text(), "table ") &&
                  says(out_text(), "id 0 is unknown") && says(out_text(), "user = group"),
              "%s", out_text());
    /* a typing error in the spec */
    job_put("s.ini", "[file]\nheader = yes\n[columns]\nclick = label positive=yes\n"
                     "user = key group\nitem = sparse\nprice = dense\n");
    cr_assert_eq(run("import --spec s.ini a.csv -o a.h5"), 0, "%s", err_text());
    cr_assert(says(err_text(),
                   "warning: label 'click': positive=yes never occurs; the values that "
                   "occur are '0' (150), '1' (50)") &&
                  says(err_text(), "all 199 of a.h5 are negative"),
              "%s", err_text());
    cr_assert_eq(run("check a.h5"), 0);
    cr_assert(says(err_text(), "task 'click' has negative labels only"), "%s", err_text());
}

Test(rmx_data, info_as_json)
{
    job_put("s.ini", "[columns]\n\"a \\\"b\\\"\" = sparse key\nx = dense zscore\n"
                     "y = label positive=1 masked\n");
    job_put("in\xff.csv", "p,1,1\nq,2,0\nq,3,\n");
    cr_assert_eq(run("import --spec s.ini in$(printf '\\377').csv -o a.h5"), 0, "%s", err_text());
    cr_assert_eq(run("info --json a.h5"), 0, "%s", err_text());
    json_error_t why;
    json_t *all = json_loads(out_text(), 0, &why);
    cr_assert(all, "%s: %s", why.text, out_text());
    const json_t *task = json_array_get(json_object_get(all, "tasks"), 0);
    const json_t *field = json_array_get(json_object_get(all, "sparse"), 0);
    cr_assert_eq(json_integer_value(json_object_get(all, "rows")), 3);
    cr_assert_str_eq(json_string_value(json_object_get(all, "file")), "a.h5");
    cr_assert_str_eq(json_string_value(json_object_get(field, "name")), "a \"b\"");
    cr_assert_str_eq(json_string_value(json_object_get(field, "transform")), "table");
    cr_assert_eq(json_integer_value(json_object_get(task, "positive")), 1);
    cr_assert_eq(json_integer_value(json_object_get(task, "hidden")), 1);
    cr_assert_eq(strlen(json_string_value(json_object_get(all, "fingerprint"))), 16u);
    cr_assert(says(json_string_value(json_object_get(all, "spec")), "zscore"));
    json_decref(all);
}

Test(rmx_data, rows_to_be_scored)
{
    job_put("s.ini", "[file]\nheader = yes\n[columns]\ny = label positive=1\nx = dense\n");
    job_put("a.csv", "y,x\n1,0.5\n0,1\n");
    job_put("b.csv", "x\n0.5\n");
    cr_assert_eq(run("import --spec s.ini a.csv -o a.h5"), 0, "%s", err_text());
    cr_assert_eq(run("import --vocab-from a.h5 - -o b.h5 < b.csv"), 0, "%s", err_text());
    cr_assert(says(err_text(), "no label columns") && says(out_text(), "no labels"), "%s%s",
              err_text(), out_text());
    cr_assert_eq(run("import --vocab-from a.h5 --unlabelled a.csv -o b.h5"), 0, "%s", err_text());
    cr_assert(!err_text()[0] && says(out_text(), "b.h5: 2 rows"), "%s", err_text());
    cr_assert_eq(run("info b.h5"), 0);
    cr_assert(says(out_text(), "(the rows have no labels)"), "%s", out_text());
}

/* The table, the spec, the older set, the other output: none of them is replaced. */
Test(rmx_data, an_output_replaces_no_input)
{
    static const char *const lines[] = {"import --spec s.ini in.csv -o in.csv",
                                        "import --spec s.ini in.csv -o ./in.csv",
                                        "import --spec s.ini in.csv -o s.ini",
                                        "import --spec s.ini in.csv -o a.h5 --split in.csv",
                                        "import --spec s.ini in.csv -o a.h5 --bad in.csv",
                                        "import --spec s.ini in.csv -o a.h5 --split a.h5",
                                        "import --spec s.ini in.csv -o a.h5 --bad a.h5",
                                        "import --spec s.ini - -o in.csv < in.csv",
                                        "import --vocab-from t.h5 in.csv -o t.h5",
                                        "import --vocab-from t.h5 in.csv -o a.h5 --split t.h5"};
    job_put("s.ini", "[columns]\nx = dense\ny = label positive=1\n");
    job_put("in.csv", "1,1\n2,0\n");
    cr_assert_eq(run("import --spec s.ini in.csv -o t.h5"), 0, "%s", err_text());
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cr_expect_eq(run("%s", lines[i]), 2, "'%s'", lines[i]);
        cr_expect(says(err_text(), "one file") && !out_text()[0], "%s", err_text());
    }
    cr_assert_eq(count_files(), 3);
    cr_assert_eq(run("check t.h5"), 0);
    cr_assert_eq(run("import --spec s.ini in.csv -o t.h5"), 0, "an older output is replaced");
}

/* Has the process opened a file in the test's folder? Rows wait in files without a name. */
static bool holds_a_file(pid_t process)
{
    char name[64], target[4096], folder[4096];
    cr_assert(getcwd(folder, sizeof folder));
    for (int fd = 0; fd < 64; fd++) {
        snprintf(name, sizeof name, "/proc/%d/fd/%d", (int)process, fd);
        const ssize_t n = readlink(name, target, sizeof target - 1);
        if (n < 0) continue;
        target[n] = '\0';
        if (strncmp(target, folder, strlen(folder)) == 0) return true;
    }
    return false;
}

static void stop_with(int number)
{
    const pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) _exit(99);
        char program[4200];
        snprintf(program, sizeof program, "%s/rmx-data", testing_programs());
        execl(program, "rmx-data", "generate", "--rows-train", "100000000", (char *)NULL);
        _exit(98);
    }
    const struct timespec moment = {0, 10000000};
    for (int i = 0; i < 2000 && !holds_a_file(child); i++) nanosleep(&moment, NULL);
    cr_assert(holds_a_file(child)); /* rows are being written */
    kill(child, number);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 143, "%d", status);
    cr_assert_eq(count_files(), 0);
}

Test(rmx_data, signals_leave_nothing_behind)
{
    stop_with(SIGTERM);
    stop_with(SIGINT);
}

Test(rmx_data, a_full_disk_leaves_nothing_behind)
{
    cr_assert_eq(job_run("ulimit -f 200; rmx-data generate"), 3);
    cr_assert(says(err_text(), "raise the limit of file sizes"), "%s", err_text());
    cr_assert_eq(count_files(), 0);
}
