/* SPDX-License-Identifier: MIT */
/* list.h: lists that grow by one entry at a time. */
#ifndef RMX_DATA_LIST_H
#define RMX_DATA_LIST_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Makes room for one more entry in a list of `count`. The room is always the next power of two, so
 * nobody has to keep it. NULL: out of memory, and the list is as it was. */
static inline void *rmx_list_grow(void *list, int64_t count, size_t entry_bytes)
{
    if (count & (count - 1)) return list;
    return realloc(list, (count ? 2 * (size_t)count : 1) * entry_bytes);
}

#endif /* RMX_DATA_LIST_H */
