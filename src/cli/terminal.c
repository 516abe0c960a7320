#include "cli/terminal.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Progress appears only for work longer than this, and then this often. */
static const double first_progress_seconds = 2, redraw_seconds = 0.2, line_seconds = 15;

void terminal_finish(terminal *t) {
  if (t->line_open)
    fputs("\r\033[K", stderr);
  t->line_open = false;
}

static void show_message(void *context, report_level level, const char *text) {
  terminal *t = context;
  if (level < t->least)
    return;
  terminal_finish(t);
  fprintf(stderr, "%s%s\n", level == REPORT_WARNING ? "warning: " : "", text);
}

static void show_progress(void *context, const char *stage, size_t done, size_t total) {
  terminal *t = context;
  double now = clock_seconds();
  if (strncmp(t->stage, stage, sizeof t->stage - 1) != 0) {
    terminal_finish(t);
    snprintf(t->stage, sizeof t->stage, "%s", stage);
    t->stage_start = t->last_shown = now;
  }
  double spent = now - t->stage_start;
  bool ended = done >= total;
  if (spent < first_progress_seconds ||
      (!ended && now - t->last_shown < (t->animate ? redraw_seconds : line_seconds)))
    return;
  t->last_shown = now;
  double rate = (double)done / spent;
  char line[256];
  if (ended)
    snprintf(line, sizeof line, "%s: %zu in %.1f s, %.4g/s", stage, done, spent, rate);
  else
    snprintf(line, sizeof line, "%s: %zu of %zu, %.4g/s, %.0f s left", stage, done, total, rate,
             (double)(total - done) / rate);
  if (t->animate && !ended) {
    fprintf(stderr, "\r%s\033[K", line);
    t->line_open = true;
  } else {
    terminal_finish(t);
    fprintf(stderr, "%s\n", line);
  }
  fflush(stderr);
}

void terminal_init(terminal *t, bool quiet) {
  const char *type = getenv("TERM");
  *t = (terminal){.reporter = {t, show_message, show_progress},
                  .least = quiet ? REPORT_WARNING : REPORT_INFO,
                  .animate = isatty(STDERR_FILENO) && type && strcmp(type, "dumb") != 0};
  if (quiet)
    t->reporter.progress = NULL;
}

void terminal_print(char *lines) {
  for (char *line = lines, *end; line; line = end) {
    end = strchr(line, '\n');
    if (end)
      *end++ = '\0';
    utf8_neutralise(line);
    fputs(line, stdout);
    if (end)
      putchar('\n');
  }
}

void terminal_print_copy(const char *text) {
  char *copy = strdup(text);
  if (!copy)
    return;
  utf8_neutralise(copy);
  fputs(copy, stdout);
  free(copy);
}
