/* gemm_epilogue.c: what follows the chain, on a tile of accumulators that is still in L1.
 *
 * The stages of ops.h one after another over the whole tile. An operand in memory is first
 * gathered into a tile of the same shape, so every stage is one plain loop over at most
 * RMX_TILE_MAX contiguous floats that vectorises; columns past the matrix compute on +0 and are
 * not stored. In place (residual or grad_of is C) is fine: a tile reads all that it needs of its
 * own elements before it writes them, and no other tile's. */
#include "kernels/cpu/gemm.h"

void RMX_CPU(gemm_gather)(rmx_place from, int64_t rows, int64_t cols, int64_t width, float *tile)
{
    for (int64_t i = 0; i < rows; i++, from.p += from.rs, tile += width) {
        if (from.cs == 1) {
            int64_t j = 0;
            for (; j + RMX_VL <= cols; j += RMX_VL) {
                rmx_vec_store(tile + j, rmx_vec_load(from.p + j));
            }
            for (; j < width; j += RMX_VL) {
                const int64_t left = cols - j > 0 ? cols - j : 0;
                rmx_vec_store(tile + j, rmx_vec_load_part(from.p + j, left));
            }
        } else {
            for (int64_t j = 0; j < cols; j++) tile[j] = from.p[j * from.cs];
            for (int64_t j = cols; j < width; j++) tile[j] = 0.0f;
        }
    }
}

static void scatter(const float *tile, int64_t rows, int64_t cols, int64_t width, rmx_place to)
{
    for (int64_t i = 0; i < rows; i++, to.p += to.rs, tile += width) {
        if (to.cs == 1) {
            int64_t j = 0;
            for (; j + RMX_VL <= cols; j += RMX_VL) {
                rmx_vec_store(to.p + j, rmx_vec_load(tile + j));
            }
            if (j < cols) rmx_vec_store_part(to.p + j, rmx_vec_load(tile + j), cols - j);
        } else {
            for (int64_t j = 0; j < cols; j++) to.p[j * to.cs] = tile[j];
        }
    }
}

static void activate(rmx_act act, int64_t n, float *v)
{
    if (act == RMX_ACT_GELU_ERF) {
        for (int64_t i = 0; i < n; i++) v[i] = rmx_gelu_erff(v[i]);
    } else if (act == RMX_ACT_GELU_TANH) {
        for (int64_t i = 0; i < n; i++) v[i] = rmx_gelu_tanhf(v[i]);
    }
}

static void times_gradient(rmx_act act, int64_t n, const float *restrict x, float *restrict v)
{
    if (act == RMX_ACT_GELU_ERF) {
        for (int64_t i = 0; i < n; i++) v[i] = rmx_mulf(v[i], rmx_gelu_erf_gradf(x[i]));
    } else if (act == RMX_ACT_GELU_TANH) {
        for (int64_t i = 0; i < n; i++) v[i] = rmx_mulf(v[i], rmx_gelu_tanh_gradf(x[i]));
    }
}

void RMX_CPU(gemm_epilogue)(const rmx_epilogue *e, int64_t rows, int64_t cols, int64_t width,
                            float *restrict v)
{
    const int64_t n = rows * width;
    float operand[RMX_TILE_MAX];
    float *restrict x = operand;

    if (e->alpha != 1.0f) {
        for (int64_t i = 0; i < n; i++) v[i] = rmx_mulf(e->alpha, v[i]);
    }
    if (e->bias.p) {
        const float beta = e->beta;
        RMX_CPU(gemm_gather)(e->bias, rows, cols, width, x);
        for (int64_t i = 0; i < n; i++) v[i] = rmx_fmaf(beta, x[i], v[i]);
    }
    if (e->pre.p) scatter(v, rows, cols, width, e->pre);
    activate(e->act, n, v);
    if (e->grad_of.p) {
        RMX_CPU(gemm_gather)(e->grad_of, rows, cols, width, x);
        times_gradient(e->act_grad, n, x, v);
    }
    if (e->residual.p) {
        RMX_CPU(gemm_gather)(e->residual, rows, cols, width, x);
        for (int64_t i = 0; i < n; i++) v[i] = rmx_addf(v[i], x[i]);
    }
    scatter(v, rows, cols, width, e->c);
}
