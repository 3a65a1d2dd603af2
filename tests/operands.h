/* SPDX-License-Identifier: MIT */
/* operands.h: contexts to test, and operands in their memory between guards. */
#ifndef RMX_OPERANDS_H
#define RMX_OPERANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

/* Context i of the test: 0 the reference, 1 the generic CPU code with one thread, 2 this machine's
 * best CPU code with three, 3 the GPU; NULL where there is none (unless RMX_REQUIRE_GPU is set:
 * then the process ends). For loops: i < OPERANDS_CONTEXTS. */
#define OPERANDS_CONTEXTS 4
rmx_context *operands_context(int i);

#define OPERANDS_MAX 96
typedef struct operands {
    rmx_context *ctx;
    int32_t n;
    unsigned char *block[OPERANDS_MAX];
    size_t bytes[OPERANDS_MAX];
} operands;

/* Memory on ctx, 256-byte aligned, with guard bytes on both sides: copied from the host; full
 * of NaNs; zeros; bytes of 0xff. They live until operands_free. */
void operands_begin(operands *all, rmx_context *ctx);
float *operands_put(operands *all, const float *host, int64_t count);
void *operands_put_bytes(operands *all, const void *host, size_t bytes);
float *operands_new(operands *all, int64_t count);
float *operands_zeros(operands *all, int64_t count);
void *operands_bytes(operands *all, size_t bytes);
void operands_get(operands *all, void *host, const void *from, size_t bytes);
/* True if the memory still holds what host says / is still NaN everywhere. */
bool operands_same(operands *all, const float *from, const float *host, int64_t count);
bool operands_untouched(operands *all, const float *from, int64_t count);
/* Frees everything; false, with a line on stderr, if a guard byte was written. */
bool operands_free(operands *all);

/* Aborts the test's process with the library's text unless status is RMX_OK. */
void operands_must(rmx_context *ctx, rmx_status status);

#endif /* RMX_OPERANDS_H */
