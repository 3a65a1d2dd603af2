/* SPDX-License-Identifier: MIT */
/* vendor.c: see vendor.h. */
#include "vendor.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "clock_cuda.h"

/* ---- OpenBLAS ---------------------------------------------------------------------------- */

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
typedef void sgemm_fn(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                      const float *a, int lda, const float *b, int ldb, float beta, float *c,
                      int ldc);
typedef void set_threads_fn(int threads);

/* dlsym gives a pointer to data; C has no cast from it to a function. */
static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool open_first(vendor *v, const char *path, const char *const *names, int count)
{
    for (int i = 0; i < count && !v->library; i++) {
        const char *name = path ? path : names[i];
        v->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        snprintf(v->where, sizeof v->where, "%s", name);
    }
    if (v->library) return true;
    snprintf(v->where, sizeof v->where, "%s was not found", path ? path : names[0]);
    return false;
}

static bool open_openblas(vendor *v, rmx_context *ctx, const char *path)
{
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so"};
    set_threads_fn *set_threads = NULL;
    snprintf(v->name, sizeof v->name, "OpenBLAS");
    if (!open_first(v, path, names, 2)) return false;
    if (!find(v->library, "cblas_sgemm", &v->sgemm) ||
        !find(v->library, "openblas_set_num_threads", &set_threads)) {
        snprintf(v->where + strlen(v->where), sizeof v->where - strlen(v->where),
                 " has no cblas_sgemm");
        return false;
    }
    set_threads(rmx_context_threads(ctx));
    return true;
}

static void openblas_run(const vendor *v, const vendor_product *p)
{
    sgemm_fn *sgemm = NULL;
    memcpy(&sgemm, &v->sgemm, sizeof sgemm);
    for (int64_t i = 0; i < p->count; i++)
        sgemm(ROW_MAJOR, p->trans_a ? TRANS : NO_TRANS, p->trans_b ? TRANS : NO_TRANS, (int)p->m,
              (int)p->n, (int)p->k, 1.0f, p->a + i * p->step_a, (int)p->lda, p->b + i * p->step_b,
              (int)p->ldb, p->accumulate ? 1.0f : 0.0f, p->c + i * p->step_c, (int)p->ldc);
}

/* ---- cuBLAS ------------------------------------------------------------------------------ */

#ifdef RMX_WITH_CUDA
typedef int handle_fn(void **handle);
typedef int destroy_fn(void *handle);
typedef int stream_fn(void *handle, void *stream);
typedef int mode_fn(void *handle, int mode);
typedef int workspace_fn(void *handle, void *workspace, size_t bytes);
typedef int batched_fn(void *handle, int trans_a, int trans_b, int m, int n, int k,
                       const float *alpha, const float *a, int lda, long long step_a,
                       const float *b, int ldb, long long step_b, const float *beta, float *c,
                       int ldc, long long step_c, int count);
enum { CUBLAS_DEFAULT_MATH = 0 };    /* fp32 stays fp32: TF32 is another mode */
#define WORKSPACE ((size_t)64 << 20) /* twice what NVIDIA advises for Hopper */

static bool open_cublas(vendor *v, rmx_context *ctx, const char *path)
{
    static const char *const names[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so"};
    handle_fn *create = NULL;
    stream_fn *set_stream = NULL;
    mode_fn *set_mode = NULL;
    workspace_fn *set_workspace = NULL;
    snprintf(v->name, sizeof v->name, "cuBLAS");
    if (!open_first(v, path, names, 3)) return false;
    void *stream = clock_cuda_stream(rmx_context_backend(ctx));
    if (find(v->library, "cublasCreate_v2", &create) &&
        find(v->library, "cublasSetStream_v2", &set_stream) &&
        find(v->library, "cublasSetMathMode", &set_mode) &&
        find(v->library, "cublasSetWorkspace_v2", &set_workspace) &&
        find(v->library, "cublasDestroy_v2", &v->destroy) &&
        find(v->library, "cublasSgemmStridedBatched", &v->batched) && create(&v->handle) == 0 &&
        set_stream(v->handle, stream) == 0 && set_mode(v->handle, CUBLAS_DEFAULT_MATH) == 0 &&
        rmx_alloc(ctx, WORKSPACE, &v->workspace) == RMX_OK &&
        set_workspace(v->handle, v->workspace, WORKSPACE) == 0)
        return true;
    snprintf(v->where + strlen(v->where), sizeof v->where - strlen(v->where), " does not start");
    return false;
}

/* Row-major is column-major transposed: C^T = B^T A^T. */
static rmx_status cublas_run(const vendor *v, const vendor_product *p)
{
    const float one = 1.0f, beta = p->accumulate ? 1.0f : 0.0f;
    batched_fn *batched = NULL;
    memcpy(&batched, &v->batched, sizeof batched);
    const int failed = batched(v->handle, p->trans_b, p->trans_a, (int)p->n, (int)p->m, (int)p->k,
                               &one, p->b, (int)p->ldb, p->step_b, p->a, (int)p->lda, p->step_a,
                               &beta, p->c, (int)p->ldc, p->step_c, (int)p->count);
    return failed ? RMX_ERR_DEVICE : RMX_OK;
}
#endif

/* ---- either ------------------------------------------------------------------------------ */

bool vendor_open(vendor *v, rmx_context *ctx, const char *path)
{
    memset(v, 0, sizeof *v);
    v->ctx = ctx;
#ifdef RMX_WITH_CUDA
    if (rmx_context_device(ctx) == RMX_DEVICE_CUDA) v->open = open_cublas(v, ctx, path);
#endif
    if (rmx_context_device(ctx) == RMX_DEVICE_CPU) v->open = open_openblas(v, ctx, path);
    return v->open;
}

void vendor_close(vendor *v)
{
#ifdef RMX_WITH_CUDA
    destroy_fn *destroy = NULL;
    memcpy(&destroy, &v->destroy, sizeof destroy);
    if (v->handle && destroy) destroy(v->handle);
    rmx_free(v->ctx, v->workspace);
#endif
    /* the library stays: its threads may still be running */
    memset(v, 0, sizeof *v);
}

rmx_status vendor_run(const vendor *v, const vendor_product *p)
{
    if (p->m == 0 || p->n == 0 || p->count == 0) return RMX_OK;
#ifdef RMX_WITH_CUDA
    if (v->handle) return cublas_run(v, p);
#endif
    openblas_run(v, p);
    return RMX_OK;
}

/* A matrix is stored by rows or by columns; a single row or column is both. */
static bool layout(const rmx_matrix *mat, int64_t rows, int64_t cols, bool *trans, int64_t *ld)
{
    *trans = !(mat->cs == 1 || cols == 1);
    if (*trans && !(mat->rs == 1 || rows == 1)) return false;
    const int64_t least = *trans ? rows : cols;
    *ld = *trans ? mat->cs : mat->rs;
    if ((*trans ? cols : rows) == 1) *ld = least; /* its stride means nothing */
    return *ld >= least && mat->p != NULL;
}

bool vendor_of_args(const rmx_product_args *args, vendor_product *product, vendor_repeat *outer)
{
    const int inner = args->batch[1] > 1 ? 1 : 0; /* the batch axis that the library repeats */
    if (args->k < 1 || args->alpha != 1.0f) return false;
    *product = (vendor_product){.m = args->m,
                                .n = args->n,
                                .k = args->k,
                                .count = args->batch[inner],
                                .a = args->a.p,
                                .b = args->b.p,
                                .c = args->c.p,
                                .ldc = args->c.rs,
                                .step_a = args->a.batch[inner],
                                .step_b = args->b.batch[inner],
                                .step_c = args->c.batch[inner],
                                .accumulate = args->accumulate};
    *outer = (vendor_repeat){.count = inner ? args->batch[0] : 1,
                             .step_a = args->a.batch[0],
                             .step_b = args->b.batch[0],
                             .step_c = args->c.batch[0]};
    if (product->ldc < args->n) product->ldc = args->n; /* one row */
    return layout(&args->a, args->m, args->k, &product->trans_a, &product->lda) &&
           layout(&args->b, args->k, args->n, &product->trans_b, &product->ldb);
}

rmx_status vendor_run_args(const vendor *v, const rmx_product_args *args)
{
    vendor_product p;
    vendor_repeat outer;
    if (!vendor_of_args(args, &p, &outer)) return RMX_ERR_ARGUMENT;
    for (int64_t i = 0; i < outer.count; i++) {
        vendor_product one = p;
        one.a += i * outer.step_a;
        one.b += i * outer.step_b;
        one.c += i * outer.step_c;
        const rmx_status status = vendor_run(v, &one);
        if (status != RMX_OK) return status;
    }
    return RMX_OK;
}
