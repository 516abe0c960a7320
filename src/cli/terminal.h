/* What the user sees while something runs: messages and progress on stderr. */
#ifndef DEEPECG_CLI_TERMINAL_H
#define DEEPECG_CLI_TERMINAL_H

#include "base/reporter.h"

#include <stdbool.h>

typedef struct terminal {
  reporter reporter;  /* give &terminal.reporter to the rooms below */
  report_level least; /* messages below it are not shown */
  bool animate;       /* stderr is a terminal that can redraw a line */
  bool line_open;
  char stage[96];
  double stage_start, last_shown;
} terminal;

/* quiet: warnings only. */
void terminal_init(terminal *t, bool quiet);

/* End an open progress line. */
void terminal_finish(terminal *t);

/* Write lines that hold text of foreign files to standard output; what could drive a terminal in them becomes
 * '?', in place too. */
void terminal_print(char *lines);

/* The same for a text that must stay as it is, and that stays on its line. */
void terminal_print_copy(const char *text);

#endif
