/* SPDX-License-Identifier: MIT */
/* cases_rows.h: the cases of what works element by element or row by row. */
#ifndef RMX_CASES_ROWS_H
#define RMX_CASES_ROWS_H

#include "cases.h"
#include "rankmixer/norm.h"

/* ---- activation, gradient_norm, dropout: element by element --------------------------------- */

typedef struct activation_case {
    int64_t n;
    bool gradients;
    const char *golden; /* in the groups gelu_erf and gelu_tanh */
} activation_case;

static const activation_case activation_cases[] = {
    {.n = 0},
    {.n = 1, .golden = "3"},
    {.n = 7, .golden = "0"},
    {.n = 127},
    {.n = 128},
    {.n = 129},
    {.n = 4095},
    {.n = 4097},
    {.n = 16384},
    {.n = 16385},
    {.n = 50000},
    {.n = 64, .gradients = true},
    {15, false, "1"},
    {1800, false, "2"},
    {4000, false, "4"},
};

static const int64_t gradient_norm_sizes[] = {0, 1, 127, 128, 129, 4095, 4096, 4097, 8193, 100000};

typedef struct dropout_case {
    int64_t n;
    uint64_t first; /* index of the first element in the global batch */
    float p;
    bool in_place, gradients;
} dropout_case;

#define DROPOUT_SIZES(first, p, in_place)                                     \
    {0, first, p, in_place, false}, {1, first, p, in_place, false},           \
        {3, first, p, in_place, false}, {255, first, p, in_place, false},     \
        {256, first, p, in_place, false}, {257, first, p, in_place, false},   \
        {8191, first, p, in_place, false}, {8193, first, p, in_place, false}, \
    {                                                                         \
        20000, first, p, in_place, false                                      \
    }
static const dropout_case dropout_cases[] = {
    DROPOUT_SIZES(0, 0.1f, false),
    DROPOUT_SIZES(1, 0.0f, true),
    DROPOUT_SIZES(2, 0.5f, false),
    DROPOUT_SIZES(3, 0.999f, true),
    DROPOUT_SIZES(4, 0.1f, false),
    DROPOUT_SIZES(255, 0.5f, true),
    DROPOUT_SIZES(0xffffffffu, 0.5f, false),
    DROPOUT_SIZES(0x3fffffffeu, 0.999f, true),
    {96, 64, 0.4f, false, true},
};

/* ---- softmax, mean, pooling ------------------------------------------------------------------ */

typedef struct softmax_case { /* of [outer, n, inner] along n */
    int64_t outer, n, inner;
    bool log, in_place, gradients;
    const char *golden;
} softmax_case;

static const softmax_case softmax_cases[] = {{0, 5, 1, false, false, NEITHER},
                                             {3, 0, 4, false, false, NEITHER},
                                             {5, 1, 1, false, false, NEITHER},
                                             {300, 16, 1, false, true, NEITHER},
                                             {300, 16, 1, true, false, NEITHER},
                                             {33, 7, 1, true, true, NEITHER},
                                             {5, 127, 1, false, false, NEITHER},
                                             {5, 128, 1, true, false, NEITHER},
                                             {5, 129, 1, false, true, NEITHER},
                                             {2, 4095, 1, true, false, NEITHER},
                                             {2, 4096, 1, false, false, NEITHER},
                                             {2, 4097, 1, true, true, NEITHER},
                                             {2, 8193, 1, false, false, NEITHER},
                                             {3, 16, 64, false, true, NEITHER},
                                             {3, 16, 65, true, false, NEITHER},
                                             {2, 5, 200, true, true, NEITHER},
                                             {2, 129, 3, false, false, NEITHER},
                                             {1, 4097, 5, false, true, NEITHER},
                                             {1, 8193, 2, true, false, NEITHER},
                                             {43, 16, 1, false, false, NEITHER},
                                             {19, 64, 1, false, false, NEITHER},
                                             {11, 48, 1, true, false, NEITHER},
                                             {3, 16, 128, false, false, NEITHER},
                                             {2, 5, 64, true, false, NEITHER},
                                             {2, 128, 64, false, false, NEITHER},
                                             {3, 1024, 1, false, false, NEITHER},
                                             {2, 1, 64, false, false, NEITHER},
                                             {43, 16, 1, true, false, NEITHER},
                                             {3, 1024, 1, true, false, NEITHER},
                                             {3, 1040, 1, true, true, NEITHER},
                                             {17, 512, 1, true, false, NEITHER},
                                             {17, 8, 1, false, false, NEITHER},
                                             {9, 24, 1, true, false, NEITHER},
                                             {3, 5, 4, false, false, true, NULL},
                                             {3, 5, 4, true, false, true, NULL},
                                             {1, 7, 1, false, false, false, "softmax/0"},
                                             {3, 5, 1, false, false, false, "softmax/1"},
                                             {6, 300, 1, false, false, false, "softmax/2"},
                                             {1, 1, 1, false, false, false, "softmax/3"},
                                             {4, 1000, 1, false, false, false, "softmax/4"},
                                             {1, 7, 1, true, false, false, "log_softmax/0"},
                                             {3, 5, 1, true, false, false, "log_softmax/1"},
                                             {6, 300, 1, true, false, false, "log_softmax/2"},
                                             {1, 1, 1, true, false, false, "log_softmax/3"},
                                             {4, 1000, 1, true, false, false, "log_softmax/4"}};

typedef struct mean_case {
    int32_t kept, reduced; /* numbers of axes */
    int64_t kept_shape[3], kept_stride[3], reduced_shape[3], reduced_stride[3];
    bool gradients;
} mean_case;

static const mean_case mean_cases[] = {
    {1, 1, {5}, {64}, {64}, {1}, false},               /* rows */
    {2, 1, {3, 7}, {7 * 129, 129}, {129}, {1}, false}, /* rows, two kept axes that merge */
    {2, 1, {6, 64}, {1024, 1}, {16}, {64}, false},     /* tokens of [6, 16, 64] */
    {2, 1, {3, 65}, {1040, 1}, {16}, {65}, false},     /* the same, an odd width */
    {2, 1, {5, 64}, {6400, 1}, {100}, {64}, false},    /* trees of 8, 4, 2 and 1 times 16 */
    {2, 1, {5, 8}, {1024, 1}, {128}, {8}, false},
    {2, 1, {3, 12}, {600, 1}, {50}, {12}, false},
    {2, 1, {3, 5}, {85, 1}, {17}, {5}, false},
    {2, 1, {4, 16}, {48, 1}, {3}, {16}, false},
    {1, 1, {200}, {1}, {4097}, {200}, false}, /* long columns */
    {1, 1, {3}, {1}, {8193}, {3}, false},
    {1, 2, {7}, {9}, {4, 9}, {63, 1}, false},          /* the outer and the inner axis */
    {2, 2, {3, 5}, {140, 2}, {2, 14}, {1, 10}, false}, /* interleaved */
    {3, 1, {2, 3, 4}, {60, 20, 5}, {5}, {1}, false},
    {0, 2, {0}, {0}, {30, 41}, {41, 1}, false}, /* everything */
    {0, 2, {0}, {0}, {30, 41}, {1, 30}, false}, /* everything, columns first */
    {1, 1, {4}, {10}, {8}, {-1}, false},        /* backwards; x starts at the last element */
    {1, 1, {4}, {0}, {8}, {1}, false},          /* one row, repeated */
    {2, 0, {3, 4}, {4, 1}, {0}, {0}, false},    /* nothing: a copy */
    {1, 1, {4}, {8}, {1}, {99}, false},
    {1, 2, {4}, {0}, {5, 0}, {1, 1}, false}, /* no elements: NaN */
    {1, 1, {0}, {8}, {8}, {1}, false},
    {0, 1, {0}, {0}, {4096}, {1}, false},
    {0, 1, {0}, {0}, {4095}, {2}, false},
    {2, 1, {4, 5}, {5, 1}, {3}, {20}, true}, /* some or all axes of [3, 4, 5] */
    {2, 1, {3, 5}, {20, 1}, {4}, {5}, true},
    {2, 1, {3, 4}, {20, 5}, {5}, {1}, true},
    {1, 2, {5}, {1}, {3, 4}, {20, 5}, true},
    {1, 2, {4}, {5}, {3, 5}, {20, 1}, true},
    {1, 2, {3}, {20}, {4, 5}, {5, 1}, true},
    {0, 3, {0}, {0}, {3, 4, 5}, {20, 5, 1}, true},
};

/* The mean's gradient, [outer, inner] to [outer, n, inner]. */
static const int64_t mean_backward_shapes[][3] = {{5, 16, 64}, {3, 7, 1},  {0, 3, 4},   {2, 0, 3},
                                                  {1, 1, 129}, {70, 3, 5}, {2, 5000, 3}};

typedef struct pooling_case {
    int64_t samples;
    int32_t tokens, width;
    bool gradients;
} pooling_case;

static const pooling_case pooling_cases[] = {
    {3, 4, 8, true}, {0, 4, 8, false}, {1, 1, 1, false}, {130, 16, 64, false}, {7, 129, 5, false}};

/* ---- norm ------------------------------------------------------------------------------------ */

typedef struct norm_case {
    rmx_norm_kind kind;
    int64_t rows, dim, x_pad, y_pad; /* pad: elements between rows */
    bool gamma, beta, in_place, gradients;
    const char *golden;
} norm_case;

#define LAYER RMX_NORM_LAYER
#define RMS RMX_NORM_RMS
static const norm_case norm_cases[] = {
    {LAYER, 0, 8, 0, 0, true, true, false, NEITHER},
    {LAYER, 3, 1, 0, 0, true, true, false, NEITHER},
    {LAYER, 130, 16, 0, 0, true, true, false, NEITHER},
    {LAYER, 37, 64, 0, 0, true, true, true, NEITHER},
    {RMS, 37, 64, 3, 3, true, false, false, NEITHER},
    {LAYER, 37, 64, 0, 0, true, true, false, NEITHER},
    {RMS, 17, 512, 16, 16, true, false, false, NEITHER},
    {LAYER, 5, 127, 1, 1, false, false, false, NEITHER},
    {LAYER, 5, 128, 0, 0, true, false, true, NEITHER},
    {LAYER, 5, 129, 0, 0, false, true, false, NEITHER},
    {RMS, 300, 200, 0, 0, false, false, true, NEITHER},
    {LAYER, 300, 771, 0, 0, true, true, false, NEITHER},
    {LAYER, 9, 1000, 0, 0, true, true, false, NEITHER},
    {LAYER, 3, 4095, 0, 0, true, true, false, NEITHER},
    {RMS, 3, 4096, 0, 0, true, false, false, NEITHER},
    {LAYER, 2, 4097, 0, 0, true, true, true, NEITHER},
    {LAYER, 2, 8193, 5, 5, true, true, false, NEITHER},
    {LAYER, 777, 20, 0, 0, true, true, true, NEITHER},
    {RMS, 139, 16, 0, 0, true, false, false, NEITHER},
    {LAYER, 149, 32, 16, 16, true, true, false, NEITHER},
    {LAYER, 16, 32, 0, 0, false, false, true, NEITHER},
    {LAYER, 21, 8, 0, 0, true, true, false, NEITHER},
    {RMS, 19, 256, 0, 0, true, false, false, NEITHER},
    {LAYER, 131, 768, 0, 0, true, true, false, NEITHER},
    {LAYER, 41, 128, 0, 0, false, true, false, NEITHER},
    {LAYER, 27, 128, 8, 8, true, false, true, NEITHER},
    {RMS, 70, 32, 0, 0, false, false, false, NEITHER},
    {LAYER, 6, 20, 0, 0, true, true, false, true, NULL},
    {LAYER, 6, 20, 0, 3, true, true, false, true, NULL},
    {RMS, 6, 20, 0, 0, true, false, false, true, NULL},
    {RMS, 6, 20, 0, 3, true, false, false, true, NULL},
    {LAYER, 1, 7, 0, 0, true, true, false, false, "layer_norm/0"},
    {LAYER, 3, 5, 0, 0, true, true, false, false, "layer_norm/1"},
    {LAYER, 6, 300, 0, 0, true, true, false, false, "layer_norm/2"},
    {LAYER, 1, 1, 0, 0, true, true, false, false, "layer_norm/3"},
    {LAYER, 4, 1000, 0, 0, true, true, false, false, "layer_norm/4"},
    {RMS, 1, 7, 0, 0, true, false, false, false, "rms_norm/0"},
    {RMS, 3, 5, 0, 0, true, false, false, false, "rms_norm/1"},
    {RMS, 6, 300, 0, 0, true, false, false, false, "rms_norm/2"},
    {RMS, 1, 1, 0, 0, true, false, false, false, "rms_norm/3"},
    {RMS, 4, 1000, 0, 0, true, false, false, false, "rms_norm/4"},
};

/* So many rows that blocks of a GPU's threads share chains down the rows and hand them on. */
static const norm_case norm_walks[] = {
    {LAYER, 34567, 64, 0, 0, true, false, false, NEITHER},
    {LAYER, 17001, 1040, 0, 0, true, false, false, NEITHER},
    {LAYER, 9000, 768, 0, 0, true, false, false, NEITHER},
    {LAYER, 70001, 20, 0, 0, true, false, false, NEITHER},
};
#undef LAYER
#undef RMS

/* ---- token mixer ----------------------------------------------------------------------------- */

typedef struct token_mixer_case {
    int64_t samples, tokens, width, heads;
    bool gradients;
    const char *golden; /* in the groups shuffle and token_mixer */
} token_mixer_case;

/* Head slices of 1, 2, 4 ... elements, and row blocks that end within a sample. One case takes over
 * 4 MiB a sample. The CPU has code of its own for rows of 16 to 128 elements whose heads divide the
 * tokens; there, threads also divide a sample of 128 or 256 rows. */
static const token_mixer_case token_mixer_cases[] = {
    {0, 4, 8, 4, NEITHER},
    {1, 1, 1, 1, NEITHER},
    {3, 1, 6, 3, NEITHER},
    {5, 16, 64, 16, NEITHER},
    {9, 16, 64, 4, NEITHER},
    {7, 4, 32, 16, NEITHER},
    {2, 16, 768, 16, NEITHER},
    {3, 6, 30, 10, NEITHER},
    {130, 3, 9, 3, NEITHER},
    {300, 2, 8, 4, NEITHER},
    {2, 5, 125, 5, NEITHER},
    {1, 130, 260, 130, NEITHER},
    {3, 17, 34, 17, NEITHER},
    {2, 3, 4098, 3, NEITHER},
    {3, 8, 64, 8, NEITHER},
    {2, 8, 48, 8, NEITHER},
    {3, 12, 96, 12, NEITHER},
    {3, 20, 80, 20, NEITHER},
    {9, 16, 16, 16, NEITHER},
    {5, 8, 8, 8, NEITHER},
    {2, 48, 48, 48, NEITHER},
    {3, 16, 32, 16, NEITHER},
    {2, 24, 48, 24, NEITHER},
    {3, 16, 32, 32, NEITHER},
    {25, 12, 12, 12, NEITHER},
    {25, 12, 48, 12, NEITHER},
    {9, 36, 16, 16, NEITHER},
    {7, 10, 20, 10, NEITHER},
    {1, 300, 4096, 2, NEITHER},
    {40, 16, 768, 16, NEITHER},
    {19, 32, 128, 64, NEITHER},
    {2, 40, 2000, 8, NEITHER},
    {3, 64, 1024, 64, NEITHER},
    {5, 16, 128, 16, NEITHER},
    {3, 8, 128, 8, NEITHER},
    {9, 4, 64, 4, NEITHER},
    {13, 2, 16, 2, NEITHER},
    {21, 1, 64, 1, NEITHER},
    {11, 12, 64, 4, NEITHER},
    {6, 20, 16, 4, NEITHER},
    {7, 18, 32, 2, NEITHER},
    {3, 32, 64, 32, NEITHER},
    {2, 64, 64, 64, NEITHER},
    {2, 64, 128, 64, NEITHER},
    {1, 128, 128, 128, NEITHER},
    {1, 256, 64, 16, NEITHER},
    {300, 4, 16, 4, NEITHER},
    {3, 2, 128, 1, NEITHER},
    {5, 32, 128, 32, NEITHER},
    {25, 8, 16, 4, NEITHER},
    {3, 4, 12, 3, true, NULL},
    {3, 4, 12, 4, true, NULL},
    {1, 1, 8, 1, false, "B1T1H1D8"},
    {2, 16, 64, 16, false, "B2T16H16D64"},
    {2, 1, 8, 4, false, "B2T1H4D8"},
    {2, 6, 12, 3, false, "B2T6H3D12"},
    {3, 4, 16, 4, false, "B3T4H4D16"},
    {5, 3, 24, 6, false, "B5T3H6D24"},
};

/* As norm_walks. */
static const token_mixer_case token_mixer_walks[] = {
    {2200, 16, 64, 16, NEITHER}, {2111, 32, 16, 16, NEITHER}, {1061, 8, 260, 5, NEITHER},
    {600, 16, 768, 16, NEITHER}, {331, 32, 256, 32, NEITHER}, {1300, 8, 1024, 8, NEITHER},
    {300, 32, 1536, 32, NEITHER}};

#endif /* RMX_CASES_ROWS_H */
