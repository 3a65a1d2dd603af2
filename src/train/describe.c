/* SPDX-License-Identifier: MIT */
/* describe.c: see describe.h. */
#include "train/describe.h"

#include <stdio.h>
#include <string.h>

const char *rmx_describe_count(double value, char out[16])
{
    static const char unit[] = {' ', 'k', 'M', 'G', 'T', 'P', 'E'};
    size_t u = 0;
    while (value >= 999.5 && u + 1 < sizeof unit) {
        value /= 1000;
        u++;
    }
    if (u == 0)
        snprintf(out, 16, "%.0f", value);
    else
        snprintf(out, 16,
                 value < 9.995   ? "%.2f%c"
                 : value < 99.95 ? "%.1f%c"
                                 : "%.0f%c",
                 value, unit[u]);
    return out;
}

/* ---- tables ------------------------------------------------------------------------------- */

/* The length of the layer's part of a name. All embedding tables are one layer. */
static size_t layer_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!strncmp(name, "embedding.", 10)) return strlen("embedding");
    return dot ? (size_t)(dot - name) : strlen(name);
}

static void shape_text(const rmx_parameter *p, char *out, size_t bytes)
{
    size_t used = (size_t)snprintf(out, bytes, "[");
    for (int32_t d = 0; d < p->dims && used < bytes; d++)
        used += (size_t)snprintf(out + used, bytes - used, "%s%lld", d ? ", " : "",
                                 (long long)p->shape[d]);
    if (used < bytes) snprintf(out + used, bytes - used, "]");
}

static void print_layer(const rmx_parameter *first, const rmx_parameter *big, int32_t tensors,
                        int64_t count)
{
    const bool tables = first->role == RMX_ROLE_EMBEDDING;
    char shape[96], middle[160], number[16];
    shape_text(big, shape, sizeof shape);
    if (tensors == 1)
        snprintf(middle, sizeof middle, "%s", shape);
    else
        snprintf(middle, sizeof middle, "%s and %d more%s", shape, tensors - 1,
                 tables ? " tables" : "");
    fprintf(stderr, "  %-22.*s %-32s %10s\n", (int)layer_length(first->name), first->name, middle,
            rmx_describe_count((double)count, number));
}

static void print_layers(const rmx_progress *progress, const rmx_model *model)
{
    const int32_t count = rmx_model_parameter_count(model);
    rmx_parameter first, big, p;
    int32_t tensors = 0;
    int64_t values = 0, total = 0;
    for (int32_t i = 0; i < count; i++) {
        if (rmx_model_parameter(model, i, &p) != RMX_OK) return;
        const bool joins = tensors && progress->level < 1 &&
                           layer_length(p.name) == layer_length(first.name) &&
                           !strncmp(p.name, first.name, layer_length(p.name));
        if (tensors && !joins) print_layer(&first, &big, tensors, values);
        if (!joins) {
            first = big = p;
            tensors = 0;
            values = 0;
        }
        if (p.count > big.count) big = p;
        tensors++;
        values += p.count;
        total += p.count;
    }
    char number[16];
    if (tensors) print_layer(&first, &big, tensors, values);
    fprintf(stderr, "  %-22s %-32s %10s\n", "all parameters", "",
            rmx_describe_count((double)total, number));
}

void rmx_describe_model(rmx_progress *progress, const rmx_context *ctx, const rmx_model *model)
{
    const rmx_model_memory m = rmx_model_memory_of(model);
    char number[16];
    if (progress->level < 0) return;
    rmx_progress_say(progress, "device  %s", rmx_context_describe(ctx));
    rmx_progress_say(progress, "model   %s FLOP an example, forward",
                     rmx_describe_count(rmx_model_forward_flop(model), number));
    print_layers(progress, model);
    rmx_describe_memory(progress, &m);
}

void rmx_describe_memory(rmx_progress *progress, const rmx_model_memory *m)
{
    rmx_progress_say(progress,
                     "memory  %.1f MB: parameters %.1f, gradients %.1f, optimiser %.1f, "
                     "activations %.1f, workspace %.1f",
                     (double)m->total_bytes / 1e6, (double)m->parameter_bytes / 1e6,
                     (double)m->gradient_bytes / 1e6, (double)m->optimizer_bytes / 1e6,
                     (double)m->activation_bytes / 1e6, (double)m->workspace_bytes / 1e6);
}

/* ", 39 positive (39.9 %)", or with several tasks "; positive: click 39 (3.96 %), buy 1 (0.12 %)"
 * for the first of them. */
static void positives_text(const rmx_schema *s, char *out, size_t bytes)
{
    enum { SHOWN = 4 };
    size_t used = 0;
    out[0] = '\0';
    if (!s->has_label) return;
    for (int32_t i = 0; i < s->tasks && i < SHOWN && used < bytes; i++) {
        const rmx_label_count *c = &s->label_count[i];
        const double labels = (double)c->positive + (double)c->negative;
        const double share = labels > 0 ? 100 * (double)c->positive / labels : 0;
        const int n = s->tasks == 1 ? snprintf(out, bytes, ", %lld positive (%.3g %%)",
                                               (long long)c->positive, share)
                                    : snprintf(out + used, bytes - used, "%s%s %lld (%.3g %%)",
                                               i ? ", " : "; positive: ", s->task_names[i],
                                               (long long)c->positive, share);
        used += n > 0 ? (size_t)n : 0;
    }
    if (s->tasks > SHOWN && used < bytes) snprintf(out + used, bytes - used, ", ...");
}

void rmx_describe_data(rmx_progress *progress, const char *role, const char *path,
                       const rmx_schema *schema)
{
    char rows[16], positives[640];
    positives_text(schema, positives, sizeof positives);
    rmx_progress_say(progress, "%-7s %s: %s rows, %d sparse and %d dense fields, %d task%s%s%s",
                     role, path, rmx_describe_count((double)schema->rows, rows),
                     schema->sparse_fields, schema->dense_fields, schema->tasks,
                     schema->tasks == 1 ? "" : "s", schema->has_group ? ", groups" : "",
                     positives);
}
