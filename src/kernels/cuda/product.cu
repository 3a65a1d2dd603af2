/* SPDX-License-Identifier: MIT */
/* product.cu: C = epilogue(A B) in strict fp32: chooses a variant and launches it.
 *
 * Every variant gives the same bits: one accumulator per output, k ascending, never split. So the
 * choice is about time alone, and a cost model makes it. A multiprocessor gets `load` blocks. If
 * they fill it, each takes `busy` cycles of arithmetic per k. If not, load / blocks rounds take
 * `alone` cycles per k each, the latency of one block. The variant of the fewest cycles runs. */
#include "kernels/cuda/product.h"
#include "kernels/cuda/tensor_map.h"

#define GRID_YZ 65535
#define BAND_ROWS 1536 /* rows of C in a band of the raster order */

/* Cycles at 1.98 GHz, in the order of product_variants.cuh, then of product_small_m.cu. `ends`:
 * start and end of a block. The first are fitted to the times of 43 products on an H200: the root
 * mean square error is 3 to 12 percent, and about 20 for 16 x 24 and 4 x 32. 4 x 32 costs more here
 * than fitted, as its time with one row demands. Those of small M are fitted to one row times five
 * matrices on an H100 at the same clock: 10 percent. */
typedef struct cost {
    float busy, alone, ends;
    int blocks; /* at once on a multiprocessor */
} cost;

static const cost costs[RMX_PRODUCT_VARIANTS] = {
    {337.0f, 337.0f, 17700.0f, 1}, /* 128 x 256 */
    {90.2f, 97.0f, 7900.0f, 3},    /* 64 x 128 */
    {69.3f, 79.6f, 7500.0f, 3},    /* 64 x 96 */
    {71.1f, 77.4f, 11800.0f, 2},   /* 64 x 96 */
    {40.1f, 44.8f, 6100.0f, 3},    /* 64 x 48 */
    {26.1f, 32.3f, 5300.0f, 4},    /* 64 x 32 */
    {23.8f, 28.3f, 4500.0f, 4},    /* 32 x 48 */
    {15.3f, 18.1f, 5800.0f, 3},    /* 32 x 24 */
    {18.3f, 18.3f, 5000.0f, 1},    /* 16 x 48 */
    {12.0f, 14.2f, 4000.0f, 3},    /* 16 x 32 */
    {11.0f, 11.9f, 5600.0f, 2},    /* 16 x 24 */
    {7.4f, 8.6f, 4700.0f, 3},      /* 16 x 16 */
    {9.6f, 15.1f, 3900.0f, 2},     /* 4 x 32 */
    {3.0f, 4.2f, 6500.0f, 5},      /* 1 x 8 */
    {5.5f, 5.1f, 6500.0f, 2},      /* 1 x 16 */
    {8.2f, 6.6f, 6500.0f, 2},      /* 1 x 24 */
    {8.0f, 9.5f, 6500.0f, 2},      /* 1 x 32 */
    {5.6f, 5.2f, 6500.0f, 2},      /* 2 x 16 */
    {3.3f, 4.3f, 6500.0f, 4},      /* 4 x 8 */
    {5.8f, 5.9f, 6500.0f, 2},      /* 4 x 16 */
    {4.2f, 4.8f, 6500.0f, 3},      /* 8 x 8 */
};

static bool multiple_of_4(int64_t a, int64_t b, int64_t c) { return (a | b | c) % 4 == 0; }

/* May rows rs apart be accessed by 16 bytes? A batch stride that is never used does not matter. */
static bool aligned(const void *p, int64_t rs, const int64_t batch[2], const int64_t count[2])
{
    return (uintptr_t)p % 16 == 0 &&
           multiple_of_4(rs, count[0] > 1 ? batch[0] : 0, count[1] > 1 ? batch[1] : 0);
}

static uint32_t wide_operands(const rmx_product_args *g)
{
    const rmx_matrix *in[] = {&g->bias, &g->multiplier, &g->residual};
    const uint32_t bit[] = {RMX_WIDE_BIAS, RMX_WIDE_MULTIPLIER, RMX_WIDE_RESIDUAL};
    uint32_t wide = 0;
    for (int i = 0; i < 3; i++) {
        if (in[i]->cs == 1 && aligned(in[i]->p, in[i]->rs, in[i]->batch, g->batch)) wide |= bit[i];
    }
    if (aligned(g->c.p, g->c.rs, g->c.batch, g->batch)) wide |= RMX_WIDE_C;
    if (aligned(g->activation_gradient.p, g->activation_gradient.rs, g->activation_gradient.batch,
                g->batch))
        wide |= RMX_WIDE_ACTIVATION_GRADIENT;
    return wide;
}

/* A variant's tile for the layout of A and B. The small-M kernel has only the layout of a forward
 * pass, and not every device has TMA: elsewhere the last SIMT tile takes its place. */
static const rmx_product_tile *tile_for(const rmx_product_args *g, int variant, bool tma)
{
    const bool a_along_k =
        g->a.cs == 1 && g->k % 4 == 0 && aligned(g->a.p, g->a.rs, g->a.batch, g->batch);
    const bool b_along_k =
        g->b.rs == 1 && g->k % 4 == 0 && aligned(g->b.p, g->b.cs, g->b.batch, g->batch);
    const bool a_along_m =
        g->a.rs == 1 && g->m % 4 == 0 && aligned(g->a.p, g->a.cs, g->a.batch, g->batch);
    const bool b_along_n =
        g->b.cs == 1 && g->n % 4 == 0 && aligned(g->b.p, g->b.rs, g->b.batch, g->batch);
    if (variant < RMX_PRODUCT_TILES) {
        if (a_along_m && b_along_n) return &rmx_product_tile_tn[variant];
        return b_along_n ? &rmx_product_tile_nn[variant] : &rmx_product_tile_any[variant];
    }
    int simt = variant - RMX_PRODUCT_TILES;
    if (simt >= RMX_PRODUCT_SIMT_TILES) {
        if (tma && a_along_k && b_along_n)
            return &rmx_product_small_m_nn[simt - RMX_PRODUCT_SIMT_TILES];
        simt = RMX_PRODUCT_SIMT_TILES - 1;
    }
    if (a_along_k && b_along_n) return &rmx_product_simt_nn[simt];
    if (a_along_k && b_along_k) return &rmx_product_simt_nt[simt];
    if (a_along_m && b_along_n) return &rmx_product_simt_tn[simt];
    return &rmx_product_simt_any[simt];
}

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* The tile of the fewest cycles, among those that the device has shared memory for. */
static const rmx_product_tile *choose(const rmx_backend *backend, const rmx_product_args *g,
                                      bool tma, double *least)
{
    const int32_t multiprocessors = rmx_cuda_multiprocessors(backend);
    const int64_t shared_bytes = (int64_t)rmx_cuda_shared_bytes(backend);
    const rmx_product_tile *best = NULL;
    for (int i = 0; i < RMX_PRODUCT_VARIANTS; i++) {
        const rmx_product_tile *t = tile_for(g, i, tma);
        const cost *c = &costs[i];
        const int64_t tiles = ceil_div(g->m, t->rows) * ceil_div(g->n, t->cols);
        const int64_t load = ceil_div(tiles * g->batch[0] * g->batch[1], multiprocessors);
        const double rounds = (double)ceil_div(load, c->blocks);
        const double busy = (double)load * c->busy, alone = rounds * c->alone;
        const double cycles = (busy > alone ? busy : alone) * (double)g->k + rounds * c->ends;
        const int small_m = i - RMX_PRODUCT_TILES - RMX_PRODUCT_SIMT_TILES;
        const bool stand_in = small_m >= 0 && t != &rmx_product_small_m_nn[small_m];
        if (!stand_in && t->shared_bytes <= shared_bytes && (!best || cycles < *least)) {
            best = t;
            *least = cycles;
        }
    }
    return best;
}

static rmx_matrix transposed(rmx_matrix x)
{
    const int64_t rs = x.rs;
    x.rs = x.cs;
    x.cs = rs;
    return x;
}

/* A contiguous column is a row of C^T = B^T A^T: the same sums, which small-M kernels can do. */
static bool is_row_transposed(const rmx_product_args *g)
{
    return g->n == 1 && g->c.rs == 1 &&
           (!g->activation_gradient.p || g->activation_gradient.rs == 1);
}

static rmx_product_args as_row(const rmx_product_args *g)
{
    rmx_product_args row = *g;
    row.m = 1;
    row.n = g->m;
    row.a = transposed(g->b);
    row.b = transposed(g->a);
    row.bias = transposed(g->bias);
    row.multiplier = transposed(g->multiplier);
    row.residual = transposed(g->residual);
    row.a.rs = (g->k + 3) / 4 * 4; /* never used, for there is one row; aligned. So is C's */
    row.c.rs = row.activation_gradient.rs = (g->m + 3) / 4 * 4;
    return row;
}

static bool make_maps(rmx_tensor_map_encoder encode, const rmx_product_args *g,
                      const rmx_product_tile *tile, rmx_product_maps *maps)
{
    return rmx_tensor_map_make(encode, &g->a, g->m, g->k, g->batch, tile->rows, tile->box_k,
                               &maps->a) &&
           rmx_tensor_map_make(encode, &g->b, g->k, g->n, g->batch, tile->box_k, tile->cols,
                               &maps->b);
}

static cudaError_t launch(cudaStream_t stream, const rmx_product_tile *tile, rmx_product_job *job,
                          rmx_product_maps *maps)
{
    const int64_t *batch = job->args.batch;
    cudaError_t error = cudaFuncSetAttribute(
        tile->kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, tile->shared_bytes);
    job->row_tiles = (int32_t)ceil_div(job->args.m, tile->rows);
    job->col_tiles = (int32_t)ceil_div(job->args.n, tile->cols);
    job->band = (int32_t)ceil_div(BAND_ROWS, tile->rows);
    if (job->band > job->row_tiles) job->band = job->row_tiles;
    for (int64_t u = 0; u < batch[0] && error == cudaSuccess; u += GRID_YZ) {
        for (int64_t v = 0; v < batch[1] && error == cudaSuccess; v += GRID_YZ) {
            const int64_t us = batch[0] - u, vs = batch[1] - v;
            dim3 grid((unsigned)job->row_tiles * (unsigned)job->col_tiles,
                      (unsigned)(vs < GRID_YZ ? vs : GRID_YZ),
                      (unsigned)(us < GRID_YZ ? us : GRID_YZ));
            job->first[0] = u;
            job->first[1] = v;
            void *arguments[] = {job, maps};
            error = cudaLaunchKernel(tile->kernel, grid, dim3((unsigned)tile->threads), arguments,
                                     (size_t)tile->shared_bytes, stream);
        }
    }
    return error;
}

/* The tile to take, and the product to take it for. */
static const rmx_product_tile *decide(const rmx_backend *backend, const rmx_product_args *args,
                                      bool tma, rmx_product_args *taken)
{
    double cycles = 0.0, row_cycles = 0.0;
    *taken = *args;
    if (rmx_cuda_product_variant >= 0) return tile_for(args, rmx_cuda_product_variant, tma);
    const rmx_product_tile *tile = choose(backend, args, tma, &cycles);
    if (!is_row_transposed(args)) return tile;
    const rmx_product_args row = as_row(args);
    const rmx_product_tile *row_tile = choose(backend, &row, tma, &row_cycles);
    if (row_cycles >= cycles) return tile;
    *taken = row;
    return row_tile;
}

extern "C" rmx_status rmx_cuda_product(rmx_backend *backend, const rmx_product_args *args)
{
    if (args->m == 0 || args->n == 0 || args->batch[0] == 0 || args->batch[1] == 0) return RMX_OK;
    const rmx_tensor_map_encoder encode = rmx_cuda_encoder(backend);
    rmx_product_job job = {};
    rmx_product_maps maps;
    const rmx_product_tile *tile = decide(backend, args, encode != NULL, &job.args);
    if (tile->box_k > 0 && !make_maps(encode, &job.args, tile, &maps))
        tile = decide(backend, args, false, &job.args);
    job.wide = wide_operands(&job.args);
    return rmx_cuda_check(backend, launch(rmx_cuda_stream(backend), tile, &job, &maps), "product");
}
