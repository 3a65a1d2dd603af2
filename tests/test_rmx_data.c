/* SPDX-License-Identifier: MIT */
/* test_rmx_data.c: the program rmx-data, as a person at a shell meets it. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

#include "data_testing.h"
#include "testing.h"

TestSuite(rmx_data, .fini = remove_folder, .timeout = 60);

static char out_text[1 << 16], err_text[1 << 16];

static void slurp(const char *name, char *text, size_t most)
{
    FILE *f = fopen(in_folder(name), "rb");
    cr_assert(f);
    text[fread(text, 1, most - 1, f)] = '\0';
    fclose(f);
    (void)unlink(in_folder(name));
}

/* Runs rmx-data in the test's folder; its exit status, with both outputs kept. */
static int run(const char *format, ...)
{
    char arguments[1024], line[5400];
    va_list args;
    va_start(args, format);
    vsnprintf(arguments, sizeof arguments, format, args);
    va_end(args);
    snprintf(line, sizeof line, "cd %s && %s/rmx-data %s >.out 2>.err", own_folder(),
             testing_programs(), arguments);
    const int status = system(line);
    slurp(".out", out_text, sizeof out_text);
    slurp(".err", err_text, sizeof err_text);
    cr_assert(WIFEXITED(status), "%s", line);
    return WEXITSTATUS(status);
}

static void put_text(const char *name, const char *text)
{
    FILE *f = fopen(in_folder(name), "wb");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static bool says(const char *text, const char *words) { return strstr(text, words) != NULL; }

Test(rmx_data, help_and_version)
{
    static const char *const commands[] = {"", "generate", "import", "check", "info"};
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(run("%s --help", commands[i]), 0);
        cr_assert(says(out_text, "Example: rmx-data"), "%s", out_text);
        cr_assert_eq(run("%s --version", commands[i]), 0);
        cr_assert(says(out_text, "rmx-data "));
    }
}

Test(rmx_data, wrong_usage_exits_2)
{
    static const char *const lines[] = {"",
                                        "nonsense",
                                        "generate extra",
                                        "generate --rows-train many",
                                        "generate --vocabulary 1",
                                        "generate --rows-train 0 --rows-valid 0",
                                        "import -o x.h5",
                                        "import in.csv",
                                        "import in.csv -o x.h5",
                                        "import -f excel in.csv -o x.h5",
                                        "import --spec none.ini in.csv -o x.h5",
                                        "import --split-by odd in.csv -o x.h5",
                                        "check",
                                        "check a b",
                                        "info --deep x"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cr_expect_eq(run("%s", lines[i]), 2, "'%s'", lines[i]);
        cr_expect(err_text[0] && !out_text[0], "'%s'", lines[i]);
    }
    cr_assert_eq(files_in_folder(), 0);
}

Test(rmx_data, bad_data_exits_3)
{
    put_text("junk.h5", "junk");
    cr_assert_eq(run("check junk.h5"), 3);
    cr_assert(says(err_text, "junk.h5") && !out_text[0], "%s", err_text);
    cr_assert_eq(run("info none.h5"), 3);
    cr_assert_eq(run("generate -o junk.h5/folder"), 3);
    cr_assert_eq(run("import -f criteo none.tsv -o x.h5"), 3);
    cr_assert_eq(run("import --vocab-from junk.h5 junk.h5 -o x.h5"), 3);
}

Test(rmx_data, generate_then_look)
{
    cr_assert_eq(run("generate --rows-train 5000 --rows-valid 1000 --seed 3"), 0, "%s", err_text);
    cr_assert(says(out_text, "train.h5: 5000 rows") && says(out_text, "ceiling AUC 0.9"), "%s",
              out_text);
    cr_assert(!err_text[0], "no bar where there is no terminal: %s", err_text);
    cr_assert_eq(files_in_folder(), 2);
    cr_assert_eq(run("check train.h5"), 0);
    cr_assert(says(out_text, "train.h5: good"));
    cr_assert_eq(run("info valid.h5"), 0);
    cr_assert(says(out_text, "rows         1000") && says(out_text, "seed 3") &&
                  says(out_text, "ceiling AUC"),
              "%s", out_text);
}

Test(rmx_data, an_absent_folder_is_made)
{
    cr_assert_eq(run("generate --rows-train 100 --rows-valid 0 -o new/data"), 0, "%s", err_text);
    cr_assert_eq(run("check new/data/train.h5"), 0, "%s", err_text);
    cr_assert(unlink(in_folder("new/data/train.h5")) == 0 && rmdir(in_folder("new/data")) == 0 &&
              rmdir(in_folder("new")) == 0);
}

Test(rmx_data, import_train_and_test)
{
    put_text("s.ini", "[columns]\nx = dense zscore\nc = sparse\ny = label positive=1\n");
    char text[4000] = "";
    for (int i = 0; i < 100; i++) sprintf(text + strlen(text), "%d,v%d,%d\n", i, i % 5, i % 2);
    put_text("a.csv", text);
    put_text("b.csv", "1,v1,1\n2,new,0\nbad\n");
    cr_assert_eq(run("import --spec s.ini a.csv -o a.h5 --split v.h5 --split-fraction 0.2"), 0,
                 "%s", err_text);
    cr_assert(says(out_text, "a.h5: ") && says(out_text, "v.h5: "), "%s", out_text);
    cr_assert_eq(run("import -q --vocab-from a.h5 b.csv -o b.h5"), 0, "%s", err_text);
    cr_assert(says(out_text, "b.h5: 2 rows") && says(out_text, "left out: 1") &&
                  says(out_text, "b.csv:3") && says(out_text, "(id 0): 1"),
              "%s", out_text);
    cr_assert_eq(run("import --strict --vocab-from a.h5 b.csv -o c.h5"), 3);
    cr_assert(says(err_text, "b.csv:3"), "%s", err_text);
    static const char *const files[] = {"a.h5", "b.h5", "v.h5"};
    for (int i = 0; i < 3; i++) cr_assert_eq(run("check %s", files[i]), 0, "%s", err_text);
    cr_assert_eq(files_in_folder(), 6);
}

static void stop_with(int number)
{
    (void)own_folder(); /* the same one on both sides of the fork */
    const pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        if (chdir(own_folder()) != 0 || !freopen("/dev/null", "w", stderr)) _exit(99);
        char program[4200];
        snprintf(program, sizeof program, "%s/rmx-data", testing_programs());
        execl(program, "rmx-data", "generate", "--rows-train", "100000000", (char *)NULL);
        _exit(98);
    }
    const struct timespec moment = {0, 10000000};
    for (int i = 0; i < 2000 && files_in_folder() == 0; i++) nanosleep(&moment, NULL);
    cr_assert_eq(files_in_folder(), 1); /* the temporary file is there */
    kill(child, number);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 143, "%d", status);
    cr_assert_eq(files_in_folder(), 0);
}

Test(rmx_data, signals_leave_nothing_behind)
{
    stop_with(SIGTERM);
    stop_with(SIGINT);
}

Test(rmx_data, a_full_disk_leaves_nothing_behind)
{
    char line[4400];
    snprintf(line, sizeof line, "cd %s && ulimit -f 200 && %s/rmx-data generate >.out 2>.err",
             own_folder(), testing_programs());
    const int status = system(line);
    slurp(".err", err_text, sizeof err_text);
    slurp(".out", out_text, sizeof out_text);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3, "%d", status);
    cr_assert(says(err_text, "is the disk full"), "%s", err_text);
    cr_assert_eq(files_in_folder(), 0);
}
