/* SPDX-License-Identifier: MIT */
/* product_pack.c: copies a k block of A and of B into packed panels, the order in which the
 * register tile reads them.
 *
 * Each element is read and written once. Where the source runs along k, blocks of 8 x 8 are
 * transposed in registers, so that both reads and writes are whole vectors. Where it runs along the
 * panel, rows are copied. Any other stride is gathered one by one. Copies only: no rounding. */
#include "kernels/cpu/product.h"

#define GROUP 8 /* rows or columns transposed together */

/* to[kk*ld + i] = from[i*stride + kk*step] for i < n, kk < k, one by one. */
static void gather(const float *from, int64_t stride, int64_t step, int64_t n, int64_t k,
                   float *to, int64_t ld)
{
    for (int64_t kk = 0; kk < k; kk++) {
        for (int64_t i = 0; i < n; i++) to[kk * ld + i] = from[i * stride + kk * step];
    }
}

/* Rows next to each other in memory: like copy_panels, with panels of a tile's rows. A vector
 * that is wider than the panel overruns into the panel's next step, which is written later. */
static void copy_row_panels(const float *a, int64_t cs, rmx_row_tiles cut, int64_t k, float *to)
{
    const int64_t all = cut.tiles * cut.base + cut.more;
    for (int64_t k0 = 0; k0 < k; k0 += GROUP) {
        const int64_t k1 = k - k0 < GROUP ? k : k0 + GROUP;
        for (int64_t t = 0, i = 0; t < cut.tiles; t++) {
            const int64_t rows = cut.base + (t < cut.more);
            const bool inside = i + RMX_VL <= all;
            float *panel = to + i * k;
            for (int64_t kk = k0; kk < k1; kk++) {
                rmx_vec_copy(a + kk * cs + i, rows, inside && kk + 1 < k, panel + kk * rows);
            }
            i += rows;
        }
    }
}

void RMX_CPU(product_pack_a)(const float *a, int64_t rs, int64_t cs, rmx_row_tiles cut, int64_t k,
                             float *to)
{
    if (rs == 1 && cs != 1) {
        copy_row_panels(a, cs, cut, k, to);
        return;
    }
    for (int64_t t = 0, i = 0; t < cut.tiles; t++) {
        const int64_t rows = cut.base + (t < cut.more);
        for (int64_t part = 0; part < rows; part += GROUP) {
            const int64_t n = rows - part < GROUP ? rows - part : GROUP;
            const float *from = a + (i + part) * rs;
            float *panel = to + i * k + part;
            if (cs == 1)
                rmx_transpose_8(from, rs, n, k, panel, rows);
            else
                gather(from, rs, cs, n, k, panel, rows);
        }
        i += rows;
    }
}

/* Columns next to each other in memory. Eight rows of B at a time, panel by panel: reads are
 * eight streams, writes are runs of 8 * width floats. */
static void copy_panels(const float *b, int64_t rs, int64_t k, int64_t panels, int64_t width,
                        float *to)
{
    for (int64_t k0 = 0; k0 < k; k0 += GROUP) {
        const int64_t steps = k - k0 < GROUP ? k - k0 : GROUP;
        for (int64_t p = 0; p < panels; p++) {
            const float *from = b + k0 * rs + p * width;
            float *panel = to + p * k * width + k0 * width;
            for (int64_t kk = 0; kk < steps; kk++) {
                for (int64_t j = 0; j < width; j += RMX_VL) {
                    rmx_vec_store(panel + kk * width + j, rmx_vec_load(from + kk * rs + j));
                }
            }
        }
    }
}

/* One panel of any strides, of cols <= width columns; the others are +0. */
static void pack_panel(const float *b, int64_t rs, int64_t cs, int64_t k, int64_t cols,
                       int64_t width, float *to)
{
    if (cs == 1) {
        for (int64_t kk = 0; kk < k; kk++, b += rs) {
            for (int64_t j = 0; j < width; j += RMX_VL, to += RMX_VL) {
                const int64_t n = cols - j < RMX_VL ? cols - j : RMX_VL;
                rmx_vec_store(to, n > 0 ? rmx_vec_load_part(b + j, n) : rmx_vec_zero());
            }
        }
        return;
    }
    if (cols < width) memset(to, 0, sizeof(float) * (size_t)(k * width));
    if (rs != 1) {
        gather(b, cs, rs, cols, k, to, width);
        return;
    }
    int64_t j = 0;
    for (; j + GROUP <= cols; j += GROUP) rmx_transpose_8(b + j * cs, cs, GROUP, k, to + j, width);
    gather(b + j * cs, cs, 1, cols - j, k, to + j, width);
}

void RMX_CPU(product_pack_b)(const float *b, int64_t rs, int64_t cs, int64_t k, int64_t cols,
                             int64_t width, float *to)
{
    const int64_t whole = cs == 1 ? cols / width : 0;
    copy_panels(b, rs, k, whole, width, to);
    for (int64_t j = whole * width; j < cols; j += width) {
        const int64_t left = cols - j < width ? cols - j : width;
        pack_panel(b + j * cs, rs, cs, k, left, width, to + j * k);
    }
}
