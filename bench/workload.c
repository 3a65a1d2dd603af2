/* SPDX-License-Identifier: MIT */
/* workload.c: see workload.h. */
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static rmx_status make_rows(workload *w, rmx_error *error)
{
    const int64_t sparse = w->rows * w->schema.sparse_fields;
    const int64_t dense = w->rows * w->schema.dense_fields;
    uint64_t state = 7;
    w->ids = malloc(sizeof(uint32_t) * (size_t)(sparse + 1));
    w->dense = malloc(sizeof(float) * (size_t)(dense + 1));
    w->labels = malloc((size_t)(w->rows + 1));
    if (!w->ids || !w->dense || !w->labels)
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    for (int64_t i = 0; i < sparse; i++)
        w->ids[i] = next(&state) % (uint32_t)w->config.synthetic.vocabulary;
    for (int64_t i = 0; i < dense; i++) w->dense[i] = (float)(next(&state) >> 7) * 0x1p-23f - 1.0f;
    for (int64_t i = 0; i < w->rows; i++) w->labels[i] = next(&state) >> 20 & 1;
    return RMX_OK;
}

rmx_status workload_config(const char *config, const char *const *sets, int32_t count,
                           rmx_config *out, rmx_error *error)
{
    const size_t prefix = sizeof SHIPPED - 1;
    if (!config) return rmx_config_parse("the defaults", "", 0, sets, count, out, error);
    if (strncmp(config, SHIPPED, prefix) != 0)
        return rmx_config_read(config, sets, count, out, error);
    for (const shipped_config *s = shipped_configs; s->name; s++)
        if (!strcmp(s->name, config + prefix))
            return rmx_config_parse(config, s->text, strlen(s->text), sets, count, out, error);
    return rmx_fail(error, RMX_ERR_ARGUMENT,
                    "%.200s: there is no such config inside; there are " SHIPPED "%s and " SHIPPED
                    "%s",
                    config, shipped_configs[0].name, shipped_configs[1].name);
}

workload_title workload_name(const char *config)
{
    workload_title title;
    const char *name = config ? config : "defaults";
    if (!strncmp(name, SHIPPED, sizeof SHIPPED - 1)) name += sizeof SHIPPED - 1;
    if (strrchr(name, '/')) name = strrchr(name, '/') + 1;
    const size_t length = strlen(name);
    const bool ini = length > 4 && !strcmp(name + length - 4, ".ini");
    snprintf(title.text, sizeof title.text, "%.*s", (int)(ini ? length - 4 : length), name);
    return title;
}

rmx_status workload_open(const char *config, int64_t rows, workload *out, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    out->rows = rows;
    rmx_status status = workload_config(config, NULL, 0, &out->config, error);
    if (status != RMX_OK) return status;
    const rmx_config_synthetic *s = &out->config.synthetic;
    status = rmx_schema_init(&out->schema, (int32_t)s->sparse_fields, (int32_t)s->dense_fields, 1,
                             error);
    if (status != RMX_OK) return status;
    for (int32_t f = 0; f < out->schema.sparse_fields; f++)
        out->schema.vocabulary[f] = s->vocabulary;
    status = rmx_model_setup_make(&out->config, &out->schema, &out->setup, error);
    if (status != RMX_OK) return status;
    out->setup.model.batch = rows;
    return make_rows(out, error);
}

void workload_close(workload *w)
{
    free(w->ids);
    free(w->dense);
    free(w->labels);
    rmx_model_setup_free(&w->setup);
    rmx_schema_free(&w->schema);
    rmx_config_destroy(&w->config);
    memset(w, 0, sizeof *w);
}

rmx_batch workload_batch(const workload *w, int64_t first, int64_t samples)
{
    return (rmx_batch){.samples = samples,
                       .sparse = w->ids + first * w->schema.sparse_fields,
                       .dense = w->dense + first * w->schema.dense_fields,
                       .labels = w->labels + first};
}
