/* SPDX-License-Identifier: MIT */
/* checkpoint_folder.c: the checkpoints of a run in one folder: lists them, finds the newest sound
 * one, removes old ones. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/whole_file.h"
#include "train/checkpoint_format.h"

enum { DIGITS = 12 };

const char *rmx_checkpoint_name(int64_t step, char out[RMX_CHECKPOINT_FILE_NAME])
{
    snprintf(out, RMX_CHECKPOINT_FILE_NAME, "step-%0*lld.h5", DIGITS, (long long)step);
    return out;
}

void rmx_checkpoint_path(const char *folder, int64_t step, char *out, size_t bytes)
{
    char name[RMX_CHECKPOINT_FILE_NAME];
    snprintf(out, bytes, "%s/%s", folder, rmx_checkpoint_name(step, name));
}

/* The step of "step-000000000100" followed by suffix, or -1. */
static int64_t step_of(const char *name, const char *suffix)
{
    const size_t head = strlen("step-");
    if (strncmp(name, "step-", head) || strspn(name + head, "0123456789") != DIGITS) return -1;
    if (strncmp(name + head + DIGITS, suffix, strlen(suffix))) return -1;
    return strtoll(name + head, NULL, 10);
}

static bool is_checkpoint(const char *name)
{
    return step_of(name, ".h5") >= 0 && strlen(name) == strlen("step-") + DIGITS + strlen(".h5");
}

static int ascending(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static rmx_status read_steps(DIR *dir, const char *folder, int64_t **steps, int32_t *count,
                             rmx_error *error)
{
    int32_t room = 0;
    for (const struct dirent *entry; (errno = 0, entry = readdir(dir));) {
        if (!is_checkpoint(entry->d_name)) continue;
        if (*count == room) {
            room = room ? 2 * room : 16;
            int64_t *more = realloc(*steps, (size_t)room * sizeof **steps);
            if (!more) return rmx_fail(error, RMX_ERR_MEMORY, "out of memory");
            *steps = more;
        }
        (*steps)[(*count)++] = step_of(entry->d_name, ".h5");
    }
    if (errno == 0) return RMX_OK; /* NULL stood for an error, not for the end */
    return rmx_fail_system(error, errno, "%s: cannot list the checkpoints", folder);
}

rmx_status rmx_checkpoint_list(const char *folder, int64_t **steps, int32_t *count,
                               rmx_error *error)
{
    DIR *dir = opendir(folder);
    *steps = NULL;
    *count = 0;
    if (!dir && errno == ENOENT) return RMX_OK;
    if (!dir) return rmx_fail_system(error, errno, "%s: cannot list the checkpoints", folder);
    const rmx_status status = read_steps(dir, folder, steps, count, error);
    closedir(dir);
    if (status == RMX_OK && *count) qsort(*steps, (size_t)*count, sizeof **steps, ascending);
    if (status == RMX_OK) return RMX_OK;
    free(*steps);
    *steps = NULL;
    *count = 0;
    return status;
}

rmx_status rmx_checkpoint_newest(const char *folder, char *path, size_t path_bytes,
                                 void (*refused)(void *user, const char *text), void *user,
                                 rmx_error *error)
{
    int64_t *steps;
    int32_t count;
    rmx_error why;
    path[0] = '\0';
    rmx_status status = rmx_checkpoint_list(folder, &steps, &count, error);
    if (status != RMX_OK || count == 0) return status;
    for (int32_t i = count - 1; i >= 0; i--) {
        rmx_checkpoint_path(folder, steps[i], path, path_bytes);
        status = rmx_checkpoint_verify(path, &why);
        if (status != RMX_ERR_DATA || why.system_error)
            break; /* it is sound, or it cannot be read */
        if (refused) refused(user, why.text);
        path[0] = '\0';
    }
    free(steps);
    if (path[0] && status == RMX_OK) return RMX_OK;
    if (path[0]) {
        path[0] = '\0';
        return rmx_fail(error, status,
                        "%s; nothing was changed, as this says nothing about the checkpoint: the "
                        "same command goes on from it once it can be read",
                        why.text);
    }
    return rmx_fail(error, RMX_ERR_DATA,
                    "%s: none of the %d checkpoints can be used (%s); --resume never puts them "
                    "aside and starts anew",
                    folder, count, why.text);
}

rmx_status rmx_checkpoint_set_aside(const char *folder, int64_t step, rmx_error *error)
{
    char path[RMX_CHECKPOINT_PATH_MAX], aside[RMX_CHECKPOINT_PATH_MAX + 8];
    int64_t *steps;
    int32_t count;
    rmx_status status = rmx_checkpoint_list(folder, &steps, &count, error);
    for (int32_t i = 0; status == RMX_OK && i < count; i++) {
        if (steps[i] <= step) continue;
        rmx_checkpoint_path(folder, steps[i], path, sizeof path);
        snprintf(aside, sizeof aside, "%s.aside", path);
        if (rename(path, aside) != 0)
            status = rmx_fail_system(error, errno, "%s: cannot be set aside", path);
    }
    free(steps);
    return status;
}

static bool of_checkpoints(const char *name)
{
    return !strcmp(name, "best.h5") || is_checkpoint(name);
}

void rmx_checkpoint_remove_leftovers(const char *folder, bool alone)
{
    rmx_remove_leftovers_in(folder, of_checkpoints, alone);
}

/* best.h5 is a link and is replaced in one move. A file system without links has no best.h5. */
static rmx_status point_best(const char *folder, int64_t step, rmx_error *error)
{
    char target[RMX_CHECKPOINT_PATH_MAX], best[RMX_CHECKPOINT_PATH_MAX];
    char name[RMX_CHECKPOINT_FILE_NAME];
    rmx_status status = RMX_OK;
    snprintf(best, sizeof best, "%s/best.h5", folder);
    rmx_checkpoint_path(folder, step, target, sizeof target);
    if (step <= 0 || (access(target, F_OK) != 0 && errno == ENOENT)) {
        unlink(best);
        return RMX_OK;
    }
    char *temporary = rmx_temporary_name(best);
    if (!temporary) return rmx_fail(error, RMX_ERR_MEMORY, "%s: out of memory", best);
    unlink(temporary);
    if (symlink(rmx_checkpoint_name(step, name), temporary) != 0) {
        if (errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP)
            status = rmx_fail_system(error, errno, "%s: cannot be made", best);
    } else if (rename(temporary, best) != 0) {
        status = rmx_fail_system(error, errno, "%s: cannot be replaced", best);
        unlink(temporary);
    }
    free(temporary);
    return status;
}

rmx_status rmx_checkpoint_tidy(const char *folder, const rmx_checkpoint_state *state, int64_t keep,
                               rmx_error *error)
{
    char place[RMX_CHECKPOINT_PATH_MAX];
    int64_t *steps;
    int32_t count;
    rmx_status status = point_best(folder, state->best_step, error);
    if (status == RMX_OK) status = rmx_checkpoint_list(folder, &steps, &count, error);
    if (status != RMX_OK) return status;
    for (int32_t i = 0; i < count - keep; i++) {
        if (steps[i] == state->best_step || steps[i] == state->step) continue;
        rmx_checkpoint_path(folder, steps[i], place, sizeof place);
        unlink(place);
    }
    free(steps);
    return RMX_OK;
}

rmx_status rmx_checkpoint_save(const char *folder, rmx_checkpoint *checkpoint, int64_t keep,
                               char *path, size_t path_bytes, rmx_error *error)
{
    char place[RMX_CHECKPOINT_PATH_MAX];
    rmx_checkpoint_path(folder, checkpoint->state.step, place, sizeof place);
    rmx_checkpoint_remove_leftovers(folder, false);
    const rmx_status status = rmx_checkpoint_write(place, checkpoint, error);
    if (status != RMX_OK) return status;
    if (path) snprintf(path, path_bytes, "%s", place);
    return rmx_checkpoint_tidy(folder, &checkpoint->state, keep, error);
}
