/* SPDX-License-Identifier: MIT */
/* stages.h: stages one after another, each with its wires and its memory.
 *
 * Values have numbers: 0 is none, 1 the input of the whole, i + 2 the output of stage i. A stage
 * names the value that it reads and the value that it adds to its output. In the table of a block
 * the numbers count from the block's own input; rmx_stages_append shifts them. */
#ifndef RMX_LAYERS_STAGES_H
#define RMX_LAYERS_STAGES_H

#include "core/arena.h"
#include "layers/stage.h"

/* A row of a table of stages. */
typedef struct rmx_stage_entry {
    const rmx_stage_kind *kind;
    const char *name;     /* "ffn": names its parameters ("ffn.w1") and what it saves */
    const char *output;   /* "sum2": names its output */
    int32_t in, residual; /* values; 0: none */
    bool parameters_last; /* they are listed after those of the next stage */
} rmx_stage_entry;

typedef struct rmx_stage {
    rmx_stage_entry entry;
    int32_t layer;     /* number of its block, -1: of none */
    int32_t parameter; /* number of its first one */
    void *saved[RMX_STAGE_SAVED];
    int32_t dy, dx, dx_residual; /* buffers; 0: none */
    int32_t sum, sum_of;         /* first, sum = sum_of + dy: a residual that others read too */
} rmx_stage;

typedef struct rmx_stage_value {
    void *p;
    bool given;     /* its memory is set from outside */
    int32_t reader; /* the last stage that reads it */
    int32_t buffer; /* of its gradient; of itself where nothing is kept for a backward pass */
} rmx_stage_value;

typedef struct rmx_stage_buffer {
    void *p;
    size_t bytes;
    int32_t users; /* while planning */
} rmx_stage_buffer;

/* Arrays of the owner, zeros at first, with room for so many stages. */
#define RMX_STAGES_VALUES(stages) ((stages) + 3) /* a bound of the buffers too */
typedef struct rmx_stages {
    int32_t count, parameters;
    rmx_stage *stage;
    rmx_stage_value *value;   /* [RMX_STAGES_VALUES] */
    rmx_stage_buffer *buffer; /* [RMX_STAGES_VALUES], number 0 is none */
    const void *const *weight;
    float *const *gradient; /* of all parameters, in order */
} rmx_stages;

/* The stages of a block. */
#define RMX_BLOCK_STAGES 8
const rmx_stage_entry *rmx_block_entries(rmx_mixer mixer, rmx_norm_place place, int32_t *count);

/* The entries' value 1 is the output of the last stage so far. */
void rmx_stages_append(rmx_stages *c, const rmx_stage_desc *desc, const rmx_stage_entry *entries,
                       int32_t count, int32_t layer);
/* The desc; with a context also that its backend has the kernels. */
rmx_status rmx_stages_check(rmx_context *ctx, const rmx_stages *c, const rmx_stage_desc *desc);

/* The stage whose parameters come in place k, and these. */
const rmx_stage *rmx_stages_listed(const rmx_stages *c, int32_t k);
int32_t rmx_stage_parameters(const rmx_stage *s, const rmx_stage_desc *desc,
                             rmx_stage_parameter *out);

/* All that stage i writes: what it saves, then its output. */
typedef struct rmx_stage_written {
    const char *part; /* "hidden"; NULL: the output */
    rmx_dtype dtype;
    int64_t count;
    void **at;
    bool given;
} rmx_stage_written;
int32_t rmx_stages_written(const rmx_stages *c, int32_t i, const rmx_stage_desc *desc,
                           rmx_stage_written out[RMX_STAGE_SAVED + 1]);
/* The whole name of a parameter or of what is written: "block.0.ffn.w1", "block.0.sum2".
 * Returns out. */
const char *rmx_stage_name(const rmx_stage *s, const char *part, char out[RMX_BLOCK_NAME]);

/* Memory for all that is written and not given. keep: all at once, for a backward pass; else
 * what is not read any more makes room for what follows. */
void rmx_stages_cut(rmx_stages *c, const rmx_stage_desc *desc, bool keep, rmx_arena *arena);
/* Which gradient lies in which buffer; then memory for the buffers. given: buffer 1 is the gradient
 * of the last output, which is only read, and gets no memory here. */
void rmx_stages_plan_gradients(rmx_stages *c, const rmx_stage_desc *desc, bool given);
void rmx_stages_cut_buffers(rmx_stages *c, rmx_arena *arena);
/* The largest of any stage. */
size_t rmx_stages_scratch(const rmx_stages *c, const rmx_stage_desc *desc);

/* Stage i forward; all stages backward. Launches only. */
rmx_status rmx_stages_forward(rmx_context *ctx, const rmx_stages *c, int32_t i,
                              const rmx_stage_desc *desc);
rmx_status rmx_stages_backward(rmx_context *ctx, const rmx_stages *c, const rmx_stage_desc *desc,
                               void *scratch, size_t scratch_bytes);

#endif /* RMX_LAYERS_STAGES_H */
