#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Foreign bytes end up in messages: a terminal must never see their control characters. */
static void neutralise(char *text) {
  for (unsigned char *c = (unsigned char *)text; *c; c++)
    if (*c < 0x20 || *c == 0x7f)
      *c = '?';
}

static void set_formatted(error *err, error_code code, const char *format, va_list arguments) {
  err->code = code;
  vsnprintf(err->message, sizeof err->message, format, arguments);
  neutralise(err->message);
}

bool error_set(error *err, error_code code, const char *format, ...) {
  if (!err)
    return false;
  int saved = errno;
  va_list arguments;
  va_start(arguments, format);
  set_formatted(err, code, format, arguments);
  va_end(arguments);
  errno = saved;
  return false;
}

bool error_set_errno(error *err, int errno_value, const char *format, ...) {
  if (!err)
    return false;
  va_list arguments;
  va_start(arguments, format);
  set_formatted(err, errno_value == ENOENT ? ERROR_NOT_FOUND : errno_value == ENOMEM ? ERROR_MEMORY : ERROR_IO, format,
                arguments);
  va_end(arguments);
  char reason[128];
  size_t used = strlen(err->message);
  /* The GNU strerror_r may return a constant instead of filling the buffer. */
  snprintf(err->message + used, sizeof err->message - used, ": %s", strerror_r(errno_value, reason, sizeof reason));
  return false;
}

bool error_prefix(error *err, const char *format, ...) {
  if (!err)
    return false;
  char context[sizeof err->message];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(context, sizeof context, format, arguments);
  va_end(arguments);
  neutralise(context);
  char joined[2 * sizeof err->message + 2];
  snprintf(joined, sizeof joined, "%s: %s", context, err->message);
  joined[sizeof err->message - 1] = '\0';
  memcpy(err->message, joined, sizeof err->message);
  return false;
}

bool error_out_of_memory(error *err) {
  return error_set(err, ERROR_MEMORY, "out of memory");
}
