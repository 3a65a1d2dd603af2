/* SPDX-License-Identifier: MIT */
/* spec_testing.h: what the tests of column specs share. */
#ifndef RMX_SPEC_TESTING_H
#define RMX_SPEC_TESTING_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "data/spec.h"

static inline rmx_spec parse(const char *text)
{
    rmx_spec spec;
    rmx_error error = {.text = ""};
    cr_assert_eq(rmx_spec_parse("s.ini", text, &spec, &error), RMX_OK, "%s\n%s", error.text, text);
    return spec;
}

/* Printed, read and printed again: the same spec, the same bytes. */
static inline void survives(const rmx_spec *spec)
{
    char *first = rmx_spec_print(spec);
    cr_assert(first);
    rmx_spec again = parse(first);
    cr_assert(rmx_spec_equal(spec, &again) && rmx_spec_equal(&again, spec), "%s", first);
    char *second = rmx_spec_print(&again);
    cr_assert_str_eq(first, second);
    rmx_spec_free(&again);
    free(first);
    free(second);
}

static inline void refused(const char *text, const char *says)
{
    rmx_spec spec;
    rmx_error error = {.text = ""};
    const rmx_status status = rmx_spec_parse("s.ini", text, &spec, &error);
    cr_expect_eq(status, RMX_ERR_ARGUMENT, "taken: %s", text);
    cr_expect(strstr(error.text, says), "'%s' lacks '%s'", error.text, says);
    cr_expect(spec.columns == 0 && !spec.column && !spec.separator);
    if (status == RMX_OK) rmx_spec_free(&spec);
}

#endif /* RMX_SPEC_TESTING_H */
