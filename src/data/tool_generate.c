/* SPDX-License-Identifier: MIT */
/* tool_generate.c: rmx-data generate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/synthetic.h"
#include "data/tool.h"

typedef struct arguments {
    rmx_synthetic_config config;
    const char *folder;
} arguments;

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
    if (key == 's' || (key > 0 && key < RMX_SYNTHETIC_FIELDS)) {
        const rmx_synthetic_field *f = &rmx_synthetic_fields[key == 's' ? 0 : key];
        if (!take_number(f->kind, (char *)&a->config + f->offset, text))
            argp_error(state, "'%s' is not a number that fits here", text);
        return 0;
    }
    if (key == ARGP_KEY_ARG) argp_error(state, "unexpected '%s'", text);
    return ARGP_ERR_UNKNOWN;
}

static rmx_status write_set(const arguments *a, rmx_synthetic_split split, rmx_error *error)
{
    static const char *const names[] = {"train.h5", "valid.h5", "test.h5"};
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", a->folder, names[split]);
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

enum { OPTIONS = RMX_SYNTHETIC_FIELDS + 3 };

/* Makes an option for each field: --rows-train for rows_train. Its key is the place of the field,
 * but 's' for the seed, the first one. */
static void list_options(struct argp_option out[OPTIONS], char names[RMX_SYNTHETIC_FIELDS][20])
{
    const struct argp_option output = {
        "output", 'o', "FOLDER", 0, "write train.h5, valid.h5 and test.h5 here (default: .)", 0};
    const struct argp_option quiet = {"quiet", 'q', NULL, 0, "only errors on stderr", 0};
    memset(out, 0, OPTIONS * sizeof *out);
    for (int i = 0; i < RMX_SYNTHETIC_FIELDS; i++) {
        const rmx_synthetic_field *f = &rmx_synthetic_fields[i];
        snprintf(names[i], sizeof names[i], "%s", f->name);
        for (char *c = names[i]; *c; c++)
            if (*c == '_') *c = '-';
        const char *number = f->kind == 'd' ? "X" : "N";
        out[i] = (struct argp_option){names[i], i ? i : 's', number, 0, f->help, 0};
    }
    out[RMX_SYNTHETIC_FIELDS] = output;
    out[RMX_SYNTHETIC_FIELDS + 1] = quiet;
}

int rmx_tool_generate(int argc, char **argv)
{
    static const char doc[] = "Make click data from a planted model whose best AUC is known.\v"
                              "Example: rmx-data generate -o data --rows-train 200000 --seed 1";
    struct argp_option options[OPTIONS];
    char names[RMX_SYNTHETIC_FIELDS][20];
    list_options(options, names);
    const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
    arguments a = {rmx_synthetic_default(), "."};
    rmx_error error = {.text = ""};
    rmx_status status = rmx_tool_arguments(&argp, argc, argv, &a, &error);
    const int64_t rows[] = {a.config.rows_train, a.config.rows_valid, a.config.rows_test};
    if (status == RMX_OK) status = rmx_synthetic_check(&a.config, &error);
    if (status == RMX_OK && rows[0] + rows[1] + rows[2] == 0)
        status = rmx_fail(&error, RMX_ERR_ARGUMENT, "no rows asked for");
    for (int i = 0; i < 3 && status == RMX_OK; i++)
        if (rows[i] > 0) status = write_set(&a, (rmx_synthetic_split)i, &error);
    return rmx_tool_exit(status, &error);
}
