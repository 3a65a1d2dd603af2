/* SPDX-License-Identifier: MIT */
/* product.h: what the files of the CPU product share: product.c (plan and loops), product_tile.c (the
 * register tile), product_pack.c (operands made contiguous), product_epilogue.c (after the chain). */
#ifndef RMX_CPU_GEMM_H
#define RMX_CPU_GEMM_H

#include <stdint.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/simd.h"

/* Rows of the full register tile. With two vectors a row the accumulators fill the register
 * file but for two vectors of B and a broadcast element of A. */
#if RMX_VL == 16
#define RMX_TILE_ROWS 12
#elif RMX_VL == 8
#define RMX_TILE_ROWS 6
#else
#define RMX_TILE_ROWS 4
#endif
#define RMX_TILE_COLS (2 * RMX_VL)
/* Tiles below each other go through the epilogue together, as a strip of at most so many rows;
 * floats of the largest strip, where it is one wide tile too. */
#define RMX_STRIP_ROWS (4 * RMX_TILE_ROWS)
#define RMX_STRIP_MAX (RMX_STRIP_ROWS * RMX_TILE_COLS)
/* Floats that packing may write past the end. */
#define RMX_PACK_SLACK 16

/* k >= 1. acc[i][j] = in ? in[i*ld_in + j] : +0, then for kk = 0 .. k-1 ascending
 * acc[i][j] = fma(a[i*is + kk*ks], b[kk*ldb + j], acc[i][j]); out[i*ld_out + j] = acc[i][j].
 * in may be out. */
typedef void rmx_tile(int64_t k, const float *a, int64_t is, int64_t ks, const float *b,
                      int64_t ldb, const float *in, int64_t ld_in, float *out, int64_t ld_out);

/* Vectors in a row of the widest tile of so many rows: few rows take more columns, so that there
 * are always enough independent chains to hide the latency of a multiply-add. */
static inline int64_t rmx_tile_vectors(int64_t rows)
{
    return rows == 1 ? 8 : rows == 2 ? 4 : rows == 3 ? 3 : 2;
}

/* [A packed: is = 1, ks = rows, the arguments are not looked at][rows - 1][columns: one vector,
 * two, rmx_tile_vectors(rows)] */
extern rmx_tile *const RMX_CPU(product_tiles)[2][RMX_TILE_ROWS][3];

/* How rows are dealt to tiles: evenly, as a last tile of one or two rows would wait for its own
 * chains. Tile t has base + (t < more) rows. */
typedef struct rmx_split {
    int64_t tiles, base, more;
} rmx_split;

static inline rmx_split rmx_split_rows(int64_t rows)
{
    const int64_t tiles = (rows + RMX_TILE_ROWS - 1) / RMX_TILE_ROWS;
    return (rmx_split){tiles, rows / tiles, rows % tiles};
}

/* One panel a tile: the tile from row i on, of r rows, has its panel at to + i*k, and there
 * panel[kk*r + ii] = a[(i + ii)*rs + kk*cs]. Writes up to RMX_PACK_SLACK floats past the end. */
void RMX_CPU(product_pack_a)(const float *a, int64_t rs, int64_t cs, rmx_split split, int64_t k,
                             float *to);
/* Panels of width columns: to[p*k*width + kk*width + j] = b[kk*rs + (p*width + j)*cs], +0 where
 * the column is not below cols. width is a multiple of RMX_VL. */
void RMX_CPU(product_pack_b)(const float *b, int64_t rs, int64_t cs, int64_t k, int64_t cols,
                             int64_t width, float *to);

/* An operand at a tile: element (i, j) is p[i*rs + j*cs]; p = NULL: takes no part. */
typedef struct rmx_place {
    float *p;
    int64_t rs, cs;
} rmx_place;

typedef struct rmx_epilogue {
    float alpha, beta;
    rmx_activation activation;
    rmx_place c, activation_gradient, bias, multiplier, residual;
} rmx_epilogue;

/* tile[i*width + j] = from(i, j) for i < rows, j < cols; other columns become +0. */
void RMX_CPU(product_gather)(rmx_place from, int64_t rows, int64_t cols, int64_t width,
                             float *tile);
/* What stands after the chain in ops.h, for a strip of accumulators (overwritten). */
void RMX_CPU(product_epilogue)(const rmx_epilogue *e, int64_t rows, int64_t cols, int64_t width,
                               float *strip);

#endif /* RMX_CPU_GEMM_H */
