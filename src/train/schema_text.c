/* schema_text.c: see schema_text.h. */
#include "train/schema_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *rmx_schema_to_text(const rmx_schema *schema)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return NULL;
    for (int32_t f = 0; f < schema->sparse_fields; f++)
        fprintf(out, "sparse\t%s\t%lld\n", schema->names[f], (long long)schema->vocabulary[f]);
    for (int32_t f = 0; f < schema->dense_fields; f++)
        fprintf(out, "dense\t%s\n", schema->names[schema->sparse_fields + f]);
    for (int32_t t = 0; t < schema->tasks; t++) fprintf(out, "task\t%s\n", schema->task_names[t]);
    if (fclose(out) == 0) return text;
    free(text);
    return NULL;
}

static int32_t lines_of(const char *text, const char *kind)
{
    int32_t count = 0;
    const size_t length = strlen(kind);
    while (*text && count <= RMX_SCHEMA_FIELDS_MAX) {
        count += !strncmp(text, kind, length);
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return count;
}

/* One line into the schema; counters say how many of each kind came before. */
static rmx_status read_line(const char *line, size_t length, rmx_schema *out, int32_t count[3],
                            rmx_error *error)
{
    char name[RMX_SCHEMA_NAME_MAX + 1];
    const char *tab = memchr(line, '\t', length);
    if (!tab) return RMX_ERR_DATA;
    const char *start = tab + 1, *end = line + length;
    const char *second = memchr(start, '\t', (size_t)(end - start));
    const size_t bytes = (size_t)((second ? second : end) - start);
    if (bytes > RMX_SCHEMA_NAME_MAX) return RMX_ERR_DATA;
    memcpy(name, start, bytes);
    name[bytes] = '\0';
    if (!strncmp(line, "sparse\t", 7) && second) {
        out->vocabulary[count[0]] = strtoll(second + 1, NULL, 10);
        return rmx_schema_set(&out->names[count[0]++], name, error);
    }
    if (!strncmp(line, "dense\t", 6) && !second)
        return rmx_schema_set(&out->names[out->sparse_fields + count[1]++], name, error);
    if (!strncmp(line, "task\t", 5) && !second)
        return rmx_schema_set(&out->task_names[count[2]++], name, error);
    return RMX_ERR_DATA;
}

rmx_status rmx_schema_from_text(const char *name, const char *text, rmx_schema *out,
                                rmx_error *error)
{
    int32_t count[3] = {0, 0, 0};
    rmx_error inner = {.text = ""};
    rmx_status status = rmx_schema_init(out, lines_of(text, "sparse\t"), lines_of(text, "dense\t"),
                                        lines_of(text, "task\t"), &inner);
    for (const char *line = text; status == RMX_OK && *line;) {
        const size_t length = strcspn(line, "\n");
        status = read_line(line, length, out, count, &inner);
        line += length + (line[length] == '\n');
    }
    if (status == RMX_OK) status = rmx_schema_check(out, &inner);
    if (status == RMX_OK) return RMX_OK;
    rmx_schema_free(out);
    if (status == RMX_ERR_MEMORY) return rmx_fail(error, status, "%s: out of memory", name);
    return rmx_fail(error, RMX_ERR_DATA, "%s: its description of the data is damaged%s%s", name,
                    inner.text[0] ? ": " : "", inner.text);
}
