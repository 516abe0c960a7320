/* Ctrl-C, a polite kill, and a terminal that is closed: stop at the next safe point. */
#ifndef DEEPECG_CLI_INTERRUPT_H
#define DEEPECG_CLI_INTERRUPT_H

#include <signal.h>

/* From now on SIGINT, SIGTERM and (but under nohup) SIGHUP set the flag that is returned; after SIGINT or
 * SIGTERM a second one of the two kills, as users expect of an impatient Ctrl-C. */
const volatile sig_atomic_t *interrupt_flag(void);

#endif
