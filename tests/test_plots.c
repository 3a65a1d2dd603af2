/* SPDX-License-Identifier: MIT */
/* curves.svg: labels of the axes that do not repeat, an AUC within 0 .. 1, a picture for every run,
 * and what happens without gnuplot. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job_testing.h"
#include "train/plots.h"

TestSuite(plots, .init = job_begin, .fini = job_end, .timeout = 60);

static bool here(const char *program)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null", program);
    return system(command) == 0;
}

/* A run of `steps` with a line every `every` and `evaluations` evaluations. */
static void make_run(int steps, int every, int evaluations, double first, double last)
{
    FILE *out = fopen("metrics.jsonl", "w");
    char auc[40];
    cr_assert(out);
    for (int step = every; step <= steps; step += every) {
        snprintf(auc, sizeof auc, "%.6f", first + (last - first) * step / steps);
        fprintf(out,
                "{\"type\":\"train\",\"step\":%d,\"loss\":0.6,\"logloss\":%.6f,\"auc\":%s,"
                "\"tasks\":{\"a\":{\"auc\":7,\"logloss\":7}}}\n",
                step, 0.7 - 0.1 * step / steps, isnan(first) ? "null" : auc);
        if (evaluations && step % (steps / evaluations) == 0)
            fprintf(out, "{\"type\":\"valid\",\"step\":%d,\"auc\":%s,\"logloss\":0.65}\n", step,
                    isnan(first) ? "null" : auc);
    }
    cr_assert_eq(fclose(out), 0);
}

static const char *draw(double ceiling)
{
    static char svg[1 << 20];
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_plots_curves(".", ceiling, &error), RMX_OK, "%s", error.text);
    FILE *file = fopen("curves.svg", "r");
    cr_assert(file);
    const size_t length = fread(svg, 1, sizeof svg - 1, file);
    svg[length] = '\0';
    fclose(file);
    cr_expect_neq(system("ls *.tmp.* 2>/dev/null"), 0, "something was left behind");
    cr_expect_null(strstr(svg, "scale(0.00)"));
    if (here("rsvg-convert")) cr_expect_eq(system("rsvg-convert curves.svg -o x.png"), 0);
    return svg;
}

static int count(const char *svg, const char *label)
{
    char text[64];
    int found = 0;
    snprintf(text, sizeof text, ">%s</tspan>", label);
    for (const char *at = svg; (at = strstr(at, text)); at++) found++;
    return found;
}

/* Both panels have the same labels of steps, so each is there twice. */
Test(plots, labels_of_steps_do_not_repeat)
{
    if (!here("gnuplot")) cr_skip_test("no gnuplot");
    make_run(2400, 20, 12, 0.5, 0.8);
    const char *svg = draw(0.86);
    cr_expect_eq(count(svg, "500"), 2);
    cr_expect_eq(count(svg, "2000"), 2);
    cr_expect_eq(count(svg, "2k"), 0);
    cr_expect_eq(count(svg, "AUC ceiling 0.8600"), 1);
    make_run(25000, 100, 5, 0.5, 0.8);
    svg = draw(NAN);
    cr_expect_eq(count(svg, "5k"), 2);
    cr_expect_eq(count(svg, "25k"), 2);
    make_run(3000000, 3000, 5, 0.5, 0.8);
    svg = draw(NAN);
    cr_expect_eq(count(svg, "0.5M"), 2);
    cr_expect_eq(count(svg, "1M"), 2);
    cr_expect_eq(count(svg, "2M"), 2);
    make_run(1, 1, 1, 0.5, 0.5);
    svg = draw(NAN);
    cr_expect_eq(count(svg, "1"), 2);
}

Test(plots, auc_stays_within_0_and_1)
{
    static const struct {
        double first, last;
        const char *lowest, *highest, *outside;
    } runs[] = {{0.9999, 0.9999, "0.980", "1.000", "1.005"},
                {1, 1, "0.980", "1.000", "1.005"},
                {0, 0, "0.000", "0.020", "-0.005"},
                {0.93, 0.93001, "0.920", "0.945", "1.000"},
                {0.5, 0.98, "0.5", "1.0", "1.1"}};
    if (!here("gnuplot")) cr_skip_test("no gnuplot");
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        make_run(400, 20, 2, runs[i].first, runs[i].last);
        const char *svg = draw(NAN);
        cr_expect_eq(count(svg, runs[i].lowest), 1, "%g: no %s", runs[i].first, runs[i].lowest);
        cr_expect_eq(count(svg, runs[i].highest), 1, "%g: no %s", runs[i].first, runs[i].highest);
        cr_expect_eq(count(svg, runs[i].outside), 0, "%g", runs[i].first);
    }
}

Test(plots, auc_that_is_not_defined_is_said_to_be)
{
    if (!here("gnuplot")) cr_skip_test("no gnuplot");
    make_run(400, 20, 2, NAN, NAN);
    cr_expect_eq(count(draw(NAN), "not defined"), 1);
}

/* The older picture stays whatever goes wrong. */
Test(plots, failures_are_one_line)
{
    rmx_error error = {.text = ""};
    cr_expect_eq(rmx_plots_curves("none", NAN, &error), RMX_ERR_DATA);
    cr_expect_str_eq(error.text, "no curves.svg: none/metrics.jsonl: No such file or directory");
    make_run(20, 20, 0, 0.5, 0.5);
    cr_assert_eq(system("echo older > curves.svg; mkdir bin; "
                        "printf '#!/bin/sh\\nexit 3\\n' > bin/gnuplot; chmod +x bin/gnuplot"),
                 0);
    setenv("PATH", "/nowhere", 1);
    cr_expect_eq(rmx_plots_curves(".", NAN, &error), RMX_ERR_DATA);
    cr_expect_str_eq(error.text, "no curves.svg: gnuplot is missing; apt-get install gnuplot-nox");
    setenv("PATH", "./bin:/usr/bin:/bin", 1);
    cr_expect_eq(rmx_plots_curves(".", NAN, &error), RMX_ERR_DATA);
    cr_expect_str_eq(error.text,
                     "no curves.svg: gnuplot failed; the figures are in metrics.jsonl");
    cr_expect_eq(system("grep -qx older curves.svg"), 0);
    cr_expect_neq(system("ls *.tmp.* 2>/dev/null"), 0);
    job_put("metrics.jsonl", "");
    cr_expect_eq(rmx_plots_curves(".", NAN, &error), RMX_ERR_DATA);
    cr_expect_str_eq(error.text, "no curves.svg: metrics.jsonl has no lines yet");
}
