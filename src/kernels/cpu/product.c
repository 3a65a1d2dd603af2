/* SPDX-License-Identifier: MIT */
/* product.c: products in strict fp32, C = epilogue(A B): plan and loops.
 *
 * 1. The plan. Where n is small C^T = B^T A^T is computed instead, so that vectors run along m.
 *    Then the tile, the k block, the packed operands and the blocks of C are chosen.
 * 2. Threads take blocks of C. A block is computed from the first to the last k by one thread with
 *    its own scratch, so there is no barrier and no shared state.
 * 3. Inside a block, as in BLIS: for each k block, B is packed in panels of one tile width (a panel
 *    stays in L1), A is packed some rows at a time (stays in L2), then tiles of
 *    RMX_TILE_ROWS x RMX_TILE_COLS are computed in registers.
 * 4. After the last k block the epilogue runs on each stack of tiles, while it is in L1.
 *
 * Small M  Packing would cost more than it saves. B is read once where it lies, in short k blocks
 *          and all columns, which is a small number of forward streams.
 * Order    Sequential-k accumulation: one fused multiply-add after another per output, k ascending,
 *          never cut. Vectors and threads take different outputs. Between k blocks the
 *          accumulators are stored as they are and loaded again, which rounds nothing.
 * Traffic  A is read once per block of columns, B once per block of rows, C and the operands of the
 *          epilogue once. */
#include "kernels/cpu/product.h"

#define K_BLOCK 384                      /* largest k block when packed, */
#define K_BLOCK_STREAM 64                /* where B is read in place, */
#define K_BLOCK_SMALL_M 32               /* and where it is for one to three rows */
#define MOST_ROWS 768                    /* of a block of C */
#define ROWS_PACKED (20 * RMX_TILE_ROWS) /* of A at a time */
#define STREAM_ROWS 18                   /* with more, B is packed */
#define SMALL_B 4096                     /* floats of B that may be read in place from L1 */
#define NEAR_B ((int64_t)1 << 16)        /* floats of B that stay in L2: one k block */
#define BLOCK_WORK ((int64_t)1 << 22)    /* multiply-adds of a block that is worth splitting */
#define GRAIN_WORK ((int64_t)1 << 18)    /* multiply-adds that are worth waking a thread */

/* Floats of a worker's scratch. */
#define SCRATCH_B ((int64_t)1 << 18)
#define SCRATCH_A ((int64_t)1 << 17)
#define SCRATCH_ACC ((int64_t)1 << 19)

/* As rmx_matrix, with any strides for outputs too. */
typedef struct operand {
    float *p;
    int64_t rs, cs, batch[2];
} operand;

typedef struct plan {
    rmx_backend *backend;
    int64_t m, n, k, batch[2];
    operand a, b, c, bias, activation_gradient, multiplier, residual;
    bool accumulate, plain; /* plain: nothing follows the accumulation */
    float alpha, beta;
    rmx_activation activation;
    bool pack_a, pack_b;
    int64_t width;      /* columns of a tile */
    int64_t kc;         /* k of a k block */
    int64_t rows, cols; /* of a block of C */
    int64_t row_blocks, col_blocks;
} plan;

/* One block of C and where its operands begin. */
typedef struct block {
    const plan *plan;
    int64_t m, n;
    const float *a, *b;
    rmx_epilogue end;
    float *pack_a, *pack_b, *acc; /* scratch */
} block;

typedef struct k_block {
    int64_t k0, k;
    bool first, last;
} k_block;

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

/* ---- loops ------------------------------------------------------------------------------- */

static inline rmx_view at(rmx_view view, int64_t i, int64_t j)
{
    if (view.p) view.p += i * view.rs + j * view.cs;
    return view;
}

static void finish_stack(const rmx_epilogue *end, int64_t i, int64_t j, int64_t rows, int64_t cols,
                         int64_t width, float *stack)
{
    rmx_epilogue e = *end;
    e.c = at(e.c, i, j);
    e.activation_gradient = at(e.activation_gradient, i, j);
    e.bias = at(e.bias, i, j);
    e.multiplier = at(e.multiplier, i, j);
    e.residual = at(e.residual, i, j);
    RMX_CPU(product_epilogue)(&e, rows, cols, width, stack);
}

/* The tile at (i, j) of a block, for one k block. It starts from +0, C or the stored accumulators.
 * It ends in the stored accumulators, in C, or in `tile` for the epilogue (then it returns true).
 * */
static inline bool compute_tile(const block *g, const k_block *s, int64_t i, int64_t rows,
                                int64_t j, int64_t cols, int64_t vectors, const float *a,
                                const float *b, int64_t ldb, float *tile)
{
    const plan *p = g->plan;
    const int64_t width = vectors * RMX_VL;
    const rmx_view c = at(g->end.c, i, j);
    const bool whole = c.cs == 1 && cols == width;
    float *stored = g->acc + j * p->rows + i * p->width;
    const float *in = stored;
    float *out = stored;
    int64_t ld_in = width, ld_out = width;
    if (s->first) {
        in = NULL;
        if (p->accumulate && whole) {
            in = c.p;
            ld_in = c.rs;
        } else if (p->accumulate) {
            RMX_CPU(product_gather)(c, rows, cols, width, tile);
            in = tile;
        }
    }
    const bool direct = s->last && p->plain && whole;
    if (direct) {
        out = c.p;
        ld_out = c.rs;
    } else if (s->last) {
        out = tile;
    }
    rmx_tile *kernel = RMX_CPU(product_tiles)[p->pack_a][rows - 1][vectors > 2 ? 2 : vectors - 1];
    kernel(s->k, a, p->a.rs, p->a.cs, b, ldb, in, ld_in, out, ld_out);
    return s->last && !direct;
}

/* mb rows of a block from row i0 on, for one k block. */
static void compute_rows(const block *g, const k_block *s, int64_t i0, int64_t mb)
{
    const plan *p = g->plan;
    const rmx_row_tiles cut = rmx_cut_rows(mb);
    float stack[RMX_STACK_MAX];
    const float *a = g->a + i0 * p->a.rs + s->k0 * p->a.cs;
    if (p->pack_a) RMX_CPU(product_pack_a)(a, p->a.rs, p->a.cs, cut, s->k, g->pack_a);
    for (int64_t j = 0; j < g->n; j += p->width) {
        const int64_t cols = least(p->width, g->n - j);
        const int64_t vectors = cols <= RMX_VL ? 1 : cols <= 2 * RMX_VL ? 2 : p->width / RMX_VL;
        const float *b = g->b + s->k0 * p->b.rs + j * p->b.cs;
        int64_t ldb = p->b.rs;
        if (p->pack_b) {
            b = g->pack_b + j * s->k;
            ldb = p->width;
        } else if (cols < vectors * RMX_VL) { /* the last columns, widened with zeros */
            if (i0 == 0) RMX_CPU(product_pack_b)(b, ldb, 1, s->k, cols, p->width, g->pack_b);
            b = g->pack_b;
            ldb = p->width;
        }
        const int64_t width = vectors * RMX_VL;
        for (int64_t t = 0, i = 0, waiting = 0; t < cut.tiles; t++) {
            const int64_t rows = cut.base + (t < cut.more);
            const float *x = p->pack_a ? g->pack_a + i * s->k : a + i * p->a.rs;
            if (compute_tile(g, s, i0 + i, rows, j, cols, vectors, x, b, ldb,
                             stack + waiting * width))
                waiting += rows;
            i += rows;
            if (waiting > 0 && (waiting + RMX_TILE_ROWS > RMX_STACK_ROWS || t + 1 == cut.tiles)) {
                finish_stack(&g->end, i0 + i - waiting, j, waiting, cols, width, stack);
                waiting = 0;
            }
        }
    }
}

static void compute_block(const block *g)
{
    const plan *p = g->plan;
    k_block s = {.first = true};
    do {
        s.k = least(p->kc, p->k - s.k0);
        s.last = s.k0 + s.k == p->k;
        if (p->pack_b) {
            RMX_CPU(product_pack_b)
            (g->b + s.k0 * p->b.rs, p->b.rs, p->b.cs, s.k, g->n, p->width, g->pack_b);
        }
        for (int64_t i = 0; i < g->m; i += ROWS_PACKED) {
            compute_rows(g, &s, i, least(ROWS_PACKED, g->m - i));
        }
        s.k0 += s.k;
        s.first = false;
    } while (!s.last);
}

static inline float *start(const operand *o, int64_t u, int64_t v, int64_t i, int64_t j)
{
    return o->p ? o->p + u * o->batch[0] + v * o->batch[1] + i * o->rs + j * o->cs : NULL;
}

static inline rmx_view view(const operand *o, int64_t u, int64_t v, int64_t i, int64_t j)
{
    return (rmx_view){.p = start(o, u, v, i, j), .rs = o->rs, .cs = o->cs};
}

static void blocks_task(void *job, int64_t begin, int64_t end, int32_t worker)
{
    const plan *p = job;
    float *scratch = rmx_cpu_scratch(p->backend, worker);
    block g = {.plan = p,
               .pack_b = scratch,
               .pack_a = scratch + SCRATCH_B + RMX_PACK_SLACK,
               .acc = scratch + SCRATCH_B + SCRATCH_A + 2 * RMX_PACK_SLACK};
    for (int64_t item = begin; item < end; item++) {
        const int64_t j = item % p->col_blocks * p->cols, over = item / p->col_blocks;
        const int64_t i = over % p->row_blocks * p->rows, product = over / p->row_blocks;
        const int64_t u = product / p->batch[1], v = product % p->batch[1];
        g.m = least(p->rows, p->m - i);
        g.n = least(p->cols, p->n - j);
        g.a = start(&p->a, u, v, i, 0);
        g.b = start(&p->b, u, v, 0, j);
        g.end = (rmx_epilogue){.alpha = p->alpha,
                               .beta = p->beta,
                               .activation = p->activation,
                               .c = view(&p->c, u, v, i, j),
                               .activation_gradient = view(&p->activation_gradient, u, v, i, j),
                               .bias = view(&p->bias, u, v, i, j),
                               .multiplier = view(&p->multiplier, u, v, i, j),
                               .residual = view(&p->residual, u, v, i, j)};
        compute_block(&g);
    }
}

/* ---- plan -------------------------------------------------------------------------------- */

static operand input(const rmx_matrix *x)
{
    /* Const is cast away so that one type serves all; inputs are only read. */
    union {
        const float *in;
        float *p;
    } as = {.in = x->p};
    return (operand){as.p, x->rs, x->cs, {x->batch[0], x->batch[1]}};
}

static operand output(const rmx_matrix_out *x)
{
    return (operand){x->p, x->rs, 1, {x->batch[0], x->batch[1]}};
}

static void transpose(operand *x)
{
    const int64_t rs = x->rs;
    x->rs = x->cs;
    x->cs = rs;
}

/* C^T = B^T A^T. */
static void exchange_rows_and_columns(plan *p)
{
    const int64_t m = p->m;
    p->m = p->n;
    p->n = m;
    const operand a = p->a;
    p->a = p->b;
    p->b = a;
    operand *all[] = {&p->a,          &p->b,       &p->c, &p->bias, &p->activation_gradient,
                      &p->multiplier, &p->residual};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) transpose(all[i]);
}

/* Which operands are packed, the tile's width, the k block. */
static void choose_tiles(plan *p)
{
    const bool small_m = p->m <= STREAM_ROWS;
    const bool near = p->n <= SMALL_B && p->k * p->n <= SMALL_B && p->m <= 64;
    p->pack_b = p->b.cs != 1 || !(small_m || near);
    p->width = RMX_VL * rmx_tile_vectors(least(p->m, RMX_TILE_ROWS));
    if (p->n <= RMX_TILE_COLS) p->width = round_up(p->n, RMX_VL);
    if (p->pack_b || near)
        p->pack_a = p->n > 4 * p->width;
    else
        p->pack_a = p->a.cs != 1;
    const bool stream = !p->pack_b && p->k * p->n > NEAR_B;
    const int64_t k_blocks =
        ceil_div(p->k, stream ? (p->m > 3 ? K_BLOCK_STREAM : K_BLOCK_SMALL_M) : K_BLOCK);
    p->kc = ceil_div(p->k, k_blocks);
}

/* The share of the threads' time that is work, where rmx_parallel cuts equal blocks into about four
 * chunks a thread. */
static double balance(int64_t blocks, int64_t threads)
{
    const int64_t each = ceil_div(blocks, least(blocks, 4 * threads));
    const int64_t turns = ceil_div(ceil_div(blocks, each), threads);
    return (double)blocks / (double)(turns * each * threads);
}

/* Blocks of C: as large as the scratch allows, then smaller until they keep every thread busy. */
static void choose_blocks(plan *p, int64_t threads)
{
    const int64_t room = p->pack_b ? SCRATCH_B / p->kc : SCRATCH_ACC / STREAM_ROWS;
    const int64_t most_cols = least(room, SCRATCH_ACC / MOST_ROWS) / p->width * p->width;
    int64_t row_blocks = ceil_div(p->m, MOST_ROWS), col_blocks = ceil_div(p->n, most_cols);
    const int64_t products = p->batch[0] * p->batch[1];
    for (;;) {
        p->rows = round_up(ceil_div(p->m, row_blocks), RMX_TILE_ROWS);
        p->cols = round_up(ceil_div(p->n, col_blocks), p->width);
        p->row_blocks = ceil_div(p->m, p->rows);
        p->col_blocks = ceil_div(p->n, p->cols);
        const int64_t blocks = products * p->row_blocks * p->col_blocks;
        const int64_t work = p->rows * p->cols * p->k;
        const bool enough = blocks >= 2 * threads || (blocks >= threads && work < BLOCK_WORK);
        if (threads == 1 || (enough && balance(blocks, threads) > 0.9)) return;
        if (work < 2 * GRAIN_WORK) return;
        if (p->rows > p->cols && p->rows > RMX_TILE_ROWS)
            row_blocks += 1 + row_blocks / 8;
        else if (p->cols > p->width)
            col_blocks += 1 + col_blocks / 8;
        else
            return;
    }
}

rmx_status rmx_cpu_product(rmx_backend *backend, const rmx_product_args *args)
{
    static float minus_zero = -0.0f, zero = 0.0f;
    if (args->m <= 0 || args->n <= 0 || args->batch[0] <= 0 || args->batch[1] <= 0) return RMX_OK;
    plan p = {.backend = backend,
              .m = args->m,
              .n = args->n,
              .k = args->k,
              .batch = {args->batch[0], args->batch[1]},
              .a = input(&args->a),
              .b = input(&args->b),
              .c = output(&args->c),
              .bias = input(&args->bias),
              .activation_gradient = output(&args->activation_gradient),
              .multiplier = input(&args->multiplier),
              .residual = input(&args->residual),
              .accumulate = args->accumulate,
              .alpha = args->alpha,
              .beta = args->beta,
              .activation = args->activation};
    p.plain = p.alpha == 1.0f && !p.bias.p && !p.activation_gradient.p &&
              p.activation == RMX_ACTIVATION_NONE && !p.multiplier.p && !p.residual.p;
    if (p.k == 0) { /* A and B may be absent: fma(-0, +0, v) is v in every bit */
        p.k = 1;
        p.a = (operand){.p = &minus_zero};
        p.b = (operand){.p = &zero};
    }

    const int64_t along_m = p.n * ceil_div(p.m, RMX_VL), along_n = p.m * ceil_div(p.n, RMX_VL);
    if (along_m * (p.a.rs == 1 ? 1 : 2) < along_n) exchange_rows_and_columns(&p);
    choose_tiles(&p);
    rmx_pool *pool = rmx_cpu_pool(backend);
    choose_blocks(&p, rmx_pool_threads(pool));
    const int64_t work = p.rows * p.cols * p.k + 1;
    rmx_parallel(pool, p.batch[0] * p.batch[1] * p.row_blocks * p.col_blocks,
                 ceil_div(GRAIN_WORK, work), blocks_task, &p);
    return RMX_OK;
}
