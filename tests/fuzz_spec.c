/* SPDX-License-Identifier: MIT */
/* fuzz_spec.c: every text is refused, or prints to a text that is read as the same spec and prints
 * to the same bytes; so does what becomes of its patterns where the header is made of its words. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
    if (!good) abort();
}

/* True where the text was read: then *out is the spec. */
static bool parse(const char *text, rmx_spec *out)
{
    rmx_error error = {.text = ""};
    const rmx_status status = rmx_spec_parse("fuzz", text, out, &error);
    require(status == RMX_OK || status == RMX_ERR_ARGUMENT);
    require(status == RMX_OK || error.text[0]);
    require(status == RMX_OK || (!out->column && !out->separator));
    return status == RMX_OK;
}

static void survive(const rmx_spec *spec)
{
    rmx_spec again;
    char *first = rmx_spec_print(spec);
    require(first != NULL);
    require(strlen(first) <= RMX_SPEC_TEXT_MAX);
    require(parse(first, &again));
    require(rmx_spec_equal(spec, &again));
    char *second = rmx_spec_print(&again);
    require(second != NULL);
    require(strcmp(first, second) == 0);
    rmx_spec_free(&again);
    free(first);
    free(second);
}

/* The words of the text as the names of a header. */
static void resolve(rmx_spec *spec, char *text)
{
    char *names[64], *rest = NULL;
    int32_t n = 0;
    rmx_error error = {.text = ""};
    for (char *at = strtok_r(text, "\n= ", &rest); at && n < 64;
         at = strtok_r(NULL, "\n= ", &rest))
        names[n++] = at;
    const rmx_status status = rmx_spec_resolve(spec, "header", names, n, &error);
    require(status == RMX_OK || status == RMX_ERR_ARGUMENT);
    for (int32_t i = 0; status == RMX_OK && i < spec->columns; i++)
        require(!spec->column[i].pattern);
    survive(spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';
    rmx_spec spec;
    if (parse(text, &spec)) {
        survive(&spec);
        rmx_error error = {.text = ""};
        if (spec.columns < 2000) { /* the many columns of a range show nothing new */
            (void)!rmx_spec_adopt(&spec, &spec, "itself", &error);
            survive(&spec);
            resolve(&spec, text);
        }
    }
    rmx_spec_free(&spec);
    free(text);
    return 0;
}
