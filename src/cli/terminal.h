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

#endif
