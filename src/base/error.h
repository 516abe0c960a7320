/* Errors travel upwards in an object that the caller owns; nothing below src/cli prints or exits.
 *
 * A function that can fail returns bool (true: done) or a pointer (NULL: failed) and takes `error *err` last.
 * On failure it fills *err (err may be NULL where the caller doesn't care). On success *err is untouched. */
#ifndef DEEPECG_BASE_ERROR_H
#define DEEPECG_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

typedef enum error_code {
  ERROR_NONE = 0,
  ERROR_USAGE,       /* the caller asked for something that does not exist */
  ERROR_NOT_FOUND,   /* a file or a name is not there */
  ERROR_IO,          /* the system refused: permission, disk full, ... */
  ERROR_FORMAT,      /* bytes that break their own format */
  ERROR_UNSUPPORTED, /* valid, but nothing here can read or compute it */
  ERROR_LIMIT,       /* larger or deeper than is accepted from a file */
  ERROR_DATA,        /* well-formed, but not usable: too short, NaN, wrong lead count, ... */
  ERROR_MEMORY,      /* out of memory */
  ERROR_INTERNAL     /* a defect of this program */
} error_code;

typedef struct error {
  error_code code;
  char message[1000]; /* one line, UTF-8, no trailing full stop or newline */
} error;

/* Fill *err, replacing what it held (which may be among the arguments). Always returns false, so that `return
 * error_set(...)` reads well. Control characters and bytes that are not UTF-8 become '?'; too long a message
 * is cut. errno is left as it was. */
bool error_set(error *err, error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same with ": " and the system's text for errno_value appended. */
bool error_set_errno(error *err, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put a context in front of the message that *err holds: "context: message". Always returns false. */
bool error_prefix(error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Out of memory, in one word. Always returns false. */
bool error_out_of_memory(error *err);

#endif
