/* SPDX-License-Identifier: MIT */
/* product_epilogue.c: what follows the accumulation, on a stack of tiles that is still in L1.
 *
 * A stack, not one tile: a narrow tile of a small k takes less time than a call. The stages are
 * those of ops.h, one after another over the whole stack: bias, activation with its gradient,
 * multiplier, residual. A stage that calls a function is one loop over contiguous floats that
 * vectorises. A stage that only adds, multiplies or stores works on vectors of rows.
 *
 * An operand whose rows are not whole vectors is first gathered into a stack. Columns past the
 * matrix compute on +0 and are not stored. In place (residual or multiplier is C) is fine: a stack
 * reads what it needs of an element before it writes it, and no other stack's. */
#include "kernels/cpu/product.h"

void RMX_CPU(product_gather)(rmx_view from, int64_t rows, int64_t cols, int64_t width, float *tile)
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

static void scatter(const float *tile, int64_t rows, int64_t cols, int64_t width, rmx_view to)
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

static void activate(rmx_activation act, int64_t n, float *v)
{
    if (act == RMX_ACTIVATION_GELU_ERF) {
        for (int64_t i = 0; i < n; i++) v[i] = rmx_gelu_erff(v[i]);
    } else if (act == RMX_ACTIVATION_GELU_TANH) {
        for (int64_t i = 0; i < n; i++) v[i] = rmx_gelu_tanhf(v[i]);
    }
}

/* x = act'(v), v = act(v); compilers share the work of both. */
static void activate_with_activation_gradient(rmx_activation act, int64_t n, float *restrict v,
                                              float *restrict x)
{
    if (act == RMX_ACTIVATION_GELU_ERF) {
        for (int64_t i = 0; i < n; i++) {
            x[i] = rmx_gelu_erf_gradf(v[i]);
            v[i] = rmx_gelu_erff(v[i]);
        }
    } else if (act == RMX_ACTIVATION_GELU_TANH) {
        for (int64_t i = 0; i < n; i++) {
            x[i] = rmx_gelu_tanh_gradf(v[i]);
            v[i] = rmx_gelu_tanhf(v[i]);
        }
    } else {
        for (int64_t i = 0; i < n; i++) x[i] = 1.0f;
    }
}

/* Whether a stack's rows are whole vectors in memory. */
static inline bool whole_vectors(rmx_view view, int64_t cols, int64_t width)
{
    return view.cs == 1 && cols == width;
}

/* An operand whose rows can be read by vectors: in place, or gathered into x. */
static rmx_view readable(rmx_view from, int64_t rows, int64_t cols, int64_t width, float *x)
{
    if (whole_vectors(from, cols, width)) return from;
    RMX_CPU(product_gather)(from, rows, cols, width, x);
    return (rmx_view){x, width, 1};
}

/* v = fma(beta, bias, alpha v) */
static void add_bias(const rmx_epilogue *e, int64_t rows, int64_t cols, int64_t width, float *x,
                     float *v)
{
    const rmx_view bias = readable(e->bias, rows, cols, width, x);
    const rmx_vec alpha = rmx_vec_set(e->alpha), beta = rmx_vec_set(e->beta);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < width; j += RMX_VL) {
            rmx_vec z = rmx_vec_load(v + i * width + j);
            if (e->alpha != 1.0f) z = alpha * z;
            z = rmx_vec_fma(beta, rmx_vec_load(bias.p + i * bias.rs + j), z);
            rmx_vec_store(v + i * width + j, z);
        }
    }
}

/* v = v * multiplier */
static void multiply(const rmx_epilogue *e, int64_t rows, int64_t cols, int64_t width, float *x,
                     float *v)
{
    const rmx_view multiplier = readable(e->multiplier, rows, cols, width, x);
    for (int64_t i = 0; i < rows; i++, v += width) {
        for (int64_t j = 0; j < width; j += RMX_VL) {
            rmx_vec_store(v + j, rmx_vec_load(v + j) *
                                     rmx_vec_load(multiplier.p + i * multiplier.rs + j));
        }
    }
}

/* c = v (+ residual) */
static void store_result(const rmx_epilogue *e, int64_t rows, int64_t cols, int64_t width,
                         float *x, float *v)
{
    const bool direct = whole_vectors(e->c, cols, width), more = e->residual.p != NULL;
    const rmx_view residual =
        more ? readable(e->residual, rows, cols, width, x) : (rmx_view){v, width, 1};
    const rmx_view c = direct ? e->c : (rmx_view){v, width, 1};
    for (int64_t i = 0; (direct || more) && i < rows; i++) {
        for (int64_t j = 0; j < width; j += RMX_VL) {
            rmx_vec z = rmx_vec_load(v + i * width + j);
            if (more) z = z + rmx_vec_load(residual.p + i * residual.rs + j);
            rmx_vec_store(c.p + i * c.rs + j, z);
        }
    }
    if (!direct) scatter(v, rows, cols, width, e->c);
}

void RMX_CPU(product_epilogue)(const rmx_epilogue *e, int64_t rows, int64_t cols, int64_t width,
                               float *restrict v)
{
    const int64_t n = rows * width;
    float x[RMX_STACK_MAX];

    if (e->bias.p) {
        add_bias(e, rows, cols, width, x, v);
    } else {
        for (int64_t i = 0; e->alpha != 1.0f && i < n; i++) v[i] = rmx_mulf(e->alpha, v[i]);
    }
    if (e->activation_gradient.p) {
        activate_with_activation_gradient(e->activation, n, v, x);
        scatter(x, rows, cols, width, e->activation_gradient);
    } else {
        activate(e->activation, n, v);
    }
    if (e->multiplier.p) multiply(e, rows, cols, width, x, v);
    store_result(e, rows, cols, width, x, v);
}
