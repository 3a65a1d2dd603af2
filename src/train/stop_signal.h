/* SPDX-License-Identifier: MIT */
/* stop_signal.h: SIGTERM and SIGINT as a flag that long work looks at. */
#ifndef RMX_TRAIN_STOP_SIGNAL_H
#define RMX_TRAIN_STOP_SIGNAL_H

#include <stdbool.h>

/* From now on the first SIGTERM or SIGINT sets the flag; a second ends the process at once.
 * SIGPIPE and SIGXFSZ become errors of the calls that cause them. */
void rmx_stop_install(void);
bool rmx_stop_requested(void);

#endif /* RMX_TRAIN_STOP_SIGNAL_H */
