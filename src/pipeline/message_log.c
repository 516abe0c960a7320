#include "pipeline/message_log.h"

#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

static void keep(void *context, report_level level, const char *text) {
  message_log *log = context;
  void *messages = log->messages;
  char *copy = strdup(text);
  if (!copy || !array_reserve(&messages, &log->capacity, log->count + 1, sizeof *log->messages, NULL)) {
    free(copy);
    return;
  }
  log->messages = messages;
  log->messages[log->count++] = (logged_message){level, copy};
}

reporter message_log_reporter(message_log *log) {
  return (reporter){.context = log, .message = keep};
}

void message_log_replay(const message_log *log, const reporter *r) {
  for (size_t i = 0; i < log->count; i++)
    report(r, log->messages[i].level, "%s", log->messages[i].text);
}

void message_log_free(message_log *log) {
  for (size_t i = 0; i < log->count; i++)
    free(log->messages[i].text);
  free(log->messages);
  *log = (message_log){0};
}
