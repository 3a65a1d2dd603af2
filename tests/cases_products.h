/* SPDX-License-Identifier: MIT */
/* cases_products.h: the cases of products and of the layers that are made of them. */
#ifndef RMX_CASES_PRODUCTS_H
#define RMX_CASES_PRODUCTS_H

#include "cases.h"
#include "rankmixer/activation.h"
#include "rankmixer/block.h"

/* ---- product, column sum, linear ------------------------------------------------------------- */

/* m, n and k around the edges of all tiles. */
static const int64_t product_edges_m[] = {0,  1,  2,  3,  4,  5,  6,  7, 11,
                                          12, 13, 18, 19, 25, 36, 37, 65};
static const int64_t product_edges_n[] = {0,  1,  2,  7,  8,  9,  15, 16, 17,
                                          24, 31, 32, 33, 47, 64, 65, 129};
static const int64_t product_edges_k[] = {0, 1, 2, 7, 8, 9, 17};

/* m, n, k: sizes where k, rows or columns are cut into blocks. */
static const int64_t product_blocks[][3] = {
    {1, 2100, 100}, {3, 1030, 200},  {17, 700, 130}, {19, 45, 1000}, {121, 33, 400},
    {241, 50, 390}, {800, 33, 20},   {800, 20, 400}, {40, 1400, 20}, {40, 700, 400},
    {1000, 1, 300}, {500, 3, 33},    {16, 16, 4},    {16, 4, 16},    {1, 1, 5000},
    {64, 3, 2000},  {129, 129, 129},
};
static const int64_t product_epilogues[][3] = {{13, 19, 5}, {7, 32, 9}, {40, 2, 20}, {2, 70, 3}};
static const int64_t product_patterns[][3] = {
    {1, 70, 50}, {20, 33, 90}, {40, 3, 30}, {50, 60, 500}, {9, 34, 0}};

/* The public products; addmm and baddbmm add beta * input, which is broadcast. */
typedef enum product_call { MM, ADDMM, BMM, BADDBMM, GROUPED_MM } product_call;
typedef enum product_input { IN_N, IN_MN, IN_1N, IN_M1, IN_1, IN_SCALAR, IN_PMN } product_input;

typedef struct product_case {
    product_call call;
    int64_t p, m, n, k; /* p: products of a batch, or groups */
    bool transposed;    /* b is stored as [n, k] */
    float alpha, beta;
    product_input input;
    bool gradients;
} product_case;

static const product_case product_cases[] = {
    {MM, 1, 5, 6, 7, false, 1, 0, IN_N, true},
    {MM, 1, 5, 6, 7, true, 1, 0, IN_N, true},
    {ADDMM, 1, 5, 6, 7, false, 0.75f, 1, IN_N, true}, /* beta 1 takes a shorter way */
    {ADDMM, 1, 5, 6, 7, false, 0.75f, -1.5f, IN_MN, true},
    {ADDMM, 1, 5, 6, 7, false, 0.75f, -1.5f, IN_1N, true},
    {ADDMM, 1, 5, 6, 7, false, 0.75f, -1.5f, IN_M1, true},
    {ADDMM, 1, 5, 6, 7, false, 0.75f, -1.5f, IN_1, true},
    {ADDMM, 1, 5, 6, 7, false, 0.75f, -1.5f, IN_SCALAR, true},
    {BMM, 3, 5, 6, 7, false, 1, 0, IN_PMN, true},
    {BADDBMM, 3, 5, 6, 7, false, -0.5f, 3, IN_PMN, true},
    {GROUPED_MM, 3, 5, 6, 7, false, 1, 0, IN_PMN, true},
    {MM, 1, 70, 65, 33, true, 1, 0, IN_N, false},
    {ADDMM, 1, 129, 40, 50, false, 1, 1, IN_N, false},
    {BADDBMM, 7, 20, 33, 17, false, 0.5f, 2, IN_PMN, false},
    {GROUPED_MM, 16, 130, 36, 20, false, 1, 0, IN_PMN, false},
};

typedef struct column_sum_case {
    int64_t groups, rows, cols, ld, gap; /* gap: after a group's rows, or SIDE_BY_SIDE */
} column_sum_case;
#define SIDE_BY_SIDE (-1)

static const column_sum_case column_sum_cases[] = {
    {1, 0, 5, 5, 0},
    {1, 1, 1, 1, 0},
    {1, 127, 3, 3, 0},
    {1, 128, 64, 64, 0},
    {1, 129, 65, 70, 7},
    {3, 300, 17, 20, 5},
    {2, 1000, 9, 9, 0},
    {1, 4097, 2, 3, 0},
    {16, 200, 48, 48, 0},
    {1, 257, 1300, 1300, 0},
    {0, 5, 5, 5, 0},
    {2, 5, 0, 1, 0},
    {16, 300, 16, 256, SIDE_BY_SIDE},
    {3, 130, 5, 17, SIDE_BY_SIDE},
    {40, 129, 32, 1280, SIDE_BY_SIDE},
};

typedef struct linear_case {
    int64_t rows;
    int32_t in, out;
    bool bias, gradients;
} linear_case;

static const linear_case linear_cases[] = {{12, 8, 12, true, true},    {12, 8, 12, false, true},
                                           {0, 3, 4, true, false},     {1, 5, 3, true, false},
                                           {300, 33, 17, true, false}, {129, 64, 1, false, false}};

/* ---- feed-forward, attention, block ---------------------------------------------------------- */

typedef struct feed_forward_case {
    int64_t samples;
    int32_t tokens, width, hidden;
    rmx_activation activation;
    bool residual, shared;
    float dropout;
    bool gradients;
    const char *golden;
} feed_forward_case;

#define ERF RMX_ACTIVATION_GELU_ERF
#define TANH RMX_ACTIVATION_GELU_TANH
static const feed_forward_case feed_forward_cases[] = {
    {3, 4, 8, 12, ERF, true, false, 0.0f, true, NULL},
    {3, 4, 8, 12, TANH, true, false, 0.0f, true, NULL},
    {3, 4, 8, 12, ERF, true, true, 0.0f, true, NULL},
    {3, 4, 8, 12, TANH, true, true, 0.0f, true, NULL},
    {3, 4, 8, 12, ERF, true, false, 0.3f, true, NULL},
    {3, 4, 8, 12, TANH, true, false, 0.3f, true, NULL},
    {3, 4, 8, 12, ERF, true, true, 0.3f, true, NULL},
    {3, 4, 8, 12, TANH, true, true, 0.3f, true, NULL},
    {2, 5, 20, 30, ERF, false, false, 0.0f, false, "per_token_ffn/B2T5D20K30_erf"},
    {3, 4, 16, 64, ERF, false, false, 0.0f, false, "per_token_ffn/B3T4D16K64_erf"},
    {3, 4, 16, 64, TANH, false, false, 0.0f, false, "per_token_ffn/B3T4D16K64_tanh"},
    {0, 4, 8, 12, ERF, true, false, 0.0f, NEITHER},
    {130, 3, 20, 33, ERF, true, false, 0.1f, NEITHER},
    {130, 3, 20, 33, TANH, false, true, 0.0f, NEITHER},
};

typedef struct attention_case {
    int64_t samples;
    int32_t tokens, width, heads;
    bool norm; /* LayerNorm(x + attention(x)) instead of x + attention(x) */
    bool gradients;
    const char *golden;
} attention_case;

static const attention_case attention_cases[] = {
    {3, 4, 8, 2, false, true, NULL}, {3, 5, 24, 4, true, false, "self_attention/B3T5D24H4"},
    {0, 4, 8, 2, false, NEITHER},    {1, 1, 1, 1, false, NEITHER},
    {33, 16, 64, 4, false, NEITHER},
};

typedef struct block_case {
    int64_t samples;
    int32_t tokens, width, hidden, heads;
    rmx_mixer mixer;
    rmx_norm_place place;
    bool gradients;
    const char *golden;
} block_case;

#define POST RMX_NORM_PLACE_POST
#define PRE RMX_NORM_PLACE_PRE
static const block_case block_cases[] = {
    {3, 4, 8, 12, 4, RMX_MIXER_TOKEN, POST, true, NULL},
    {3, 4, 8, 12, 4, RMX_MIXER_TOKEN, PRE, true, NULL},
    {3, 4, 8, 12, 4, RMX_MIXER_ATTENTION, POST, true, NULL},
    {3, 4, 8, 12, 4, RMX_MIXER_ATTENTION, PRE, true, NULL},
    {3, 4, 8, 12, 4, RMX_MIXER_NONE, POST, true, NULL},
    {3, 4, 8, 12, 4, RMX_MIXER_NONE, PRE, true, NULL},
    {3, 4, 16, 64, 4, RMX_MIXER_TOKEN, POST, false, "block/B3T4D16K64_post"},
    {2, 8, 64, 128, 8, RMX_MIXER_TOKEN, POST, false, "block/B2T8D64K128_post"},
    {3, 4, 16, 64, 4, RMX_MIXER_TOKEN, PRE, false, "block/B3T4D16K64_pre"},
};
#undef ERF
#undef TANH
#undef POST
#undef PRE

#endif /* RMX_CASES_PRODUCTS_H */
