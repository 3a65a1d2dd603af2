/* SPDX-License-Identifier: MIT */
/* config_resolve.c: what "auto" means. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rankmixer/model.h"
#include "train/config_check.h"
#include "train/config_keys.h"

#define BIT(kind) (1u << RMX_OPTIMIZER_##kind)
#define SETTING(setting, read_by, nobody)                                                    \
    {                                                                                        \
        .name = #setting, .dense = offsetof(rmx_config, train.setting),                      \
        .embedding = offsetof(rmx_config, train.embedding_##setting),                        \
        .own = offsetof(rmx_optimizer_config, setting), .kinds = (read_by), .none = (nobody) \
    }

const rmx_optimizer_setting rmx_optimizer_settings[RMX_OPTIMIZER_SETTINGS] = {
    SETTING(momentum, BIT(SGD), "no optimiser is sgd"),
    SETTING(beta1, BIT(ADAMW), "no optimiser is adamw"),
    SETTING(beta2, BIT(ADAMW) | BIT(RMSPROP), "no optimiser is adamw or rmsprop"),
    SETTING(eps, BIT(RMSPROP) | BIT(ADAGRAD) | BIT(ROWWISE_ADAGRAD) | BIT(ADAMW),
            "both optimisers are sgd"),
    SETTING(initial_sum, BIT(ADAGRAD) | BIT(ROWWISE_ADAGRAD),
            "no optimiser is adagrad or rowwise_adagrad"),
};

/* The shortest decimal that is rounded to this fp32 number: 1e-10, not 1.00000001335e-10. */
static double shortest(float value)
{
    char text[40];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if ((float)strtod(text, NULL) == value) break;
    }
    return strtod(text, NULL);
}

static double *place(rmx_config *config, size_t offset)
{
    return (double *)(void *)((char *)config + offset);
}

/* NaN where this optimiser does not read the setting. */
static double value_of(const rmx_optimizer_setting *s, int32_t kind, double given, double other)
{
    if (!(s->kinds & 1u << kind)) return NAN;
    if (!isnan(given)) return given;
    if (!isnan(other)) return other;
    const rmx_optimizer_config own = rmx_optimizer_default((rmx_optimizer)kind);
    float value;
    memcpy(&value, (const char *)&own + s->own, sizeof value);
    return shortest(value);
}

void rmx_config_resolve(const rmx_config *config, rmx_config *out)
{
    *out = *config;
    for (int32_t i = 0; i < RMX_OPTIMIZER_SETTINGS; i++) {
        const rmx_optimizer_setting *s = &rmx_optimizer_settings[i];
        double *dense = place(out, s->dense), *tables = place(out, s->embedding);
        *tables = value_of(s, out->train.embedding_optimizer, *tables, *dense);
        *dense = value_of(s, out->train.optimizer, *dense, NAN);
    }
    if (!out->model.heads && out->model.mixer != RMX_MIXER_NONE)
        out->model.heads = out->model.tokens;
}
