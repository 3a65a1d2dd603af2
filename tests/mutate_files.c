/* SPDX-License-Identifier: MIT */
/* mutate_files.c: changed data sets and checkpoints are refused, or read as what they say they are.
 *
 *   mutate_files [--long] [--seed N] [--only KIND/CASE]
 *
 * Four kinds: data sets and checkpoints with changed bytes; and both with changed bytes, index,
 * arrays or HDF5 headers and with checksums made right again, as far as a random level goes. Each
 * case runs in a child with limits of time and memory. A case is wrong where it
 *   crashes, or takes over 5 seconds or 1 GiB of memory for a file of some KB,
 *   is refused without a text that names the file,
 *   is accepted, though bytes were changed and no checksum was made right, with other content,
 *   is accepted with a fingerprint (or params_xxh3) that is not that of the rows (or parameters)
 *   which were handed out.
 * Where every checksum was made right, another valid file may have come out: that its content
 * equals the old one cannot be asked, only that it is what the file says. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include "data/dataset.h"
#include "data/dataset_file.h"
#include "data/schema_json.h"
#include "faulting.h"
#include "mutating.h"
#include "train/checkpoint.h"

enum { ROWS = 90, BLOCK = 32, TENSORS = 4, CASES_MAX = 40000, SECONDS = 5 };

/* HDF5 loses some of its own memory. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libhdf5"; }

typedef enum verdict {
    NOT_RUN, /* the child died */
    REFUSED,
    EQUAL,  /* accepted, the content is that of the original */
    VALID,  /* accepted, other content, which is what the file says */
    SILENT, /* accepted and wrong */
    GREEDY,
    MUTE,
    CRASHED,
    HUNG,
    VERDICTS
} verdict;
static const char *const verdict_names[VERDICTS] = {"not run",
                                                    "refused",
                                                    "equal",
                                                    "valid",
                                                    "SILENTLY WRONG",
                                                    "TAKES MUCH MEMORY",
                                                    "REFUSED WITHOUT A TEXT",
                                                    "CRASHED",
                                                    "HUNG"};

/* What a reader makes of a file. */
typedef struct content {
    uint64_t all;             /* of everything */
    uint64_t stated, counted; /* the file's number for its content, and what came out */
} content;

typedef struct kind {
    const char *name;
    bool checkpoint, mended;
} kind;
static const kind kinds[] = {{"set", false, false},
                             {"checkpoint", true, false},
                             {"mended-set", false, true},
                             {"mended-checkpoint", true, true}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct shared {
    volatile int at; /* the case that runs */
    unsigned char verdict[CASES_MAX];
} * shared;
static mutant original[2], other[2], made; /* [checkpoint] */
static content expected[2];
static uint64_t seed = 1;
static char path[FAULT_TEXT];

/* ---- originals ---------------------------------------------------------------------------- */

static void must(rmx_status status, const rmx_error *error)
{
    if (status == RMX_OK) return;
    fprintf(stderr, "cannot make the original: %s\n", error->text);
    exit(1);
}

static void set_text(char **slot, const char *text)
{
    rmx_error error = {.text = ""};
    must(rmx_schema_set(slot, text, &error), &error);
}

static void make_schema(rmx_schema *s, const uint64_t *table, int64_t values)
{
    rmx_error error = {.text = ""};
    must(rmx_schema_init(s, 3, 2, 2, &error), &error);
    for (int32_t f = 0; f < 3; f++) s->vocabulary[f] = 8 + f;
    set_text(&s->encoding[0].transform, "table");
    s->encoding[0].values = values;
    s->encoding[0].hash = XXH3_64bits(table, (size_t)values * sizeof *table);
    s->encoding[0].unknown = true;
    set_text(&s->encoding[4].transform, "log zscore centre=0x1p+3 factor=0x1p-2");
    s->task_masked[1] = true;
    s->has_group = s->has_row = true;
    s->ceiling_auc = 0.75;
    set_text(&s->spec, "[columns]\na = sparse\n");
    set_text(&s->source, "table.csv");
    must(rmx_schema_add_text(s, "key", false, &error), &error);
    must(rmx_schema_add_text(s, "user", true, &error), &error);
    s->text_bytes[0] = s->text_bytes[1] = 8; /* the writer of a set counts for itself */
}

static void write_set(const char *to, unsigned shift)
{
    uint64_t table[7], group[ROWS], row[ROWS];
    uint8_t label[2 * ROWS];
    float dense[2 * ROWS];
    uint32_t sparse[3 * ROWS];
    char key[ROWS][16];
    const char *text[2 * ROWS];
    rmx_schema s;
    rmx_error error = {.text = ""};
    rmx_writer *writer;
    for (int i = 0; i < 7; i++) table[i] = 1000003u * (unsigned)(i + 1) + shift;
    make_schema(&s, table, 7);
    for (unsigned i = 0; i < ROWS; i++) {
        label[2 * i] = (i + shift) % 3 == 0;
        label[2 * i + 1] = i % 5 == 0 ? RMX_LABEL_MASKED : i % 2;
        dense[2 * i] = (float)i * 0.5f;
        dense[2 * i + 1] = (float)shift - (float)i;
        for (unsigned f = 0; f < 3; f++) sparse[3 * i + f] = (i * 7 + f + shift) % (8 + f);
        group[i] = i % 11 ? i / 4 + 1 : 0;
        row[i] = i + i / 9;
        snprintf(key[i], sizeof key[i], "k%u", i * 31 + shift);
        text[2 * i] = key[i];
        text[2 * i + 1] = i % 11 ? "someone" : "";
    }
    const rmx_writer_rows values = {label, dense, sparse, group, row, text};
    must(rmx_writer_open(to, &s, BLOCK, &writer, &error), &error);
    must(rmx_writer_append(writer, ROWS, &values, &error), &error);
    must(rmx_writer_table(writer, 0, table, 7, &error), &error);
    must(rmx_writer_finish(writer, NULL, &error), &error);
    rmx_schema_free(&s);
}

static void write_checkpoint(const char *to, unsigned shift)
{
    static const char *const names[TENSORS] = {"embedding.a", "block.0.w1", "head.bias",
                                               "embedding.a:sum"};
    static const int64_t shapes[TENSORS][4] = {{30, 4}, {2, 3, 7}, {9}, {30}};
    static const int32_t dims[TENSORS] = {2, 3, 1, 1};
    rmx_checkpoint_tensor tensor[TENSORS];
    static float data[TENSORS][256];
    static char config[] = "[run]\nseed = 1\n";
    const uint64_t table[7] = {1, 2, 3, 4, 5, 6, 7};
    rmx_schema schema;
    rmx_error error = {.text = ""};
    make_schema(&schema, table, 7);
    memset(tensor, 0, sizeof tensor);
    for (int i = 0; i < TENSORS; i++) {
        snprintf(tensor[i].name, sizeof tensor[i].name, "%s", names[i]);
        tensor[i].parameter = i < 3;
        tensor[i].dims = dims[i];
        memcpy(tensor[i].shape, shapes[i], sizeof shapes[i]);
        tensor[i].data = data[i];
        for (int k = 0; k < 256; k++) data[i][k] = (float)(k * 31 % 101) - (float)shift;
    }
    rmx_checkpoint c = {.state = {.step = 6,
                                  .epoch = 1,
                                  .batch = 2,
                                  .examples = 300,
                                  .evaluated_step = 4,
                                  .best_step = 4,
                                  .best_auc = 0.75,
                                  .best_logloss = 0.5,
                                  .seconds = 1.5,
                                  .train_fingerprint = 7 + shift},
                        .config = config,
                        .schema = &schema,
                        .tensor = tensor,
                        .tensors = TENSORS};
    must(rmx_checkpoint_write(to, &c, &error), &error);
    rmx_schema_free(&schema);
}

/* ---- reading everything ------------------------------------------------------------------- */

static void add(XXH3_state_t *state, const void *bytes, size_t n)
{
    (void)XXH3_64bits_update(state, bytes, n);
}

static void add_schema(XXH3_state_t *state, const rmx_schema *s)
{
    json_t *json = rmx_schema_to_json(s);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text) add(state, text, strlen(text));
    add(state, s->spec, strlen(s->spec) + 1);
    free(text);
    json_decref(json);
}

/* Adds every row to `all`, and each array of rows to its own hash. */
static rmx_status read_rows(rmx_reader *reader, XXH3_state_t *all, uint64_t hash[RMX_SETS],
                            rmx_error *error)
{
    const rmx_schema *s = rmx_reader_schema(reader);
    XXH3_state_t *state[RMX_SETS];
    rmx_reader_view view = {.samples = 1};
    rmx_status status = RMX_OK;
    for (int set = 0; set < RMX_SETS; set++) {
        state[set] = XXH3_createState();
        (void)XXH3_64bits_reset(state[set]);
    }
    while (status == RMX_OK && view.samples > 0) {
        status = rmx_reader_next(reader, &view, error);
        const void *data[RMX_SETS] = {view.labels, view.dense,  view.sparse,
                                      view.group,  view.source, view.text};
        for (int set = 0; set < RMX_SETS && status == RMX_OK; set++) {
            const size_t n = (size_t)(view.samples * rmx_set_row_bytes(s, set));
            if (n == 0 || !data[set]) continue;
            add(state[set], data[set], n);
            add(all, data[set], n);
        }
    }
    for (int set = 0; set < RMX_SETS; set++) {
        hash[set] = XXH3_64bits_digest(state[set]);
        XXH3_freeState(state[set]);
    }
    return status;
}

static rmx_status read_set(XXH3_state_t *all, content *out, rmx_error *error)
{
    const rmx_reader_options options = {.batch = 16, .keys = true};
    rmx_schema s;
    rmx_reader *reader = NULL;
    uint64_t hash[RMX_SETS];
    rmx_status status = rmx_dataset_check(path, NULL, NULL, error);
    if (status == RMX_OK) status = rmx_dataset_schema(path, &s, error);
    if (status != RMX_OK) return status;
    add_schema(all, &s);
    for (int32_t i = 0; i < s.sparse_fields && status == RMX_OK; i++) {
        uint64_t *table;
        int64_t count;
        status = rmx_dataset_table(path, s.names[i], &table, &count, error);
        if (status == RMX_OK && count > 0) add(all, table, (size_t)count * sizeof *table);
        if (status == RMX_OK) free(table);
    }
    if (status == RMX_OK) status = rmx_reader_open(path, &options, &reader, error);
    if (status == RMX_OK) status = read_rows(reader, all, hash, error);
    out->stated = s.fingerprint;
    out->counted = rmx_fingerprint(rmx_schema_hash(&s), hash, s.rows);
    rmx_reader_close(reader);
    rmx_schema_free(&s);
    return status;
}

static rmx_status load_tensors(rmx_checkpoint *c, XXH3_state_t *all, content *out,
                               rmx_error *error)
{
    rmx_status status = RMX_OK;
    for (int32_t i = 0; i < c->tensors && status == RMX_OK; i++) {
        size_t n = sizeof(float);
        for (int32_t d = 0; d < c->tensor[i].dims; d++) n *= (size_t)c->tensor[i].shape[d];
        if (c->tensor[i].type != RMX_ARRAY_F32)
            status = rmx_fail(error, RMX_ERR_DATA, "%s: not in fp32", path);
        else if (!(c->tensor[i].data = malloc(n)))
            status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
    }
    if (status == RMX_OK) status = rmx_checkpoint_load(path, c->tensor, c->tensors, true, error);
    for (int32_t i = 0; i < c->tensors && status == RMX_OK; i++) {
        size_t n = sizeof(float);
        for (int32_t d = 0; d < c->tensor[i].dims; d++) n *= (size_t)c->tensor[i].shape[d];
        add(all, c->tensor[i].name, strlen(c->tensor[i].name) + 1);
        add(all, &c->tensor[i].parameter, 1);
        add(all, c->tensor[i].data, n);
    }
    if (status == RMX_OK) out->counted = rmx_checkpoint_params_xxh3(c->tensor, c->tensors);
    for (int32_t i = 0; i < c->tensors; i++) free(c->tensor[i].data);
    return status;
}

static rmx_status read_checkpoint(XXH3_state_t *all, content *out, rmx_error *error)
{
    rmx_checkpoint c;
    rmx_status status = rmx_checkpoint_verify(path, error);
    if (status == RMX_OK) status = rmx_checkpoint_open(path, &c, error);
    if (status != RMX_OK) return status;
    out->stated = c.state.params_xxh3;
    add(all, &c.state, sizeof c.state);
    add(all, c.config, strlen(c.config) + 1);
    add(all, c.version, strlen(c.version) + 1);
    add_schema(all, c.schema);
    status = load_tensors(&c, all, out, error);
    rmx_checkpoint_free(&c);
    return status;
}

static rmx_status read_file(bool checkpoint, content *out, rmx_error *error)
{
    XXH3_state_t *all = XXH3_createState();
    memset(out, 0, sizeof *out);
    (void)XXH3_64bits_reset(all);
    const rmx_status status =
        checkpoint ? read_checkpoint(all, out, error) : read_set(all, out, error);
    out->all = XXH3_64bits_digest(all);
    XXH3_freeState(all);
    return status;
}

/* ---- cases -------------------------------------------------------------------------------- */

static bool is_changed(const kind *k)
{
    const mutant *from = &original[k->checkpoint];
    return made.size != from->size || memcmp(made.bytes, from->bytes, made.size) != 0;
}

static void change(const kind *k, uint64_t *chance)
{
    const mutant *stranger = &other[k->checkpoint];
    if (!k->mended) {
        mutant_change_bytes(&made, stranger, chance);
        return;
    }
    mend_level level = (mend_level)(1 + fault_random(chance) % (MEND_LEVELS - 1));
    const uint64_t way = fault_random(chance) % 8;
    if (way < 4 || way == 7) mutant_change_index(&made, chance);
    if (way == 4 || way == 7) mutant_change_array(&made, chance);
    if (way == 5) mutant_change_headers(&made, chance);
    if (way == 6) mutant_change_bytes(&made, stranger, chance);
    if (way != 6 && level < MEND_INDEX) level = MEND_INDEX;
    mutant_mend(&made, level);
}

/* Tries until something has changed. */
static void make_case(const kind *k, int number)
{
    uint64_t chance = seed * 1000003u + (uint64_t)number * 7919u + (uint64_t)(k - kinds) * 104729u;
    do {
        memcpy(&made, &original[k->checkpoint], sizeof made);
        change(k, &chance);
    } while (!is_changed(k));
}

static verdict judge(const kind *k)
{
    rmx_error error = {.text = ""};
    content is;
    fault_write(path, made.bytes, made.size);
    const rmx_status status = read_file(k->checkpoint, &is, &error);
    if (status == RMX_ERR_MEMORY) return GREEDY;
    if (status != RMX_OK) return strstr(error.text, "mutant.h5") ? REFUSED : MUTE;
    if (is.all == expected[k->checkpoint].all) return EQUAL;
    return k->mended && is.stated == is.counted ? VALID : SILENT;
}

extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

/* A sanitizer maps terabytes for itself. */
static void limit_memory(void)
{
    const struct rlimit memory = {1u << 30, 1u << 30}, none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (!__asan_init && !__tsan_init) setrlimit(RLIMIT_AS, &memory);
}

static void run_from(const kind *k, int first, int count)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) {
        limit_memory();
        signal(SIGALRM, SIG_DFL);
        for (int i = first; i < count; i++) {
            shared->at = i;
            make_case(k, i);
            alarm(SECONDS);
            shared->verdict[i] = (unsigned char)judge(k);
            alarm(0);
        }
        shared->at = count;
        _exit(0);
    }
    int status;
    if (waitpid(child, &status, 0) != child) abort();
    if (shared->at < count)
        shared->verdict[shared->at] =
            WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? HUNG : CRASHED;
}

static int run_kind(const kind *k, int count)
{
    int seen[VERDICTS] = {0}, wrong = 0;
    const double began = fault_now();
    memset(shared, 0, sizeof *shared);
    for (int next = 0; next < count && wrong < 20; next = shared->at + 1) {
        run_from(k, next, count);
        wrong += shared->at < count;
    }
    for (int i = 0; i < count; i++) {
        const verdict v = (verdict)shared->verdict[i];
        seen[v]++;
        if (v <= VALID) continue;
        if (seen[v] <= 5)
            printf("%s: mutate_files --seed %llu --only %s/%d\n", verdict_names[v],
                   (unsigned long long)seed, k->name, i);
    }
    const int bad =
        seen[NOT_RUN] + seen[SILENT] + seen[GREEDY] + seen[MUTE] + seen[CRASHED] + seen[HUNG];
    printf("mutated files, %s: %d, %d refused, %d accepted with equal content, %d "
           "valid ones; %d crashes, %d hangs, %d silently wrong, %d other failures; seed %llu, "
           "%.0f s\n",
           k->name, count, seen[REFUSED], seen[EQUAL], seen[VALID], seen[CRASHED], seen[HUNG],
           seen[SILENT], seen[GREEDY] + seen[MUTE] + seen[NOT_RUN], (unsigned long long)seed,
           fault_now() - began);
    return bad;
}

static void prepare(void)
{
    rmx_error error = {.text = ""};
    fault_text(path, "%s", fault_path("mutant.h5"));
    for (int i = 0; i < 2; i++)
        for (int shift = 1; shift >= 0; shift--) {
            mutant *m = shift ? &other[i] : &original[i];
            size_t n;
            if (i)
                write_checkpoint(path, (unsigned)shift);
            else
                write_set(path, (unsigned)shift);
            char *bytes = fault_read(path, &n);
            if (!bytes || n > MUTANT_ROOM / 2) abort();
            memcpy(m->bytes, bytes, n);
            m->size = n;
            free(bytes);
            if (shift == 0) must(read_file(i, &expected[i], &error), &error);
        }
    for (int i = 0; i < 2; i++)
        if (expected[i].stated != expected[i].counted) {
            fprintf(stderr, "the original's own number is not that of its content\n");
            exit(1);
        }
}

/* One case, in this process; the file stays. */
static int play_one(const char *only)
{
    const char *slash = strrchr(only, '/');
    setenv("RMX_KEEP", "1", 1);
    for (int i = 0; slash && i < KINDS; i++) {
        if (strncmp(only, kinds[i].name, (size_t)(slash - only)) != 0 ||
            strlen(kinds[i].name) != (size_t)(slash - only))
            continue;
        rmx_error error = {.text = ""};
        content is;
        make_case(&kinds[i], atoi(slash + 1));
        fault_write(path, made.bytes, made.size);
        printf("%s\n", path);
        fflush(stdout);
        const rmx_status status = read_file(kinds[i].checkpoint, &is, &error);
        printf("status %d: %s; stated %llx, counted %llx\n", (int)status, error.text,
               (unsigned long long)is.stated, (unsigned long long)is.counted);
        return 0;
    }
    return 2;
}

int main(int argc, char **argv)
{
    const char *first = fault_option(argc, argv, "--seed");
    const char *only = fault_option(argc, argv, "--only");
    const bool thorough = fault_option(argc, argv, "--long") != NULL;
    int bad = 0;
    if (first) seed = strtoull(first, NULL, 10);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) abort();
    prepare();
    if (only) return play_one(only);
    for (int i = 0; i < KINDS; i++) bad += run_kind(&kinds[i], thorough ? 20000 : 600);
    return bad > 0;
}
