#include "hub/safe_path.h"

#include "base/utf8.h"

#include <string.h>

enum { LONGEST_PATH = 1000 };

static bool component_is_safe(const char *name, size_t length) {
  return length > 0 && !(length == 1 && name[0] == '.') && !(length == 2 && memcmp(name, "..", 2) == 0);
}

static bool characters_are_safe(const char *path, size_t length) {
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)path[i];
    bool c1_control = c == 0xc2 && i + 1 < length && (unsigned char)path[i + 1] < 0xa0;
    if (c < 0x20 || c == 0x7f || c == '\\' || c1_control)
      return false;
  }
  return utf8_valid(path, length);
}

bool path_is_safe(const char *path, size_t length) {
  if (length == 0 || length > LONGEST_PATH || !characters_are_safe(path, length))
    return false;
  for (size_t start = 0; start <= length;) {
    const char *slash = memchr(path + start, '/', length - start);
    size_t end = slash ? (size_t)(slash - path) : length;
    if (!component_is_safe(path + start, end - start))
      return false;
    start = end + 1;
  }
  return true;
}
