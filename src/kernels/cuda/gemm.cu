/* gemm.cu: products in strict fp32, C = epilogue(A B): choice of a tile, and the launch.
 *
 * Every tile gives the same bits (one chain per output, k ascending, never split), so the choice
 * is about time alone. It is a small model: a multiprocessor works through `load` blocks at
 * `busy` cycles of arithmetic per k each, or, where blocks are too few to fill it, `load / blocks`
 * times the `alone` cycles per k that one block needs for its chains. The fewest cycles win. */
#include "kernels/cuda/gemm.h"

#define GRID_YZ 65535
#define BAND_ROWS 1536 /* rows of C that go through the device side by side */

int rmx_cuda_gemm_variant = -1;

/* Cycles, measured on an H200; a block's start and end count as `ends`. */
typedef struct cost {
    float busy, alone, ends;
    int blocks; /* at once on a multiprocessor */
} cost;

static const cost costs[RMX_GEMM_TILES] = {
    {285.0f, 285.0f, 6000.0f, 1}, {215.0f, 215.0f, 5000.0f, 1}, {215.0f, 215.0f, 5000.0f, 1},
    {145.0f, 160.0f, 4000.0f, 2}, {73.0f, 80.0f, 3000.0f, 3},   {55.0f, 60.0f, 3000.0f, 3},
    {30.0f, 33.0f, 2500.0f, 4},   {20.0f, 23.0f, 2500.0f, 4},   {16.0f, 19.0f, 2500.0f, 4},
    {9.0f, 11.0f, 2500.0f, 3},    {9.0f, 11.0f, 2500.0f, 3},    {6.5f, 8.0f, 2500.0f, 3},
    {5.5f, 7.0f, 2500.0f, 3},     {4.0f, 5.5f, 2500.0f, 3},     {2.5f, 4.6f, 2500.0f, 4},
    {1.5f, 4.6f, 2500.0f, 6}};

static bool multiple_of_4(int64_t a, int64_t b, int64_t c) { return (a | b | c) % 4 == 0; }

/* May rows (or whatever strides by rs) be touched by 16 bytes? A batch stride that is never
 * taken does not matter. */
static bool aligned(const void *p, int64_t rs, const int64_t batch[2], const int64_t count[2])
{
    return (uintptr_t)p % 16 == 0 &&
           multiple_of_4(rs, count[0] > 1 ? batch[0] : 0, count[1] > 1 ? batch[1] : 0);
}

static uint32_t wide_operands(const rmx_gemm_args *g)
{
    const rmx_mat *in[] = {&g->bias, &g->grad_of, &g->residual};
    const uint32_t bit[] = {RMX_WIDE_BIAS, RMX_WIDE_GRAD_OF, RMX_WIDE_RESIDUAL};
    uint32_t wide = 0;
    for (int i = 0; i < 3; i++) {
        if (in[i]->cs == 1 && aligned(in[i]->p, in[i]->rs, in[i]->batch, g->batch)) wide |= bit[i];
    }
    if (aligned(g->c.p, g->c.rs, g->c.batch, g->batch)) wide |= RMX_WIDE_C;
    if (aligned(g->pre.p, g->pre.rs, g->pre.batch, g->batch)) wide |= RMX_WIDE_PRE;
    return wide;
}

/* By which layout each kind of kernel would read the operands. */
static const rmx_gemm_tile *tiles_for(const rmx_gemm_args *g, bool chain)
{
    const bool a_along_k =
        g->a.cs == 1 && g->k % 4 == 0 && aligned(g->a.p, g->a.rs, g->a.batch, g->batch);
    const bool b_along_k =
        g->b.rs == 1 && g->k % 4 == 0 && aligned(g->b.p, g->b.cs, g->b.batch, g->batch);
    const bool a_along_m =
        g->a.rs == 1 && g->m % 4 == 0 && aligned(g->a.p, g->a.cs, g->a.batch, g->batch);
    const bool b_along_n =
        g->b.cs == 1 && g->n % 4 == 0 && aligned(g->b.p, g->b.rs, g->b.batch, g->batch);
    if (chain ? a_along_k && b_along_k : a_along_m && b_along_n) return rmx_gemm_tiles_tn;
    if (chain ? a_along_k : b_along_n) return rmx_gemm_tiles_nn;
    return rmx_gemm_tiles_any;
}

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int choose(const rmx_gemm_args *g, int32_t multiprocessors)
{
    int best = 0;
    double least = 0.0;
    for (int i = 0; i < RMX_GEMM_TILES; i++) {
        const rmx_gemm_tile *t = &rmx_gemm_tiles_nn[i];
        const cost *c = &costs[i];
        const int64_t tiles = ceil_div(g->m, t->rows) * ceil_div(g->n, t->cols);
        const int64_t load = ceil_div(tiles * g->batch[0] * g->batch[1], multiprocessors);
        const double rounds = (double)ceil_div(load, c->blocks);
        const double busy = (double)load * c->busy, alone = rounds * c->alone;
        const double cycles = (busy > alone ? busy : alone) * (double)g->k + rounds * c->ends;
        if (i == 0 || cycles < least) {
            best = i;
            least = cycles;
        }
    }
    return best;
}

static cudaError_t launch(cudaStream_t stream, const rmx_gemm_tile *tile, rmx_gemm_job *job)
{
    const int64_t *batch = job->args.batch;
    cudaError_t error =
        cudaFuncSetAttribute((const void *)tile->kernel,
                             cudaFuncAttributeMaxDynamicSharedMemorySize, tile->shared_bytes);
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
            void *arguments[] = {job};
            error =
                cudaLaunchKernel((const void *)tile->kernel, grid, dim3((unsigned)tile->threads),
                                 arguments, (size_t)tile->shared_bytes, stream);
        }
    }
    return error;
}

extern "C" rmx_status rmx_cuda_gemm(rmx_backend *backend, const rmx_gemm_args *args)
{
    if (args->m == 0 || args->n == 0 || args->batch[0] == 0 || args->batch[1] == 0) return RMX_OK;
    rmx_gemm_job job = {};
    job.args = *args;
    job.wide = wide_operands(args);
    const int variant = rmx_cuda_gemm_variant >= 0
                            ? rmx_cuda_gemm_variant
                            : choose(args, rmx_cuda_multiprocessors(backend));
    const rmx_gemm_tile *tiles = tiles_for(args, rmx_gemm_tiles_nn[variant].chain);
    return rmx_cuda_check(backend, launch(rmx_cuda_stream(backend), &tiles[variant], &job),
                          "gemm");
}
