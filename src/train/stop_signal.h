/* SPDX-License-Identifier: MIT */
/* stop_signal.h: turns SIGTERM and SIGINT into a flag that long work checks. */
#ifndef RMX_TRAIN_STOP_SIGNAL_H
#define RMX_TRAIN_STOP_SIGNAL_H

#include <stdbool.h>

/* Installs the handlers. The first SIGTERM or SIGINT sets the flag, a second one ends the process
 * at once. SIGPIPE and SIGXFSZ become errors of the calls that cause them. */
void rmx_stop_install(void);
bool rmx_stop_requested(void);

#endif /* RMX_TRAIN_STOP_SIGNAL_H */
