/* SPDX-License-Identifier: MIT */
/* mutating.c: see mutating.h. */
#include "mutating.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faulting.h"
#include "mutating_parts.h"

/* ---- bytes -------------------------------------------------------------------------------- */

static void change_once(mutant *m, const mutant *other, uint64_t *chance)
{
    const uint64_t kind = fault_random(chance) % 10;
    if (m->size == 0) return;
    const size_t at = (size_t)(fault_random(chance) % m->size);
    size_t n = (size_t)(fault_random(chance) % 64) + 1;
    if (n > m->size - at) n = m->size - at;
    unsigned char *to = m->bytes + at;
    switch (kind) {
    case 0: m->size = at; break;
    case 1: memset(to, 0, n); break;
    case 2: memset(to, 0xff, n); break;
    case 3: memmove(to, m->bytes + fault_random(chance) % (m->size - n + 1), n); break;
    case 4:
        for (size_t i = 0; i < n; i++) to[i] = (unsigned char)fault_random(chance);
        break;
    case 5: /* a piece of another file */
        if (n <= other->size)
            memcpy(to, other->bytes + fault_random(chance) % (other->size - n + 1), n);
        break;
    case 6: /* more at the end */
        for (size_t i = 0; i < n && m->size < MUTANT_ROOM; i++)
            m->bytes[m->size++] = (unsigned char)fault_random(chance);
        break;
    case 7: /* a piece is taken out */
        memmove(to, to + n, m->size - at - n);
        m->size -= n;
        break;
    default: *to = (unsigned char)(*to ^ 1u << fault_random(chance) % 8);
    }
}

void mutant_change_bytes(mutant *m, const mutant *other, uint64_t *chance)
{
    const uint64_t times = fault_random(chance) % 4 == 0 ? 1 + fault_random(chance) % 5 : 1;
    for (uint64_t i = 0; i < times; i++) change_once(m, other, chance);
}

/* ---- the parts ---------------------------------------------------------------------------- */

mutant_parts mutant_take_apart(const mutant *m)
{
    mutant_parts p;
    long long n[3] = {0, 0, 0};
    unsigned long long hash[2] = {0, 0};
    char head[RMX_CONTAINER_HEAD + 1] = "";
    memset(&p, 0, sizeof p);
    memcpy(head, m->bytes, m->size < RMX_CONTAINER_HEAD ? m->size : RMX_CONTAINER_HEAD);
    const char *second = strchr(head, '\n');
    if (!second || sscanf(head, "rankmixer %31s %d\n", p.kind, &p.version) != 2 ||
        sscanf(second + 1, "file %20lld\nindex %20lld %20lld %16llx\nrest %16llx", &n[0], &n[1],
               &n[2], &hash[0], &hash[1]) < 3)
        return p;
    p.head = (rmx_container_head){(int64_t)m->size, n[1], n[2], hash[0], hash[1]};
    p.inside = n[1] >= RMX_CONTAINER_HEAD && n[2] > 0 && n[1] <= (int64_t)m->size &&
               n[2] <= (int64_t)m->size - n[1];
    if (p.inside) p.index = json_loadb((const char *)m->bytes + n[1], (size_t)n[2], 0, NULL);
    return p;
}

unsigned char *mutant_array(mutant *m, const json_t *index, const char *name, size_t *bytes,
                            json_t **entry)
{
    size_t i;
    json_t *a;
    json_array_foreach(json_object_get(index, "arrays"), i, a)
    {
        static const char *const types[] = {"u8", "u32", "u64", "f32", "bf16"};
        static const int64_t widths[] = {1, 4, 8, 4, 2};
        const char *found = json_string_value(json_object_get(a, "name"));
        const char *type = json_string_value(json_object_get(a, "type"));
        int64_t n = json_integer_value(json_object_get(a, "record_bytes")), at;
        const json_t *shape = json_object_get(a, "shape");
        if (!found || strcmp(found, name) != 0 || !type) continue;
        for (size_t t = 0; t < 5; t++)
            if (strcmp(type, types[t]) == 0) n = widths[t];
        for (size_t d = 0; d < json_array_size(shape); d++)
            if (__builtin_mul_overflow(n, json_integer_value(json_array_get(shape, d)), &n))
                return NULL;
        at = json_integer_value(json_object_get(a, "offset"));
        if (n < 0 || at < 0 || at > (int64_t)m->size || n > (int64_t)m->size - at) return NULL;
        *bytes = (size_t)n;
        if (entry) *entry = a;
        return m->bytes + at;
    }
    return NULL;
}

/* ---- the index ---------------------------------------------------------------------------- */

void mutant_put_index(mutant *m, mutant_parts *p)
{
    char *text = json_dumps(p->index, JSON_COMPACT);
    if (!text) return;
    const size_t n = strlen(text);
    if (n > (size_t)p->head.index_bytes) { /* it moves to the end */
        if (m->size + n + 1 > MUTANT_ROOM) {
            free(text);
            return;
        }
        p->head.index_offset = (int64_t)m->size;
        p->head.index_bytes = (int64_t)n + 1;
        m->size += n + 1;
        p->head.file_bytes = (int64_t)m->size;
    }
    unsigned char *to = m->bytes + p->head.index_offset;
    for (size_t i = 0; i < (size_t)p->head.index_bytes; i++)
        to[i] = i < n ? (unsigned char)text[i] : ' ';
    free(text);
}

void mutant_put_head(mutant *m, const mutant_parts *p)
{
    char head[RMX_CONTAINER_HEAD];
    if (m->size < RMX_CONTAINER_HEAD) return;
    rmx_container_head_print(&p->head, p->kind, p->version, head);
    memcpy(m->bytes, head, sizeof head);
}

static json_t *other_value(const json_t *old, uint64_t *chance)
{
    static const int64_t numbers[] = {0,
                                      1,
                                      -1,
                                      2,
                                      3,
                                      255,
                                      256,
                                      4096,
                                      65536,
                                      1 << 20,
                                      1 << 30,
                                      INT32_MAX,
                                      UINT32_MAX,
                                      INT64_MAX,
                                      INT64_MIN,
                                      INT64_MAX / 4,
                                      (int64_t)1 << 48};
    static const char *const texts[] = {"",
                                        "a",
                                        "/label",
                                        "u8",
                                        "f32",
                                        "/index",
                                        "table",
                                        "0000000000000000",
                                        "ffffffffffffffff",
                                        "\xc3\xa9",
                                        "a\nb",
                                        "%s%n",
                                        "../../x"};
    const uint64_t kind = fault_random(chance) % 10;
    const uint64_t pick = fault_random(chance);
    if (kind == 0) return json_null();
    if (kind == 1) return json_boolean(pick % 2);
    if (kind == 2) return pick % 2 ? json_array() : json_object();
    if (kind == 3) return json_real((double)(int64_t)pick / (double)(1 << (pick % 30)));
    if (json_is_string(old) != (kind == 4))
        return json_string(texts[pick % (sizeof texts / sizeof *texts)]);
    if (json_is_integer(old) && kind < 8)
        return json_integer(json_integer_value(old) + (int64_t)(pick % 9) - 4);
    return json_integer(numbers[pick % (sizeof numbers / sizeof *numbers)]);
}

/* Walks to a random place below `node` and changes it. */
static void change_node(json_t *node, uint64_t *chance, int depth)
{
    const bool object = json_is_object(node);
    const size_t n = object ? json_object_size(node) : json_array_size(node);
    if (n == 0) return;
    size_t pick = (size_t)(fault_random(chance) % n);
    void *member = json_object_iter(node);
    for (size_t i = 0; object && i < pick; i++) member = json_object_iter_next(node, member);
    char key[64] = "";
    if (object) snprintf(key, sizeof key, "%s", json_object_iter_key(member));
    json_t *child = object ? json_object_iter_value(member) : json_array_get(node, pick);
    const bool inside = json_is_object(child) || json_is_array(child);
    const uint64_t act = fault_random(chance) % 16;
    if (inside && depth < 8 && act < 13) {
        change_node(child, chance, depth + 1);
    } else if (act == 13 && !object) {
        json_array_append(node, child);
    } else if (act == 14) {
        if (object)
            json_object_del(node, key);
        else
            json_array_remove(node, pick);
    } else if (act == 15 && !object) {
        json_incref(child);
        json_array_remove(node, pick);
        json_array_insert_new(node, (size_t)(fault_random(chance) % n), child);
    } else {
        json_t *value = other_value(child, chance);
        if (object)
            json_object_set_new(node, key, value);
        else
            json_array_set_new(node, pick, value);
    }
}

void mutant_change_index(mutant *m, uint64_t *chance)
{
    mutant_parts p = mutant_take_apart(m);
    if (p.index) {
        const uint64_t times = 1 + fault_random(chance) % 2;
        for (uint64_t i = 0; i < times; i++) change_node(p.index, chance, 0);
        mutant_put_index(m, &p);
        mutant_put_head(m, &p);
    }
    json_decref(p.index);
}

void mutant_change_array(mutant *m, uint64_t *chance)
{
    mutant_parts p = mutant_take_apart(m);
    const json_t *arrays = json_object_get(p.index, "arrays");
    const size_t n = json_array_size(arrays);
    if (n > 0) {
        const json_t *a = json_array_get(arrays, (size_t)(fault_random(chance) % n));
        const char *name = json_string_value(json_object_get(a, "name"));
        size_t bytes = 0;
        unsigned char *at = name ? mutant_array(m, p.index, name, &bytes, NULL) : NULL;
        for (int i = 0; at && bytes > 0 && i < 3; i++) {
            unsigned char *to = at + fault_random(chance) % bytes;
            *to = fault_random(chance) % 2 ? (unsigned char)fault_random(chance)
                                           : (unsigned char)(*to ^ 1u);
        }
    }
    json_decref(p.index);
}

/* ---- HDF5 --------------------------------------------------------------------------------- */

#define ROT(x, k) (((x) << (k)) | ((x) >> (32 - (k))))

/* Bob Jenkins' lookup3, as HDF5 has it: of bytes, the initial value 0. */
static uint32_t lookup3(const unsigned char *k, size_t n)
{
    uint32_t a = 0xdeadbeef + (uint32_t)n, b = a, c = a;
    for (; n > 12; n -= 12, k += 12) {
        uint32_t w[3];
        memcpy(w, k, 12);
        a += w[0], b += w[1], c += w[2];
        a = (a - c) ^ ROT(c, 4), c += b;
        b = (b - a) ^ ROT(a, 6), a += c;
        c = (c - b) ^ ROT(b, 8), b += a;
        a = (a - c) ^ ROT(c, 16), c += b;
        b = (b - a) ^ ROT(a, 19), a += c;
        c = (c - b) ^ ROT(b, 4), b += a;
    }
    if (n == 0) return c;
    unsigned char last[12] = {0};
    uint32_t w[3];
    memcpy(last, k, n);
    memcpy(w, last, 12);
    a += w[0], b += w[1], c += w[2];
    c = (c ^ b) - ROT(b, 14);
    a = (a ^ c) - ROT(c, 11);
    b = (b ^ a) - ROT(a, 25);
    c = (c ^ b) - ROT(b, 16);
    a = (a ^ c) - ROT(c, 4);
    b = (b ^ a) - ROT(a, 14);
    c = (c ^ b) - ROT(b, 24);
    return c;
}

/* Bytes of the object header (version 2) at `at` before its checksum; 0: there is none. */
static size_t header_bytes(const mutant *m, size_t at)
{
    const unsigned char *h = m->bytes + at;
    if (at + 24 > m->size || memcmp(h, "OHDR", 4) != 0 || h[4] != 2) return 0;
    const size_t width = (size_t)1 << (h[5] & 3);
    const size_t fixed = (size_t)(6 + (h[5] & 0x20 ? 16 : 0) + (h[5] & 0x10 ? 4 : 0));
    uint64_t size = 0;
    memcpy(&size, h + fixed, width);
    const size_t whole = fixed + width + (size_t)size;
    return size < m->size && at + whole + 4 <= m->size ? whole : 0;
}

void mutant_change_headers(mutant *m, uint64_t *chance)
{
    size_t at[64], n = 0;
    for (size_t i = 0; i + 24 < m->size && n < 64; i += 4)
        if (memcmp(m->bytes + i, "OHDR", 4) == 0 && header_bytes(m, i) > 0) at[n++] = i;
    if (n == 0) return;
    const size_t header = at[fault_random(chance) % n];
    const size_t bytes = header_bytes(m, header);
    for (int i = 0; i < 2; i++)
        m->bytes[header + 4 + fault_random(chance) % (bytes - 4)] =
            (unsigned char)fault_random(chance);
    const uint32_t checksum = lookup3(m->bytes + header, bytes);
    memcpy(m->bytes + header + bytes, &checksum, sizeof checksum);
}
