/* SPDX-License-Identifier: MIT */
/* product.h: what the files of the CPU product share, in the order of execution: product.c (plan
 * and loops), product_pack.c (packed panels), product_tile.c (the register tile),
 * product_epilogue.c (what follows the sequential-k accumulation). */
#ifndef RMX_CPU_PRODUCT_H
#define RMX_CPU_PRODUCT_H

#include <stdint.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/simd.h"

/* Rows of the full register tile. With two vectors a row the accumulators fill the register
 * file, except for two vectors of B and a broadcast element of A. */
#define RMX_TILE_ROWS (RMX_VL == 16 ? 12 : RMX_VL == 8 ? 6 : 4)
#define RMX_TILE_COLS (2 * RMX_VL)
/* The epilogue takes a stack of tiles, one below the other, of at most so many rows; floats of the
 * largest stack, which holds the widest tile too. */
#define RMX_STACK_ROWS (4 * RMX_TILE_ROWS)
#define RMX_STACK_MAX (RMX_STACK_ROWS * RMX_TILE_COLS)
/* Floats that packing may write past the end. */
#define RMX_PACK_SLACK 16

/* k >= 1. acc[i][j] = in ? in[i*ld_in + j] : +0, then for kk = 0 .. k-1 ascending
 * acc[i][j] = fma(a[i*is + kk*ks], b[kk*ldb + j], acc[i][j]); out[i*ld_out + j] = acc[i][j].
 * in may be out. */
typedef void rmx_tile(int64_t k, const float *a, int64_t is, int64_t ks, const float *b,
                      int64_t ldb, const float *in, int64_t ld_in, float *out, int64_t ld_out);

/* Vectors in a row of the widest tile of so many rows: a small M takes more columns, so that there
 * are always enough independent accumulators to hide the latency of a multiply-add. */
static inline int64_t rmx_tile_vectors(int64_t rows)
{
    return rows == 1 ? 8 : rows == 2 ? 4 : rows == 3 ? 3 : 2;
}

/* [A packed: is = 1, ks = rows, the arguments are not looked at][rows - 1][columns: one vector,
 * two, rmx_tile_vectors(rows)] */
extern rmx_tile *const RMX_CPU(product_tiles)[2][RMX_TILE_ROWS][3];

/* How rows are cut into tiles: evenly, as a last tile of one or two rows would be bound by latency.
 * Tile t has base + (t < more) rows. */
typedef struct rmx_row_tiles {
    int64_t tiles, base, more;
} rmx_row_tiles;

static inline rmx_row_tiles rmx_cut_rows(int64_t rows)
{
    const int64_t tiles = (rows + RMX_TILE_ROWS - 1) / RMX_TILE_ROWS;
    return (rmx_row_tiles){tiles, rows / tiles, rows % tiles};
}

/* One packed panel a tile: that of the tile from row i on, of r rows, is at to + i*k, and there
 * panel[kk*r + ii] = a[(i + ii)*rs + kk*cs]. Writes up to RMX_PACK_SLACK floats past the end. */
void RMX_CPU(product_pack_a)(const float *a, int64_t rs, int64_t cs, rmx_row_tiles cut, int64_t k,
                             float *to);
/* Panels of width columns: to[p*k*width + kk*width + j] = b[kk*rs + (p*width + j)*cs], +0 where
 * the column is not below cols. width is a multiple of RMX_VL. */
void RMX_CPU(product_pack_b)(const float *b, int64_t rs, int64_t cs, int64_t k, int64_t cols,
                             int64_t width, float *to);

/* An operand from a tile's first element on: element (i, j) is p[i*rs + j*cs]; p = NULL: absent. */
typedef struct rmx_view {
    float *p;
    int64_t rs, cs;
} rmx_view;

typedef struct rmx_epilogue {
    float alpha, beta;
    rmx_activation activation;
    rmx_view c, activation_gradient, bias, multiplier, residual;
} rmx_epilogue;

/* tile[i*width + j] = from(i, j) for i < rows, j < cols; other columns become +0. */
void RMX_CPU(product_gather)(rmx_view from, int64_t rows, int64_t cols, int64_t width,
                             float *tile);
/* What follows the accumulation in ops.h, for a stack of accumulators (overwritten). */
void RMX_CPU(product_epilogue)(const rmx_epilogue *e, int64_t rows, int64_t cols, int64_t width,
                               float *stack);

#endif /* RMX_CPU_PRODUCT_H */
