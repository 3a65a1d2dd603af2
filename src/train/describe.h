/* SPDX-License-Identifier: MIT */
/* describe.h: describes a model and its data to a person, on stderr. */
#ifndef RMX_TRAIN_DESCRIBE_H
#define RMX_TRAIN_DESCRIBE_H

#include "data/progress_line.h"
#include "data/schema.h"
#include "rankmixer/model.h"

/* Describes the device, the layers and the planned memory. */
void rmx_describe_model(rmx_progress *progress, const rmx_context *ctx, const rmx_model *model);
/* Prints the line of the planned memory. */
void rmx_describe_memory(rmx_progress *progress, const rmx_model_memory *memory);
/* Prints a line about a set: rows, fields, tasks and the positive labels of each task. */
void rmx_describe_data(rmx_progress *progress, const char *role, const char *path,
                       const rmx_schema *schema);

/* "41.2k", "1.31M". */
const char *rmx_describe_count(double value, char out[16]);

#endif /* RMX_TRAIN_DESCRIBE_H */
