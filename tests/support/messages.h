/* A reporter that keeps what is said. */
#ifndef DEEPECG_TESTS_MESSAGES_H
#define DEEPECG_TESTS_MESSAGES_H

#include "base/buffer.h"
#include "base/reporter.h"

typedef struct messages {
  char *text; /* a line per message; NULL before the first */
  size_t count, warnings;
  buffer lines;
} messages; /* zero-initialise; free with messages_free */

static inline void messages_add(void *context, report_level level, const char *text) {
  messages *m = context;
  m->count++;
  m->warnings += level == REPORT_WARNING;
  buffer_printf(&m->lines, NULL, "%s\n", text);
  m->text = m->lines.data;
}

static inline void messages_free(messages *m) {
  buffer_free(&m->lines);
}

#define MESSAGES_REPORTER(messages) ((const reporter){&(messages), messages_add, NULL})

#endif
