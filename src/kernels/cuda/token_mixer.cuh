/* token_mixer.cuh: the permutation and what forward and backward share.
 *
 * In units of d = width / heads elements, a sample is `tokens` rows of `heads` pieces, and
 *   row r, slot s of mix(x)    is piece (t, h) of x, h = i / tokens, t = i % tokens,
 *                              i = r * heads + s
 *   row t, slot h of revert(x) is flat piece h * tokens + t of x. */
#ifndef RMX_TOKEN_MIXER_CUH
#define RMX_TOKEN_MIXER_CUH

#include "kernels/cuda/norm_row.cuh"
#include "kernels/cuda/rows_sum.cuh"

#define WARPS 8
#define THREADS 256
#define SHARED_MOST (200 << 10) /* of a block, under what compute capability 9.0 has */

/* Sizes as 32-bit numbers: a sample is far smaller than 2^31. */
typedef struct shape {
    int tokens, width, heads, d;
} shape;

static shape shape_of(int64_t tokens, int64_t width, int64_t heads)
{
    const shape s = {(int)tokens, (int)width, (int)heads, (int)(width / heads)};
    return s;
}

/* Where element j of row r of mix(x), or of revert(x), lies in the sample. */
static __device__ __forceinline__ int mixed_at(shape s, int r, int j)
{
    const int slot = j / s.d, i = r * s.heads + slot;
    return i % s.tokens * s.width + i / s.tokens * s.d + (j - slot * s.d);
}

static __device__ __forceinline__ int reverted_at(shape s, int r, int j)
{
    const int slot = j / s.d;
    return (slot * s.tokens + r) * s.d + (j - slot * s.d);
}

static bool aligned16(const void *a, const void *b, const void *c)
{
    return (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c) & 15) == 0;
}

/* Copies a sample to shared memory, 16 bytes a thread at a time, past the registers. */
static __device__ __forceinline__ void fetch_sample(float4 *to, const float4 *from, int n4)
{
    const int threads = (int)(blockDim.x * blockDim.y);
    const int thread = (int)(threadIdx.y * blockDim.x + threadIdx.x);
    for (int i = thread; i < n4; i += threads) {
        const unsigned address = (unsigned)__cvta_generic_to_shared(to + i);
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(from + i));
    }
}

static __device__ __forceinline__ void fetch_done(void)
{
    asm volatile("cp.async.commit_group;");
    asm volatile("cp.async.wait_group 0;");
    __syncthreads();
}

/* z = own + mixed, four elements; d is a multiple of 4, so they are of one piece. */
static __device__ __forceinline__ float4 z_at(shape s, const float *x, int r, int j)
{
    float4 z = *(const float4 *)(x + r * s.width + j);
    rmx_add4(&z, *(const float4 *)(x + mixed_at(s, r, j)));
    return z;
}

/* Element j of row r of z, read where it lies. */
struct z_f {
    const float *x; /* the sample */
    shape s;
    int r;
    __device__ float operator()(int64_t j) const
    {
        return rmx_addf(x[r * s.width + (int)j], x[mixed_at(s, r, (int)j)]);
    }
};

/* The fused kernels' conditions: pieces of 4 floats, rows in registers, a sample in shared. */
static bool fits(shape s, int copies, bool aligned)
{
    const int64_t bytes = (int64_t)copies * s.tokens * s.width * (int64_t)sizeof(float);
    return aligned && s.d % 4 == 0 && s.width <= 16 * RMX_LANES && bytes <= SHARED_MOST;
}

#endif /* RMX_TOKEN_MIXER_CUH */
