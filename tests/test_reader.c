/* SPDX-License-Identifier: MIT */
/* test_reader.c: the order of rows, resuming, and what reading costs. */
#include <criterion/criterion.h>
#include <malloc.h>

#include "data/order.h"
#include "data_testing.h"
#include "kernels/philox.h"

TestSuite(reader, .fini = remove_folder);

enum { ROWS = 1003, CHUNK = 16 }; /* 63 blocks, four windows, the last block is short */

static const char *dataset(void)
{
    rmx_schema s = small_schema(3, 2, 1, true);
    const char *path = in_folder("r.h5");
    write_small(path, &s, ROWS, CHUNK, 100);
    rmx_schema_free(&s);
    return path;
}

static rmx_reader *open_reader(const char *path, int64_t batch, bool shuffle, uint64_t seed)
{
    rmx_error error = {.text = ""};
    rmx_reader *reader;
    const rmx_reader_options options = {.batch = batch, .shuffle = shuffle, .seed = seed};
    cr_assert_eq(rmx_reader_open(path, &options, &reader, &error), RMX_OK, "%s", error.text);
    return reader;
}

/* Row numbers from where the reader stands to the end of the epoch, checked against their
 * values. Returns how many. */
static int64_t read_rest(rmx_reader *reader, uint64_t *rows)
{
    const rmx_schema *s = rmx_reader_schema(reader);
    rmx_error error = {.text = ""};
    rmx_reader_view view;
    rmx_rows want;
    int64_t count = 0;
    cr_assert_eq(rmx_rows_alloc(&want, s, 1, NULL), RMX_OK);
    for (;;) {
        cr_assert_eq(rmx_reader_next(reader, &view, &error), RMX_OK, "%s", error.text);
        if (view.samples == 0) break;
        for (int64_t i = 0; i < view.samples; i++) {
            small_rows(s, (int64_t)view.rows[i], 1, &want);
            cr_assert_eq(view.labels[i], want.label[0]);
            cr_assert_eq(memcmp(view.sparse + i * 3, want.sparse, 12), 0);
            cr_assert_eq(memcmp(view.dense + i * 2, want.dense, 8), 0);
            cr_assert_eq(view.group[i], want.group[0]);
            rows[count++] = view.rows[i];
        }
    }
    rmx_rows_free(&want);
    return count;
}

Test(reader, every_epoch_is_a_permutation)
{
    rmx_reader *reader = open_reader(dataset(), 64, true, 5);
    uint64_t epoch[3][ROWS];
    for (int e = 0; e < 3; e++) {
        bool seen[ROWS] = {false};
        cr_assert_eq(read_rest(reader, epoch[e]), ROWS);
        for (int i = 0; i < ROWS; i++) {
            cr_assert(epoch[e][i] < ROWS && !seen[epoch[e][i]]);
            seen[epoch[e][i]] = true;
        }
    }
    cr_assert_neq(memcmp(epoch[0], epoch[1], sizeof epoch[0]), 0);
    cr_assert_neq(memcmp(epoch[1], epoch[2], sizeof epoch[0]), 0);
    rmx_reader_close(reader);
}

Test(reader, order_depends_on_seed_and_epoch_only)
{
    const char *path = dataset();
    static const int64_t batches[] = {1, 7, 64, 1003, 5000};
    uint64_t first[ROWS], other[ROWS];
    rmx_reader *reader = open_reader(path, 33, true, 9);
    cr_assert_eq(rmx_reader_seek(reader, 4, 0, NULL), RMX_OK);
    cr_assert_eq(read_rest(reader, first), ROWS);
    rmx_reader_close(reader);
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
        reader = open_reader(path, batches[b], true, 9);
        cr_assert_eq(rmx_reader_seek(reader, 4, 0, NULL), RMX_OK);
        cr_assert_eq(read_rest(reader, other), ROWS);
        cr_assert_eq(memcmp(first, other, sizeof first), 0, "batch %ld", (long)batches[b]);
        rmx_reader_close(reader);
    }
    reader = open_reader(path, 33, true, 10);
    cr_assert_eq(rmx_reader_seek(reader, 4, 0, NULL), RMX_OK);
    cr_assert_eq(read_rest(reader, other), ROWS);
    cr_assert_neq(memcmp(first, other, sizeof first), 0);
    rmx_reader_close(reader);
}

Test(reader, without_shuffling_the_order_is_the_file_s)
{
    rmx_reader *reader = open_reader(dataset(), 50, false, 0);
    uint64_t rows[ROWS];
    for (int e = 0; e < 2; e++) {
        cr_assert_eq(read_rest(reader, rows), ROWS);
        for (uint64_t i = 0; i < ROWS; i++) cr_assert_eq(rows[i], i);
    }
    rmx_reader_close(reader);
}

/* order.h's text, written down a second time and without its shortcuts. */
static void shuffle_by_text(uint64_t seed, uint64_t epoch, uint64_t stream, uint64_t *v,
                            uint64_t n)
{
    for (uint64_t i = n - 1; n > 0 && i >= 1; i--) {
        const uint64_t whole = ((uint64_t)1 << 32) - ((uint64_t)1 << 32) % (i + 1);
        uint64_t element = stream * ((uint64_t)1 << 40) + i * 256, word;
        while ((word = rmx_random_word(seed, RMX_RANDOM_SHUFFLE, epoch, element)) >= whole)
            element++;
        const uint64_t j = word % (i + 1), kept = v[i];
        v[i] = v[j];
        v[j] = kept;
    }
}

Test(reader, order_is_as_documented)
{
    enum { CHUNKS = (ROWS + CHUNK - 1) / CHUNK };
    uint64_t block[CHUNKS], want[ROWS], got[ROWS], n = 0;
    for (uint64_t c = 0; c < CHUNKS; c++) block[c] = c;
    shuffle_by_text(11, 2, 0, block, CHUNKS);
    for (uint64_t v = 0; v * 16 < CHUNKS; v++) {
        const uint64_t start = n;
        for (uint64_t c = v * 16; c < CHUNKS && c < v * 16 + 16; c++)
            for (uint64_t r = block[c] * CHUNK; r < ROWS && r < (block[c] + 1) * CHUNK; r++)
                want[n++] = r;
        shuffle_by_text(11, 2, 1 + v, want + start, n - start);
    }
    rmx_reader *reader = open_reader(dataset(), 100, true, 11);
    cr_assert_eq(rmx_reader_seek(reader, 2, 0, NULL), RMX_OK);
    cr_assert_eq(read_rest(reader, got), ROWS);
    cr_assert_eq(memcmp(got, want, sizeof got), 0);
    rmx_reader_close(reader);
}

Test(reader, draws_are_even)
{
    enum { N = 6, SEEDS = 24000 };
    static int count[N][N];
    uint32_t out[N];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        rmx_order order;
        cr_assert_eq(rmx_order_create(&order, N, N, true, seed, NULL), RMX_OK);
        rmx_order_set_epoch(&order, 0);
        rmx_order_permute(&order, 0, N, out);
        for (int i = 0; i < N; i++) count[i][out[i]]++;
        rmx_order_destroy(&order);
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) /* 4000 +- 5.2 standard deviations */
            cr_assert(count[i][j] > 3700 && count[i][j] < 4300, "%d", count[i][j]);
}

Test(reader, resume_at_any_batch)
{
    const char *path = dataset();
    rmx_reader *reader = open_reader(path, 40, true, 3), *late = open_reader(path, 40, true, 3);
    uint64_t whole[ROWS], rest[ROWS];
    cr_assert_eq(read_rest(reader, whole), ROWS);
    cr_assert_eq(read_rest(reader, whole), ROWS); /* epoch 1, as an uninterrupted run has it */
    const int64_t batches = rmx_reader_batches(late);
    cr_assert_eq(batches, 26);
    for (int64_t k = 0; k <= batches; k++) {
        const int64_t b = (k * 11) % (batches + 1); /* forwards and backwards */
        const int64_t left = b * 40 < ROWS ? ROWS - b * 40 : 0;
        cr_assert_eq(rmx_reader_seek(late, 1, b, NULL), RMX_OK);
        cr_assert_eq(read_rest(late, rest), left);
        cr_assert_eq(memcmp(rest, whole + (ROWS - left), (size_t)left * 8), 0, "batch %ld",
                     (long)b);
    }
    rmx_reader_close(reader);
    rmx_reader_close(late);
}

Test(reader, views_say_where_they_are)
{
    rmx_reader *reader = open_reader(dataset(), 500, true, 1);
    rmx_reader_view view;
    static const int64_t samples[] = {500, 500, 3, 0, 500, 500, 3, 0, 500};
    for (int i = 0; i < 9; i++) {
        cr_assert_eq(rmx_reader_next(reader, &view, NULL), RMX_OK);
        cr_assert_eq(view.epoch, (uint64_t)i / 4);
        cr_assert_eq(view.index, i % 4);
        cr_assert_eq(view.samples, samples[i]);
        cr_assert_eq((uintptr_t)view.dense % 64, 0u);
    }
    const rmx_batch batch = rmx_reader_batch(&view);
    cr_assert(batch.samples == 500 && batch.sparse == view.sparse && batch.dense == view.dense &&
              batch.labels == view.labels && !batch.weights);
    rmx_reader_close(reader);
}

Test(reader, refuses_nonsense)
{
    const char *path = dataset();
    rmx_reader *reader;
    rmx_error error = {.text = ""};
    const rmx_reader_options none = {.shuffle = true}, one = {.batch = 1, .shuffle = true};
    cr_assert_eq(rmx_reader_open(path, &none, &reader, &error), RMX_ERR_ARGUMENT);
    cr_assert_eq(rmx_reader_open(in_folder("none.h5"), &one, &reader, &error), RMX_ERR_DATA);
    cr_assert(strstr(error.text, "none.h5"), "%s", error.text);
    reader = open_reader(path, 100, true, 0);
    cr_assert_eq(rmx_reader_seek(reader, 0, 12, &error), RMX_ERR_ARGUMENT);
    cr_assert_eq(rmx_reader_seek(reader, 0, -1, &error), RMX_ERR_ARGUMENT);
    cr_assert_eq(rmx_reader_seek(reader, (uint64_t)1 << 48, 0, &error), RMX_ERR_ARGUMENT);
    cr_assert_eq(rmx_reader_seek(reader, 0, 11, &error), RMX_OK); /* the end of the epoch */
    rmx_reader_close(reader);
}

Test(reader, memory_does_not_grow_with_the_file)
{
    rmx_schema s = small_schema(8, 8, 1, true);
    const int64_t row = rmx_schema_row_bytes(&s);
    write_small(in_folder("big.h5"), &s, 200000, 64, 1000);
    rmx_schema_free(&s);
    const struct mallinfo2 before = mallinfo2();
    rmx_reader *reader = open_reader(in_folder("big.h5"), 128, true, 0);
    rmx_reader_view view;
    size_t most = 0;
    for (int i = 0; i < 500; i++) {
        cr_assert_eq(rmx_reader_next(reader, &view, NULL), RMX_OK);
        const struct mallinfo2 now = mallinfo2();
        const size_t held = now.uordblks + now.hblkhd - before.uordblks - before.hblkhd;
        most = held > most ? held : most;
    }
    rmx_reader_close(reader);
    /* two windows of 1024 rows and four batches of 128, 12 bytes a row beside the values, and
     * HDF5's own tables; the file is 14 MiB */
    const size_t bound = (size_t)((2 * 1024 + 4 * 128) * (row + 12)) + (size_t)(3 << 20);
    cr_assert(most < bound, "%zu bytes, expected at most %zu", most, bound);
}
