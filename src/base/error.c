#include "base/error.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Foreign bytes end up in messages: a terminal must never see their control characters. The arguments may
 * point into err->message. */
static void set_formatted(error *err, error_code code, const char *format, va_list arguments) {
  char message[sizeof err->message] = "";
  vsnprintf(message, sizeof message, format, arguments);
  utf8_neutralise(message);
  err->code = code;
  memcpy(err->message, message, strlen(message) + 1);
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
  int saved = errno;
  va_list arguments;
  va_start(arguments, format);
  set_formatted(err,
                errno_value == ENOENT   ? ERROR_NOT_FOUND
                : errno_value == ENOMEM ? ERROR_MEMORY
                                        : ERROR_IO,
                format, arguments);
  va_end(arguments);
  char buffer[128];
  /* The GNU strerror_r may return a constant instead of filling the buffer. */
  const char *reason = strerror_r(errno_value, buffer, sizeof buffer);
  size_t used = strlen(err->message), most = sizeof err->message - strlen(reason) - sizeof "...: ";
  bool cut = used > most;
  used = cut ? most : used;
  snprintf(err->message + used, sizeof err->message - used, "%s: %s", cut ? "..." : "", reason);
  utf8_neutralise(err->message); /* where a character was cut */
  errno = saved;
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
  return error_set(err, err->code, "%s: %s", context, err->message);
}

bool error_out_of_memory(error *err) {
  return error_set(err, ERROR_MEMORY, "out of memory");
}
