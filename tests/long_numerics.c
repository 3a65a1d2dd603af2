/* SPDX-License-Identifier: MIT */
/* long_numerics.c: every function of one argument in numerics.h at every one of the 2^32 floats.
 *
 *   long_numerics [-s STRIDE] [-j THREADS] [FUNCTION...]      THREADS: one a processor
 *
 * Prints worst errors and a checksum of all outputs, which must not depend on compiler, flags or
 * machine (long_numerics_cuda.cu prints the same for a GPU). Exit status 1 if an error is over its
 * bound or a checksum is not the one in numerics_list.h, which has them for STRIDE 1 (the default)
 * and NUMERICS_SAMPLE. A plain program without the library, so that it can be built many ways:
 *   cc -std=c11 -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math [-mavx2 -mfma] \
 *      -Isrc -Itests tests/long_numerics.c -lm -lpthread */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernels/numerics.h"
#include "numerics_reference.h"

enum { BLOCK = 4096, MOST_THREADS = 64 };
#define INPUTS ((uint64_t)1 << 32)

struct worst {
    double error;
    uint32_t input;
};

struct tally {
    struct worst all, root;
    uint64_t checksum;
};

struct function {
    const char *name;
    double bound, root_bound;
    uint64_t sample, full; /* the checksums it should have */
    void (*block)(const struct function *, const uint32_t *, int, struct tally *);
};

struct job {
    const struct function *function;
    uint64_t stride;
    atomic_uint_least64_t next;
    pthread_mutex_t lock;
    struct tally total;
};

static void note(struct worst *w, double error, uint32_t input)
{
    if (error > w->error || (error == w->error && input < w->input)) {
        w->error = error;
        w->input = input;
    }
}

/* One loop over the function alone, so that it vectorises as it does in a kernel. */
#define DEFINE_BLOCK(name, ...)                                                             \
    static void block_##name(const struct function *f, const uint32_t *in, int n,           \
                             struct tally *t)                                               \
    {                                                                                       \
        float x[BLOCK], y[BLOCK];                                                           \
        memcpy(x, in, sizeof x);                                                            \
        for (int i = 0; i < BLOCK; i++) {                                                   \
            y[i] = rmx_##name(x[i]);                                                        \
        }                                                                                   \
        for (int i = 0; i < n; i++) {                                                       \
            const int root =                                                                \
                f->root_bound > 0 && x[i] > NUMERICS_ROOT_LOW && x[i] < NUMERICS_ROOT_HIGH; \
            const double ref = isnan(x[i]) ? (double)NAN : ref_##name((double)x[i]);        \
            const double error = ref_error(y[i], ref, root);                                \
            note(root ? &t->root : &t->all, error, in[i]);                                  \
            t->checksum += NUMERICS_CHECKSUM_TERM(in[i], rmx_float_bits(y[i]));             \
        }                                                                                   \
    }
NUMERICS_LIST(DEFINE_BLOCK)

#define LIST_BLOCK(name, ...) {#name, __VA_ARGS__, block_##name},
static const struct function functions[] = {NUMERICS_LIST(LIST_BLOCK)};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

static void *work(void *arg)
{
    struct job *job = arg;
    const uint64_t inputs = (INPUTS + job->stride - 1) / job->stride;
    struct tally t = {{-1, 0}, {-1, 0}, 0};
    uint32_t in[BLOCK];
    for (uint64_t b; (b = atomic_fetch_add(&job->next, 1)) * BLOCK < inputs;) {
        const uint64_t left = inputs - b * BLOCK;
        const int n = left < BLOCK ? (int)left : BLOCK;
        for (int i = 0; i < BLOCK; i++) {
            in[i] = i < n ? (uint32_t)((b * BLOCK + (uint64_t)i) * job->stride) : 0;
        }
        job->function->block(job->function, in, n, &t);
    }
    pthread_mutex_lock(&job->lock);
    note(&job->total.all, t.all.error, t.all.input);
    note(&job->total.root, t.root.error, t.root.input);
    job->total.checksum += t.checksum;
    pthread_mutex_unlock(&job->lock);
    return NULL;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Runs one function over all inputs and prints its line; 1 if it is not as it should be. */
static int measure(const struct function *f, uint64_t stride, int threads)
{
    struct job job = {.function = f, .stride = stride, .total = {{-1, 0}, {-1, 0}, 0}};
    pthread_t id[64];
    const double start = seconds();
    pthread_mutex_init(&job.lock, NULL);
    for (int i = 0; i < threads; i++) {
        if (pthread_create(&id[i], NULL, work, &job) != 0) {
            fprintf(stderr, "long_numerics: cannot start thread %d\n", i);
            exit(2);
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(id[i], NULL);
    }
    pthread_mutex_destroy(&job.lock);

    const struct worst *all = &job.total.all, *root = &job.total.root;
    const uint64_t sum = job.total.checksum;
    const int far = all->error > f->bound || root->error > f->root_bound;
    const int changed =
        (stride == 1 && sum != f->full) || (stride == NUMERICS_SAMPLE && sum != f->sample);
    printf("%-16s %10.4f %6.2f  %-16a", f->name, all->error, f->bound,
           (double)rmx_bits_float(all->input));
    if (root->error >= 0) {
        printf(" %8.4f %6.2f", root->error, f->root_bound);
    } else {
        printf(" %8s %6s", "-", "-");
    }
    printf("  %016" PRIx64 " %6.1f s%s%s\n", sum, seconds() - start, far ? "  OVER THE BOUND" : "",
           changed ? "  OTHER BITS" : "");
    fflush(stdout);
    return far || changed;
}

static int chosen(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return count == 0;
}

int main(int argc, char **argv)
{
    uint64_t stride = 1;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int threads = processors < 1 ? 1 : processors > MOST_THREADS ? MOST_THREADS : (int)processors;
    int bad = 0, ran = 0;
    for (int option; (option = getopt(argc, argv, "s:j:")) != -1;) {
        const int value = option == '?' ? 0 : atoi(optarg);
        if (value < 1 || (option == 'j' && value > MOST_THREADS)) {
            fprintf(stderr, "usage: long_numerics [-s STRIDE] [-j THREADS] [FUNCTION...]\n");
            return 2;
        }
        if (option == 's') {
            stride = (uint64_t)value;
        } else {
            threads = value;
        }
    }
    printf("%-16s %10s %6s  %-16s %8s %6s  %s\n", "function", "worst ulp", "bound", "at",
           "at root", "bound", "checksum");
    for (int i = 0; i < FUNCTIONS; i++) {
        if (chosen(functions[i].name, argc - optind, argv + optind)) {
            bad |= measure(&functions[i], stride, threads);
            ran++;
        }
    }
    if (ran == 0) {
        fprintf(stderr, "long_numerics: no function of that name\n");
        return 2;
    }
    return bad;
}
