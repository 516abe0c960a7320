#include "cli/interrupt.h"

#include <stddef.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof *signals };

static volatile sig_atomic_t interrupted;

/* A terminal that is closed hangs up more than once: the shell does so, then the kernel. */
static void on_signal(int number) {
  interrupted = 1;
  for (size_t i = 0; i < SIGNALS; i++)
    if (number != SIGHUP && signals[i] != SIGHUP)
      signal(signals[i], SIG_DFL);
}

/* nohup has SIGHUP ignored. */
static int is_ignored(int number) {
  struct sigaction now;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

const volatile sig_atomic_t *interrupt_flag(void) {
  struct sigaction action = {.sa_handler = on_signal};
  for (size_t i = 0; i < SIGNALS; i++)
    if (signals[i] != SIGHUP || !is_ignored(SIGHUP))
      sigaction(signals[i], &action, NULL);
  return &interrupted;
}
