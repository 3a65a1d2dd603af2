/* SPDX-License-Identifier: MIT */
/* plain_product_variants.cu: every kernel of the CUDA product against a plain loop, bit for bit.
 *
 * The shape decides which kernel runs, so a test through the library sees few of them at few sizes.
 * Here each is forced (rmx_cuda_product_variant) on the same cases: operands in six layouts,
 * batches, every epilogue, in place and not, four kinds of values. The plain loop is the contract
 * of ops.h with one thread an output. It runs on the GPU and, where that is not too slow, on the
 * host. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <cuda_runtime.h>

#include "kernels/cuda/backend.h"
#include "kernels/cuda/product.h"

#define CHECK(call)                                                          \
    do {                                                                     \
        const int status_ = (int)(call);                                     \
        if (status_) {                                                       \
            printf("%s:%d: %s: %d %s\n", __FILE__, __LINE__, #call, status_, \
                   cudaGetErrorString(cudaGetLastError()));                  \
            exit(1);                                                         \
        }                                                                    \
    } while (0)

static rmx_backend backend;
static cudaStream_t stream;

/* ---- the plain loop ---------------------------------------------------------------------- */

/* Output (u, v, i, j) of ops.h's contract; C's old values are read from `old`. */
static __host__ __device__ void plain_output(const rmx_product_args *g, const float *old,
                                             int64_t u, int64_t v, int64_t i, int64_t j)
{
#define AT(x, i, j) \
    (((const float *)(x).p)[u * (x).batch[0] + v * (x).batch[1] + (i) * (x).rs + (j) * (x).cs])
    const int64_t c = u * g->c.batch[0] + v * g->c.batch[1] + i * g->c.rs + j;
    float acc = g->accumulate ? old[c] : 0.0f;
    for (int64_t k = 0; k < g->k; k++) acc = rmx_fmaf(AT(g->a, i, k), AT(g->b, k, j), acc);
    if (g->alpha != 1.0f) acc = rmx_mulf(g->alpha, acc);
    if (g->bias.p) acc = rmx_fmaf(g->beta, AT(g->bias, i, j), acc);
    if (g->activation_gradient.p) {
        const float activation_gradient =
            g->activation == RMX_ACTIVATION_GELU_ERF    ? rmx_gelu_erf_gradf(acc)
            : g->activation == RMX_ACTIVATION_GELU_TANH ? rmx_gelu_tanh_gradf(acc)
                                                        : 1.0f;
        ((float *)g->activation_gradient
             .p)[u * g->activation_gradient.batch[0] + v * g->activation_gradient.batch[1] +
                 i * g->activation_gradient.rs + j] = activation_gradient;
    }
    if (g->activation == RMX_ACTIVATION_GELU_ERF) acc = rmx_gelu_erff(acc);
    if (g->activation == RMX_ACTIVATION_GELU_TANH) acc = rmx_gelu_tanhf(acc);
    if (g->multiplier.p) acc = rmx_mulf(acc, AT(g->multiplier, i, j));
    if (g->residual.p) acc = rmx_addf(acc, AT(g->residual, i, j));
    ((float *)g->c.p)[c] = acc;
#undef AT
}

static __global__ void plain_kernel(rmx_product_args g, const float *old)
{
    const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, i = blockIdx.y;
    if (j < g.n) plain_output(&g, old, blockIdx.z / g.batch[1], blockIdx.z % g.batch[1], i, j);
}

static void plain_gpu(const rmx_product_args &g, const float *old)
{
    if (!g.m || !g.n || !g.batch[0] || !g.batch[1]) return;
    const dim3 grid((unsigned)((g.n + 127) / 128), (unsigned)g.m,
                    (unsigned)(g.batch[0] * g.batch[1]));
    plain_kernel<<<grid, 128, 0, stream>>>(g, old);
    CHECK(cudaGetLastError());
}

/* Bits that differ, any NaN being as good as another. */
static __global__ void differences_kernel(const float *x, const float *y, int64_t n,
                                          unsigned long long *count)
{
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    const bool both_nan = x[i] != x[i] && y[i] != y[i];
    if (!both_nan && rmx_float_bits(x[i]) != rmx_float_bits(y[i])) atomicAdd(count, 1ull);
}

static unsigned long long differences(const float *x, const float *y, int64_t n)
{
    static unsigned long long *count = nullptr;
    unsigned long long host = 0;
    if (!count) CHECK(cudaMalloc(&count, sizeof *count));
    CHECK(cudaMemsetAsync(count, 0, sizeof *count, stream));
    differences_kernel<<<(unsigned)((n + 255) / 256), 256, 0, stream>>>(x, y, n, count);
    CHECK(cudaMemcpyAsync(&host, count, sizeof host, cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
    return host;
}

/* ---- values ------------------------------------------------------------------------------ */

enum pattern { NORMAL, WIDE, TINY, SPECIAL, PATTERNS };

static __host__ __device__ uint32_t mix(uint64_t x)
{
    x ^= x >> 33, x *= 0xff51afd7ed558ccdull, x ^= x >> 33, x *= 0xc4ceb9fe1a85ec53ull;
    return (uint32_t)(x >> 32);
}

static __global__ void fill_kernel(float *x, int64_t n, uint64_t seed, int pattern)
{
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    const uint32_t r = mix(seed * 0x9e3779b97f4a7c15ull + (uint64_t)i);
    const uint32_t s = mix((uint64_t)r + seed + 77);
    float y = ((float)(r >> 8) * 0x1p-23f - 1.0f);
    if (pattern == WIDE) y = ldexpf(y, (int)(s % 61) - 30);
    if (pattern == TINY) y = s % 5 ? ldexpf(y, -(int)(s % 90) - 40) : (s & 64 ? -0.0f : 0.0f);
    if (pattern == SPECIAL) {
        const float odd[] = {0.0f, -0.0f, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-45f, NAN};
        if (s % 64 == 0) y = odd[(s >> 8) % 8];
    }
    x[i] = y;
}

static void fill(float *x, int64_t n, uint64_t seed, int pattern)
{
    fill_kernel<<<(unsigned)((n + 255) / 256), 256, 0, stream>>>(x, n, seed, pattern);
    CHECK(cudaGetLastError());
}

/* ---- test -------------------------------------------------------------------------------- */

static const int64_t ROOM = (int64_t)1 << 22; /* floats of a buffer; no case needs more */
static float *buffer_a, *buffer_b, *buffer_bias, *buffer_factor, *buffer_res;
static float *old_c, *want_c, *got_c, *want_activation_gradient, *got_activation_gradient;
static uint64_t dice_state = 1;

static uint32_t dice(uint32_t sides) { return mix(dice_state++ * 0x9e3779b97f4a7c15ull) % sides; }

/* Strides of a rows x cols operand with any of six ways to lie in memory. */
static rmx_matrix place_operand(float *p, int64_t rows, int64_t cols, const int64_t batch[2],
                                uint32_t how)
{
    rmx_matrix x = {p, cols, 1, {0, 0}};
    if (how == 1) x.rs = 1, x.cs = rows;               /* transposed */
    if (how == 2) x.rs = (cols + 7) / 4 * 4;           /* aligned, rows apart */
    if (how == 3) x.rs = 1, x.cs = (rows + 7) / 4 * 4; /* the same, transposed */
    if (how == 4) x.rs = cols + 3, x.p = p + 1;        /* not aligned */
    if (how == 5) x.rs = 2 * cols + 1, x.cs = 2;       /* neither contiguous */
    const int64_t one = (rows > 0 ? rows - 1 : 0) * x.rs + (cols > 0 ? cols - 1 : 0) * x.cs + 1;
    const int64_t pitch = how == 4 ? one + 5 : (one + 3) / 4 * 4;
    x.batch[1] = pitch;
    x.batch[0] = pitch * batch[1];
    if (dice(4) == 0) x.batch[0] = 0; /* shared */
    return x;
}

static rmx_product_args some_case(int64_t m, int64_t n, int64_t k)
{
    rmx_product_args g;
    memset(&g, 0, sizeof g);
    g.m = m, g.n = n, g.k = k, g.alpha = 1.0f, g.beta = 1.0f;
    g.batch[0] = 1 + (dice(3) == 0), g.batch[1] = 1 + dice(3) % 2 * dice(3);
    g.a = place_operand(buffer_a, m, k, g.batch, dice(6));
    g.b = place_operand(buffer_b, k, n, g.batch, dice(6));
    const int64_t ld = dice(2) ? n : (n + 7) / 4 * 4 + dice(2) * 3;
    g.c.rs = ld, g.c.batch[1] = m * ld + dice(2) * 4, g.c.batch[0] = g.c.batch[1] * g.batch[1];
    g.accumulate = dice(2);
    if (dice(3) == 0) g.alpha = -0.37f;
    if (dice(2)) {
        g.bias = place_operand(buffer_bias, m, n, g.batch, dice(6));
        if (dice(2)) g.bias.rs = 0, g.bias.cs = 1;
        if (dice(2)) g.beta = 1.5f;
    }
    if (dice(2)) g.activation_gradient = g.c;
    g.activation = (rmx_activation)dice(3);
    if (dice(3) == 0) g.multiplier = place_operand(buffer_factor, m, n, g.batch, dice(6));
    if (dice(3) == 0) g.residual = place_operand(buffer_res, m, n, g.batch, dice(6));
    return g;
}

/* In place: what points at C must, for each run, point at that run's C. */
static rmx_product_args aim(rmx_product_args g, float *c, float *activation_gradient, int in_place)
{
    const rmx_matrix as_c = {c, g.c.rs, 1, {g.c.batch[0], g.c.batch[1]}};
    g.c.p = c;
    if (g.activation_gradient.rs) g.activation_gradient.p = activation_gradient;
    if (in_place & 1) g.residual = as_c;
    if (in_place & 2) g.multiplier = as_c;
    return g;
}

static int failures = 0;

static void run_case(int64_t m, int64_t n, int64_t k)
{
    const rmx_product_args shape = some_case(m, n, k);
    const int in_place = dice(4) == 0 ? 1 + (int)dice(3) : 0;
    const size_t bytes = sizeof(float) * (size_t)ROOM;
    CHECK(cudaMemcpyAsync(want_c, old_c, bytes, cudaMemcpyDeviceToDevice, stream));
    CHECK(
        cudaMemcpyAsync(want_activation_gradient, old_c, bytes, cudaMemcpyDeviceToDevice, stream));
    plain_gpu(aim(shape, want_c, want_activation_gradient, in_place), old_c);
    for (int variant = -1; variant < RMX_PRODUCT_VARIANTS; variant++) {
        rmx_cuda_product_variant = variant;
        CHECK(cudaMemcpyAsync(got_c, old_c, bytes, cudaMemcpyDeviceToDevice, stream));
        CHECK(cudaMemcpyAsync(got_activation_gradient, old_c, bytes, cudaMemcpyDeviceToDevice,
                              stream));
        const rmx_product_args g = aim(shape, got_c, got_activation_gradient, in_place);
        if (backend.ops->product(&backend, &g) != RMX_OK) {
            printf("product: %s\n", backend.error);
            exit(1);
        }
        const unsigned long long wrong =
            differences(want_c, got_c, ROOM) +
            differences(want_activation_gradient, got_activation_gradient, ROOM);
        if (!wrong) continue;
        if (++failures < 40)
            printf("WRONG variant %d: %lld x %lld x %lld, a (%lld, %lld), b (%lld, %lld): %llu\n",
                   variant, (long long)m, (long long)n, (long long)k, (long long)g.a.rs,
                   (long long)g.a.cs, (long long)g.b.rs, (long long)g.b.cs, wrong);
    }
    rmx_cuda_product_variant = -1;
}

static void download(float *to, const float *from)
{
    const size_t bytes = sizeof(float) * (size_t)ROOM;
    CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream));
    CHECK(cudaStreamSynchronize(stream));
}

/* The plain loop compiled by the host's compiler, against the product on the GPU. */
static void run_host_case(int64_t m, int64_t n, int64_t k)
{
    const rmx_product_args shape = some_case(m, n, k);
    const size_t bytes = sizeof(float) * (size_t)ROOM;
    std::vector<float> a(ROOM), b(ROOM), bias(ROOM), multiplier(ROOM), res(ROOM), old(ROOM), c,
        activation_gradient;
    float *const from[] = {buffer_a, buffer_b, buffer_bias, buffer_factor, buffer_res, old_c};
    std::vector<float> *const to[] = {&a, &b, &bias, &multiplier, &res, &old};
    for (int i = 0; i < 6; i++) download(to[i]->data(), from[i]);
    c = old, activation_gradient = old;
    rmx_product_args g = aim(shape, c.data(), activation_gradient.data(), 0);
    g.a.p = a.data() + ((const float *)shape.a.p - buffer_a),
    g.b.p = b.data() + ((const float *)shape.b.p - buffer_b);
    if (g.bias.p) g.bias.p = bias.data() + ((const float *)shape.bias.p - buffer_bias);
    if (g.multiplier.p)
        g.multiplier.p = multiplier.data() + ((const float *)shape.multiplier.p - buffer_factor);
    if (g.residual.p) g.residual.p = res.data() + ((const float *)shape.residual.p - buffer_res);
    for (int64_t u = 0; u < g.batch[0]; u++)
        for (int64_t v = 0; v < g.batch[1]; v++)
            for (int64_t i = 0; i < m; i++)
                for (int64_t j = 0; j < n; j++) plain_output(&g, old.data(), u, v, i, j);
    CHECK(cudaMemcpyAsync(want_c, c.data(), bytes, cudaMemcpyHostToDevice, stream));
    CHECK(cudaMemcpyAsync(want_activation_gradient, activation_gradient.data(), bytes,
                          cudaMemcpyHostToDevice, stream));
    CHECK(cudaMemcpyAsync(got_c, old_c, bytes, cudaMemcpyDeviceToDevice, stream));
    CHECK(
        cudaMemcpyAsync(got_activation_gradient, old_c, bytes, cudaMemcpyDeviceToDevice, stream));
    const rmx_product_args device = aim(shape, got_c, got_activation_gradient, 0);
    if (backend.ops->product(&backend, &device) != RMX_OK) {
        printf("product: %s\n", backend.error);
        exit(1);
    }
    const unsigned long long wrong =
        differences(want_c, got_c, ROOM) +
        differences(want_activation_gradient, got_activation_gradient, ROOM);
    if (wrong && ++failures < 40)
        printf("WRONG against the host: %lld x %lld x %lld: %llu\n", (long long)m, (long long)n,
               (long long)k, wrong);
}

/* The comparison can fail: the same sums in descending order have other bits. */
static void run_reversed_case(void)
{
    rmx_product_args g;
    memset(&g, 0, sizeof g);
    g.m = 128, g.n = 256, g.k = 64, g.batch[0] = g.batch[1] = 1, g.alpha = g.beta = 1.0f;
    g.a.p = buffer_a, g.a.rs = g.k, g.a.cs = 1;
    g.b.p = buffer_b, g.b.rs = g.n, g.b.cs = 1;
    g.c.p = want_c, g.c.rs = g.n;
    plain_gpu(g, old_c);
    g.a.p = buffer_a + g.k - 1, g.a.cs = -1;
    g.b.p = buffer_b + (g.k - 1) * g.n, g.b.rs = -g.n;
    g.c.p = got_c;
    plain_gpu(g, old_c);
    if (differences(want_c, got_c, g.m * g.n) > 0) return;
    failures++;
    printf("WRONG: a sum in descending order was not told from one in ascending order\n");
}

static int test(void)
{
    float **all[] = {&buffer_a,
                     &buffer_b,
                     &buffer_bias,
                     &buffer_factor,
                     &buffer_res,
                     &old_c,
                     &want_c,
                     &got_c,
                     &want_activation_gradient,
                     &got_activation_gradient};
    for (float **p : all) CHECK(cudaMalloc(p, sizeof(float) * (size_t)ROOM));
    const int64_t sizes[][3] = {
        {1, 1, 1},      {1, 8, 64},      {4, 4, 4},     {5, 3, 0},      {128, 256, 8},
        {128, 256, 64}, {129, 257, 65},  {97, 300, 33}, {192, 128, 40}, {200, 131, 100},
        {64, 96, 128},  {63, 95, 127},   {16, 24, 192}, {16, 8, 512},   {1, 768, 300},
        {3, 40, 1000},  {256, 384, 72},  {31, 771, 77}, {512, 12, 96},  {7, 1, 333},
        {1, 1, 4096},   {260, 260, 260}, {0, 5, 5},     {17, 33, 769},  {48, 48, 2052},
        {1, 24, 772},   {4, 64, 2084},   {2, 40, 1000}, {8, 8, 3072},   {3, 100, 516},
    };
    int cases = 0;
    for (int pattern = 0; pattern < PATTERNS; pattern++) {
        float *const inputs[] = {buffer_a,      buffer_b,   buffer_bias,
                                 buffer_factor, buffer_res, old_c};
        for (int i = 0; i < 6; i++)
            fill(inputs[i], ROOM, (uint64_t)(pattern * 10 + i + 1), pattern);
        if (pattern == NORMAL) run_reversed_case();
        for (int round = 0; round < 6; round++) {
            for (const auto &s : sizes) run_case(s[0], s[1], s[2]), cases++;
        }
        for (const auto &s : sizes) {
            if (s[0] * s[1] * s[2] < 6000000) run_host_case(s[0], s[1], s[2]), cases++;
        }
    }
    printf("%d cases, %d kernels each, %d wrong\n", cases, RMX_PRODUCT_VARIANTS + 1, failures);
    return failures != 0;
}

int main(void)
{
    char describe[256];
    if (rmx_cuda_backend_create(&backend, 0, NULL, describe, sizeof describe) != RMX_OK) {
        printf("no GPU: %s\n", backend.error);
        return 77;
    }
    stream = rmx_cuda_stream(&backend);
    printf("%s\n", describe);
    const int status = test();
    rmx_cuda_backend_destroy(&backend);
    return status;
}
