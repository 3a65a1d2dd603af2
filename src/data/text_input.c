/* SPDX-License-Identifier: MIT */
/* text_input.c: see text_parts.h. zlib and libzstd are optional. Without one, an error names its
 * format and another way to read it. */
#include "data/text_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef RMX_WITH_ZLIB
#include <zlib.h>
#endif
#ifdef RMX_WITH_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

#define RAW_BYTES (128 << 10)

struct rmx_text_input {
    const char *name;
    int descriptor;
    rmx_packing packing;
    size_t at, filled; /* in raw */
    bool ended;        /* of the file */
    bool inside;       /* a gzip member or a zstd frame has begun and has not ended */
    bool padded;       /* zeros follow the last gzip member */
#ifdef RMX_WITH_ZLIB
    z_stream gzip;
#endif
#ifdef RMX_WITH_ZSTD
    ZSTD_DStream *zstd;
#endif
    unsigned char raw[RAW_BYTES];
};

const char *rmx_packing_note(rmx_packing packing)
{
    if (packing == RMX_PACKED_NOT) return "";
    return packing == RMX_PACKED_GZIP ? " (compressed with gzip)" : " (compressed with zstd)";
}

rmx_packing rmx_text_input_packing(const rmx_text_input *input) { return input->packing; }

/* zstd may begin with frames of notes, which begin with 50 .. 5f 2a 4d 18. */
static rmx_packing packing_of(const unsigned char *head, size_t bytes)
{
    if (bytes >= 3 && memcmp(head, "\x1f\x8b\x08", 3) == 0) return RMX_PACKED_GZIP;
    if (bytes >= 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0) return RMX_PACKED_ZSTD;
    if (bytes >= 4 && (head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0)
        return RMX_PACKED_ZSTD;
    return RMX_PACKED_NOT;
}

/* Adds what one read gives; sets `ended` where it gives nothing. */
static rmx_status fill(rmx_text_input *in, rmx_error *error)
{
    if (in->at == in->filled) in->at = in->filled = 0;
    if (in->ended || in->filled == RAW_BYTES) return RMX_OK;
    ssize_t n;
    do n = read(in->descriptor, in->raw + in->filled, RAW_BYTES - in->filled);
    while (n < 0 && errno == EINTR);
    if (n < 0) return rmx_fail_system(error, errno, "%.400s: reading failed", in->name);
    in->filled += (size_t)n;
    in->ended = n == 0;
    return RMX_OK;
}

static rmx_status read_plain(rmx_text_input *in, unsigned char *out, size_t bytes, size_t *got,
                             rmx_error *error)
{
    while (*got < bytes) {
        if (in->at == in->filled) {
            const rmx_status status = fill(in, error);
            if (status != RMX_OK) return status;
            if (in->ended) break;
        }
        const size_t there = in->filled - in->at, wanted = bytes - *got;
        const size_t n = there < wanted ? there : wanted;
        memcpy(out + *got, in->raw + in->at, n);
        in->at += n;
        *got += n;
    }
    return RMX_OK;
}

#if defined RMX_WITH_ZLIB || defined RMX_WITH_ZSTD
static rmx_status cut_short(const rmx_text_input *in, const char *format, rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.400s: the %s data ends too early: the file is not whole; copy it again",
                    in->name, format);
}

static rmx_status damaged(const rmx_text_input *in, const char *format, const char *why,
                          rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.400s: the %s data is damaged (%.100s); copy the file again", in->name,
                    format, why);
}
#endif
#if !defined RMX_WITH_ZLIB || !defined RMX_WITH_ZSTD
static rmx_status not_built_in(const rmx_text_input *in, const char *format, const char *library,
                               const char *command, rmx_error *error)
{
    return rmx_fail(error, RMX_ERR_DATA,
                    "%.400s: is compressed with %s, and this program was built without %s; "
                    "decompress it first, or read it from a pipe: %s FILE | ... -",
                    in->name, format, library, command);
}
#endif

/* ---- gzip: members one after the other, as from cat a.gz b.gz; zeros may follow ------------- */
#ifdef RMX_WITH_ZLIB
static rmx_status open_gzip(rmx_text_input *in, rmx_error *error)
{
    if (inflateInit2(&in->gzip, 15 + 16) != Z_OK)
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for reading gzip");
    in->inside = true;
    return RMX_OK;
}

/* Between members there is nothing; after the last one there may be zeros. */
static rmx_status next_member(rmx_text_input *in, rmx_error *error)
{
    for (; in->at < in->filled && in->raw[in->at] == 0; in->at++) in->padded = true;
    if (in->at == in->filled) return RMX_OK;
    if (in->padded || in->raw[in->at] != 0x1f)
        return damaged(in, "gzip", "something else follows it", error);
    in->inside = inflateReset(&in->gzip) == Z_OK;
    return in->inside ? RMX_OK : damaged(in, "gzip", "a member cannot be read", error);
}

static rmx_status read_gzip(rmx_text_input *in, unsigned char *out, size_t bytes, size_t *got,
                            rmx_error *error)
{
    z_stream *z = &in->gzip;
    while (*got < bytes) {
        rmx_status status = in->at == in->filled ? fill(in, error) : RMX_OK;
        if (status != RMX_OK) return status;
        if (in->at == in->filled) {
            if (in->inside) return cut_short(in, "gzip", error);
            break;
        }
        if (!in->inside) {
            status = next_member(in, error);
            if (status != RMX_OK) return status;
            if (!in->inside) continue;
        }
        const size_t wanted = bytes - *got < RAW_BYTES ? bytes - *got : RAW_BYTES;
        z->next_in = in->raw + in->at;
        z->avail_in = (uInt)(in->filled - in->at);
        z->next_out = out + *got;
        z->avail_out = (uInt)wanted;
        const int result = inflate(z, Z_NO_FLUSH);
        in->at = in->filled - z->avail_in;
        *got += wanted - z->avail_out;
        if (result == Z_STREAM_END)
            in->inside = false;
        else if (result == Z_MEM_ERROR)
            return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for reading gzip");
        else if (result != Z_OK)
            return damaged(in, "gzip", z->msg ? z->msg : zError(result), error);
    }
    return RMX_OK;
}
#endif

/* ---- zstd: frames one after the other ------------------------------------------------------- */
#ifdef RMX_WITH_ZSTD
static rmx_status open_zstd(rmx_text_input *in, rmx_error *error)
{
    in->zstd = ZSTD_createDStream();
    if (!in->zstd) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for reading zstd");
    return RMX_OK;
}

static rmx_status zstd_failed(const rmx_text_input *in, size_t result, rmx_error *error)
{
    const ZSTD_ErrorCode code = ZSTD_getErrorCode(result);
    if (code == ZSTD_error_memory_allocation)
        return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for reading zstd");
    if (code == ZSTD_error_frameParameter_windowTooLarge)
        return rmx_fail(error, RMX_ERR_DATA,
                        "%.400s: was compressed by zstd with a window over 128 MiB; read it from "
                        "a pipe: zstd -dc --long=31 FILE | ... -",
                        in->name);
    return damaged(in, "zstd", ZSTD_getErrorName(result), error);
}

static rmx_status read_zstd(rmx_text_input *in, unsigned char *out, size_t bytes, size_t *got,
                            rmx_error *error)
{
    ZSTD_outBuffer to = {out, bytes, 0};
    while (to.pos < to.size) {
        const rmx_status status = in->at == in->filled ? fill(in, error) : RMX_OK;
        if (status != RMX_OK) return status;
        const bool none = in->at == in->filled;
        if (none && !in->inside) break;
        ZSTD_inBuffer from = {in->raw, in->filled, in->at};
        const size_t before = to.pos, result = ZSTD_decompressStream(in->zstd, &to, &from);
        in->at = from.pos;
        if (ZSTD_isError(result)) return zstd_failed(in, result, error);
        in->inside = result != 0;
        if (none && in->inside && to.pos == before) return cut_short(in, "zstd", error);
    }
    *got = to.pos;
    return RMX_OK;
}
#endif

/* ---- Any of them ---------------------------------------------------------------------------- */

static rmx_status open_packed(rmx_text_input *in, rmx_error *error)
{
    switch (in->packing) {
    case RMX_PACKED_GZIP:
#ifdef RMX_WITH_ZLIB
        return open_gzip(in, error);
#else
        return not_built_in(in, "gzip", "zlib", "gzip -dc", error);
#endif
    case RMX_PACKED_ZSTD:
#ifdef RMX_WITH_ZSTD
        return open_zstd(in, error);
#else
        return not_built_in(in, "zstd", "libzstd", "zstd -dc", error);
#endif
    default: return RMX_OK;
    }
}

rmx_status rmx_text_input_read(rmx_text_input *input, void *out, size_t bytes, size_t *got,
                               rmx_error *error)
{
    *got = 0;
    switch (input->packing) {
#ifdef RMX_WITH_ZLIB
    case RMX_PACKED_GZIP: return read_gzip(input, out, bytes, got, error);
#endif
#ifdef RMX_WITH_ZSTD
    case RMX_PACKED_ZSTD: return read_zstd(input, out, bytes, got, error);
#endif
    default: return read_plain(input, out, bytes, got, error);
    }
}

rmx_status rmx_text_input_open(const char *name, int descriptor, rmx_text_input **out,
                               rmx_error *error)
{
    *out = NULL;
    rmx_text_input *in = malloc(sizeof *in);
    if (!in) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory for reading %.400s", name);
    memset(in, 0, offsetof(struct rmx_text_input, raw));
    in->name = name;
    in->descriptor = descriptor;
    rmx_status status = RMX_OK;
    while (status == RMX_OK && in->filled < 4 && !in->ended) status = fill(in, error);
    in->packing = packing_of(in->raw, in->filled);
    if (status == RMX_OK) status = open_packed(in, error);
    if (status == RMX_OK)
        *out = in;
    else
        free(in);
    return status;
}

void rmx_text_input_close(rmx_text_input *input)
{
    if (!input) return;
#ifdef RMX_WITH_ZLIB
    if (input->packing == RMX_PACKED_GZIP) (void)inflateEnd(&input->gzip);
#endif
#ifdef RMX_WITH_ZSTD
    if (input->packing == RMX_PACKED_ZSTD) (void)ZSTD_freeDStream(input->zstd);
#endif
    free(input);
}
