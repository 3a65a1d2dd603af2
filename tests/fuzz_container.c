/* SPDX-License-Identifier: MIT */
/* fuzz_container.c: files of chance as data sets and checkpoints: refused with words, or read to
 * their end. The first byte says what is made of the rest: the file as it is, or a body and an
 * index under a head whose checksums are right. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/dataset.h"
#include "mutating_parts.h"
#include "train/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mutant m;

static void require(bool good)
{
    if (!good) abort();
}

/* data: flags, bytes of the body over 64, body, index. */
static void build(const uint8_t *data, size_t size)
{
    mutant_parts p = {.version = 2};
    size_t body = (size_t)data[1] * 64;
    if (body > size - 2) body = size - 2;
    snprintf(p.kind, sizeof p.kind, "%s", data[0] & 1 ? "checkpoint" : "dataset");
    memset(m.bytes, 0, RMX_CONTAINER_HEAD);
    memcpy(m.bytes + RMX_CONTAINER_HEAD, data + 2, size - 2);
    m.size = RMX_CONTAINER_HEAD + size - 2;
    p.head = (rmx_container_head){.file_bytes = (int64_t)m.size,
                                  .index_offset = (int64_t)(RMX_CONTAINER_HEAD + body),
                                  .index_bytes = (int64_t)(size - 2 - body)};
    mutant_put_head(&m, &p);
    mutant_mend(&m, (mend_level)(MEND_INDEX + (data[0] >> 1) % 4));
}

static void read_set(const char *path)
{
    rmx_error error = {.text = ""};
    rmx_schema s;
    rmx_status status = rmx_dataset_schema(path, &s, &error);
    require(status == RMX_OK || (status == RMX_ERR_DATA && error.text[0]));
    if (status == RMX_OK) rmx_schema_free(&s);
    error.text[0] = '\0';
    status = rmx_dataset_check(path, NULL, NULL, &error);
    require(status == RMX_OK || (status == RMX_ERR_DATA && error.text[0]));
}

static void read_checkpoint(const char *path)
{
    rmx_error error = {.text = ""};
    rmx_checkpoint c;
    rmx_status status = rmx_checkpoint_verify(path, &error);
    require(status == RMX_OK || (status == RMX_ERR_DATA && error.text[0]));
    if (rmx_checkpoint_open(path, &c, &error) == RMX_OK) rmx_checkpoint_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    if (size < 4 || size > MUTANT_ROOM / 4) return 0;
    if (data[0] & 16) {
        memcpy(m.bytes, data + 1, size - 1);
        m.size = size - 1;
    } else {
        build(data, size);
    }
    const int file = memfd_create("container", MFD_CLOEXEC);
    require(file >= 0 && write(file, m.bytes, m.size) == (ssize_t)m.size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    read_set(path);
    read_checkpoint(path);
    close(file);
    return 0;
}
