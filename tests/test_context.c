/* SPDX-License-Identifier: MIT */
/* test_context.c: where work runs: options that cannot be, and how they are refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "rankmixer/context.h"

static void refuses(const rmx_context_options *options, const char *what)
{
    char text[256] = "";
    rmx_context *ctx = (rmx_context *)(void *)text;
    cr_expect_eq(rmx_context_create(options, &ctx, text, sizeof text), RMX_ERR_ARGUMENT, "%s",
                 what);
    cr_expect_null(ctx);
    cr_expect(strstr(text, what), "\"%s\" lacks \"%s\"", text, what);
}

Test(context, a_gpus_number_and_stream_are_for_gpus)
{
    int stream = 0; /* no stream, and never used as one */
    refuses(&(rmx_context_options){.device = RMX_DEVICE_CPU, .ordinal = 1}, "ordinal = 1");
    refuses(&(rmx_context_options){.device = RMX_DEVICE_CUDA, .ordinal = -1}, "ordinal = -1");
    refuses(&(rmx_context_options){.device = RMX_DEVICE_CPU, .stream = &stream}, "stream:");
    refuses(&(rmx_context_options){.device = RMX_DEVICE_AUTO, .stream = &stream}, "stream:");
}

Test(context, other_options)
{
    refuses(&(rmx_context_options){.device = (rmx_device)7}, "device = 7");
    refuses(&(rmx_context_options){.device = RMX_DEVICE_CPU, .threads = -1}, "threads = -1");
    refuses(&(rmx_context_options){.device = RMX_DEVICE_CPU, .cpu_code = "mmx"}, "mmx");
}
