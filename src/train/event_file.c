/* SPDX-License-Identifier: MIT */
/* event_file.c: see event_file.h. The numbers of fields are those of TensorFlow's event.proto. */
#include "train/event_file.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct message {
    unsigned char bytes[512];
    size_t used;
} message;

static uint32_t crc32c(const void *data, size_t bytes)
{
    const unsigned char *at = data;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static uint32_t masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

static void put(message *m, const void *data, size_t bytes)
{
    if (m->used + bytes > sizeof m->bytes) return;
    memcpy(m->bytes + m->used, data, bytes);
    m->used += bytes;
}

static void put_varint(message *m, uint64_t value)
{
    do {
        const unsigned char byte = (unsigned char)((value & 127) | (value > 127 ? 128 : 0));
        put(m, &byte, 1);
        value >>= 7;
    } while (value);
}

/* A length-delimited field. */
static void put_bytes(message *m, unsigned field, const void *data, size_t bytes)
{
    put_varint(m, field << 3 | 2);
    put_varint(m, bytes);
    put(m, data, bytes);
}

static message event_at(int64_t step)
{
    struct timespec now;
    message m = {.used = 0};
    clock_gettime(CLOCK_REALTIME, &now);
    const double wall_time = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    put_varint(&m, 1 << 3 | 1);
    put(&m, &wall_time, sizeof wall_time);
    put_varint(&m, 2 << 3 | 0);
    put_varint(&m, (uint64_t)step);
    return m;
}

static void write_record(FILE *events, const message *m)
{
    const uint64_t length = m->used;
    const uint32_t head = masked(crc32c(&length, sizeof length));
    const uint32_t tail = masked(crc32c(m->bytes, m->used));
    fwrite(&length, sizeof length, 1, events);
    fwrite(&head, sizeof head, 1, events);
    fwrite(m->bytes, 1, m->used, events);
    fwrite(&tail, sizeof tail, 1, events);
    fflush(events);
}

FILE *rmx_event_file_open(const char *folder, int64_t step)
{
    char path[4500], host[128] = "host";
    snprintf(path, sizeof path, "%s/tensorboard", folder);
    mkdir(path, 0777);
    gethostname(host, sizeof host - 1);
    snprintf(path, sizeof path, "%s/tensorboard/events.out.tfevents.%lld.%s.%ld", folder,
             (long long)time(NULL), host, (long)getpid());
    FILE *events = fopen(path, "wb");
    if (!events) return NULL;
    message version = event_at(0);
    put_bytes(&version, 3, "brain.Event:2", strlen("brain.Event:2"));
    write_record(events, &version);
    const unsigned char start[] = {1 << 3 | 0, 1}; /* SessionLog.status = START */
    message session = event_at(step + 1);
    put_bytes(&session, 7, start, sizeof start);
    write_record(events, &session);
    return events;
}

void rmx_event_scalar(FILE *events, int64_t step, const char *tag, double value)
{
    if (!events || !isfinite(value)) return;
    const float simple = (float)value;
    message entry = {.used = 0}, summary = {.used = 0}, event = event_at(step);
    put_bytes(&entry, 1, tag, strlen(tag));
    put_varint(&entry, 2 << 3 | 5);
    put(&entry, &simple, sizeof simple);
    put_bytes(&summary, 1, entry.bytes, entry.used);
    put_bytes(&event, 5, summary.bytes, summary.used);
    write_record(events, &event);
}
