/* SPDX-License-Identifier: MIT */
/* spec_presets.c: the column specs of two public click logs. */
#include <stddef.h>
#include <string.h>

#include "data/spec.h"

/* Criteo (Kaggle display advertising, also the terabyte set): 13 counts, which may be negative or
 * blank, and 26 hashed categories. log(1 + x) for x > 0, x otherwise; a blank has its own flag.
 * Some copies lost the tabs at the end of lines: pad. */
#define COUNT(n) "I" #n " = dense log flag\n"
#define CATEGORY(n) "C" #n " = sparse min_count=10\n"
static const char criteo[] =
    "[file]\nseparator = tab\nheader = no\ntrim = no\npad = yes\n[columns]\n"
    "label = label positive=1 negative=0\n" COUNT(1) COUNT(2) COUNT(3) COUNT(4) COUNT(5) COUNT(6)
        COUNT(7) COUNT(8) COUNT(9) COUNT(10) COUNT(11) COUNT(12) COUNT(13) CATEGORY(1) CATEGORY(2)
            CATEGORY(3) CATEGORY(4) CATEGORY(5) CATEGORY(6) CATEGORY(7) CATEGORY(8) CATEGORY(9)
                CATEGORY(10) CATEGORY(11) CATEGORY(12) CATEGORY(13) CATEGORY(14) CATEGORY(15)
                    CATEGORY(16) CATEGORY(17) CATEGORY(18) CATEGORY(19) CATEGORY(20) CATEGORY(21)
                        CATEGORY(22) CATEGORY(23) CATEGORY(24) CATEGORY(25) CATEGORY(26);

/* Avazu (Kaggle): hour is YYMMDDHH, of which the hour of the day is kept; device_ip stands for the
 * user in GAUC as device_id is mostly one value. */
#define SPARSE(name) #name " = sparse min_count=4\n"
static const char avazu[] =
    "[file]\nseparator = comma\nheader = yes\ntrim = no\n[columns]\n"
    "id = skip\nclick = label positive=1 negative=0\nhour = sparse last=2\n" SPARSE(C1)
        SPARSE(banner_pos) SPARSE(site_id) SPARSE(site_domain) SPARSE(site_category) SPARSE(app_id)
            SPARSE(app_domain) SPARSE(app_category) SPARSE(device_id) SPARSE(device_ip)
                SPARSE(device_model) SPARSE(device_type) SPARSE(device_conn_type) SPARSE(C14)
                    SPARSE(C15) SPARSE(C16) SPARSE(C17) SPARSE(C18) SPARSE(C19) SPARSE(C20)
                        SPARSE(C21);

const char *rmx_spec_preset(const char *format)
{
    if (strcmp(format, "criteo") == 0) return criteo;
    if (strcmp(format, "avazu") == 0) return avazu;
    return NULL;
}
