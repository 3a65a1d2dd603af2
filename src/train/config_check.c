/* SPDX-License-Identifier: MIT */
/* config_check.c: checks that concern several keys. */
#include "train/config_check.h"

#include <stdarg.h>

#include "rankmixer/model.h"
#include "rankmixer/schedule.h"
#include "train/config_optimizers.h"

rmx_status rmx_config_refuse(const rmx_config *config, rmx_error *error, const char *section,
                             const char *name, const char *format, ...)
{
    char where[256], text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rmx_config_where(config, section, name, where, sizeof where);
    return rmx_fail(error, RMX_ERR_ARGUMENT, "%s: %s", where, text);
}

static rmx_status check_model(const rmx_config *c, rmx_error *error)
{
    const int64_t heads = c->model.heads ? c->model.heads : c->model.tokens;
    if (c->model.mixer == RMX_MIXER_NONE || c->model.width % heads == 0) return RMX_OK;
    return rmx_config_refuse(
        c, error, "model", c->model.heads ? "heads" : "tokens",
        "model.heads = %lld%s does not divide model.width = %lld; a width of %lld fits",
        (long long)heads, c->model.heads ? "" : " (as tokens)", (long long)c->model.width,
        (long long)((c->model.width + heads - 1) / heads * heads));
}

static rmx_status check_tokenizer(const rmx_config *c, rmx_error *error)
{
    for (int32_t t = 0; t < RMX_CONFIG_TOKENS_MAX; t++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", t);
        if (c->group[t] && !c->model.tokenizer)
            return rmx_config_refuse(c, error, "tokenizer", name,
                                     "[tokenizer] has no effect; set model.tokenizer = groups");
        if (c->group[t] && t >= c->model.tokens)
            return rmx_config_refuse(c, error, "tokenizer", name,
                                     "token t%d is beyond model.tokens = %lld (t0 .. t%lld)", t,
                                     (long long)c->model.tokens, (long long)c->model.tokens - 1);
        if (c->model.tokenizer && t < c->model.tokens && !c->group[t])
            return rmx_config_refuse(
                c, error, "model", "tokenizer",
                "model.tokenizer = groups needs a line 't%d = ...' in [tokenizer], as "
                "model.tokens = %lld",
                t, (long long)c->model.tokens);
    }
    return RMX_OK;
}

static rmx_status check_run(const rmx_config *c, rmx_error *error)
{
    if (!c->run.dir[0])
        return rmx_config_refuse(c, error, "run", "dir",
                                 "run.dir is empty; name a folder, e.g. runs/base");
    if (!c->data.train[0] && (c->data.valid[0] || c->data.test[0]))
        return rmx_config_refuse(
            c, error, "data", c->data.valid[0] ? "valid" : "test",
            "data.%s is given but data.train is not; give both, or neither for "
            "synthetic data",
            c->data.valid[0] ? "valid" : "test");
    return RMX_OK;
}

static rmx_status check_train(const rmx_config *c, rmx_error *error)
{
    const long long batch = c->train.batch, micro = c->train.micro_batch;
    const long long warmup = c->train.warmup, steps = c->train.steps;
    if (micro && micro < batch && micro % 128)
        return rmx_config_refuse(c, error, "train", "micro_batch",
                                 "train.micro_batch = %lld is not a multiple of 128; %lld is",
                                 micro, (micro + 127) / 128 * 128);
    if (c->train.schedule == RMX_SCHEDULE_CONSTANT && warmup)
        return rmx_config_refuse(
            c, error, "train", "warmup",
            "train.warmup = %lld has no effect; set train.schedule = warmup or cosine", warmup);
    if (c->train.schedule == RMX_SCHEDULE_WARMUP && !warmup)
        return rmx_config_refuse(c, error, "train", "schedule",
                                 "train.schedule = warmup needs train.warmup of at least 1");
    if (c->train.schedule == RMX_SCHEDULE_COSINE && steps && warmup >= steps)
        return rmx_config_refuse(
            c, error, "train", "warmup",
            "train.warmup = %lld leaves no step of train.steps = %lld for the cosine", warmup,
            steps);
    return rmx_config_check_optimizers(c, error);
}

rmx_status rmx_config_check(const rmx_config *config, rmx_error *error)
{
    rmx_status status = check_run(config, error);
    if (status == RMX_OK) status = check_model(config, error);
    if (status == RMX_OK) status = check_tokenizer(config, error);
    if (status == RMX_OK) status = check_train(config, error);
    return status;
}
