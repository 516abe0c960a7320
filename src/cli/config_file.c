#include "cli/config_file.h"

#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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

static bool read_lines(const buffer *file, const char *path, config_line handle, void *context, error *err) {
  const char *at = file->data, *end = at + file->size;
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

/* Whatever can be read to its end: also /dev/null, which says nothing, and what a shell's <(...) gives. */
static bool read_bytes(int fd, const char *path, buffer *bytes, error *err) {
  for (;;) {
    if (!buffer_reserve(bytes, LONGEST_LINE, err))
      return false;
    ssize_t got = read(fd, bytes->data + bytes->size, LONGEST_LINE);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return errno == EISDIR ? error_set(err, ERROR_IO, "%s: is a folder, not a file", path)
                             : error_set_errno(err, errno, "%s", path);
    if (got == 0)
      return true;
    bytes->size += (size_t)got;
    if (bytes->size > LARGEST_FILE)
      return error_set(err, ERROR_LIMIT, "%s: too large for a configuration file", path);
  }
}

bool config_file_read(const char *path, config_line handle, void *context, error *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return error_set_errno(err, errno, "%s", path);
  buffer bytes = {0};
  bool ok = read_bytes(fd, path, &bytes, err) && read_lines(&bytes, path, handle, context, err);
  close(fd);
  buffer_free(&bytes);
  return ok;
}
