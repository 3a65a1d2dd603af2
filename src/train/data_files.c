/* SPDX-License-Identifier: MIT */
/* data_files.c: see data_files.h. */
#include "train/data_files.h"

#include <string.h>
#include <unistd.h>

#include "data/whole_file.h"
#include "train/stop_signal.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Change this when the generator makes other rows from the same section. */
#define GENERATOR "rankmixer synthetic 2"

static uint64_t section_checksum(const rmx_config *config)
{
    char text[1024];
    const rmx_config_synthetic *s = &config->synthetic;
    const int length = snprintf(
        text, sizeof text, "%s|%lld|%lld|%lld|%lld|%lld|%lld|%lld|%lld|%.17g|%.17g|%.17g|%.17g",
        GENERATOR, (long long)s->seed, (long long)s->rows_train, (long long)s->rows_valid,
        (long long)s->rows_test, (long long)s->sparse_fields, (long long)s->dense_fields,
        (long long)s->vocabulary, (long long)s->groups, s->zipf, s->base_rate, s->strength,
        s->noise);
    return XXH3_64bits(text, (size_t)length);
}

static void name_synthetic(const rmx_config *config, const char *split, int64_t rows, char *out,
                           size_t bytes)
{
    out[0] = '\0';
    if (rows > 0)
        snprintf(out, bytes, "%s/data/synthetic-%016llx-%s.h5", config->run.dir,
                 (unsigned long long)section_checksum(config), split);
}

bool rmx_data_files_made(const char *name)
{
    static const char *const ends[] = {"-train.h5", "-valid.h5", "-test.h5"};
    const size_t head = strlen("synthetic-"), digits = 16;
    if (strncmp(name, "synthetic-", head) || strspn(name + head, "0123456789abcdef") != digits)
        return false;
    for (int i = 0; i < 3; i++)
        if (!strcmp(name + head + digits, ends[i])) return true;
    return false;
}

static rmx_status synthetic_schema(const rmx_config *config, rmx_schema *schema, rmx_error *error)
{
    const rmx_synthetic_config s = rmx_config_synthetic_of(config);
    const rmx_status status = rmx_synthetic_check(&s, error);
    return status == RMX_OK ? rmx_synthetic_schema(&s, schema, error) : status;
}

/* A file that is given has to exist: none is generated in its place. */
static rmx_status check_given(const rmx_config *config, const char *key, const char *path,
                              rmx_schema *schema, rmx_error *error)
{
    char where[256];
    rmx_error why;
    rmx_config_where(config, "data", key, where, sizeof where);
    rmx_status status = rmx_dataset_schema(path, schema, &why);
    if (status == RMX_OK) {
        status = rmx_schema_need_labels(schema, path, &why);
        if (status != RMX_OK) rmx_schema_free(schema);
    }
    if (status == RMX_OK) return RMX_OK;
    return rmx_fail(error, status, "%s: data.%s: %s", where, key, why.text);
}

static rmx_status check_other(const rmx_config *config, const char *key, const char *path,
                              const rmx_schema *train, rmx_error *error)
{
    rmx_schema other;
    if (!*path) return RMX_OK;
    rmx_status status = check_given(config, key, path, &other, error);
    if (status != RMX_OK) return status;
    status = rmx_dataset_match(train, config->data.train, path, error);
    rmx_schema_free(&other);
    return status;
}

rmx_status rmx_data_files_find(const rmx_config *config, rmx_data_files *out, rmx_schema *schema,
                               rmx_error *error)
{
    memset(out, 0, sizeof *out);
    memset(schema, 0, sizeof *schema);
    out->synthetic = !config->data.train[0];
    if (out->synthetic) {
        name_synthetic(config, "train", config->synthetic.rows_train, out->train,
                       sizeof out->train);
        name_synthetic(config, "valid", config->synthetic.rows_valid, out->valid,
                       sizeof out->valid);
        name_synthetic(config, "test", config->synthetic.rows_test, out->test, sizeof out->test);
        return synthetic_schema(config, schema, error);
    }
    snprintf(out->train, sizeof out->train, "%s", config->data.train);
    snprintf(out->valid, sizeof out->valid, "%s", config->data.valid);
    snprintf(out->test, sizeof out->test, "%s", config->data.test);
    rmx_status status = check_given(config, "train", out->train, schema, error);
    if (status != RMX_OK) return status;
    status = check_other(config, "valid", out->valid, schema, error);
    if (status == RMX_OK) status = check_other(config, "test", out->test, schema, error);
    if (status != RMX_OK) rmx_schema_free(schema);
    return status;
}

static bool on_progress(void *user, int64_t done, int64_t total)
{
    rmx_progress_work(user, done, total, "making synthetic data");
    return !rmx_stop_requested();
}

static rmx_status make_one(const rmx_config *config, rmx_synthetic_split split, const char *path,
                           rmx_progress *progress, rmx_error *error)
{
    const rmx_synthetic_config s = rmx_config_synthetic_of(config);
    if (!*path || access(path, F_OK) == 0 || rmx_stop_requested()) return RMX_OK;
    const rmx_status status =
        rmx_synthetic_write(&s, split, path, on_progress, progress, NULL, error);
    rmx_progress_end(progress);
    return rmx_stop_requested() ? RMX_OK : status;
}

rmx_status rmx_data_files_make(const rmx_config *config, const rmx_data_files *files,
                               rmx_progress *progress, rmx_error *error)
{
    static const rmx_synthetic_split split[] = {RMX_SYNTHETIC_TRAIN, RMX_SYNTHETIC_VALID,
                                                RMX_SYNTHETIC_TEST};
    const char *const path[] = {files->train, files->valid, files->test};
    char folder[4300];
    if (!files->synthetic) return RMX_OK;
    snprintf(folder, sizeof folder, "%s/data", config->run.dir);
    rmx_status status = rmx_make_folder(folder, error);
    for (int i = 0; status == RMX_OK && i < 3; i++)
        status = make_one(config, split[i], path[i], progress, error);
    return status;
}
