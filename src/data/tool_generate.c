/* SPDX-License-Identifier: MIT */
/* tool_generate.c: rmx-data generate. */
#include <argp.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/synthetic.h"
#include "data/tool.h"

typedef struct arguments {
    rmx_synthetic_config config;
    const char *folder;
} arguments;

/* Where a number goes; the help of each is in the options below. */
static const struct {
    int key;
    char kind; /* i: int64_t, w: int32_t, u: uint64_t, d: double */
    size_t offset;
} places[] = {
    {'s', 'u', offsetof(rmx_synthetic_config, seed)},
    {1, 'i', offsetof(rmx_synthetic_config, rows_train)},
    {2, 'i', offsetof(rmx_synthetic_config, rows_valid)},
    {3, 'i', offsetof(rmx_synthetic_config, rows_test)},
    {4, 'w', offsetof(rmx_synthetic_config, sparse_fields)},
    {5, 'w', offsetof(rmx_synthetic_config, dense_fields)},
    {6, 'i', offsetof(rmx_synthetic_config, vocabulary)},
    {7, 'i', offsetof(rmx_synthetic_config, groups)},
    {8, 'd', offsetof(rmx_synthetic_config, zipf)},
    {9, 'd', offsetof(rmx_synthetic_config, base_rate)},
    {10, 'd', offsetof(rmx_synthetic_config, strength)},
    {11, 'd', offsetof(rmx_synthetic_config, noise)},
};

static const struct argp_option options[] = {
    {"output", 'o', "FOLDER", 0, "write train.h5, valid.h5 and test.h5 here (default: .)", 0},
    {"seed", 's', "N", 0, "of the planted model and the rows", 0},
    {"rows-train", 1, "N", 0, "rows for training; 0: no such file", 0},
    {"rows-valid", 2, "N", 0, "rows for validation; 0: no such file", 0},
    {"rows-test", 3, "N", 0, "rows for a last test; 0: no such file", 0},
    {"sparse-fields", 4, "N", 0, "sparse fields", 0},
    {"dense-fields", 5, "N", 0, "dense fields", 0},
    {"vocabulary", 6, "N", 0, "ids of each sparse field", 0},
    {"groups", 7, "N", 0, "users, for GAUC; 0: none", 0},
    {"zipf", 8, "X", 0, "skew of the ids; 0: uniform", 0},
    {"base-rate", 9, "X", 0, "mean click probability", 0},
    {"strength", 10, "X", 0, "standard deviation of the planted logit", 0},
    {"noise", 11, "X", 0, "that of a part no feature shows", 0},
    {"quiet", 'q', NULL, 0, "only errors on stderr", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static bool take_number(char kind, void *to, const char *text)
{
    char *end;
    errno = 0;
    if (kind == 'd') {
        *(double *)to = strtod(text, &end);
    } else if (kind == 'u') {
        *(uint64_t *)to = strtoull(text, &end, 10);
        if (strchr(text, '-')) return false;
    } else {
        const long long value = strtoll(text, &end, 10);
        if (kind == 'w' && (value < INT32_MIN || value > INT32_MAX)) return false;
        if (kind == 'w')
            *(int32_t *)to = (int32_t)value;
        else
            *(int64_t *)to = value;
    }
    return errno == 0 && end != text && *end == '\0';
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    if (key == 'o') {
        a->folder = text;
        return 0;
    }
    if (key == 'q') {
        rmx_tool_quiet(true);
        return 0;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].key == key) {
            if (!take_number(places[i].kind, (char *)&a->config + places[i].offset, text))
                argp_error(state, "'%s' is not a number that fits here", text);
            return 0;
        }
    if (key == ARGP_KEY_ARG) argp_error(state, "unexpected '%s'", text);
    return ARGP_ERR_UNKNOWN;
}

static rmx_status write_set(const arguments *a, rmx_synthetic_split split, int64_t rows,
                            const char *name, rmx_error *error)
{
    if (rows == 0) return RMX_OK;
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", a->folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return rmx_fail(error, RMX_ERR_ARGUMENT, "the name of the folder is too long");
    char unit[] = "rows";
    rmx_synthetic_result result;
    const rmx_status status =
        rmx_synthetic_write(&a->config, split, path, rmx_tool_progress, unit, &result, error);
    if (status != RMX_OK) return status;
    rmx_tool_progress_end();
    printf("%s: %lld rows, click rate %.4f, ceiling AUC %.5f, fingerprint %016llx\n", path,
           (long long)result.rows, result.base_rate, result.ceiling_auc,
           (unsigned long long)result.fingerprint);
    return RMX_OK;
}

int rmx_tool_generate(int argc, char **argv)
{
    static const char doc[] = "Make click data from a planted model whose best AUC is known.\v"
                              "Example: rmx-data generate -o data --rows-train 200000 --seed 1";
    const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
    arguments a = {rmx_synthetic_default(), "."};
    rmx_error error = {.text = ""};
    if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0)
        return rmx_tool_exit(rmx_fail(&error, RMX_ERR_MEMORY, "out of memory"), &error);
    const rmx_synthetic_config *c = &a.config;
    rmx_status status = rmx_synthetic_check(c, &error);
    if (status == RMX_OK && c->rows_train + c->rows_valid + c->rows_test == 0)
        status = rmx_fail(&error, RMX_ERR_ARGUMENT, "no rows asked for");
    if (status == RMX_OK)
        status = write_set(&a, RMX_SYNTHETIC_TRAIN, c->rows_train, "train.h5", &error);
    if (status == RMX_OK)
        status = write_set(&a, RMX_SYNTHETIC_VALID, c->rows_valid, "valid.h5", &error);
    if (status == RMX_OK)
        status = write_set(&a, RMX_SYNTHETIC_TEST, c->rows_test, "test.h5", &error);
    return rmx_tool_exit(status, &error);
}
