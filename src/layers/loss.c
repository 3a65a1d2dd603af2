/* SPDX-License-Identifier: MIT */
/* loss.c: see rankmixer/loss.h. */
#include "rankmixer/loss.h"

#include <math.h>

#include "core/context.h"
#include "layers/check.h"

static rmx_status check_loss_desc(rmx_context *ctx, const rmx_loss_desc *desc, int64_t *count)
{
    int64_t value = 0;
    RMX_TRY(rmx_check_dtype(ctx, "desc.dtype", desc->dtype, &value));
    RMX_TRY(rmx_check_size(ctx, "desc.samples", desc->samples, 0, RMX_COUNT_MAX));
    RMX_TRY(rmx_check_size(ctx, "desc.tasks", desc->tasks, 1, INT32_MAX));
    RMX_TRY(rmx_check_range(ctx, "desc.scale", desc->scale, 0.0f, INFINITY));
    return rmx_check_count(ctx, "samples * tasks", (int64_t[]){desc->samples, desc->tasks}, 2,
                           count);
}

size_t rmx_loss_workspace(const rmx_loss_desc *desc)
{
    if (!desc || check_loss_desc(NULL, desc, NULL) != RMX_OK) return 0;
    return rmx_loss_scratch(desc->samples);
}

rmx_status rmx_loss_forward_backward(rmx_context *ctx, const rmx_loss_desc *desc,
                                     const float *logits, const uint8_t *labels,
                                     const float *task_weight, const float *sample_weight,
                                     double *loss, void *dlogits, void *ws, size_t ws_bytes)
{
    int64_t count = 0;
    RMX_TRY(rmx_check_desc(ctx, "desc", desc));
    RMX_TRY(check_loss_desc(ctx, desc, &count));
    RMX_TRY(rmx_check_array(ctx, "logits", logits, count));
    if (count > 0 && !labels) return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "labels: NULL");
    RMX_TRY(rmx_check_optional(ctx, "task_weight", task_weight));
    RMX_TRY(rmx_check_optional(ctx, "sample_weight", sample_weight));
    RMX_TRY(rmx_check_optional(ctx, "dlogits", dlogits));
    if ((uintptr_t)loss % sizeof(double) != 0)
        return rmx_context_fail(ctx, RMX_ERR_ARGUMENT, "loss = %p: must be 8-byte aligned",
                                (void *)loss);
    RMX_TRY(
        rmx_check_workspace(ctx, "rmx_loss_workspace", ws, ws_bytes, rmx_loss_workspace(desc)));
    const int64_t size = (int64_t)sizeof(float), value = (int64_t)rmx_dtype_size(desc->dtype);
    if (desc->dtype == RMX_F32)
        RMX_TRY(rmx_check_in_place(ctx, "dlogits", dlogits, "logits", logits, count * size));
    else
        RMX_TRY(rmx_check_overlap(ctx, "dlogits", dlogits, count * value, "logits", logits,
                                  count * size));
    const rmx_range outs[] = {{"dlogits", dlogits, count * value},
                              {"loss", loss, (int64_t)sizeof *loss},
                              {"workspace", ws, (int64_t)rmx_loss_workspace(desc)}};
    const rmx_range ins[] = {{"labels", labels, count},
                             {"task_weight", task_weight, desc->tasks * size},
                             {"sample_weight", sample_weight, desc->samples * size}};
    RMX_TRY(rmx_check_ranges(ctx, outs, 3, ins, 3));
    const rmx_loss_args args = {.dtype = desc->dtype,
                                .samples = desc->samples,
                                .tasks = desc->tasks,
                                .logits = logits,
                                .labels = labels,
                                .task_weight = task_weight,
                                .sample_weight = sample_weight,
                                .scale = desc->scale,
                                .loss = loss,
                                .dlogits = dlogits,
                                .ws = ws};
    return rmx_run_loss(ctx, &args);
}
