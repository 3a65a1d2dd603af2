/* SPDX-License-Identifier: MIT */
/* spec_presets.c: the column specs of two public click logs. */
#include <stddef.h>
#include <string.h>

#include "data/spec.h"

/* Criteo (Kaggle display advertising, also the terabyte set): 13 counts, which may be negative or
 * blank, and 26 hashed categories. log(1 + x) for x > 0, x otherwise; a blank has its own flag.
 * Some copies lost the tabs at the end of lines: pad. */
static const char criteo[] = "[file]\nseparator = tab\nheader = no\ntrim = no\npad = yes\n"
                             "[columns]\nlabel = label positive=1 negative=0\n"
                             "I1..I13 = dense log flag\nC1..C26 = sparse min_count=10\n";

/* Avazu (Kaggle): hour is YYMMDDHH, of which the hour of the day is kept. */
/* clang-format off */
#define SPARSE(name) #name " = sparse min_count=4\n"
static const char avazu[] =
    "[file]\nseparator = comma\nheader = yes\ntrim = no\n[columns]\n"
    "id = skip\nclick = label positive=1 negative=0\nhour = sparse last=2\n"
    SPARSE(C1) SPARSE(banner_pos) SPARSE(site_id) SPARSE(site_domain) SPARSE(site_category)
    SPARSE(app_id) SPARSE(app_domain) SPARSE(app_category) SPARSE(device_id) SPARSE(device_ip)
    SPARSE(device_model) SPARSE(device_type) SPARSE(device_conn_type) SPARSE(C14..C21);
/* clang-format on */

const char *rmx_spec_preset(const char *format)
{
    if (strcmp(format, "criteo") == 0) return criteo;
    if (strcmp(format, "avazu") == 0) return avazu;
    return NULL;
}
