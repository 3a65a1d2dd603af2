/* SPDX-License-Identifier: MIT */
/* product.h: matrix products whose rows do not know their batch.
 *
 * Semantics are PyTorch's mm, addmm, bmm, baddbmm and, per group, einsum("...gk,gkn->...gn").
 * Each output element is a sum by fused multiply-adds from +0, k ascending, so its bits
 * depend on its row of a and its column of b alone: not on the batch size, its place in the
 * batch, the strides, the number of threads or the backend.
 *
 * Operands are views (tensor.h). Inputs may have any strides: a transposed operand is
 * rmx_tensor_transpose(t, 0, 1), a broadcast one has stride 0. Outputs must not share memory
 * with themselves or any other operand, and one of their last two strides must be 1 (or that
 * axis have at most one element): a matrix or a transposed matrix. An empty output is fine.
 *
 * Gradients follow one rule:
 *   - gradients of activations are overwritten: da always, and db of bmm and baddbmm;
 *   - gradients of parameters are accumulated: db of mm and addmm, dw of grouped_mm, dinput of
 *     addmm where it is a vector. Each sum over the rows, in order, starts from what the
 *     buffer holds: zero it first, then call for one part of the batch after the other, in order;
 *     any split gives the bits of the whole (for a vector dinput: a split at a multiple of 128
 *     rows). With alpha != 1 (for dinput: beta != 1) the scaled sum is added instead, and this
 *     promise about splits does not hold.
 *   - a NULL gradient is not computed; an operand that only it needs may then be NULL too.
 *
 * Order:   enqueued on the context's stream; nothing is allocated.
 * Result:  the same bits on every backend, for every batch size and thread count.
 * Returns: RMX_OK; RMX_ERR_ARGUMENT (NULL, shapes that do not fit, an output that overlaps,
 *          a factor that is not finite: nothing is written); RMX_ERR_DEVICE. */
#ifndef RANKMIXER_PRODUCT_H
#define RANKMIXER_PRODUCT_H

#include <stddef.h>

#include "rankmixer/context.h"
#include "rankmixer/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* out = a b.
 *
 *   in   a    [M, K]
 *   in   b    [K, N]
 *   out  out  [M, N]   K = 0 gives +0 */
RMX_NODISCARD RMX_API rmx_status rmx_mm(rmx_context *ctx, const rmx_tensor *a, const rmx_tensor *b,
                                        const rmx_tensor *out);
/* da = dy b^T, n ascending;  db += a^T dy, m ascending.
 *
 *   in      dy [M, N]   in a [M, K]   in b [K, N]
 *   out     da [M, K]   overwritten
 *   in,out  db [K, N]   accumulated */
RMX_NODISCARD RMX_API rmx_status rmx_mm_backward(rmx_context *ctx, const rmx_tensor *dy,
                                                 const rmx_tensor *a, const rmx_tensor *b,
                                                 const rmx_tensor *da, const rmx_tensor *db);

/* out = fma(beta, input, alpha * (a b)): after the sum one rounding for alpha (none for 1) and
 * one for the rest.
 *
 *   in   alpha, beta  finite
 *   in   input  [M, N], or broadcast to it: [N], [1, N], [M, 1], [1] or no axes; may be NULL
 *               where beta = 0, and is then not read, whatever it holds
 *   in   a, b   as for rmx_mm
 *   out  out    [M, N] */
RMX_NODISCARD RMX_API rmx_status rmx_addmm(rmx_context *ctx, float alpha, float beta,
                                           const rmx_tensor *input, const rmx_tensor *a,
                                           const rmx_tensor *b, const rmx_tensor *out);
/* Bytes of scratch that rmx_addmm_backward needs; 0 without dinput. Pure; 0 for bad views. */
RMX_API size_t rmx_addmm_backward_workspace(const rmx_tensor *dy, const rmx_tensor *dinput);
/* da = alpha * (dy b^T);  db += alpha * (a^T dy);  dinput (+)= beta * (dy summed over the axes
 * along which input was broadcast: over rows in blocks of 128, over columns in order).
 *
 *   in      dy, a, b     as for rmx_mm_backward; for a dinput with one row, dy's rows must be
 *                        contiguous
 *   out     dinput       shaped as input. [N], [1] or no axes: a parameter, accumulated.
 *                        [M, N], [1, N], [M, 1]: an activation, overwritten
 *   out     da [M, K]    overwritten
 *   in,out  db [K, N]    accumulated
 *   scratch ws           ws_bytes >= rmx_addmm_backward_workspace(dy, dinput), 256-byte aligned
 *
 * Returns: also RMX_ERR_WORKSPACE. */
RMX_NODISCARD RMX_API rmx_status rmx_addmm_backward(rmx_context *ctx, float alpha, float beta,
                                                    const rmx_tensor *dy, const rmx_tensor *a,
                                                    const rmx_tensor *b, const rmx_tensor *dinput,
                                                    const rmx_tensor *da, const rmx_tensor *db,
                                                    void *ws, size_t ws_bytes);

/* out[p] = a[p] b[p] for each of P products; a batch stride of 0 repeats one matrix.
 *
 *   in   a    [P, M, K]
 *   in   b    [P, K, N]
 *   out  out  [P, M, N] */
RMX_NODISCARD RMX_API rmx_status rmx_bmm(rmx_context *ctx, const rmx_tensor *a,
                                         const rmx_tensor *b, const rmx_tensor *out);
/* da[p] = dy[p] b[p]^T;  db[p] = a[p]^T dy[p].
 *
 *   in   dy [P, M, N]   in a [P, M, K]   in b [P, K, N]
 *   out  da [P, M, K]   overwritten
 *   out  db [P, K, N]   overwritten */
RMX_NODISCARD RMX_API rmx_status rmx_bmm_backward(rmx_context *ctx, const rmx_tensor *dy,
                                                  const rmx_tensor *a, const rmx_tensor *b,
                                                  const rmx_tensor *da, const rmx_tensor *db);

/* out[p] = fma(beta, input[p], alpha * (a[p] b[p])): rmx_addmm for each of P products. input is
 * [P, M, N] or broadcasts to it. */
RMX_NODISCARD RMX_API rmx_status rmx_baddbmm(rmx_context *ctx, float alpha, float beta,
                                             const rmx_tensor *input, const rmx_tensor *a,
                                             const rmx_tensor *b, const rmx_tensor *out);
/* da[p] = alpha * (dy[p] b[p]^T);  db[p] = alpha * (a[p]^T dy[p]);  dinput = beta * dy. All are
 * overwritten. dinput is [P, M, N]; that of a broadcast input is its sum, which is the caller's. */
RMX_NODISCARD RMX_API rmx_status rmx_baddbmm_backward(rmx_context *ctx, float alpha, float beta,
                                                      const rmx_tensor *dy, const rmx_tensor *a,
                                                      const rmx_tensor *b,
                                                      const rmx_tensor *dinput,
                                                      const rmx_tensor *da, const rmx_tensor *db);

/* y[.., g, :] = x[.., g, :] w[g]: each group has its own weights, as RankMixer's per-token
 * feed-forward has (arXiv:2507.15551, Eq. 6-9: x [B, T, D], w [T, D, K]).
 *
 *   in   x  [.., G, K]   two axes or more; the leading ones must step as one (a row stride)
 *   in   w  [G, K, N]
 *   out  y  [.., G, N]   leading axes as x */
RMX_NODISCARD RMX_API rmx_status rmx_grouped_mm(rmx_context *ctx, const rmx_tensor *x,
                                                const rmx_tensor *w, const rmx_tensor *y);
/* dx[.., g, :] = dy[.., g, :] w[g]^T;  dw[g] += the sum over rows of x[.., g, :]^T dy[.., g, :].
 *
 *   in      dy [.., G, N]   in x [.., G, K]   in w [G, K, N]
 *   out     dx [.., G, K]   overwritten
 *   in,out  dw [G, K, N]    accumulated */
RMX_NODISCARD RMX_API rmx_status rmx_grouped_mm_backward(rmx_context *ctx, const rmx_tensor *dy,
                                                         const rmx_tensor *x, const rmx_tensor *w,
                                                         const rmx_tensor *dx,
                                                         const rmx_tensor *dw);

#ifdef __cplusplus
}
#endif
#endif /* RANKMIXER_PRODUCT_H */
