/* SPDX-License-Identifier: MIT */
/* import_testing.h: what the tests of rmx_import share: a table and a spec as texts, imported. */
#ifndef RMX_IMPORT_TESTING_H
#define RMX_IMPORT_TESTING_H

#include <criterion/criterion.h>

#include "data/import.h"
#include "data_testing.h"
#include "testing.h"

/* Imports files of the test's folder, "a.csv b.csv", with the spec (NULL: none) into out.h5 unless
 * more says otherwise. *result is valid until the next import. */
static inline rmx_status import_files(const char *spec, const char *files, rmx_import_options more,
                                      rmx_import_result *result, rmx_error *error)
{
    static rmx_import_result last;
    char spec_path[256], output[256], name[256], paths[8][256];
    const char *input[8];
    snprintf(spec_path, sizeof spec_path, "%s", spec ? write_text("spec.ini", spec) : "");
    snprintf(output, sizeof output, "%s", in_folder("out.h5"));
    for (const char *at = files; *at; at += strspn(at, " ")) {
        const size_t n = strcspn(at, " ");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        snprintf(paths[more.inputs], sizeof paths[0], "%s", in_folder(name));
        input[more.inputs] = paths[more.inputs];
        more.inputs++;
        at += n;
    }
    more.format = more.format ? more.format : "csv";
    more.spec = spec ? spec_path : NULL;
    more.input = input;
    more.output = more.output ? more.output : output;
    rmx_import_result_free(&last);
    const rmx_status status = rmx_import(&more, &last, error);
    if (result) *result = last;
    return status;
}

/* The same of one table, in.csv. */
static inline rmx_status import_text(const char *spec, const char *text, rmx_import_options more,
                                     rmx_import_result *result, rmx_error *error)
{
    (void)write_text("in.csv", text);
    return import_files(spec, "in.csv", more, result, error);
}

static const rmx_import_options plain_options;

/* Imports a table and asserts that it works. */
static inline rmx_import_result import_good(const char *spec, const char *text,
                                            rmx_import_options more)
{
    rmx_error error = {.text = ""};
    rmx_import_result result;
    cr_assert_eq(import_text(spec, text, more, &result, &error), RMX_OK, "%s", error.text);
    return result;
}

/* Asserts that the import ends with this status and a text that holds `says`. */
static inline void import_bad(const char *spec, const char *text, rmx_import_options more,
                              rmx_status status, const char *says)
{
    rmx_error error = {.text = ""};
    cr_assert_eq(import_text(spec, text, more, NULL, &error), status, "%s", error.text);
    cr_assert(strstr(error.text, says), "'%s' lacks '%s'", error.text, says);
}

/* Is there a warning that holds these words? */
static inline bool warned(const rmx_import_result *result, const char *says)
{
    for (int32_t i = 0; i < result->warnings; i++)
        if (strstr(result->warning[i], says)) return true;
    return false;
}

/* A dataset in memory. */
typedef struct loaded {
    rmx_schema s;
    rmx_rows r;
} loaded;

static inline loaded load_set(const char *name)
{
    loaded out;
    rmx_dataset_file file;
    rmx_error error = {.text = ""};
    const char *path = in_folder(name);
    cr_assert_eq(rmx_dataset_check(path, NULL, NULL, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_dataset_file_open(path, &file, &error), RMX_OK, "%s", error.text);
    cr_assert_eq(rmx_schema_copy(&out.s, &file.schema, NULL), RMX_OK);
    cr_assert_eq(rmx_rows_alloc(&out.r, &out.s, out.s.rows, NULL), RMX_OK);
    for (int64_t b = 0; b < rmx_dataset_file_blocks(&file); b++)
        cr_assert_eq(rmx_dataset_file_read(&file, b, &out.r, b * file.block_rows, &error), RMX_OK);
    rmx_dataset_file_close(&file);
    return out;
}

static inline void unload_set(loaded *set)
{
    rmx_rows_free(&set->r);
    rmx_schema_free(&set->s);
}

/* The text column of a row, zero-terminated; good until the next call. */
static inline const char *text_at(const loaded *set, int64_t row, int32_t column)
{
    static char text[RMX_TEXT_VALUE_MAX + 1];
    const char *at = set->r.text;
    int64_t width = 0, before = 0;
    for (int32_t i = 0; i < set->s.text_columns; i++) {
        width += set->s.text_bytes[i];
        if (i < column) before += set->s.text_bytes[i];
    }
    const int32_t bytes = set->s.text_bytes[column];
    memcpy(text, at + row * width + before, (size_t)bytes);
    text[bytes] = '\0';
    return text;
}

#endif /* RMX_IMPORT_TESTING_H */
