/* SPDX-License-Identifier: MIT */
/* api_calls.h: what plain_api_calls.c and its families of calls (api_calls_*.c) share. */
#ifndef API_CALLS_H
#define API_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "layers/check.h"
#include "rankmixer/rankmixer.h"

#define API_FLOATS 16384                   /* of each buffer */
#define API_ELEMENTS_MAX 281474976710656.0 /* 2^48, the most that an operand may have */

extern int64_t api_calls, api_accepted, api_wrong;
extern rmx_context *api_ctx;

uint64_t api_random(uint64_t below);
bool api_chance(uint64_t in); /* one in so many */
/* Mostly least .. 6, else anything. */
int64_t api_count(int64_t least);
int32_t api_size(int32_t least);
float api_number(void); /* a special one often */
/* RMX_F32 mostly, else RMX_BF16, seldom none. */
rmx_dtype api_dtype(void);

/* What the product of a descriptor's sizes is, and whether they must be refused: those before
 * may_be_zero are >= 0, the others >= 1. */
typedef struct api_sizes {
    double elements;
    bool bad;
} api_sizes;
api_sizes api_measure(const int64_t *sizes, int32_t n, int32_t may_be_zero);

rmx_context *api_context(void);             /* api_ctx, seldom NULL */
float *api_buffer(void);                    /* or NULL */
float *api_operand(const api_sizes *sizes); /* the same; NULL where it would not be enough */
void *api_zeros(void);                      /* API_FLOATS zeros, only to be read */

/* Counts a call and looks at what it gave; bad: the descriptor must be refused. */
void api_status(const char *what, rmx_status status, bool bad);
/* The same of a call that runs these kernels (RMX_USES bits) on values of a type that the backend
 * may lack; rows 0: there is nothing to be done. */
void api_typed(const char *what, rmx_status status, bool bad, rmx_dtype dtype, uint32_t kernels,
               int64_t rows);
size_t api_bytes(const char *what, size_t bytes, bool bad);

void api_call_rows(void);
void api_call_blocks(void);
void api_call_views(void);
void api_call_products(void);
void api_call_model(void);

#endif /* API_CALLS_H */
