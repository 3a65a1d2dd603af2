/* SPDX-License-Identifier: MIT */
/* config_optimizers.c: see config_optimizers.h. */
#include "train/config_optimizers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/config_check.h"

/* A setting: where it is in rmx_config (double) and in rmx_optimizer_config (float), and which
 * optimisers read it. */
typedef struct setting {
    const char *name;
    size_t dense, embedding, own;
    unsigned kinds;   /* bits, 1 << rmx_optimizer */
    const char *none; /* the message where no optimiser reads it */
} setting;

#define BIT(kind) (1u << RMX_OPTIMIZER_##kind)
#define SETTING(key, read_by, nobody)                                                    \
    {                                                                                    \
        .name = #key, .dense = offsetof(rmx_config, train.key),                          \
        .embedding = offsetof(rmx_config, train.embedding_##key),                        \
        .own = offsetof(rmx_optimizer_config, key), .kinds = (read_by), .none = (nobody) \
    }

static const setting settings[] = {
    SETTING(momentum, BIT(SGD), "no optimiser is sgd"),
    SETTING(beta1, BIT(ADAMW), "no optimiser is adamw"),
    SETTING(beta2, BIT(ADAMW) | BIT(RMSPROP), "no optimiser is adamw or rmsprop"),
    SETTING(eps, BIT(RMSPROP) | BIT(ADAGRAD) | BIT(ROWWISE_ADAGRAD) | BIT(ADAMW),
            "both optimisers are sgd"),
    SETTING(initial_sum, BIT(ADAGRAD) | BIT(ROWWISE_ADAGRAD),
            "no optimiser is adagrad or rowwise_adagrad"),
};

enum { SETTINGS = sizeof settings / sizeof *settings };

static double value_at(const rmx_config *config, size_t offset)
{
    double value;
    memcpy(&value, (const char *)config + offset, sizeof value);
    return value;
}

static void set_value(rmx_config *config, size_t offset, double value)
{
    memcpy((char *)config + offset, &value, sizeof value);
}

/* A given setting is refused where no chosen optimiser reads it. */
rmx_status rmx_config_check_optimizers(const rmx_config *c, rmx_error *error)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        const setting *s = &settings[i];
        const bool given = !isnan(value_at(c, s->dense)),
                   tables_given = !isnan(value_at(c, s->embedding));
        const bool read = s->kinds & 1u << c->train.optimizer;
        const bool tables_read = s->kinds & 1u << c->train.embedding_optimizer;
        char name[64];
        snprintf(name, sizeof name, "embedding_%s", s->name);
        if (tables_given && !tables_read)
            return rmx_config_refuse(
                c, error, "train", name,
                "train.%s has no effect; train.embedding_optimizer does not read it", name);
        if (given && !read && !tables_read)
            return rmx_config_refuse(c, error, "train", s->name, "train.%s has no effect; %s",
                                     s->name, s->none);
        if (given && !read && tables_given)
            return rmx_config_refuse(
                c, error, "train", s->name,
                "train.%s has no effect; train.optimizer does not read it, and "
                "train.%s is given",
                s->name, name);
    }
    return RMX_OK;
}

/* The shortest decimal that rounds to this fp32 number: 1e-10, not 1.00000001335e-10. */
static double shortest(float value)
{
    char text[40];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if ((float)strtod(text, NULL) == value) break;
    }
    return strtod(text, NULL);
}

/* Returns NaN where this optimiser does not read the setting. */
static double resolved_value(const setting *s, int32_t kind, double given, double other)
{
    if (!(s->kinds & 1u << kind)) return NAN;
    if (!isnan(given)) return given;
    if (!isnan(other)) return other;
    const rmx_optimizer_config own = rmx_optimizer_default((rmx_optimizer)kind);
    float value;
    memcpy(&value, (const char *)&own + s->own, sizeof value);
    return shortest(value);
}

void rmx_config_resolve_optimizers(rmx_config *config)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        const setting *s = &settings[i];
        const double dense = value_at(config, s->dense), tables = value_at(config, s->embedding);
        set_value(config, s->embedding,
                  resolved_value(s, config->train.embedding_optimizer, tables, dense));
        set_value(config, s->dense, resolved_value(s, config->train.optimizer, dense, NAN));
    }
}

rmx_optimizer_config rmx_config_optimizer(const rmx_config *resolved, bool tables)
{
    const int32_t kind = tables ? resolved->train.embedding_optimizer : resolved->train.optimizer;
    rmx_optimizer_config o = rmx_optimizer_default((rmx_optimizer)kind);
    for (size_t i = 0; i < SETTINGS; i++) {
        const setting *s = &settings[i];
        const double value = value_at(resolved, tables ? s->embedding : s->dense);
        const float rounded = (float)value;
        if (!isnan(value)) memcpy((char *)&o + s->own, &rounded, sizeof rounded);
    }
    o.weight_decay = tables ? 0.0f : (float)resolved->train.weight_decay;
    return o;
}
