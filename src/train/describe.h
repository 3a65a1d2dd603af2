/* SPDX-License-Identifier: MIT */
/* describe.h: what a person sees of a model and its data, on stderr. */
#ifndef RMX_TRAIN_DESCRIBE_H
#define RMX_TRAIN_DESCRIBE_H

#include "data/progress_line.h"
#include "data/schema.h"
#include "rankmixer/model.h"

/* The device and why, the table of layers, the memory planned. */
void rmx_describe_model(rmx_progress *progress, const rmx_context *ctx, const rmx_model *model);
/* The line of the memory planned. */
void rmx_describe_memory(rmx_progress *progress, const rmx_model_memory *memory);
/* A set: rows, fields, tasks and the share of positive labels of each. */
void rmx_describe_data(rmx_progress *progress, const char *role, const char *path,
                       const rmx_schema *schema);

/* "41.2k", "1.31M". */
const char *rmx_describe_count(double value, char out[16]);

#endif /* RMX_TRAIN_DESCRIBE_H */
