/* SPDX-License-Identifier: MIT */
/* program_testing.h: what tests of the training programs share, beside job_testing.h: a look at
 * what they wrote, small data sets to train on. */
#ifndef RMX_PROGRAM_TESTING_H
#define RMX_PROGRAM_TESTING_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "job_testing.h"

/* out or err of the last run, before the next one. */
static inline void keep(const char *stream, const char *as)
{
    cr_assert_eq(rename(stream, as), 0);
}

static inline bool holds(const char *name, const char *words)
{
    return strstr(job_text(name), words) != NULL;
}

static inline void expect_words(const char *name, const char *words)
{
    cr_expect(holds(name, words), "'%s' is not in %s: %s", words, name, job_text(name));
}

/* The number after "key": on stdout's line of JSON; NaN for null. */
static inline double value_in(const char *name, const char *key)
{
    char pattern[80], *end;
    snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *at = strstr(job_text(name), pattern);
    cr_assert(at, "no %s in %s: %s", key, name, job_text(name));
    at += strlen(pattern);
    const double value = strtod(at, &end);
    return end == at ? NAN : value;
}

/* Every line of a file is JSON, where there is a Python to ask. out and err stay. */
static inline void expect_json_lines(const char *name)
{
    char command[512];
    if (system("command -v python3 >/dev/null") != 0) return;
    snprintf(
        command, sizeof command,
        "while read -r line; do printf '%%s' \"$line\" | python3 -m json.tool || exit 1; done "
        "< %s > json 2>&1",
        name);
    cr_expect_eq(system(command), 0, "%s: %s", name, job_text("json"));
}

/* ---- sets --------------------------------------------------------------------------------- */

enum { SET_SPARSE = 2, SET_DENSE = 2 };

typedef struct set_options {
    int64_t rows;
    int32_t tasks;            /* "click", "buy", or task_name where there is one */
    const char *task_name[2]; /* NULL: those */
    bool no_labels, zeros, masked, keys, group;
    int64_t large_row; /* dense values near the largest float in it; 0: none */
    uint64_t seed;
} set_options;

static inline uint32_t set_word(uint64_t seed, int64_t row, int column)
{
    uint64_t x = (seed << 40) + ((uint64_t)row << 8) + (uint64_t)column + 1;
    x = (x ^ x >> 31) * 0x7fb5d329728ea185u;
    x = (x ^ x >> 27) * 0x81dadef4bc2dd44du;
    return (uint32_t)((x ^ x >> 33) >> 20);
}

static inline rmx_schema set_schema(const set_options *o)
{
    static const char *const names[] = {"click", "buy"};
    rmx_schema s;
    cr_assert_eq(rmx_schema_init(&s, SET_SPARSE, SET_DENSE, o->tasks, NULL), RMX_OK);
    for (int32_t f = 0; f < SET_SPARSE; f++) s.vocabulary[f] = 10;
    for (int32_t t = 0; t < o->tasks; t++) {
        const char *name = o->task_name[t] ? o->task_name[t] : names[t];
        cr_assert_eq(rmx_schema_set(&s.task_names[t], name, NULL), RMX_OK);
        s.task_masked[t] = true;
    }
    s.has_label = !o->no_labels;
    s.has_group = o->group;
    s.has_row = o->keys;
    if (!o->keys) return s;
    cr_assert_eq(rmx_schema_add_text(&s, "request", false, NULL), RMX_OK);
    cr_assert_eq(rmx_schema_add_text(&s, "user", true, NULL), RMX_OK);
    cr_assert_eq(rmx_schema_add_text(&s, "label", false, NULL), RMX_OK);
    return s;
}

/* Row i of the set is row 3 i + 1 of its source; every third has no group. */
static inline void make_set(const char *path, const set_options *o)
{
    rmx_error error = {.text = ""};
    rmx_schema schema = set_schema(o);
    rmx_writer *writer;
    cr_assert_eq(rmx_writer_open(path, &schema, 0, &writer, &error), RMX_OK, "%s", error.text);
    for (int64_t i = 0; i < o->rows; i++) {
        uint32_t id[SET_SPARSE];
        float dense[SET_DENSE];
        uint8_t label[2];
        char request[64], user[64] = "";
        const uint64_t source = (uint64_t)(3 * i + 1);
        uint64_t group = 0;
        for (int f = 0; f < SET_SPARSE; f++) id[f] = set_word(o->seed, i, f) % 10;
        for (int f = 0; f < SET_DENSE; f++)
            dense[f] = (float)(set_word(o->seed, i, 2 + f) % 100) * 0.02f - 1;
        if (o->large_row && i == o->large_row) { /* finite, but sums of them are not */
            dense[0] = -3.3e38f;
            dense[1] = -3.4e38f;
        }
        for (int t = 0; t < 2; t++) {
            const uint32_t chance = 8 + 8 * ((id[0] + (uint32_t)t * id[1]) % 10);
            label[t] = !o->zeros && set_word(o->seed, i, 8 + t) % 100 < chance;
            if (o->masked && (i + t) % 4 == 0) label[t] = RMX_LABEL_MASKED;
        }
        if (i % 3 != 0) {
            group = 1 + set_word(o->seed, i, 20) % 20;
            snprintf(user, sizeof user, "user %d", (int)group);
        }
        snprintf(request, sizeof request, "r%d%s", (int)i, i % 2 ? ",\"x\"" : "");
        const char *const texts[] = {request, user, "k"};
        const rmx_writer_rows row = {.label = label,
                                     .dense = dense,
                                     .sparse = id,
                                     .group = &group,
                                     .row = &source,
                                     .text = texts};
        cr_assert_eq(rmx_writer_append(writer, 1, &row, &error), RMX_OK, "%s", error.text);
    }
    cr_assert_eq(rmx_writer_finish(writer, NULL, &error), RMX_OK, "%s", error.text);
    rmx_schema_free(&schema);
}

static const char set_config[] =
    "[run]\nseed = 3\nthreads = 1\ndevice = cpu\n[data]\ntrain = train.h5\n"
    "[model]\ntokens = 2\nwidth = 8\nlayers = 2\nembedding_width = 4\n"
    "[train]\nbatch = 128\nsteps = 20\nlog_every = 5\neval_every = 5\nlr = 0.01\n";

#endif /* RMX_PROGRAM_TESTING_H */
