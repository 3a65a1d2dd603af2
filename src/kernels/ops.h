/* SPDX-License-Identifier: MIT */
/* ops.h: the table of kernels, each with its contract. Layers check, kernels compute.
 *
 * A backend fills every slot. The reference (kernels/reference/) is the text below in plain C.
 * Every other backend gives the same bits. All arithmetic is fp32 through numerics.h. A sum has
 * one of three orders:
 *   along(t_j)    along a row: 128 partial sums, term j to partial sum j % 128, then a tree
 *                 reduction; a row over RMX_SPAN is summed span by span (numerics.h). A term
 *                 fma(a, b) is added by one fused multiply-add.
 *   down(t_r)     down the rows: each block of RMX_ROW_BLOCK rows accumulates sequentially from
 *                 +0; then the blocks accumulate sequentially from what the destination holds.
 *   sequentially  one accumulator, ascending order.
 * So no result depends on threads, grid, batch size or a row's place, and a batch that is cut at a
 * multiple of RMX_ROW_BLOCK gives the bits of the whole.
 *
 * Kernels trust their arguments, because the layers have checked them: sizes are >= 0, pointers
 * are valid on the backend, and an output overlaps no other operand unless the contract allows it.
 * A size of 0 is valid. Rows are contiguous; a row stride (ld, in elements) may exceed the row. A
 * kernel does not allocate or wait, unless its contract says so.
 *
 * Activations (x, y, dy, dx, ...) are void * and have the type that `dtype` names, F32 by default.
 * Parameters, statistics, losses, sums and gradients of parameters are fp32. A kernel computes in
 * fp32 whatever the type: it widens what it loads and rounds once where it stores. */
#ifndef RMX_OPS_H
#define RMX_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/numerics.h"
#include "kernels/size.h"
#include "rankmixer/activation.h" /* rmx_activation */
#include "rankmixer/loss.h"       /* RMX_LABEL_MASKED */
#include "rankmixer/norm.h"       /* rmx_norm_kind */
#include "rankmixer/optimizer.h"  /* rmx_optimizer */
#include "rankmixer/status.h"
#include "rankmixer/tensor.h" /* RMX_MAX_DIMS */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rmx_backend rmx_backend;

/* ---- products ---------------------------------------------------------------------------- */

/* How a product multiplies and adds. */
typedef enum rmx_math {
    RMX_MATH_STRICT, /* fp32 fused multiply-adds, one after another: the formula below */
    RMX_MATH_TENSOR  /* steps of a tensor core on bf16 operands */
} rmx_math;

/* That of a layer's products of operands of this type. */
static inline rmx_math rmx_math_of(rmx_dtype dtype)
{
    return dtype == RMX_F32 ? RMX_MATH_STRICT : RMX_MATH_TENSOR;
}

/* One operand of a product: element (i, j) of product (u, v) is
 * p[u * batch[0] + v * batch[1] + i * rs + j * cs]. A transposed matrix exchanges rs and cs, a
 * row vector has rs = 0. p = NULL where an operand is optional: it takes no part. */
typedef struct rmx_matrix {
    const void *p;
    int64_t rs, cs, batch[2];
} rmx_matrix;

typedef struct rmx_matrix_out { /* column stride 1 */
    void *p;
    int64_t rs, batch[2];
} rmx_matrix_out;

/* For each of batch[0] * batch[1] products, A [m,k], B [k,n], C [m,n]:
 *
 *   acc  = accumulate ? C : +0;  for kk = 0 .. k-1: acc = fma(A[i,kk], B[kk,j], acc)
 *   v    = alpha * acc                        (alpha == 1: v = acc)
 *   v    = fma(beta, bias[i,j], v)            if bias.p
 *   activation_gradient[i,j] = act'(v)        if activation_gradient.p; act' is act's derivative
 *   v    = act(v)
 *   v    = v * multiplier[i,j]                if multiplier.p
 *   v    = v + residual[i,j]                  if residual.p
 *   C[i,j] = v
 *
 * residual and multiplier may be C's own memory; A and B may not. The activation gradient of a
 * forward pass is the multiplier of its backward pass, because act and act' together cost little
 * more than one of them. */
typedef struct rmx_product_args {
    rmx_dtype dtype;     /* of A and B */
    rmx_dtype out_dtype; /* of C, activation_gradient, multiplier and residual; bias is fp32 */
    rmx_math math;
    int64_t m, n, k, batch[2];
    rmx_matrix a, b;
    rmx_matrix_out c;
    bool accumulate;
    float alpha, beta;
    rmx_matrix bias;
    rmx_matrix_out activation_gradient;
    rmx_activation activation;
    rmx_matrix multiplier, residual;
} rmx_product_args;

/* dst[g, j] += down(x[g * group_stride + r * ld + j]).
 * x [groups, rows, cols], dst [groups, cols] contiguous. ws: rmx_column_sum_scratch(groups, rows,
 * cols, 1). The bias gradient of a linear layer. */
typedef struct rmx_column_sum_args {
    rmx_dtype dtype; /* of x */
    int64_t groups, rows, cols, ld, group_stride;
    const void *x;
    float *dst;
    void *ws;
} rmx_column_sum_args;

/* Bytes of scratch for `outputs` sums down the rows: one float per row block, group and column.
 * RMX_SIZE_TOO_LARGE (size.h) if they overflow, like the sizes below. */
static inline size_t rmx_column_sum_scratch(int64_t groups, int64_t rows, int64_t cols,
                                            int64_t outputs)
{
    const int64_t blocks = rmx_size_parts(rows, RMX_ROW_BLOCK);
    const size_t partials = rmx_size_mul(rmx_size_mul(sizeof(float), groups), blocks);
    return rmx_size_mul(rmx_size_mul(partials, cols), outputs);
}

/* ---- row operations ---------------------------------------------------------------------- */

/* x, y [outer, n, inner] contiguous; each (outer, inner) pair is one row of n elements.
 *   m = max_j x_j + 0;  e_j = exp(x_j - m);  s = along(e_j)
 *   softmax: y_j = e_j * (1 / s)            log_softmax: y_j = (x_j - m) - log(s)
 * A NaN in a row, +inf, or a row of only -inf gives NaN in all of it.
 * y may be x. */
typedef struct rmx_softmax_args {
    rmx_dtype dtype;
    int64_t outer, n, inner;
    bool log;
    const void *x;
    void *y;
} rmx_softmax_args;

/*   softmax:     c = along(fma(dy_j, y_j));  dx_j = y_j * (dy_j - c)
 *   log_softmax: c = along(dy_j);            dx_j = fma(-exp(y_j), c, dy_j)
 * dx may be dy. */
typedef struct rmx_softmax_backward_args {
    rmx_dtype dtype;
    int64_t outer, n, inner;
    bool log;
    const void *y, *dy;
    void *dx;
} rmx_softmax_backward_args;

/* y[o] = along(x[o, r]) / (float)R. o runs over the kept axes (y contiguous in
 * their order), r = 0 .. R-1 over the reduced axes in row-major order. x has any strides.
 * R = 0 gives NaN. 0 .. RMX_MAX_DIMS axes on either side. */
typedef struct rmx_mean_args {
    rmx_dtype dtype;
    int32_t kept, reduced; /* number of axes */
    int64_t kept_shape[RMX_MAX_DIMS], kept_stride[RMX_MAX_DIMS];
    int64_t reduced_shape[RMX_MAX_DIMS], reduced_stride[RMX_MAX_DIMS];
    const void *x;
    void *y;
} rmx_mean_args;

/* dx[o, r] = dy[o] / (float)R, dx contiguous [outer, n, inner] with n the reduced axis. */
typedef struct rmx_mean_backward_args {
    rmx_dtype dtype;
    int64_t outer, n, inner;
    const void *dy;
    void *dx;
} rmx_mean_backward_args;

/* For each of rows rows of dim elements, D = (float)dim, u = 2^96:
 *   layer: mean = along(x_j) / D;  c_j = x_j - mean;  var = along(fma(c_j, c_j)) / D
 *          rstd = 1 / sqrt(var + eps);  h_j = c_j * rstd
 *   rms:   rstd = 1 / sqrt(along(fma(x_j, x_j)) / D + eps);  h_j = x_j * rstd
 *   y_j = fma(h_j, gamma_j, beta_j)   gamma NULL: ones; beta NULL: +0 (rms takes none)
 * Where rstd is not above 0, a sum has overflowed or x is not finite. Then m and v, the mean (rms:
 * +0) and the variance of x_j / u, are computed as above, and with them
 *   rstd' = v * u * u + eps finite ? 1 / sqrt(v * u * u + eps) : 1 / u / sqrt(v + eps / u / u)
 *   mean' = m * u, not beyond +-FLT_MAX
 * These are the row's mean and rstd if rstd' is above 0; if not, x is not finite, and the first
 * ones stay. Where |rstd| < 2^-64, x_j - mean may overflow, and
 *   layer: h_j = fma(x_j, 1/2, -(mean / 2)) * (2 rstd)
 * here and in the backward pass. (norm_large.h)
 * mean (layer only) and rstd [rows] are kept for the backward pass; either may be NULL.
 * y may be x. */
typedef struct rmx_norm_args {
    rmx_norm_kind kind;
    rmx_dtype dtype; /* of x and y */
    int64_t rows, dim, ld_x, ld_y;
    float eps;
    const void *x;
    const float *gamma, *beta;
    void *y;
    float *mean, *rstd;
} rmx_norm_args;

/* With h as above and g_j = dy_j * gamma_j:
 *   layer: a = along(g_j) / D, b = along(fma(g_j, h_j)) / D
 *          dx_j = rstd * fma(-h_j, b, g_j - a)
 *   rms:   b as above;  dx_j = rstd * fma(-h_j, b, g_j)
 *   dx_j = dx_j + residual_j                       if residual
 *   dgamma_j += down(fma(dy_j, h_j));  dbeta_j += down(dy_j)     (either may be NULL)
 * dx, residual, dy and x share ld. dx may be dy or residual. NULL dx: parameters only.
 * ws: rmx_column_sum_scratch(1, rows, dim, 2). */
typedef struct rmx_norm_backward_args {
    rmx_norm_kind kind;
    rmx_dtype dtype; /* of dy, x, residual and dx */
    int64_t rows, dim, ld;
    const void *dy, *x, *residual;
    const float *gamma, *mean, *rstd;
    void *dx;
    float *dgamma, *dbeta;
    void *ws;
} rmx_norm_backward_args;

/* ---- token mixing ------------------------------------------------------------------------ */

/* The permutation of model.md: x [samples, tokens, width] seen as [samples, tokens, heads, d],
 * d = width / heads, to [samples, heads, tokens, d]; the flat result is read again as
 * [samples, tokens, width]. inverse: the inverse permutation (revert).
 *   y = permute(x)  (+ residual, element by element, if residual)
 * Only copies (and one add): y overlaps neither x nor, unless it is y itself, residual. */
typedef struct rmx_token_mix_args {
    rmx_dtype dtype;
    int64_t samples, tokens, width, heads;
    bool inverse;
    const void *x, *residual;
    void *y;
} rmx_token_mix_args;

/* y = LayerNorm(x + mix(x)), each row as rmx_norm_args computes it from z = x + mix(x) (one
 * rounded add, x first); mean, rstd [samples * tokens]; gamma, beta, mean, rstd may be NULL as
 * there. One read of x, one write of y. */
typedef struct rmx_token_mixer_args {
    rmx_dtype dtype; /* of x and y */
    int64_t samples, tokens, width, heads;
    float eps;
    const void *x;
    const float *gamma, *beta;
    void *y;
    float *mean, *rstd;
} rmx_token_mixer_args;

/* dz = the norm's dx for z = x + mix(x) (recomputed);  dx = dz + revert(dz) (dz first);
 * dgamma, dbeta as in rmx_norm_backward_args over samples * tokens rows.
 * ws: rmx_token_mixer_scratch(samples, tokens, width). dx overlaps neither dy nor x. */
typedef struct rmx_token_mixer_backward_args {
    rmx_dtype dtype; /* of dy, x and dx */
    int64_t samples, tokens, width, heads;
    const void *dy, *x;
    const float *gamma, *mean, *rstd;
    void *dx;
    float *dgamma, *dbeta;
    void *ws;
} rmx_token_mixer_backward_args;

/* dz of the whole batch, then the scratch of the sums down the rows. */
static inline size_t rmx_token_mixer_scratch(int64_t samples, int64_t tokens, int64_t width)
{
    const size_t rows = rmx_size_mul(rmx_size_mul(1, samples), tokens);
    if (rows > INT64_MAX) return RMX_SIZE_TOO_LARGE;
    return rmx_size_add(rmx_size_mul(rmx_size_mul(sizeof(float), (int64_t)rows), width),
                        rmx_column_sum_scratch(1, (int64_t)rows, width, 2));
}

/* ---- element by element ------------------------------------------------------------------ */

/* y_i = act(x_i) of n values. y may be x. */
typedef struct rmx_activation_args {
    rmx_activation activation;
    rmx_dtype dtype;
    int64_t n;
    const void *x;
    void *y;
} rmx_activation_args;

/* dx_i = dy_i * act'(x_i). dx may be dy. */
typedef struct rmx_activation_backward_args {
    rmx_activation activation;
    rmx_dtype dtype;
    int64_t n;
    const void *x, *dy;
    void *dx;
} rmx_activation_backward_args;

/* y_i = x_i + r_i. y may be x or r. */
typedef struct rmx_add_args {
    rmx_dtype dtype;
    int64_t n;
    const void *x, *r;
    void *y;
} rmx_add_args;

/* y_i = keep(i) ? x_i * scale : +0, scale = 1 / (1 - p) rounded once by the caller.
 * keep(i): (word >> 8) * 2^-24 >= p with word = rmx_random_word(seed, RMX_RANDOM_DROPOUT, step,
 * first + i), step = *step_counter * 256 + site: counters of (seed, optimiser step, where in the
 * model, element of the global batch), so the mask depends on no split. Its own backward pass.
 * y may be x. */
typedef struct rmx_dropout_args {
    rmx_dtype dtype;
    int64_t n;
    uint64_t seed, first;
    uint32_t site;                /* 0 .. 255 */
    const uint64_t *step_counter; /* on the backend */
    float p, scale;
    const void *x;
    void *y;
} rmx_dropout_args;

/* ---- features and embeddings ------------------------------------------------------------- */

/* out[b, column[f] .. + width-1] = table[row_offset[f] + ids[b, f], :]  for f < fields
 * out[b, dense_column[j]] = dense[b, j]                                 for j < dense_fields
 * and +0 in every other column of out's row of out_width elements.
 * ids are below their field's vocabulary (checked when the data was read).
 * row_offset, column, dense_column are arrays on the backend. */
typedef struct rmx_embedding_lookup_args {
    rmx_dtype dtype; /* of out */
    int64_t samples, fields, width, dense_fields, out_width;
    const float *table;          /* [rows, width] all fields' tables, one after another */
    const int64_t *row_offset;   /* [fields] */
    const int32_t *column;       /* [fields] */
    const int32_t *dense_column; /* [dense_fields] */
    const uint32_t *ids;         /* [samples, fields] */
    const float *dense;          /* [samples, dense_fields] */
    void *out;                   /* [samples, out_width] */
} rmx_embedding_lookup_args;

/* The distinct rows that a batch touches and, for each, its places in ascending order.
 * n = samples * fields entries, entry i = b * fields + f has key row_offset[f] + ids[i].
 *   order[0 .. n-1]   entries sorted by key, stably
 *   rows[0 .. u-1]    the distinct keys, ascending;  start[0 .. u] where each begins in order
 *   *unique           u
 * ws: ops->embedding_sort_scratch(samples, fields). rows < 2^32. */
typedef struct rmx_embedding_sort_args {
    int64_t samples, fields, table_rows;
    const int64_t *row_offset;
    const uint32_t *ids;
    uint32_t *order;  /* [n] */
    uint32_t *rows;   /* [n] */
    uint32_t *start;  /* [n + 1] */
    uint32_t *unique; /* [1] */
    void *ws;
} rmx_embedding_sort_args;

/* grad[u, :] = sequentially from +0, over i = start[u] .. start[u+1]-1, the sum of
 *              dout[b, column[f] .. + width-1], with order[i] = b * fields + f
 * for u < *unique. grad [n, width], only the first *unique rows are written. */
typedef struct rmx_embedding_gradient_args {
    rmx_dtype dtype; /* of dout */
    int64_t samples, fields, width, out_width;
    const int32_t *column;
    const void *dout; /* [samples, out_width] */
    const uint32_t *order, *start, *unique;
    float *grad;
} rmx_embedding_gradient_args;

/* ---- loss -------------------------------------------------------------------------------- */

/* Weighted binary cross-entropy with logits z [samples, tasks], labels y (0, 1 or masked):
 *   l[b]     = sequentially from +0, over t: fma(task_weight[t], softplus(z) - y*z, .), then
 *              * sample_weight[b] if given.  softplus(z) - y*z is computed as softplus(y ? -z : z)
 *   *loss   += sequentially, over blocks of 128 samples, in double: (double)along(l[b])
 *   dlogits[b,t] = ((task_weight[t] * sample_weight[b]) * (sigmoid(z) - y)) * scale
 * A masked label adds no term to l[b], and dlogits[b,t] = +0.
 * dlogits and loss may be NULL. scale is 1 / (samples of the global batch), rounded once.
 * ws: rmx_loss_scratch(samples). */
typedef struct rmx_loss_args {
    rmx_dtype dtype; /* of dlogits; logits are fp32 */
    int64_t samples, tasks;
    const float *logits;
    const uint8_t *labels;      /* [samples, tasks] */
    const float *task_weight;   /* [tasks] on the backend; NULL: ones */
    const float *sample_weight; /* [samples]; NULL: ones */
    float scale;
    double *loss; /* [1] on the backend, continued */
    void *dlogits;
    void *ws;
} rmx_loss_args;

static inline size_t rmx_loss_scratch(int64_t samples)
{
    return rmx_size_add(rmx_size_mul(sizeof(float), samples),
                        rmx_size_mul(sizeof(float), rmx_size_parts(samples, RMX_ROW_BLOCK)));
}

/* y_i = sigmoid(x_i). y may be x. */
typedef struct rmx_sigmoid_args {
    int64_t n;
    const float *x;
    float *y;
} rmx_sigmoid_args;

/* ---- optimisers -------------------------------------------------------------------------- */

/* What changes from step to step, or could; lives on the backend, so that a captured step
 * can be replayed. Filled by optimizer.c, in one place for all backends. */
typedef struct rmx_optimizer_scalars {
    float lr;           /* this step's rate */
    float momentum;     /* sgd: 0 is plain */
    float beta1, beta2; /* adamw; rmsprop's decay is beta2 */
    float eps;
    float weight_decay; /* decoupled: w is first multiplied by decay = 1 - lr * weight_decay */
    float decay;        /* that factor, rounded once */
    float bias1, bias2; /* adamw: 1 / (1 - beta1^t), 1 / (1 - beta2^t) */
    float one_minus_beta1, one_minus_beta2;
} rmx_optimizer_scalars;

/* With g_i = grad_i * (*grad_scale) (grad_scale NULL: grad_i), w_i = w_i * decay first:
 *   sgd               s1 = fma(momentum, s1, g);  w = fma(-lr, s1, w)
 *                     (s1 NULL: w = fma(-lr, g, w))
 *   rmsprop           s1 = fma(beta2, s1, one_minus_beta2 * (g*g));
 *                     w = w - (lr * g) / (sqrt(s1) + eps)
 *   adagrad           s1 = fma(g, g, s1);                      w = w - (lr * g) / (sqrt(s1) + eps)
 *   rowwise_adagrad   s1[row] = s1[row] + along(fma(g, g)) / width;  then as adagrad with s1[row]
 *   adamw             s1 = fma(beta1, s1, one_minus_beta1 * g);
 *                     s2 = fma(beta2, s2, one_minus_beta2 * (g*g));
 *                     w = w - (lr * (s1 * bias1)) / (sqrt(s2 * bias2) + eps)
 * If *grad_scale is NaN nothing is changed: a step with a non-finite gradient leaves the
 * parameters as they were, and the trainer stops there.
 * Dense: rows = number of rows, all of them, row i's gradient is grad[i, :].
 * Sparse: row_index and unique given (on the backend): only rows row_index[u], u < *unique, are
 * touched, with gradient grad[u, :]; decay and moments too ("lazy" updates); rows = the largest
 * possible *unique. s1 of rowwise_adagrad is [table rows]; all other states are shaped as w. */
typedef struct rmx_optimizer_args {
    rmx_optimizer kind;
    int64_t rows, width;
    float *w, *s1, *s2;
    const float *grad;
    const uint32_t *row_index, *unique;
    const rmx_optimizer_scalars *scalars;
    const float *grad_scale;
} rmx_optimizer_args;

/* *sum += sequentially, over blocks of RMX_SPAN values, in double: (double)along(fma(g, g)).
 * n values, or, where unique is given, *unique * width of them (n is then the most possible).
 * ws: rmx_gradient_norm_scratch(n). */
typedef struct rmx_gradient_norm_sum_squares_args {
    int64_t n, width;
    const float *g;
    const uint32_t *unique;
    double *sum; /* [1] on the backend */
    void *ws;
} rmx_gradient_norm_sum_squares_args;

static inline size_t rmx_gradient_norm_scratch(int64_t n)
{
    return rmx_size_mul(sizeof(float), rmx_size_parts(n, RMX_SPAN));
}

/* norm = (float)sqrt(*sum);  *grad_norm = norm;
 * *grad_scale = norm not finite, or *grad_scale a NaN ? NaN
 *             : max_norm > 0 && norm > max_norm ? max_norm / norm : 1.
 * So after a gradient that is not finite nothing is updated until somebody looks. */
typedef struct rmx_gradient_norm_clip_args {
    float max_norm; /* 0: no clipping */
    const double *sum;
    float *grad_norm, *grad_scale; /* [1] each, on the backend */
} rmx_gradient_norm_clip_args;

/* *count = number of values that are NaN or infinite. */
typedef struct rmx_nonfinite_args {
    rmx_dtype dtype;
    int64_t n;
    const void *x;
    uint32_t *count; /* on the backend */
} rmx_nonfinite_args;

/* ---- the table --------------------------------------------------------------------------- */

/* Every kernel. Kernel k takes rmx_<k>_args; a backend calls it rmx_<backend>_<k>. Where the
 * arguments have a dtype, a kernel may take one type and not another (rmx_ops.takes). */
/* clang-format off */
#define RMX_TYPED_KERNELS(X) \
    X(column_sum) X(softmax) X(softmax_backward) X(mean) X(mean_backward) X(norm) \
    X(norm_backward) X(token_mix) X(token_mixer) X(token_mixer_backward) X(activation) \
    X(activation_backward) X(add) X(dropout) X(embedding_lookup) X(embedding_gradient) X(loss) \
    X(nonfinite)
#define RMX_FLOAT_KERNELS(X) \
    X(embedding_sort) X(sigmoid) X(optimizer) X(gradient_norm_sum_squares) X(gradient_norm_clip)
#define RMX_KERNELS(X) X(product) RMX_TYPED_KERNELS(X) RMX_FLOAT_KERNELS(X)
/* clang-format on */

enum {
    RMX_TAKES_F32 = 1 << RMX_F32,
    RMX_TAKES_BF16 = 1 << RMX_BF16,
    RMX_TAKES_TENSOR = 4 /* product: RMX_MATH_TENSOR */
};

typedef enum rmx_kernel {
#define RMX_SLOT(kernel) RMX_KERNEL_##kernel,
    RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
        RMX_KERNEL_COUNT
} rmx_kernel;

/* Two queues of work: kernels and copies for them run in the first, in order; the second brings
 * input ahead of time. Events tie them together. A CPU does all work at once, in the call. */
typedef enum rmx_queue { RMX_QUEUE_COMPUTE, RMX_QUEUE_INPUT, RMX_QUEUES } rmx_queue;
#define RMX_EVENTS 8

typedef struct rmx_ops {
    const char *code;                /* "reference", "generic", "avx2", "avx512", "cuda" */
    uint8_t takes[RMX_KERNEL_COUNT]; /* RMX_TAKES_ bits: what a kernel has code for */

    rmx_status (*alloc)(rmx_backend *, size_t bytes, void **out);
    void (*free)(rmx_backend *, void *);
    rmx_status (*upload)(rmx_backend *, void *dst, const void *host_src, size_t bytes);
    rmx_status (*download)(rmx_backend *, void *host_dst, const void *src,
                           size_t bytes); /* waits */
    rmx_status (*copy)(rmx_backend *, void *dst, const void *src, size_t bytes);
    rmx_status (*zero)(rmx_backend *, void *dst, size_t bytes);
    rmx_status (*sync)(rmx_backend *); /* waits; reports what went wrong since */

    /* Host memory that send and fetch copy from and to without a detour. */
    rmx_status (*host_alloc)(rmx_backend *, size_t bytes, void **out);
    void (*host_free)(rmx_backend *, void *);
    /* In the input queue; host_src (of host_alloc) must stay until an event after it. */
    rmx_status (*send)(rmx_backend *, void *dst, const void *host_src, size_t bytes);
    /* In the compute queue; host_dst (of host_alloc) is there after an event after it. */
    rmx_status (*fetch)(rmx_backend *, void *host_dst, const void *src, size_t bytes);
    /* Events 0 .. RMX_EVENTS-1: signal puts one behind the queue's work so far, await makes a
     * queue wait for it, wait the host. An event that was never signalled is not waited for. */
    rmx_status (*signal)(rmx_backend *, rmx_queue, int32_t event);
    rmx_status (*await)(rmx_backend *, rmx_queue, int32_t event);
    rmx_status (*wait)(rmx_backend *, int32_t event);
    /* Between record_begin and record_end kernels, copy and zero are noted instead of run; replay
     * runs them, in the compute queue. All NULL where a backend has no use for it. */
    rmx_status (*record_begin)(rmx_backend *);
    rmx_status (*record_end)(rmx_backend *, void **recording);
    rmx_status (*replay)(rmx_backend *, void *recording);
    void (*record_free)(rmx_backend *, void *recording);

    size_t (*embedding_sort_scratch)(int64_t samples, int64_t fields); /* bytes */
#define RMX_SLOT(kernel) rmx_status (*kernel)(rmx_backend *, const rmx_##kernel##_args *);
    RMX_KERNELS(RMX_SLOT)
#undef RMX_SLOT
} rmx_ops;

#define RMX_BACKEND_TEXT 256

struct rmx_backend {
    const rmx_ops *ops;
    void *state;                  /* the CPU's threads; a GPU's stream and handles */
    char error[RMX_BACKEND_TEXT]; /* why the last call did not return RMX_OK */
};

#ifdef __cplusplus
}
#endif
#endif /* RMX_OPS_H */
