/* SPDX-License-Identifier: MIT */
/* cases_features.h: the cases of embedding, loss and optimizer. */
#ifndef RMX_CASES_FEATURES_H
#define RMX_CASES_FEATURES_H

#include "cases.h"
#include "rankmixer/optimizer.h"

/* ---- embedding ------------------------------------------------------------------------------- */

/* How the tables of the fields lie in memory. */
typedef enum embedding_tables { IN_TURN, IN_REVERSE, SHARED_TABLE } embedding_tables;

typedef struct embedding_case {
    int64_t samples, fields, vocabulary; /* rows of each field's table */
    int skew;                            /* ids are this power of a uniform number */
    embedding_tables tables;
} embedding_case;

static const embedding_case embedding_cases[] = {
    {0, 3, 5, 1, IN_TURN},
    {1, 1, 1, 1, IN_TURN},
    {7, 2, 1, 1, IN_TURN},
    {50, 3, 4, 1, IN_TURN},
    {300, 5, 2048, 1, IN_TURN},
    {129, 4, 512, 3, IN_TURN},
    {4097, 2, 70000, 2, IN_TURN},
    {3000, 26, 3000000, 4, IN_TURN},
    {2000, 8, 1000, 8, IN_TURN},
    {6000, 26, 1000, 3, IN_TURN},
    {10, 1, 2049, 1, IN_TURN},
    {1000, 4, 1000000000, 1, IN_TURN},
    {129, 4, 512, 3, IN_REVERSE},
    {3000, 26, 3000000, 4, IN_REVERSE},
    {1, 7, 3, 1, SHARED_TABLE},
    {300, 5, 2048, 1, SHARED_TABLE},
    {3000, 26, 3000000, 4, SHARED_TABLE},
};

typedef struct embedding_lookup_case { /* three id fields, two dense ones */
    int64_t samples, width, out_width;
    int32_t column[3], dense_column[2];
} embedding_lookup_case;

static const embedding_lookup_case embedding_lookup_cases[] = {
    {0, 4, 14, {0, 4, 8}, {12, 13}},   {1, 1, 8, {7, 0, 3}, {5, 1}},
    {5, 4, 16, {8, 0, 4}, {15, 12}},   {300, 16, 64, {0, 16, 32}, {50, 60}},
    {129, 7, 31, {1, 9, 20}, {0, 30}}, {40, 64, 300, {100, 0, 200}, {64, 299}},
};

/* ---- loss, optimizer ------------------------------------------------------------------------- */

typedef struct loss_case {
    int64_t samples, tasks;
    bool task_weight, sample_weight, no_loss, no_gradient, gradients;
} loss_case;

static const loss_case loss_cases[] = {
    {0, 1, true, true, false, false, false},    {1, 1, false, false, false, false, false},
    {127, 1, false, true, false, false, false}, {128, 2, true, false, false, false, false},
    {129, 3, true, true, false, false, false},  {1000, 1, false, false, false, false, false},
    {4097, 2, true, true, false, false, false}, {300, 5, true, false, true, false, false},
    {300, 2, false, true, false, true, false},  {10, 3, true, true, false, false, true},
};

typedef struct optimizer_case {
    rmx_optimizer kind;
    int64_t table_rows, width, unique; /* unique < 0: dense */
    bool momentum, grad_scale;
} optimizer_case;

static const optimizer_case optimizer_cases[] = {
    {RMX_OPTIMIZER_SGD, 3, 33, -1, false, false},
    {RMX_OPTIMIZER_SGD, 300, 100, -1, true, true},
    {RMX_OPTIMIZER_SGD, 50, 16, 20, false, true},
    {RMX_OPTIMIZER_SGD, 50, 16, 0, true, true},
    {RMX_OPTIMIZER_RMSPROP, 1, 20001, -1, false, true},
    {RMX_OPTIMIZER_RMSPROP, 300, 7, 111, false, false},
    {RMX_OPTIMIZER_ADAGRAD, 129, 128, -1, false, true},
    {RMX_OPTIMIZER_ADAGRAD, 1000, 16, 300, false, true},
    {RMX_OPTIMIZER_ROWWISE_ADAGRAD, 40, 16, -1, false, true},
    {RMX_OPTIMIZER_ROWWISE_ADAGRAD, 1000, 64, 300, false, false},
    {RMX_OPTIMIZER_ROWWISE_ADAGRAD, 9, 129, 4, false, true},
    {RMX_OPTIMIZER_ROWWISE_ADAGRAD, 2, 4097, -1, false, true},
    {RMX_OPTIMIZER_ROWWISE_ADAGRAD, 77, 28, 50, false, true},
    {RMX_OPTIMIZER_ROWWISE_ADAGRAD, 77, 100, -1, false, true},
    {RMX_OPTIMIZER_ADAMW, 0, 5, -1, false, true},
    {RMX_OPTIMIZER_ADAMW, 31, 1000, -1, false, true},
    {RMX_OPTIMIZER_ADAMW, 300, 24, 299, false, true},
};

#endif /* RMX_CASES_FEATURES_H */
