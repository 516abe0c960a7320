#include "cli/cut_file.h"

#include "cli/commands/command.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* Calls only what a signal handler may call. */
static void on_bus_error(int number, siginfo_t *info, void *context) {
  static const char message[] = "deepecg: a file was cut short by another program while it was being read\n";
  (void)context;
  if (info->si_code == BUS_ADRERR && write(STDERR_FILENO, message, sizeof message - 1) > 0)
    _exit(EXIT_SOME_FAILED);
  raise(number); /* for what it is: the handler is gone */
}

void cut_file_expect(void) {
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};
  sigaction(SIGBUS, &action, NULL);
}
