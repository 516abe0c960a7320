#include "cli/config_file.h"

#include "base/mapped_file.h"

#include <string.h>

enum { LONGEST_LINE = 4096, LARGEST_FILE = 1 << 20 };

static char *trim(char *text) {
  text += strspn(text, " \t\r");
  size_t length = strlen(text);
  while (length && strchr(" \t\r", text[length - 1]))
    text[--length] = '\0';
  if (length >= 2 && (*text == '"' || *text == '\'') && text[length - 1] == *text) {
    text[length - 1] = '\0';
    text++;
  }
  return text;
}

static bool read_line(const char *path, size_t line, char *text, config_line handle, void *context,
                      error *err) {
  char *key = text + strspn(text, " \t\r");
  if (*key == '\0' || *key == '#')
    return true;
  char *colon = strchr(key, ':');
  if (!colon)
    return error_set(err, ERROR_FORMAT, "%s:%zu: a line is 'key: value'; this one has no colon", path, line);
  *colon = '\0';
  return handle(context, line, trim(key), trim(colon + 1), err);
}

static bool read_lines(const mapped_file *file, const char *path, config_line handle, void *context,
                       error *err) {
  const char *at = (const char *)file->data, *end = at + file->size;
  if (end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
    at += 3;
  for (size_t line = 1; at < end; line++) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    size_t length = (size_t)((newline ? newline : end) - at);
    char text[LONGEST_LINE];
    if (length >= sizeof text || memchr(at, '\0', length))
      return error_set(err, ERROR_FORMAT, "%s:%zu: not a line of text", path, line);
    memcpy(text, at, length);
    text[length] = '\0';
    if (!read_line(path, line, text, handle, context, err))
      return false;
    at += length + (newline != NULL);
  }
  return true;
}

bool config_file_read(const char *path, config_line handle, void *context, error *err) {
  mapped_file file;
  if (!mapped_file_open(&file, path, err))
    return false;
  bool ok = file.size <= LARGEST_FILE
                ? read_lines(&file, path, handle, context, err)
                : error_set(err, ERROR_LIMIT, "%s: too large for a configuration file", path);
  mapped_file_close(&file);
  return ok;
}
