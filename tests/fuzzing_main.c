/* SPDX-License-Identifier: MIT */
/* fuzzing_main.c: runs a function for libFuzzer without libFuzzer: over every file of its corpus,
 * tests/corpus/NAME, and over changes of them that follow from the seed.
 *
 *   fuzz_NAME [--runs N] [--seed N] [--long] [--input FILE] */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faulting.h"
#include "testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1 << 16, FILES = 256, SECONDS = 20 };

static struct text {
    uint8_t *bytes;
    size_t size;
} corpus[FILES];
static int files;
static uint8_t input[ROOM];
static size_t input_bytes;
static char kept[FAULT_TEXT];

/* Whatever ends the program: what it ran on is kept. */
static void keep_input(int number)
{
    static const char text[] = "the input that ends it is kept: --input ";
    const int fd = open(kept, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    bool good = fd >= 0 && write(fd, input, input_bytes) == (ssize_t)input_bytes;
    good = write(2, text, sizeof text - 1) > 0 && write(2, kept, strlen(kept)) > 0 && good;
    (void)write(2, good ? "\n" : "?\n", good ? 1 : 2);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void read_corpus(const char *name)
{
    char folder[FAULT_TEXT], path[FAULT_TEXT];
    fault_text(folder, "%s/corpus/%s", testing_path("tests"), name);
    DIR *list = opendir(folder);
    for (const struct dirent *e; list && files < FILES && (e = readdir(list));) {
        if (e->d_name[0] == '.') continue;
        fault_text(path, "%s/%s", folder, e->d_name);
        corpus[files].bytes = (uint8_t *)fault_read(path, &corpus[files].size);
        if (corpus[files].bytes) files++;
    }
    if (list) closedir(list);
}

static int by_content(const void *left, const void *right)
{
    const struct text *a = left, *b = right;
    const int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);
    return order ? order : a->size < b->size ? -1 : a->size > b->size;
}

static void run(void)
{
    alarm(SECONDS);
    (void)LLVMFuzzerTestOneInput(input, input_bytes);
    alarm(0);
}

static void insert(size_t at, const uint8_t *bytes, size_t n)
{
    if (n > ROOM - input_bytes) return;
    memmove(input + at + n, input + at, input_bytes - at);
    memcpy(input + at, bytes, n);
    input_bytes += n;
}

static void change(uint64_t *chance)
{
    static const char *const words[] = {
        "\n",  ",",        "=",    "\"",   "[",     "]",
        "\t",  "|",        "0",    "-1",   "1e999", "99999999999999999999",
        "nan", "\xc3\xa9", "\xff", ";",    "#",     " ",
        "{",   "}",        ":",    "null", "\\",    "*",
        "..",  "\r\n"};
    const struct text *other = &corpus[fault_random(chance) % (uint64_t)files];
    const size_t at = (size_t)(fault_random(chance) % (input_bytes + 1));
    size_t n = (size_t)(fault_random(chance) % 32) + 1;
    switch (fault_random(chance) % 8) {
    case 0: input_bytes = at; break;
    case 1: /* taken out */
        if (n > input_bytes - at) n = input_bytes - at;
        memmove(input + at, input + at + n, input_bytes - at - n);
        input_bytes -= n;
        break;
    case 2:
    case 3: {
        const char *word = words[fault_random(chance) % (sizeof words / sizeof *words)];
        insert(at, (const uint8_t *)word, strlen(word));
        break;
    }
    case 4: /* a piece of another one */
        if (other->size >= n)
            insert(at, other->bytes + fault_random(chance) % (other->size - n + 1), n);
        break;
    case 5: /* lines of another one */
        if (other->size > 0) {
            const size_t from = (size_t)(fault_random(chance) % other->size);
            const uint8_t *end = memchr(other->bytes + from, '\n', other->size - from);
            insert(at, other->bytes + from, end ? (size_t)(end - other->bytes) - from + 1 : 0);
        }
        break;
    case 6:
        if (at < input_bytes) input[at] = (uint8_t)fault_random(chance);
        break;
    default:
        if (at < input_bytes) input[at] = (uint8_t)(input[at] ^ 1u << fault_random(chance) % 8);
    }
}

static void take(const struct text *from)
{
    input_bytes = from->size < ROOM ? from->size : ROOM;
    memcpy(input, from->bytes, input_bytes);
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    const char *runs_text = fault_option(argc, argv, "--runs");
    const char *seed_text = fault_option(argc, argv, "--seed");
    const char *file = fault_option(argc, argv, "--input");
    const uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    const double began = fault_now();
    const int ends[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
    long runs = runs_text ? atol(runs_text) : 0, done = 0;
    uint64_t chance = seed;
    fault_text(kept, "/tmp/rmx-%s-%ld", name, (long)getpid());
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) signal(ends[i], keep_input);
    if (file) {
        corpus[files++].bytes = (uint8_t *)fault_read(file, &corpus[0].size);
        if (!corpus[0].bytes) return 2;
        runs = 0;
    } else {
        read_corpus(strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name);
        if (runs == 0) runs = fault_option(argc, argv, "--long") ? 1000000 : 20000;
    }
    if (files == 0) {
        fprintf(stderr, "%s: no corpus\n", name);
        return 2;
    }
    qsort(corpus, (size_t)files, sizeof *corpus, by_content); /* folders have any order */
    for (int i = 0; i < files; i++, done++) {
        take(&corpus[i]);
        run();
    }
    const double most = fault_option(argc, argv, "--long") ? 60 : 4;
    for (long i = 0; i < runs && fault_now() - began < most; i++, done++) {
        take(&corpus[fault_random(&chance) % (uint64_t)files]);
        for (uint64_t k = 1 + fault_random(&chance) % 6; k > 0; k--) change(&chance);
        run();
    }
    printf("%s: %ld runs over %d files, 0 failures, seed %llu, %.0f s\n", name, done, files,
           (unsigned long long)seed, fault_now() - began);
    return 0;
}
