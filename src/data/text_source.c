/* SPDX-License-Identifier: MIT */
/* text_source.c: see text_parts.h. */
#include "data/text_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static rmx_status cannot_open(const rmx_text_source *s, rmx_error *error)
{
    return rmx_fail_system(error, errno, "%.400s: cannot open the table", s->name);
}

/* ---- Whether a file is as it was ------------------------------------------------------------ */
static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Compares the time of the inode's last change, too: some programs set the time of the contents'
 * last change back. */
static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

static rmx_status changed(const rmx_text_source *s, rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.400s: changed while it was read; import it again when nothing writes to it",
                    s->name);
}

/* Whether the file under its name and, where descriptor >= 0, the open file are as they were. */
static rmx_status see_same(const rmx_text_source *s, int descriptor, rmx_error *error)
{
    struct stat now;
    if (descriptor >= 0 && (fstat(descriptor, &now) != 0 || !same_file(&s->found, &now)))
        return changed(s, error);
    if (strcmp(s->path, "-") == 0) return RMX_OK;
    if (stat(s->path, &now) == 0) return same_file(&s->found, &now) ? RMX_OK : changed(s, error);
    return errno == ENOENT
               ? changed(s, error)
               : rmx_fail_system(error, errno, "%.400s: cannot be found again", s->name);
}

rmx_status rmx_text_sources_same(const rmx_text_sources *sources, rmx_error *error)
{
    for (int32_t i = 0; i < sources->count; i++) {
        const rmx_text_source *s = &sources->source[i];
        const rmx_status status = s->copied ? RMX_OK : see_same(s, -1, error);
        if (status != RMX_OK) return status;
    }
    return RMX_OK;
}

/* ---- The copy ------------------------------------------------------------------------------- */
static rmx_status with_advice(rmx_status status, const rmx_text_source *s, rmx_error *error)
{
    if (status != RMX_ERR_DATA || !error) return status;
    const int number = error->system_error;
    rmx_fail(
        error, status,
        "%.400s: no copy can be made for reading it: %.400s; set TMPDIR to a folder with room",
        s->name, error->text);
    error->system_error = number;
    return status;
}

static rmx_status open_copy(rmx_text_sources *all, const rmx_text_source *s, rmx_error *error)
{
    if (all->copy.fd >= 0) return RMX_OK;
    const char *folder = getenv("TMPDIR");
    if (!folder || !folder[0]) folder = "/tmp";
    char *name;
    if (asprintf(&name, "%s/rmx-text", folder) < 0)
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for a name");
    const rmx_status status = rmx_spool_open(name, &all->copy, error);
    free(name);
    return with_advice(status, s, error);
}

static rmx_status add_to_copy(rmx_text_sources *all, const rmx_text_source *s, const void *bytes,
                              size_t count, rmx_error *error)
{
    const rmx_status status =
        rmx_spool_write(&all->copy, "its copy", bytes, (int64_t)count, error);
    return with_advice(status, s, error);
}

/* ---- The first look at a file --------------------------------------------------------------- */
/* What is needed for one file. */
typedef struct look {
    const rmx_text_format *format;
    rmx_text_input *input;
    unsigned char head[RMX_TEXT_HEAD_BYTES];
    size_t head_bytes;
    rmx_utf16 utf16;
    char decoded[RMX_UTF16_ROOM(RMX_TEXT_HEAD_BYTES)];
} look;

/* Copies the head and the rest of the input. */
static rmx_status copy_all(rmx_text_sources *all, rmx_text_source *s, look *l, size_t mark_bytes,
                           rmx_text_encoding encoding, rmx_error *error)
{
    rmx_status status = open_copy(all, s, error);
    s->copied = true;
    s->begin = all->copy.bytes;
    l->utf16 = (rmx_utf16){.big = encoding == RMX_TEXT_UTF16_BE};
    const unsigned char *piece = l->head + mark_bytes;
    size_t bytes = l->head_bytes - mark_bytes;
    bool more = l->head_bytes == sizeof l->head;
    while (status == RMX_OK) {
        const bool decode = encoding != RMX_TEXT_UTF8;
        const size_t n = decode ? rmx_utf16_decode(&l->utf16, piece, bytes, l->decoded) : bytes;
        status = add_to_copy(all, s, decode ? (const void *)l->decoded : piece, n, error);
        if (status != RMX_OK || !more) break;
        status = rmx_text_input_read(l->input, l->head, sizeof l->head, &bytes, error);
        piece = l->head;
        more = bytes == sizeof l->head;
    }
    size_t rest = 0;
    if (status == RMX_OK && !rmx_utf16_finish(&l->utf16, l->decoded, &rest))
        status =
            rmx_fail(error, RMX_ERR_DATA,
                     "%.400s: the UTF-16 text ends within a character: the file is not whole; "
                     "copy it again",
                     s->name);
    if (status == RMX_OK) status = add_to_copy(all, s, l->decoded, rest, error);
    s->end = all->copy.bytes;
    return status;
}

static rmx_status take(rmx_text_sources *all, rmx_text_source *s, int descriptor, look *l,
                       rmx_error *error)
{
    rmx_status status = rmx_text_input_open(s->name, descriptor, &l->input, error);
    if (status == RMX_OK)
        status = rmx_text_input_read(l->input, l->head, sizeof l->head, &l->head_bytes, error);
    if (status != RMX_OK) return status;
    const rmx_packing packing = rmx_text_input_packing(l->input);
    const bool whole = l->head_bytes < sizeof l->head;
    const rmx_text_kind *kind = rmx_binary_kind(l->head, l->head_bytes);
    size_t mark = 0;
    const rmx_text_encoding encoding = rmx_text_encoding_of(l->head, l->head_bytes, &mark);
    if (!kind && encoding == RMX_TEXT_UTF8)
        kind =
            rmx_text_shape((const char *)l->head + mark, l->head_bytes - mark, whole, l->format);
    if (kind)
        return rmx_fail(error, RMX_ERR_DATA, "%.400s: is %s%s, which cannot be read here; %s",
                        s->name, kind->name, rmx_packing_note(packing), kind->advice);
    if (packing == RMX_PACKED_NOT && encoding == RMX_TEXT_UTF8 && S_ISREG(s->found.st_mode) &&
        strcmp(s->path, "-") != 0 && (int64_t)l->head_bytes <= (int64_t)s->found.st_size) {
        s->begin = (int64_t)mark;
        s->end = (int64_t)s->found.st_size;
        return RMX_OK;
    }
    return copy_all(all, s, l, mark, encoding, error);
}

static rmx_status look_at(rmx_text_sources *all, rmx_text_source *s, look *l, rmx_error *error)
{
    const bool standard = strcmp(s->path, "-") == 0;
    const int descriptor =
        standard ? STDIN_FILENO : open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    rmx_status status = RMX_OK;
    if (descriptor < 0 || fstat(descriptor, &s->found) != 0)
        status = cannot_open(s, error);
    else if (S_ISDIR(s->found.st_mode))
        status = rmx_fail_system(error, EISDIR, "%.400s: name the files in it", s->name);
    else
        status = take(all, s, descriptor, l, error);
    rmx_text_input_close(l->input);
    l->input = NULL;
    /* A file that changed while it was read may look damaged or cut short. */
    if (S_ISREG(s->found.st_mode) && status != RMX_ERR_MEMORY &&
        see_same(s, descriptor, NULL) != RMX_OK)
        status = changed(s, error);
    if (!standard && descriptor >= 0) (void)close(descriptor);
    return status;
}

rmx_status rmx_text_sources_open(const char *const *paths, int32_t count,
                                 const rmx_text_format *format, rmx_text_sources *out,
                                 rmx_error *error)
{
    *out = (rmx_text_sources){.copy = {.fd = -1}, .file = -1};
    if (count < 1) return rmx_fail(error, RMX_ERR_DATA, "there is no table to read");
    out->source = calloc((size_t)count, sizeof *out->source);
    look *l = malloc(sizeof *l);
    rmx_status status = RMX_OK;
    if (!out->source || !l)
        status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory for looking at the tables");
    else
        l->format = format, l->input = NULL;
    int32_t standard = 0;
    int64_t bytes = 0;
    for (int32_t i = 0; i < count && status == RMX_OK; i++) {
        rmx_text_source *s = &out->source[out->count++];
        s->path = paths[i];
        s->name = strcmp(s->path, "-") == 0 ? "standard input" : s->path;
        standard += s->name != s->path;
        status = standard > 1
                     ? rmx_fail(error, RMX_ERR_DATA,
                                "-: the standard input can be read once only; name it once")
                     : look_at(out, s, l, error);
        bytes += s->end - s->begin;
    }
    free(l);
    if (status == RMX_OK && bytes == 0)
        status = rmx_fail(error, RMX_ERR_DATA, "%.400s: is empty: there is no row in it%s",
                          out->source[0].name, count > 1 ? ", nor in the other files" : "");
    if (status != RMX_OK) rmx_text_sources_close(out);
    return status;
}

void rmx_text_sources_close(rmx_text_sources *sources)
{
    free(sources->source);
    rmx_spool_close(&sources->copy);
    if (sources->file >= 0) (void)close(sources->file);
    *sources = (rmx_text_sources){.copy = {.fd = -1}, .file = -1};
}

/* ---- Reading -------------------------------------------------------------------------------- */
rmx_status rmx_text_source_begin(rmx_text_sources *sources, int32_t i, rmx_error *error)
{
    const rmx_text_source *s = &sources->source[i];
    if (s->copied) return RMX_OK;
    if (sources->file >= 0) (void)close(sources->file);
    sources->file = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (sources->file < 0) return cannot_open(s, error);
    return see_same(s, sources->file, error);
}

rmx_status rmx_text_source_read(rmx_text_sources *sources, int32_t i, int64_t offset, char *out,
                                size_t bytes, size_t *got, rmx_error *error)
{
    const rmx_text_source *s = &sources->source[i];
    const int64_t left = s->end - offset;
    *got = 0;
    if (left <= 0) return RMX_OK;
    if ((int64_t)bytes > left) bytes = (size_t)left;
    ssize_t n;
    do n = pread(s->copied ? sources->copy.fd : sources->file, out, bytes, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return rmx_fail_system(error, errno, "%.400s: reading failed at byte %lld", s->name,
                               (long long)offset);
    if (n == 0) return changed(s, error); /* it was longer */
    *got = (size_t)n;
    return RMX_OK;
}

rmx_status rmx_text_source_finish(rmx_text_sources *sources, int32_t i, rmx_error *error)
{
    const rmx_text_source *s = &sources->source[i];
    if (s->copied) return RMX_OK;
    const rmx_status status = see_same(s, sources->file, error);
    (void)close(sources->file);
    sources->file = -1;
    return status;
}
