#include "support/damage.h"

#include "base/buffer.h"
#include "base/mapped_file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool skip_blanks(const char **p) {
  while (**p == ' ' || **p == '\t')
    ++*p;
  return **p != '\0';
}

static bool parse_integer(const char **p, long long *value) {
  if (!skip_blanks(p))
    return false;
  char *end;
  errno = 0;
  *value = strtoll(*p, &end, 0);
  if (end == *p || errno || (*end && *end != ' ' && *end != '\t'))
    return false;
  *p = end;
  return true;
}

static int hex_digit(char c) {
  return isdigit((unsigned char)c)    ? c - '0'
         : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                      : -1;
}

/* The character after a backslash at *p; *p ends behind it. -1: not an escape. */
static int parse_escape(const char **p) {
  char c = *(*p)++;
  switch (c) {
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  case '\\':
  case '"':
    return c;
  case 'x': {
    int high = hex_digit((*p)[0]), low = high < 0 ? -1 : hex_digit((*p)[1]);
    if (low < 0)
      return -1;
    *p += 2;
    return high * 16 + low;
  }
  default:
    return -1;
  }
}

static bool parse_quoted(const char **p, buffer *text, error *err) {
  buffer_clear(text);
  if (!skip_blanks(p) || *(*p)++ != '"')
    return error_set(err, ERROR_FORMAT, "a text in double quotes is missing");
  while (**p && **p != '"') {
    int c = (unsigned char)*(*p)++;
    if (c == '\\' && (!**p || (c = parse_escape(p)) < 0))
      return error_set(err, ERROR_FORMAT, "unknown escape");
    char byte = (char)c;
    if (!buffer_append(text, &byte, 1, err))
      return false;
  }
  if (*(*p)++ != '"')
    return error_set(err, ERROR_FORMAT, "a quote is not closed");
  return true;
}

static bool do_truncate(const char **p, buffer *bytes, error *err) {
  long long length;
  if (!parse_integer(p, &length))
    return error_set(err, ERROR_FORMAT, "truncate wants a number");
  if (length < 0)
    length += (long long)bytes->size;
  if (length < 0 || length > (long long)bytes->size)
    return error_set(err, ERROR_FORMAT, "truncate reaches outside the %zu bytes", bytes->size);
  bytes->size = (size_t)length;
  return true;
}

static bool do_set(const char **p, buffer *bytes, error *err) {
  long long offset, value;
  if (!parse_integer(p, &offset) || !skip_blanks(p))
    return error_set(err, ERROR_FORMAT, "set wants an offset and bytes");
  if (offset < 0)
    offset += (long long)bytes->size;
  for (; skip_blanks(p); offset++) {
    if (!parse_integer(p, &value) || value < 0 || value > 255)
      return error_set(err, ERROR_FORMAT, "set wants bytes from 0x00 to 0xff");
    if (offset < 0 || offset >= (long long)bytes->size)
      return error_set(err, ERROR_FORMAT, "set reaches outside the %zu bytes", bytes->size);
    bytes->data[offset] = (char)value;
  }
  return true;
}

static bool replace_first(buffer *bytes, const buffer *old, const buffer *new, error *err) {
  char *at = old->size && bytes->size ? memmem(bytes->data, bytes->size, old->data, old->size) : NULL;
  if (!at)
    return error_set(err, ERROR_FORMAT, "the text to replace is not in the file");
  size_t before = (size_t)(at - bytes->data), after = bytes->size - before - old->size;
  if (!buffer_reserve(bytes, new->size, err))
    return false;
  memmove(bytes->data + before + new->size, bytes->data + before + old->size, after);
  if (new->size)
    memcpy(bytes->data + before, new->data, new->size);
  bytes->size = before + new->size + after;
  return true;
}

static bool do_replace(const char **p, buffer *bytes, error *err) {
  buffer old = {0}, new = {0};
  bool ok = parse_quoted(p, &old, err) && parse_quoted(p, &new, err) && replace_first(bytes, &old, &new, err);
  buffer_free(&old);
  buffer_free(&new);
  return ok;
}

static bool do_append(const char **p, buffer *bytes, error *err) {
  buffer text = {0};
  bool ok = parse_quoted(p, &text, err) && buffer_append(bytes, text.data, text.size, err);
  buffer_free(&text);
  return ok;
}

static bool do_empty(const char **p, buffer *bytes, error *err) {
  (void)p, (void)err;
  buffer_clear(bytes);
  return true;
}

static bool apply(const char *text, buffer *bytes, error *err) {
  static const struct {
    const char *name;
    bool (*run)(const char **p, buffer *bytes, error *err);
  } verbs[] = {{"truncate", do_truncate},
               {"set", do_set},
               {"replace", do_replace},
               {"append", do_append},
               {"empty", do_empty}};
  size_t length = strcspn(text, " \t");
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    if (strlen(verbs[i].name) != length || strncmp(verbs[i].name, text, length) != 0)
      continue;
    const char *p = text + length;
    if (!verbs[i].run(&p, bytes, err))
      return false;
    return skip_blanks(&p) ? error_set(err, ERROR_FORMAT, "too much after %s: %s", verbs[i].name, p) : true;
  }
  return error_set(err, ERROR_FORMAT, "unknown damage: %s", text);
}

static bool load_base(const char *tests_folder, const char *name, damage_case *out, buffer *bytes,
                      error *err) {
  if (out->base[0] || bytes->size)
    return error_set(err, ERROR_FORMAT, "base must come once, before every do");
  if (!*name || strlen(name) >= sizeof out->base)
    return error_set(err, ERROR_FORMAT, "no usable base");
  strcpy(out->base, name);
  buffer path = {0};
  mapped_file file = {0};
  bool ok = buffer_printf(&path, err, "%s/%s", tests_folder, name) &&
            mapped_file_open(&file, path.data, err) && buffer_append(bytes, file.data, file.size, err);
  mapped_file_close(&file);
  buffer_free(&path);
  return ok;
}

static bool set_expectation(const char *text, damage_case *out, error *err) {
  if (out->expect[0] || !*text || strlen(text) >= sizeof out->expect)
    return error_set(err, ERROR_FORMAT, "one usable expect line is wanted");
  strcpy(out->expect, text);
  out->expect_ok = strcmp(text, "ok") == 0;
  return true;
}

static bool read_line(const char *line, const char *tests_folder, damage_case *out, buffer *bytes,
                      error *err) {
  if (!skip_blanks(&line) || *line == '#')
    return true;
  const char *colon = strchr(line, ':');
  size_t length = colon ? (size_t)(colon - line) : 0;
  const char *value = colon ? colon + 1 : line;
  skip_blanks(&value);
  if (length == 4 && strncmp(line, "base", 4) == 0)
    return load_base(tests_folder, value, out, bytes, err);
  if (length == 2 && strncmp(line, "do", 2) == 0)
    return apply(value, bytes, err);
  if (length == 6 && strncmp(line, "expect", 6) == 0)
    return set_expectation(value, out, err);
  return error_set(err, ERROR_FORMAT, "neither base, do nor expect: %s", line);
}

static bool read_lines(const buffer *text, const char *tests_folder, damage_case *out, buffer *bytes,
                       error *err) {
  buffer line = {0};
  bool ok = true;
  int number = 0;
  for (size_t at = 0; ok && at < text->size;) {
    size_t length = strcspn(text->data + at, "\n"), trimmed = length;
    while (trimmed && strchr(" \t\r", text->data[at + trimmed - 1]))
      trimmed--;
    buffer_clear(&line);
    number++;
    ok = buffer_append(&line, text->data + at, trimmed, err) &&
         (read_line(line.data, tests_folder, out, bytes, err) || error_prefix(err, "line %d", number));
    at += length + 1;
  }
  buffer_free(&line);
  return ok && (out->expect[0] || error_set(err, ERROR_FORMAT, "no expect line"));
}

static bool keep_exact(damage_case *out, const buffer *bytes, error *err) {
  out->bytes = malloc(bytes->size ? bytes->size : 1);
  if (!out->bytes)
    return error_out_of_memory(err);
  if (bytes->size)
    memcpy(out->bytes, bytes->data, bytes->size);
  out->size = bytes->size;
  return true;
}

bool damage_case_load(const char *case_path, const char *tests_folder, damage_case *out, error *err) {
  *out = (damage_case){.path = case_path};
  mapped_file file;
  if (!mapped_file_open(&file, case_path, err))
    return false;
  buffer text = {0}, bytes = {0};
  bool ok = buffer_append(&text, file.data, file.size, err) && buffer_reserve(&bytes, 0, err) &&
            (read_lines(&text, tests_folder, out, &bytes, err) || error_prefix(err, "%s", case_path)) &&
            keep_exact(out, &bytes, err);
  buffer_free(&text);
  buffer_free(&bytes);
  mapped_file_close(&file);
  return ok;
}

void damage_case_free(damage_case *c) {
  free(c->bytes);
  *c = (damage_case){0};
}

bool damage_case_write(const damage_case *c, const char *path, error *err) {
  FILE *file = fopen(path, "wb");
  if (!file)
    return error_set_errno(err, errno, "%s", path);
  bool written = fwrite(c->bytes, 1, c->size, file) == c->size;
  if (fclose(file) != 0 || !written)
    return error_set(err, ERROR_IO, "%s: cannot be written", path);
  return true;
}

static int is_case(const struct dirent *entry) {
  size_t length = strlen(entry->d_name);
  return length > 4 && strcmp(entry->d_name + length - 4, ".txt") == 0;
}

static void run_case(const char *path, const char *tests_folder, damage_check check, void *context) {
  damage_case c;
  error err = {0};
  if (!damage_case_load(path, tests_folder, &c, &err))
    fail_msg("damage case: %s", err.message);
  check(&c, context);
  damage_case_free(&c);
}

size_t damage_for_each(const char *tests_folder, const char *room, damage_check check, void *context) {
  char folder[1024], path[2048];
  snprintf(folder, sizeof folder, "%s/damage/%s", tests_folder, room);
  struct dirent **entries;
  int count = scandir(folder, &entries, is_case, alphasort);
  if (count <= 0)
    fail_msg("no damage case in %s", folder);
  for (int i = 0; i < count; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
    run_case(path, tests_folder, check, context);
    free(entries[i]);
  }
  free(entries);
  return (size_t)count;
}

void damage_assert(const damage_case *c, bool ok, const error *err) {
  if (c->expect_ok && !ok)
    fail_msg("%s: should have been read, but: %s", c->path, err->message);
  if (!c->expect_ok && ok)
    fail_msg("%s: was read, but should have failed with: %s", c->path, c->expect);
  if (!c->expect_ok && !strstr(err->message, c->expect))
    fail_msg("%s:\n  expected in the message: %s\n  message: %s", c->path, c->expect, err->message);
}

typedef struct reader_call {
  damage_reader read;
  void *context;
} reader_call;

static void check_reader(const damage_case *c, void *context) {
  const reader_call *call = context;
  error err = {0};
  bool ok = call->read(c->bytes, c->size, call->context, &err);
  damage_assert(c, ok, &err);
}

size_t damage_check_reader(const char *tests_folder, const char *room, damage_reader read, void *context) {
  reader_call call = {read, context};
  return damage_for_each(tests_folder, room, check_reader, &call);
}
