/* SPDX-License-Identifier: MIT */
/* config.c: reads a config. inih splits lines into keys and values, but it cuts long lines and
 * accepts duplicates and continuation lines. So every line is checked here first. */
#include "train/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "train/config_check.h"
#include "train/config_keys.h"

enum { FILE_BYTES_MAX = 1 << 20, FROM_SET = -1 };

typedef struct reader {
    rmx_config *config;
    rmx_error *error;
    rmx_status status;
    int32_t line; /* of the file, or FROM_SET */
    int32_t
        *key_line; /* the lines that hold keys, in order: inih does not say which line it reads */
    int32_t keys, next;
} reader;

__attribute__((format(printf, 2, 3))) static rmx_status complain(reader *r, const char *format,
                                                                 ...)
{
    char text[sizeof r->error->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (r->line > 0)
        r->status =
            rmx_fail(r->error, RMX_ERR_ARGUMENT, "%s:%d: %s", r->config->file, r->line, text);
    else
        r->status = rmx_fail(r->error, RMX_ERR_ARGUMENT, "--set: %s", text);
    return r->status;
}

/* ---- values ------------------------------------------------------------------------------ */

/* A value is written as "name = value" later and has to fit in one line then. */
static rmx_status check_room(reader *r, const char *section, const char *name, const char *value)
{
    const size_t length = strlen(name) + strlen(" = ") + strlen(value);
    if (length <= RMX_CONFIG_LINE) return RMX_OK;
    return complain(
        r, "%s.%s: 'name = value' would have %zu bytes; a line of a config has at most %d",
        section, name, length, RMX_CONFIG_LINE);
}

/* A text has to be read back from a config as it is. */
static rmx_status check_text(reader *r, const char *section, const char *name, const char *value)
{
    for (const char *c = value; *c; c++)
        if ((*c == ';' || *c == '#') && (c == value || isspace((unsigned char)c[-1])))
            return complain(r,
                            "%s.%s: '%c' after a blank; a comment begins with ' ;', and a "
                            "value cannot hold ' ;' or ' #'",
                            section, name, *c);
    return check_room(r, section, name, value);
}

static rmx_status set_text(reader *r, const rmx_key *key, const char *value, char *out)
{
    const rmx_status status = check_text(r, key->section, key->name, value);
    if (status == RMX_OK) snprintf(out, sizeof(rmx_config_text), "%s", value);
    return status;
}

static rmx_status set_int(reader *r, const rmx_key *key, const char *value, const char *values,
                          int64_t *out)
{
    char *end;
    errno = 0;
    const long long number = strtoll(value, &end, 10);
    if (end == value || *end)
        return complain(r, "%s.%s = '%s' is not a whole number (%s)", key->section, key->name,
                        value, values);
    if (errno || (double)number < key->low || (double)number > key->high)
        return complain(r, "%s.%s = %s is out of range (%s)", key->section, key->name, value,
                        values);
    *out = number;
    return RMX_OK;
}

static rmx_status set_real(reader *r, const rmx_key *key, const char *value, const char *values,
                           double *out)
{
    char *end;
    if (!strcmp(value, "auto") && !strcmp(key->standard, "auto")) {
        *out = NAN;
        return RMX_OK;
    }
    const double number = strtod(value, &end);
    if (end == value || *end || strspn(value, "+-.0123456789eE") != strlen(value))
        return complain(r, "%s.%s = '%s' is not a number (%s)", key->section, key->name, value,
                        values);
    if (!(number >= key->low && number <= key->high))
        return complain(r, "%s.%s = %s is out of range (%s)", key->section, key->name, value,
                        values);
    *out = number;
    return RMX_OK;
}

static rmx_status set_choice(reader *r, const rmx_key *key, const char *value, const char *values,
                             int32_t *out)
{
    const int32_t place = rmx_choice_place(key->choices, value);
    char hint[128];
    if (place < 0) {
        rmx_choice_suggest(key, value, hint, sizeof hint);
        return complain(r, "%s.%s = '%s' is not one of: %s%s", key->section, key->name, value,
                        values, hint);
    }
    *out = place;
    return RMX_OK;
}

static rmx_status set_value(reader *r, const rmx_key *key, const char *value)
{
    void *out = (char *)r->config + key->offset;
    char values[128]; /* what the key accepts, in words */
    rmx_key_values(key, values, sizeof values);
    if (!*value && key->type != RMX_KEY_TEXT)
        return complain(r, "%s.%s has no value (%s)", key->section, key->name, values);
    switch (key->type) {
    case RMX_KEY_TEXT: return set_text(r, key, value, out);
    case RMX_KEY_INT: return set_int(r, key, value, values, out);
    case RMX_KEY_REAL: return set_real(r, key, value, values, out);
    case RMX_KEY_CHOICE: return set_choice(r, key, value, values, out);
    }
    return RMX_ERR_INTERNAL;
}

/* ---- keys -------------------------------------------------------------------------------- */

/* A key may be given once in the file and once by --set. */
static rmx_status claim(reader *r, int32_t *line, const char *section, const char *name)
{
    if (r->line > 0 && *line > 0)
        return complain(r, "%s.%s was already given in line %d; keep one of the two", section,
                        name, *line);
    if (r->line == FROM_SET && *line == FROM_SET)
        return complain(r, "%s.%s was already given; keep one of the two", section, name);
    *line = r->line;
    return RMX_OK;
}

static rmx_status set_group(reader *r, const char *name, const char *value)
{
    char *end;
    const long token = strtol(name + 1, &end, 10);
    if (name[0] != 't' || !isdigit((unsigned char)name[1]) || *end ||
        (name[1] == '0' && name[2]) || token < 0 || token >= RMX_CONFIG_TOKENS_MAX)
        return complain(r, "unknown key '%s' in [tokenizer]; its keys are t0, t1, ... t%d", name,
                        RMX_CONFIG_TOKENS_MAX - 1);
    if (!*value) return complain(r, "tokenizer.%s names no fields", name);
    if (check_text(r, "tokenizer", name, value) != RMX_OK) return r->status;
    if (claim(r, &r->config->group_line[token], "tokenizer", name) != RMX_OK) return r->status;
    char *copy = strdup(value);
    if (!copy) return r->status = rmx_fail(r->error, RMX_ERR_MEMORY, "out of memory");
    free(r->config->group[token]);
    r->config->group[token] = copy;
    return RMX_OK;
}

static rmx_status set_key(reader *r, const char *section, const char *name, const char *value)
{
    char hint[128] = "";
    if (!rmx_section_known(section)) {
        rmx_key_suggest(NULL, section, hint, sizeof hint);
        return complain(r, "unknown section [%s]%s", section, hint);
    }
    if (!strcmp(section, "tokenizer")) return set_group(r, name, value);
    const rmx_key *key = rmx_key_find(section, name);
    if (!key) {
        rmx_key_suggest(section, name, hint, sizeof hint);
        return complain(r, "unknown key '%s' in [%s]%s", name, section, hint);
    }
    if (claim(r, &r->config->line[key - rmx_keys], section, name) != RMX_OK) return r->status;
    return set_value(r, key, value);
}

static int from_inih(void *user, const char *section, const char *name, const char *value)
{
    reader *r = user;
    if (r->status != RMX_OK) return 1; /* report the first mistake only */
    r->line = r->next < r->keys ? r->key_line[r->next++] : 0;
    (void)set_key(r, section, name, value);
    return 1;
}

/* ---- lines ------------------------------------------------------------------------------- */

/* `line` has no end-of-line. Nothing but a comment may follow a section header. */
static rmx_status check_section(reader *r, const char *line)
{
    rmx_config_text name;
    char hint[128] = "";
    const char *end = strchr(line, ']');
    if (!end) return complain(r, "'[' without ']'");
    const char *after = end + 1 + strspn(end + 1, " \t\r");
    if (*after && *after != ';') return complain(r, "text after ']': '%s'", after);
    snprintf(name, sizeof name, "%.*s", (int)(end - line - 1), line + 1);
    if (rmx_section_known(name)) return RMX_OK;
    rmx_key_suggest(NULL, name, hint, sizeof hint);
    return complain(r, "unknown section [%s]%s", name, hint);
}

static rmx_status check_line(reader *r, const char *line, size_t length, bool *in_section)
{
    if (length > RMX_CONFIG_LINE)
        return complain(r, "the line has %zu bytes; at most %d are read", length, RMX_CONFIG_LINE);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)line[i] < ' ' && line[i] != '\t' &&
            !(line[i] == '\r' && i + 1 == length))
            return complain(r, "byte %zu is a control character (%d); is this a text file?", i + 1,
                            line[i]);
    rmx_config_text text;
    memcpy(text, line, length);
    text[length] = '\0';
    const char *start = text + strspn(text, " \t\r");
    if (!*start || *start == ';' || *start == '#') return RMX_OK;
    if (start > text)
        return complain(r, "the line begins with a blank, as if it continued the one above; "
                           "begin it in the first column");
    if (*start == '[') {
        *in_section = true;
        return check_section(r, start);
    }
    if (!*in_section) return complain(r, "text before the first section, e.g. [run]");
    const size_t name = strspn(start, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
                                      "0123456789");
    const char *equals = start + name + strspn(start + name, " \t");
    if (!strchr(start, '='))
        return complain(r, "no '=' in '%s'; a key is written key = value", start);
    if (!name || *equals != '=')
        return complain(r, "a key is made of letters, digits and '_', then '='");
    r->key_line[r->keys++] = r->line;
    return RMX_OK;
}

static rmx_status read_lines(reader *r, const char *text, size_t bytes)
{
    bool in_section = false;
    size_t lines = 1;
    for (size_t i = 0; i < bytes; i++) lines += text[i] == '\n';
    r->key_line = malloc(lines * sizeof *r->key_line);
    if (!r->key_line) return r->status = rmx_fail(r->error, RMX_ERR_MEMORY, "out of memory");
    r->line = 0;
    for (size_t begin = 0; begin < bytes;) {
        const char *end = memchr(text + begin, '\n', bytes - begin);
        const size_t length = end ? (size_t)(end - text) - begin : bytes - begin;
        const size_t bom = begin == 0 && length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
        r->line++;
        if (check_line(r, text + begin + bom, length - bom, &in_section) != RMX_OK) break;
        begin += length + 1;
    }
    return r->status;
}

/* ---- files and texts ------------------------------------------------------------------------- */

static rmx_status apply_set(reader *r, const char *set)
{
    rmx_config_text section, name;
    const size_t length = strlen(set);
    const char *dot = strchr(set, '.'), *equals = strchr(set, '=');
    r->line = FROM_SET;
    if (!dot || !equals || dot > equals)
        return complain(r, "'%.100s' is not section.key=value, e.g. train.lr=0.01", set);
    if (length > RMX_CONFIG_LINE)
        return complain(r, "'%.60s...' has %zu bytes; at most %d are read", set, length,
                        RMX_CONFIG_LINE);
    for (const char *c = set; *c; c++)
        if ((unsigned char)*c < ' ')
            return complain(r, "'%.*s' holds a control character", (int)(equals - set), set);
    snprintf(section, sizeof section, "%.*s", (int)(dot - set), set);
    snprintf(name, sizeof name, "%.*s", (int)(equals - dot - 1), dot + 1);
    rmx_config_text value;
    snprintf(value, sizeof value, "%s", equals + 1 + strspn(equals + 1, " "));
    for (size_t end = strlen(value); end && value[end - 1] == ' ';) value[--end] = '\0';
    return set_key(r, section, name, value);
}

static void set_defaults(reader *r)
{
    for (int32_t i = 0; i < rmx_key_count; i++) {
        r->line = 0;
        (void)set_value(r, &rmx_keys[i], rmx_keys[i].standard);
    }
}

rmx_status rmx_config_parse(const char *name, const char *text, size_t bytes,
                            const char *const *sets, int32_t count, rmx_config *out,
                            rmx_error *error)
{
    reader r = {.config = out, .error = error};
    char *copy = malloc(bytes + 1);
    memset(out, 0, sizeof *out);
    snprintf(out->file, sizeof out->file, "%s", name);
    if (!copy) {
        r.status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
        goto cleanup;
    }
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    set_defaults(&r);
    if (r.status != RMX_OK || read_lines(&r, copy, bytes) != RMX_OK) goto cleanup;
    if (ini_parse_string(copy, from_inih, &r) != 0 && r.status == RMX_OK)
        r.status = rmx_fail(error, RMX_ERR_INTERNAL, "%s: inih refused a checked file", name);
    for (int32_t i = 0; i < count && r.status == RMX_OK; i++) (void)apply_set(&r, sets[i]);
    if (r.status == RMX_OK) r.status = rmx_config_check(out, error);
cleanup:
    free(copy);
    free(r.key_line);
    if (r.status != RMX_OK) rmx_config_destroy(out);
    return r.status;
}

rmx_status rmx_config_read(const char *path, const char *const *sets, int32_t count,
                           rmx_config *out, rmx_error *error)
{
    rmx_status status = RMX_OK;
    char *text = malloc(FILE_BYTES_MAX + 1);
    FILE *file = fopen(path, "rb");
    memset(out, 0, sizeof *out);
    if (!text) {
        status = rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
        goto cleanup;
    }
    const size_t bytes = file ? fread(text, 1, FILE_BYTES_MAX + 1, file) : 0;
    if (!file || ferror(file)) {
        status = rmx_fail(error, RMX_ERR_ARGUMENT, "%s: cannot read the config: %s", path,
                          strerror(errno));
        goto cleanup;
    }
    if (bytes > FILE_BYTES_MAX) {
        status = rmx_fail(error, RMX_ERR_ARGUMENT, "%s: over 1 MiB; is this a config?", path);
        goto cleanup;
    }
    status = rmx_config_parse(path, text, bytes, sets, count, out, error);
cleanup:
    if (file) fclose(file);
    free(text);
    return status;
}

void rmx_config_destroy(rmx_config *config)
{
    for (int32_t i = 0; i < RMX_CONFIG_TOKENS_MAX; i++) free(config->group[i]);
    memset(config, 0, sizeof *config);
}

void rmx_config_where(const rmx_config *config, const char *section, const char *name, char *out,
                      size_t bytes)
{
    const rmx_key *key = rmx_key_find(section, name);
    int32_t line = 0;
    if (key)
        line = config->line[key - rmx_keys];
    else if (!strcmp(section, "tokenizer"))
        line = config->group_line[strtol(name + 1, NULL, 10)];
    if (line > 0)
        snprintf(out, bytes, "%s:%d", config->file, line);
    else
        snprintf(out, bytes, "%s", line == FROM_SET ? "--set" : config->file);
}
