/* SPDX-License-Identifier: MIT */
/* product_pack.c: copies pieces of A and B into the order in which the register tile reads them.
 *
 * Each element is read and written once. Where the source runs along k, blocks of 8 x 8 are
 * transposed in registers, so that both reads and writes are whole vectors; where it runs along
 * the panel, rows are copied; any other stride is gathered one by one. Copies only: no rounding. */
#include "kernels/cpu/product.h"

#define GROUP 8 /* rows or columns transposed together */

/* to[kk*ld + i] = from[i*stride + kk] for i < n, from kk up to k, one by one. */
static void gather(const float *from, int64_t stride, int64_t step, int64_t n, int64_t kk,
                   int64_t k, float *to, int64_t ld)
{
    for (; kk < k; kk++) {
        for (int64_t i = 0; i < n; i++) to[kk * ld + i] = from[i * stride + kk * step];
    }
}

#if RMX_VL >= 8
static inline __m256 low(__m256 a, __m256 b) { return _mm256_permute2f128_ps(a, b, 0x20); }
static inline __m256 high(__m256 a, __m256 b) { return _mm256_permute2f128_ps(a, b, 0x31); }

static inline void transpose8(__m256 r[GROUP])
{
    __m256 t[GROUP], u[GROUP];
    for (int i = 0; i < GROUP; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < GROUP; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = low(u[i], u[i + 4]);
        r[i + 4] = high(u[i], u[i + 4]);
    }
}

/* to[kk*ld + i] = from[i*stride + kk], i < n <= 8. Writes 8 floats a step where a narrower store
 * is dear: what is too much lies in the next step's place and is overwritten by it. */
static inline void transpose_strip(const float *from, int64_t stride, int64_t n, int64_t k,
                                   float *to, int64_t ld)
{
    int64_t kk = 0;
    for (; kk + GROUP <= k; kk += GROUP) {
        __m256 r[GROUP];
        for (int i = 0; i < GROUP; i++) {
            r[i] = i < n ? _mm256_loadu_ps(from + i * stride + kk) : _mm256_setzero_ps();
        }
        transpose8(r);
        for (int i = 0; i < GROUP; i++) {
#if RMX_VL == 16
            _mm256_mask_storeu_ps(to + (kk + i) * ld, (__mmask8)((1u << n) - 1u), r[i]);
#else
            _mm256_storeu_ps(to + (kk + i) * ld, r[i]);
#endif
        }
    }
    gather(from, stride, 1, n, kk, k, to, ld);
}
#else
static inline void transpose_strip(const float *from, int64_t stride, int64_t n, int64_t k,
                                   float *to, int64_t ld)
{
    gather(from, stride, 1, n, 0, k, to, ld);
}
#endif

/* n <= RMX_TILE_ROWS floats, by whole vectors where room says that both sides may be overrun. */
static inline void copy_few(const float *from, int64_t n, bool room, float *to)
{
#if RMX_VL == 16
    (void)room; /* masks cost nothing */
    rmx_vec_store_part(to, rmx_vec_load_part(from, n), n);
#else
    if (room)
        rmx_vec_store(to, rmx_vec_load(from));
    else
        for (int64_t i = 0; i < n; i++) to[i] = from[i];
#endif
}

/* Rows next to each other in memory: like copy_panels, with panels of a tile's rows. A vector
 * that is wider than the panel spills into the panel's next step, which is written later. */
static void copy_row_panels(const float *a, int64_t cs, rmx_split split, int64_t k, float *to)
{
    const int64_t all = split.tiles * split.base + split.more;
    for (int64_t k0 = 0; k0 < k; k0 += GROUP) {
        const int64_t k1 = k - k0 < GROUP ? k : k0 + GROUP;
        for (int64_t t = 0, i = 0; t < split.tiles; t++) {
            const int64_t rows = split.base + (t < split.more);
            const bool inside = i + RMX_VL <= all;
            float *panel = to + i * k;
            for (int64_t kk = k0; kk < k1; kk++) {
                copy_few(a + kk * cs + i, rows, inside && kk + 1 < k, panel + kk * rows);
            }
            i += rows;
        }
    }
}

void RMX_CPU(product_pack_a)(const float *a, int64_t rs, int64_t cs, rmx_split split, int64_t k,
                             float *to)
{
    if (rs == 1 && cs != 1) {
        copy_row_panels(a, cs, split, k, to);
        return;
    }
    for (int64_t t = 0, i = 0; t < split.tiles; t++) {
        const int64_t rows = split.base + (t < split.more);
        for (int64_t part = 0; part < rows; part += GROUP) {
            const int64_t n = rows - part < GROUP ? rows - part : GROUP;
            const float *from = a + (i + part) * rs;
            float *panel = to + i * k + part;
            if (cs == 1)
                transpose_strip(from, rs, n, k, panel, rows);
            else
                gather(from, rs, cs, n, 0, k, panel, rows);
        }
        i += rows;
    }
}

/* Columns next to each other in memory. Eight rows of B go panel by panel: reads are eight
 * streams, writes are runs of 8 * width floats. */
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
        gather(b, cs, rs, cols, 0, k, to, width);
        return;
    }
    int64_t j = 0;
    for (; j + GROUP <= cols; j += GROUP) transpose_strip(b + j * cs, cs, GROUP, k, to + j, width);
    gather(b + j * cs, cs, 1, cols - j, 0, k, to + j, width);
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
