#include "base/reporter.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

void report(const reporter *r, report_level level, const char *format, ...) {
  if (!r || !r->message)
    return;
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  utf8_neutralise(text); /* foreign bytes must not drive a terminal */
  r->message(r->context, level, text);
}

void report_progress(const reporter *r, const char *stage, size_t done, size_t total) {
  if (r && r->progress)
    r->progress(r->context, stage, done, total);
}
