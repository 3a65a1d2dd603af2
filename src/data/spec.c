/* SPDX-License-Identifier: MIT */
/* spec.c: see spec.h.
 *
 * inih cuts long lines, joins lines that begin with a blank to the one before, and takes a key
 * twice without a word; so the text is looked through first and these are refused. */
#include "data/spec.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
    const char *name;
    rmx_spec *spec;
    rmx_error *error;
    rmx_status status;
    const char *text;
    unsigned file_keys; /* bits of the keys of [file] that were seen */
} parser;

/* inih does not tell its handler the line: it is the one where the key stands, after the `seen`
 * other lines with that key. */
static int line_of(const parser *p, const char *section, const char *key, int seen)
{
    char inside[64] = "";
    int line = 0;
    const size_t length = strlen(key);
    for (const char *at = p->text; *at;) {
        line++;
        if (*at == '[') {
            const size_t n = strcspn(at + 1, "]\n");
            snprintf(inside, sizeof inside, "%.*s", (int)(n < 63 ? n : 63), at + 1);
        } else if (strcmp(inside, section) == 0 && strncmp(at, key, length) == 0 &&
                   strchr(" \t=:", at[length]) && at[length] && seen-- == 0) {
            return line;
        }
        at += strcspn(at, "\n");
        if (*at) at++;
    }
    return line;
}

static int complain_at(parser *p, int line, const char *key, const char *why)
{
    if (p->status == RMX_OK)
        p->status = rmx_fail(p->error, RMX_ERR_ARGUMENT, "%.300s:%d: '%.100s': %s", p->name, line,
                             key, why);
    return 0;
}

static int complain(parser *p, const char *section, const char *key, const char *why)
{
    return complain_at(p, line_of(p, section, key, 0), key, why);
}

static rmx_status guard(const char *name, const char *text, rmx_error *error)
{
    int line = 0;
    for (const char *at = text; *at;) {
        const size_t n = strcspn(at, "\n");
        line++;
        if (n > RMX_SPEC_LINE)
            return rmx_fail(error, RMX_ERR_ARGUMENT,
                            "%.300s:%d: the line has more than %d bytes: shorten it", name, line,
                            RMX_SPEC_LINE);
        if ((*at == ' ' || *at == '\t') && strspn(at, " \t\r") < n)
            return rmx_fail(error, RMX_ERR_ARGUMENT,
                            "%.300s:%d: the line begins with a blank: move it to the left", name,
                            line);
        at += n;
        if (*at) at++;
    }
    return RMX_OK;
}

/* ---- [file] --------------------------------------------------------------------------------- */

static int take_flag(parser *p, const char *key, const char *value, bool *out)
{
    *out = strcmp(value, "yes") == 0;
    if (*out || strcmp(value, "no") == 0) return 1;
    return complain(p, "file", key, "write yes or no");
}

static int take_file(parser *p, const char *key, const char *value)
{
    static const struct {
        const char *name;
        char c;
    } words[] = {{"tab", '\t'}, {"comma", ','}, {"semicolon", ';'}, {"space", ' '}};
    static const char *const keys[] = {"separator", "header", "trim", "pad", "missing"};
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0) {
            if (p->file_keys & 1u << i)
                return complain_at(p, line_of(p, "file", key, 1), key, "is there twice");
            p->file_keys |= 1u << i;
        }
    if (strcmp(key, "header") == 0) return take_flag(p, key, value, &p->spec->header);
    if (strcmp(key, "pad") == 0) return take_flag(p, key, value, &p->spec->pad);
    if (strcmp(key, "trim") == 0) return take_flag(p, key, value, &p->spec->trim);
    if (strcmp(key, "missing") == 0) {
        if (strlen(value) >= sizeof p->spec->missing)
            return complain(p, "file", key, "use at most 63 bytes");
        snprintf(p->spec->missing, sizeof p->spec->missing, "%s", value);
        return 1;
    }
    if (strcmp(key, "separator") == 0) {
        p->spec->separator = strlen(value) == 1 ? value[0] : '\0';
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strcmp(value, words[i].name) == 0) p->spec->separator = words[i].c;
        if (p->spec->separator != '\0' && p->spec->separator != '"') return 1;
        return complain(p, "file", key, "write one character, or tab, comma, semicolon or space");
    }
    return complain(p, "file", key, "unknown; [file] has separator, header, trim, pad, missing");
}

/* ---- [columns] ------------------------------------------------------------------------------ */

static bool whole_number(const char *text, int64_t low, int64_t high, int64_t *out)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    *out = value;
    return errno == 0 && end != text && *end == '\0' && value >= low && value <= high;
}

static bool take_kind(rmx_column *c, const char *word)
{
    static const char *const kinds[] = {"skip", "label", "dense", "sparse", "group"};
    for (int k = 0; k < 5; k++)
        if (strcmp(word, kinds[k]) == 0) {
            c->kind = (rmx_column_kind)k;
            return true;
        }
    return false;
}

/* One word after the kind; NULL, or what is wrong with it. */
static const char *take_option(rmx_column *c, const char *word)
{
    if (c->kind == RMX_COLUMN_LABEL) {
        char **to = strncmp(word, "positive=", 9) == 0   ? &c->positive
                    : strncmp(word, "negative=", 9) == 0 ? &c->negative
                                                         : NULL;
        if (!to || *to || !word[9]) return "label takes positive=A|B and negative=C, each once";
        return (*to = strdup(word + 9)) ? NULL : "out of memory";
    }
    if (c->kind == RMX_COLUMN_DENSE) {
        if (strcmp(word, "none") == 0) return NULL;
        bool *to = strcmp(word, "log") == 0      ? &c->log
                   : strcmp(word, "zscore") == 0 ? &c->zscore
                   : strcmp(word, "flag") == 0   ? &c->flag
                                                 : NULL;
        if (!to) return "dense takes none, log, zscore and flag";
        *to = true;
        return NULL;
    }
    if (c->kind == RMX_COLUMN_SPARSE) {
        const struct {
            const char *name;
            int64_t low, high, *to;
        } options[] = {{"min_count=", 1, INT32_MAX, &c->min_count},
                       {"most=", 1, INT32_MAX, &c->most},
                       {"buckets=", 1, INT32_MAX, &c->buckets},
                       {"last=", 1, 1024, &c->last}};
        for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
            const size_t n = strlen(options[i].name);
            if (strncmp(word, options[i].name, n) == 0)
                return whole_number(word + n, options[i].low, options[i].high, options[i].to)
                           ? NULL
                           : "the number is out of range";
        }
        return "sparse takes min_count=N, most=N, buckets=N and last=N";
    }
    return "skip and group take nothing more";
}

static int take_column(parser *p, const char *key, const char *value)
{
    rmx_spec *s = p->spec;
    for (int32_t i = 0; i < s->columns; i++)
        if (strcmp(s->column[i].name, key) == 0)
            return complain_at(p, line_of(p, "columns", key, 1), key, "the column is there twice");
    if (s->columns == RMX_SPEC_COLUMNS_MAX)
        return complain(p, "columns", key, "more than 4096 columns");
    rmx_column *grown = realloc(s->column, (size_t)(s->columns + 1) * sizeof *grown);
    if (!grown) return complain(p, "columns", key, "out of memory");
    s->column = grown;
    rmx_column *c = &grown[s->columns++];
    *c = (rmx_column){.name = strdup(key), .text = strdup(value), .factor = 1.0, .min_count = 1};
    char *words = strdup(value), *rest = NULL;
    const char *why = c->name && c->text && words ? NULL : "out of memory";
    char *word = why ? NULL : strtok_r(words, " \t", &rest);
    if (!why && (!word || !take_kind(c, word)))
        why = "write skip, label, dense, sparse or group first";
    while (!why && (word = strtok_r(NULL, " \t", &rest))) why = take_option(c, word);
    if (!why && c->kind == RMX_COLUMN_LABEL && !c->positive)
        why = "say which values are positive: label positive=1";
    free(words);
    return why ? complain(p, "columns", key, why) : 1;
}

static int take_fitted(parser *p, const char *key, const char *value)
{
    for (int32_t i = 0; i < p->spec->columns; i++) {
        rmx_column *c = &p->spec->column[i];
        if (strcmp(c->name, key) != 0) continue;
        char *end, *last;
        if (c->fitted) return complain(p, "fitted", key, "is there twice");
        c->centre = strtod(value, &end);
        c->factor = strtod(end, &last);
        if (end == value || last == end || *last || !(c->centre - c->centre == 0.0) ||
            !(c->factor - c->factor == 0.0))
            return complain(p, "fitted", key, "needs two finite numbers");
        c->fitted = true;
        return 1;
    }
    return complain(p, "fitted", key, "no such column above");
}

static int take(void *user, const char *section, const char *key, const char *value)
{
    parser *p = user;
    if (strcmp(section, "file") == 0) return take_file(p, key, value);
    if (strcmp(section, "columns") == 0) return take_column(p, key, value);
    if (strcmp(section, "fitted") == 0) return take_fitted(p, key, value);
    return complain(p, section, key, "unknown section; there are [file] and [columns]");
}

/* ---- Whole specs ---------------------------------------------------------------------------- */

rmx_status rmx_spec_parse(const char *name, const char *text, rmx_spec *out, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    out->separator = ',';
    out->trim = true;
    rmx_status status = guard(name, text, error);
    if (status != RMX_OK) return status;
    parser p = {.name = name, .spec = out, .error = error, .status = RMX_OK, .text = text};
    const int line = ini_parse_string(text, take, &p);
    status = p.status;
    if (status == RMX_OK && line != 0)
        status = rmx_fail(error, RMX_ERR_ARGUMENT, "%.300s:%d: not of the form name = value", name,
                          line);
    int32_t labels = 0, fields = 0, groups = 0;
    for (int32_t i = 0; i < out->columns; i++) {
        labels += out->column[i].kind == RMX_COLUMN_LABEL;
        groups += out->column[i].kind == RMX_COLUMN_GROUP;
        fields +=
            out->column[i].kind == RMX_COLUMN_DENSE || out->column[i].kind == RMX_COLUMN_SPARSE;
    }
    if (status == RMX_OK && (labels < 1 || fields < 1 || groups > 1))
        status = rmx_fail(error, RMX_ERR_ARGUMENT,
                          "%.300s: %d label, %d dense or sparse and %d group columns: need at "
                          "least one label and one field, and at most one group",
                          name, (int)labels, (int)fields, (int)groups);
    if (status != RMX_OK) rmx_spec_free(out);
    return status;
}

rmx_status rmx_spec_load(const char *path, rmx_spec *out, rmx_error *error)
{
    memset(out, 0, sizeof *out);
    enum { most = 1 << 20 };
    char *text = malloc(most + 1);
    FILE *file = text ? fopen(path, "rb") : NULL;
    if (!file) {
        free(text);
        return rmx_fail(error, RMX_ERR_ARGUMENT, "%.400s: cannot open the column spec: %s", path,
                        strerror(errno));
    }
    const size_t n = fread(text, 1, most + 1, file);
    const bool bad = ferror(file) != 0;
    fclose(file);
    rmx_status status;
    if (bad || n > most) {
        status =
            rmx_fail(error, RMX_ERR_ARGUMENT, "%.400s: cannot be read, or is over 1 MiB", path);
    } else {
        text[n] = '\0';
        status = strlen(text) == n ? rmx_spec_parse(path, text, out, error)
                                   : rmx_fail(error, RMX_ERR_ARGUMENT,
                                              "%.400s: has a zero byte; it is no text", path);
    }
    free(text);
    return status;
}

void rmx_spec_free(rmx_spec *spec)
{
    for (int32_t i = 0; i < spec->columns; i++) {
        free(spec->column[i].name);
        free(spec->column[i].text);
        free(spec->column[i].positive);
        free(spec->column[i].negative);
    }
    free(spec->column);
    memset(spec, 0, sizeof *spec);
}

char *rmx_spec_print(const rmx_spec *spec)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    if (!f) return NULL;
    const char *separator = spec->separator == '\t'  ? "tab"
                            : spec->separator == ',' ? "comma"
                            : spec->separator == ';' ? "semicolon"
                            : spec->separator == ' ' ? "space"
                                                     : NULL;
    fputs("[file]\nseparator = ", f);
    if (separator)
        fputs(separator, f);
    else
        fputc(spec->separator, f);
    fprintf(f, "\nheader = %s\ntrim = %s\npad = %s\n", spec->header ? "yes" : "no",
            spec->trim ? "yes" : "no", spec->pad ? "yes" : "no");
    if (spec->missing[0]) fprintf(f, "missing = %s\n", spec->missing);
    fputs("[columns]\n", f);
    for (int32_t i = 0; i < spec->columns; i++)
        fprintf(f, "%s = %s\n", spec->column[i].name, spec->column[i].text);
    fputs("[fitted]\n", f);
    for (int32_t i = 0; i < spec->columns; i++)
        if (spec->column[i].fitted)
            fprintf(f, "%s = %a %a\n", spec->column[i].name, spec->column[i].centre,
                    spec->column[i].factor);
    const bool bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad) {
        free(text);
        return NULL;
    }
    return text;
}

rmx_status rmx_spec_adopt(rmx_spec *spec, const rmx_spec *fitted, const char *name,
                          rmx_error *error)
{
    bool same = spec->columns == fitted->columns;
    for (int32_t i = 0; same && i < spec->columns; i++) {
        rmx_column *c = &spec->column[i];
        const rmx_column *from = &fitted->column[i];
        same = strcmp(c->name, from->name) == 0 &&
               (c->kind == RMX_COLUMN_LABEL ? from->kind == RMX_COLUMN_LABEL
                                            : strcmp(c->text, from->text) == 0);
        c->centre = from->centre;
        c->factor = from->factor;
        c->fitted = from->fitted;
    }
    if (same) return RMX_OK;
    return rmx_fail(
        error, RMX_ERR_ARGUMENT,
        "%.400s was imported with other columns; leave --spec out to use the spec that "
        "is stored in it",
        name);
}
