#include "base/reporter.h"

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
  for (unsigned char *c = (unsigned char *)text; *c; c++)
    if (*c < 0x20 || *c == 0x7f) /* foreign bytes must not drive a terminal */
      *c = '?';
  r->message(r->context, level, text);
}

void report_progress(const reporter *r, const char *stage, size_t done, size_t total) {
  if (r && r->progress)
    r->progress(r->context, stage, done, total);
}
