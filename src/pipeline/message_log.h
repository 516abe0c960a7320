/* What a background thread has to say, kept until it is its turn. */
#ifndef DEEPECG_PIPELINE_MESSAGE_LOG_H
#define DEEPECG_PIPELINE_MESSAGE_LOG_H

#include "base/reporter.h"

typedef struct logged_message {
  report_level level;
  char *text; /* owned */
} logged_message;

/* Zero-initialise; free with message_log_free. One thread at a time. */
typedef struct message_log {
  logged_message *messages;
  size_t count, capacity;
} message_log;

/* A reporter that keeps messages in the log; progress is dropped. Being out of memory loses the message. */
reporter message_log_reporter(message_log *log);

/* Say everything, in order. */
void message_log_replay(const message_log *log, const reporter *r);
void message_log_free(message_log *log);

#endif
