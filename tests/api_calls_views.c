/* SPDX-License-Identifier: MIT */
/* api_calls_views.c: random calls of the operations on views: products, softmax, mean. */
#include "api_calls.h"

/* A view of this shape, or seldom of another, with contiguous, permuted or any strides; memory
 * only where it is enough. */
static rmx_tensor random_view(int32_t dims, const int64_t *shape)
{
    rmx_tensor t = rmx_tensor_of(api_chance(9) ? api_dtype() : RMX_F32, NULL, dims, shape);
    for (int32_t i = 0; i < t.dims; i++) {
        if (api_chance(40)) t.shape[i] = api_count(0);
        if (api_chance(40)) t.stride[i] = api_count(0);
    }
    if (t.dims > 1 && api_chance(4)) {
        const int32_t a = (int32_t)api_random((uint64_t)t.dims);
        const int64_t widest = 7 * (int64_t)api_random(8);
        if (api_chance(2)) t.stride[a] = widest;
        t = rmx_tensor_transpose(t, a, (int32_t)api_random((uint64_t)t.dims));
    }
    double last = 0;
    bool empty = false, refused = false;
    for (int32_t i = 0; i < t.dims; i++) {
        empty = empty || t.shape[i] == 0;
        refused = refused || t.shape[i] < 0 || t.stride[i] < 0;
        last += ((double)t.shape[i] - 1) * (double)t.stride[i];
    }
    if (empty || refused || last < API_FLOATS || last > 2 * API_ELEMENTS_MAX)
        t.data = api_buffer();
    if (api_chance(60)) t.dims = api_size(0);
    if (t.dims < 0 || t.dims > dims) return t;
    return t.dims == dims ? t : rmx_tensor_of(RMX_F32, t.data, 0, NULL);
}

static rmx_tensor random_tensor(int64_t shape[4], int32_t *dims)
{
    *dims = (int32_t)api_random(5);
    for (int32_t i = 0; i < 4; i++) shape[i] = api_chance(20) ? 0 : 1 + (int64_t)api_random(4);
    return random_view(*dims, shape);
}

static const rmx_tensor *maybe(const rmx_tensor *t) { return api_chance(40) ? NULL : t; }

static void call_softmax(void)
{
    rmx_context *ctx = api_context();
    int64_t shape[4];
    int32_t dims;
    const rmx_tensor x = random_tensor(shape, &dims), y = random_view(dims, shape);
    const rmx_tensor dx = random_view(dims, shape);
    const int32_t axis = (int32_t)api_random(10) - 5;
    const bool bad = !ctx;
    api_status("softmax", rmx_softmax_forward(ctx, axis, maybe(&x), maybe(&y)), bad);
    api_status("log_softmax", rmx_log_softmax_forward(ctx, axis, &x, &y), bad);
    api_status("softmax_backward", rmx_softmax_backward(ctx, axis, &x, maybe(&y), maybe(&dx)),
               bad);
    api_status("log_softmax_backward", rmx_log_softmax_backward(ctx, axis, maybe(&x), &y, &dx),
               bad);
}

static void call_mean(void)
{
    rmx_context *ctx = api_context();
    int64_t shape[4], kept[4];
    int32_t dims, n = 0;
    const rmx_tensor x = random_tensor(shape, &dims), dx = random_view(dims, shape);
    rmx_mean_desc d = {.keepdim = api_chance(2)};
    for (int32_t i = 0; i < dims; i++) {
        const bool reduced = api_chance(2);
        if (reduced) d.axis[d.axes++] = api_chance(2) ? i : i - dims;
        if (!reduced || d.keepdim) kept[n++] = reduced ? 1 : shape[i];
    }
    if (api_chance(30)) d.axes = api_size(0);
    if (api_chance(30)) d.axis[0] = api_size(0);
    const rmx_tensor y = random_view(n, kept);
    api_status("mean_forward", rmx_mean_forward(ctx, &d, maybe(&x), maybe(&y)), !ctx);
    const size_t bytes =
        api_bytes("mean_ws", rmx_mean_backward_workspace(&d, maybe(&y), maybe(&dx)), false);
    float *ws = bytes > API_FLOATS * sizeof(float) ? NULL : api_buffer();
    api_status(
        "mean_backward",
        rmx_mean_backward(ctx, &d, maybe(&y), maybe(&dx), ws, ws ? API_FLOATS * sizeof(float) : 0),
        !ctx);
}

void api_call_views(void)
{
    int64_t shape[4];
    int32_t dims;
    const rmx_tensor t = random_tensor(shape, &dims);
    api_wrong += rmx_tensor_count(maybe(&t)) < -1;
    api_wrong += rmx_tensor_of(RMX_F32, NULL, api_size(0), NULL).dims > 0;
    (void)rmx_tensor_transpose(t, api_size(0), api_size(0));
    api_calls += 3;
    (api_chance(2) ? call_softmax : call_mean)();
}

/* ---- products ------------------------------------------------------------------------------ */

static int64_t side(void) { return api_chance(20) ? 0 : 1 + (int64_t)api_random(6); }

static void call_matrices(void)
{
    rmx_context *ctx = api_context();
    const int64_t m = side(), n = side(), k = side();
    const rmx_tensor a = random_view(2, (int64_t[]){m, k}), b = random_view(2, (int64_t[]){k, n});
    const rmx_tensor y = random_view(2, (int64_t[]){m, n}), dy = random_view(2, (int64_t[]){m, n});
    const rmx_tensor da = random_view(2, (int64_t[]){m, k}),
                     db = random_view(2, (int64_t[]){k, n});
    const int64_t wide[] = {api_chance(2) ? 1 : m, api_chance(2) ? 1 : n};
    const int32_t axes = (int32_t)api_random(3);
    const rmx_tensor input = random_view(axes, wide + 2 - axes);
    const float alpha = api_number(), beta = api_number();
    const bool bad = !ctx;
    api_status("mm", rmx_mm(ctx, maybe(&a), maybe(&b), maybe(&y)), bad);
    api_status("addmm", rmx_addmm(ctx, alpha, beta, maybe(&input), &a, &b, maybe(&y)), bad);
    api_status("mm_backward", rmx_mm_backward(ctx, maybe(&dy), &a, &b, maybe(&da), maybe(&db)),
               bad);
    const rmx_tensor *dinput = maybe(&input);
    const size_t bytes = api_bytes("addmm_ws", rmx_addmm_backward_workspace(&dy, dinput), false);
    float *ws = bytes > API_FLOATS * sizeof(float) ? NULL : api_buffer();
    api_status("addmm_backward",
               rmx_addmm_backward(ctx, alpha, beta, &dy, maybe(&a), &b, dinput, maybe(&da),
                                  maybe(&db), ws, ws ? API_FLOATS * sizeof(float) : 0),
               bad);
}

static void call_batches(void)
{
    rmx_context *ctx = api_context();
    const int64_t p = side(), m = side(), n = side(), k = side();
    const int64_t left[] = {p, m, k}, right[] = {p, k, n}, out[] = {p, m, n};
    const rmx_tensor a = random_view(3, left), b = random_view(3, right);
    const rmx_tensor y = random_view(3, out), dy = random_view(3, out);
    const rmx_tensor da = random_view(3, left), db = random_view(3, right);
    const rmx_tensor input = random_view(3, out);
    const float alpha = api_number(), beta = api_number();
    const bool bad = !ctx;
    api_status("bmm", rmx_bmm(ctx, maybe(&a), maybe(&b), maybe(&y)), bad);
    api_status("baddbmm", rmx_baddbmm(ctx, alpha, beta, maybe(&input), &a, &b, &y), bad);
    api_status("bmm_backward", rmx_bmm_backward(ctx, &dy, &a, maybe(&b), maybe(&da), maybe(&db)),
               bad);
    api_status("baddbmm_backward",
               rmx_baddbmm_backward(ctx, alpha, beta, &dy, maybe(&a), &b, maybe(&input),
                                    maybe(&da), maybe(&db)),
               bad);
}

static void call_groups(void)
{
    rmx_context *ctx = api_context();
    const int64_t g = side(), rows[2] = {side(), side()}, n = side(), k = side();
    const int32_t dims = 2 + (int32_t)api_random(3), skip = 4 - dims;
    const int64_t in[] = {rows[0], rows[1], g, k}, out[] = {rows[0], rows[1], g, n};
    const rmx_tensor x = random_view(dims, in + skip), y = random_view(dims, out + skip);
    const rmx_tensor dx = random_view(dims, in + skip), dy = random_view(dims, out + skip);
    const rmx_tensor w = random_view(3, (int64_t[]){g, k, n});
    const rmx_tensor dw = random_view(3, (int64_t[]){g, k, n});
    api_status("grouped_mm", rmx_grouped_mm(ctx, maybe(&x), maybe(&w), maybe(&y)), !ctx);
    api_status(
        "grouped_mm_backward",
        rmx_grouped_mm_backward(ctx, maybe(&dy), maybe(&x), maybe(&w), maybe(&dx), maybe(&dw)),
        !ctx);
}

void api_call_products(void)
{
    static void (*const all[])(void) = {call_matrices, call_batches, call_groups};
    all[api_random(3)]();
}
