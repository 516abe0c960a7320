#include "ecg/formats/xml_events.h"

#include "base/buffer.h"
#include "ecg/formats/code_pages.h"

#include <expat.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct walker {
  const xml_walk *walk;
  void *context;
  XML_Parser parser;
  int open[XML_MAX_DEPTH]; /* elements that rules name, outermost first */
  size_t depth, skipped;   /* how many of these are open; how many others inside them */
  size_t elements;
  size_t tag_end;                    /* byte behind the last start tag, of those that the parser was given */
  size_t unseen_bytes, unseen_lines; /* that it was not given */
  bool collecting;
  buffer text;
  error failure; /* code ERROR_NONE while all is well */
} walker;

/* ---- Encodings ---- */

/* A document as expat is to read it. */
typedef struct document {
  const char *bytes;
  size_t size;
  const char *encoding; /* NULL: as the document declares */
  buffer converted;     /* holds `bytes` where they had to be converted */
} document;

static bool starts_with(const uint8_t *data, size_t size, const char *bytes, size_t count) {
  return size >= count && memcmp(data, bytes, count) == 0;
}

/* The encoding that the XML declaration of an 8-bit document names, "" without one. */
static void declared_encoding(const uint8_t *data, size_t size, char name[40]) {
  char head[200];
  size_t length = size < sizeof head - 1 ? size : sizeof head - 1;
  name[0] = '\0';
  memcpy(head, data, length);
  head[length] = '\0';
  char *end = strstr(head, "?>"), *value = strstr(head, "encoding");
  if (strncmp(head, "<?xml", 5) != 0 || !end || !value || value > end)
    return;
  value += strcspn(value, "\"'");
  if (value < end)
    snprintf(name, 40, "%.*s", (int)strcspn(value + 1, "\"'"), value + 1);
}

static bool is_wide(const char *name) {
  return strncasecmp(name, "UTF-16", 6) == 0 || strncasecmp(name, "UTF-32", 6) == 0 ||
         strncasecmp(name, "UCS-", 4) == 0 || strncasecmp(name, "ISO-10646-UCS", 13) == 0;
}

static bool is_ascii(const uint8_t *data, size_t size) {
  uint8_t all = 0;
  for (size_t i = 0; i < size; i++)
    all |= data[i];
  return all < 0x80;
}

/* Three bytes at most: no code page goes beyond the basic plane. */
static size_t put_utf8(unsigned code_point, char *out) {
  if (code_point < 0x800) {
    out[0] = (char)(0xc0 | code_point >> 6);
    out[1] = (char)(0x80 | (code_point & 63));
    return 2;
  }
  out[0] = (char)(0xe0 | code_point >> 12);
  out[1] = (char)(0x80 | (code_point >> 6 & 63));
  out[2] = (char)(0x80 | (code_point & 63));
  return 3;
}

/* A byte that means nothing in its code page becomes U+FFFD. */
static bool convert(document *d, const uint8_t *data, size_t size, const uint16_t *upper_half, error *err) {
  if (!buffer_reserve(&d->converted, 3 * size, err))
    return false;
  char *out = d->converted.data;
  for (size_t i = 0; i < size; i++) {
    if (data[i] < 0x80)
      *out++ = (char)data[i];
    else
      out += put_utf8(upper_half[data[i] - 0x80] ? upper_half[data[i] - 0x80] : 0xfffd, out);
  }
  d->bytes = d->converted.data;
  d->size = (size_t)(out - d->converted.data);
  d->encoding = "UTF-8";
  return true;
}

/* Expat reads UTF-8 nearly twice as fast as ISO-8859-1 and knows no other code page: what is ASCII, as most
 * files are, is called UTF-8, and code pages are converted here. */
static bool open_document(document *d, const uint8_t *data, size_t size, error *err) {
  char declared[40];
  *d = (document){(const char *)data, size, NULL, {0}};
  if (size > XML_MAX_FILE)
    return error_set(err, ERROR_LIMIT, "XML file of %zu bytes is too large", size);
  if (starts_with(data, size, "\xff\xfe", 2) || starts_with(data, size, "\xfe\xff", 2))
    d->encoding = "UTF-16";
  else if (starts_with(data, size, "<\0", 2))
    d->encoding = "UTF-16LE";
  else if (starts_with(data, size, "\0<", 2))
    d->encoding = "UTF-16BE";
  else if (starts_with(data, size, "\xef\xbb\xbf", 3) || is_ascii(data, size))
    d->encoding = "UTF-8";
  if (d->encoding)
    return true;
  declared_encoding(data, size, declared);
  const uint16_t *upper_half = code_page_upper_half(declared);
  if (upper_half)
    return convert(d, data, size, upper_half, err);
  if (is_wide(declared))
    d->encoding = "UTF-8";
  return true;
}

/* ---- Walking ---- */

static void stop(walker *w) {
  XML_StopParser(w->parser, XML_FALSE);
}

static unsigned long line_number(const walker *w) {
  return XML_GetCurrentLineNumber(w->parser) + w->unseen_lines;
}

static void fail(walker *w, error_code code, const char *what) {
  if (w->failure.code == ERROR_NONE)
    error_set(&w->failure, code, "%s: line %lu", what, line_number(w));
  stop(w);
}

static const char *local_name(const char *name) {
  const char *colon = strrchr(name, ':');
  return colon ? colon + 1 : name;
}

static const xml_rule *find_rule(const xml_walk *walk, int parent, const char *name) {
  for (size_t i = 0; i < walk->rule_count; i++)
    if (walk->rules[i].parent == parent && (!walk->rules[i].name || strcmp(walk->rules[i].name, name) == 0))
      return &walk->rules[i];
  return NULL;
}

static bool attributes_in_limit(const char *const *attributes) {
  size_t total = 0;
  for (; *attributes && total <= XML_MAX_ATTRIBUTES; attributes++)
    total += strlen(*attributes);
  return total <= XML_MAX_ATTRIBUTES;
}

static void on_text(void *user, const XML_Char *text, int length) {
  walker *w = user;
  if (w->failure.code != ERROR_NONE || w->skipped)
    return;
  if (w->text.size + (size_t)length > XML_MAX_TEXT)
    fail(w, ERROR_LIMIT, "Text of an XML element is too long");
  else if (!buffer_append(&w->text, text, (size_t)length, &w->failure))
    stop(w);
}

/* Expat converts and reports text only while it has a handler. */
static void collect(walker *w, bool on) {
  if (on)
    buffer_clear(&w->text);
  if (w->collecting != on)
    XML_SetCharacterDataHandler(w->parser, on ? on_text : NULL);
  w->collecting = on;
}

static xml_answer announce(walker *w, const xml_rule *rule, const char *const *attributes) {
  if (!attributes_in_limit(attributes)) {
    fail(w, ERROR_LIMIT, "Attributes of an XML element are too long");
    return XML_FAIL;
  }
  if (!w->walk->start)
    return XML_ENTER;
  xml_answer answer = w->walk->start(w->context, rule->element, attributes, &w->failure);
  if (answer == XML_FAIL)
    stop(w);
  return answer;
}

static void on_start(void *user, const XML_Char *name, const XML_Char **attributes) {
  walker *w = user;
  if (w->failure.code != ERROR_NONE)
    return;
  w->tag_end = (size_t)XML_GetCurrentByteIndex(w->parser) + (size_t)XML_GetCurrentByteCount(w->parser);
  if (++w->elements > XML_MAX_ELEMENTS) {
    fail(w, ERROR_LIMIT, "XML file has too many elements");
    return;
  }
  if (w->depth + w->skipped >= XML_MAX_DEPTH) {
    fail(w, ERROR_LIMIT, "XML elements are nested too deeply");
    return;
  }
  int parent = w->depth ? w->open[w->depth - 1] : XML_DOCUMENT;
  const xml_rule *rule = w->skipped || w->collecting ? NULL : find_rule(w->walk, parent, local_name(name));
  if (!rule || announce(w, rule, (const char *const *)attributes) != XML_ENTER) {
    w->skipped++;
    return;
  }
  w->open[w->depth++] = rule->element;
  collect(w, rule->text);
}

static void on_end(void *user, const XML_Char *name) {
  (void)name;
  walker *w = user;
  if (w->failure.code != ERROR_NONE)
    return;
  if (w->skipped) {
    w->skipped--;
    return;
  }
  int element = w->open[--w->depth];
  char none[1] = "";
  bool has_text = w->collecting && w->text.size;
  char *text = has_text ? w->text.data : none;
  size_t length = has_text ? w->text.size : 0;
  collect(w, false);
  if (w->walk->end && !w->walk->end(w->context, element, text, length, &w->failure))
    stop(w);
}

static void on_doctype(void *user, const XML_Char *name, const XML_Char *system_id, const XML_Char *public_id,
                       int has_internal_subset) {
  (void)name, (void)system_id, (void)public_id;
  if (has_internal_subset)
    fail(user, ERROR_UNSUPPORTED, "XML document type with declarations of its own is refused");
}

static void on_entity(void *user, const XML_Char *name, int is_parameter, const XML_Char *value, int length,
                      const XML_Char *base, const XML_Char *system_id, const XML_Char *public_id,
                      const XML_Char *notation) {
  (void)name, (void)is_parameter, (void)value, (void)length, (void)base, (void)system_id, (void)public_id;
  (void)notation;
  fail(user, ERROR_UNSUPPORTED, "XML entity declaration is refused");
}

static void on_skipped_entity(void *user, const XML_Char *name, int is_parameter) {
  (void)name, (void)is_parameter;
  fail(user, ERROR_UNSUPPORTED, "undefined entity");
}

static bool parse_failed(walker *w, error *err) {
  if (w->failure.code == ERROR_NONE) {
    enum XML_Error code = XML_GetErrorCode(w->parser);
    error_set(&w->failure, code == XML_ERROR_NO_MEMORY ? ERROR_MEMORY : ERROR_FORMAT,
              "%s: line %lu, column %lu", XML_ErrorString(code), line_number(w),
              XML_GetCurrentColumnNumber(w->parser));
  }
  return error_set(err, w->failure.code, "%s", w->failure.message);
}

/* ---- Long texts ----
 *
 * Nine tenths of an ECG file are base64 in lines of some seventy characters. Expat looks at each of them more
 * than once and makes two calls of every line, which took more time than everything else that is done to read
 * the file. Whole lines in the middle of a long text in which nothing can have a meaning for XML are
 * therefore added to the collected text, or left out, without being shown to the parser. */

/* How often is `wanted` in the text? Counted in bytes, many at once. */
static size_t count_byte(const char *text, size_t length, char wanted) {
  size_t count = 0;
  for (size_t first = 0; first < length; first += UINT8_MAX) {
    size_t n = length - first < UINT8_MAX ? length - first : UINT8_MAX;
    uint8_t found = 0;
    for (size_t i = 0; i < n; i++)
      found = (uint8_t)(found + (text[first + i] == wanted));
    count += found;
  }
  return count;
}

static bool returns_end_lines(const char *text, size_t length) {
  const char *end = text + length;
  while ((text = memchr(text, '\r', (size_t)(end - text))))
    if (++text == end || *text != '\n')
      return false;
  return true;
}

/* No markup, no reference, no "]]>", nothing but ASCII without control characters; lines end in line feeds,
 * with or without a carriage return before it. */
static bool is_plain(const char *text, size_t length) {
  uint8_t odd = 0;
  for (size_t i = 0; i < length; i++) {
    uint8_t c = (uint8_t)text[i];
    uint8_t blank = (uint8_t)((c == '\n') | (c == '\r') | (c == '\t'));
    odd |= (uint8_t)(((c < ' ') & !blank) | (c >= 0x7f) | (c == '&') | (c == ']'));
  }
  return !odd && returns_end_lines(text, length);
}

/* As the parser reports it: without carriage returns. */
static bool add_lines(walker *w, const char *text, size_t length) {
  if (!buffer_reserve(&w->text, length, &w->failure))
    return false;
  char *to = w->text.data + w->text.size;
  if (memchr(text, '\r', length)) {
    for (size_t i = 0; i < length; i++)
      if (text[i] != '\r')
        *to++ = text[i];
  } else {
    memcpy(to, text, length);
    to += length;
  }
  *to = '\0';
  w->text.size = (size_t)(to - w->text.data);
  return true;
}

/* Is the parser behind a start tag that ends at this byte of the document, within an element? */
static bool is_behind_tag(const walker *w, size_t byte) {
  return w->depth + w->skipped > 0 && w->tag_end == byte - w->unseen_bytes;
}

/* The text between two tags, *next being the first byte that the parser hasn't seen. Afterwards that may lie
 * further on. False: the parser has stopped. */
static bool skip_lines(walker *w, const document *d, const char **next, const char *text, size_t length) {
  const char *first = memchr(text, '\n', length), *last = memrchr(text, '\n', length);
  if (first == last || !is_plain(text, length))
    return true;
  if (XML_Parse(w->parser, *next, (int)(text - *next), XML_FALSE) != XML_STATUS_OK)
    return false;
  *next = text;
  size_t lines = (size_t)(last - first);
  if (!is_behind_tag(w, (size_t)(text - d->bytes)) || w->text.size + lines > XML_MAX_TEXT)
    return true;
  if (XML_Parse(w->parser, text, (int)(first + 1 - text), XML_FALSE) != XML_STATUS_OK)
    return false;
  *next = last + 1;
  w->unseen_bytes += lines;
  w->unseen_lines += count_byte(first + 1, lines, '\n');
  return !w->collecting || w->skipped || add_lines(w, first + 1, lines);
}

static bool feed(walker *w, const document *d) {
  enum { LONG = 400 };
  const char *end = d->bytes + d->size, *next = d->bytes, *text = next, *tag;
  while ((tag = memchr(text, '<', (size_t)(end - text)))) {
    if (tag - text >= LONG && !skip_lines(w, d, &next, text, (size_t)(tag - text)))
      return false;
    const char *close = memchr(tag, '>', (size_t)(end - tag));
    if (!close)
      break;
    text = close + 1;
  }
  return XML_Parse(w->parser, next, (int)(end - next), XML_TRUE) == XML_STATUS_OK;
}

static bool parse(walker *w, const document *d, error *err) {
  w->parser = XML_ParserCreate(d->encoding);
  if (!w->parser)
    return error_out_of_memory(err);
  XML_SetUserData(w->parser, w);
  XML_SetElementHandler(w->parser, on_start, on_end);
  XML_SetStartDoctypeDeclHandler(w->parser, on_doctype);
  XML_SetEntityDeclHandler(w->parser, on_entity);
  XML_SetSkippedEntityHandler(w->parser, on_skipped_entity);
  bool done = feed(w, d);
  if (!done)
    parse_failed(w, err);
  XML_ParserFree(w->parser);
  return done;
}

bool xml_read(const uint8_t *data, size_t size, const xml_walk *walk, void *context, error *err) {
  document d;
  walker w = {.walk = walk, .context = context};
  bool done = open_document(&d, data, size, err) && parse(&w, &d, err);
  buffer_free(&d.converted);
  buffer_free(&w.text);
  return done;
}

/* ---- Small helpers ---- */

const char *xml_attribute(const char *const *attributes, const char *name) {
  for (; *attributes; attributes += 2)
    if (strcmp(local_name(attributes[0]), name) == 0)
      return attributes[1];
  return NULL;
}

bool xml_looks_like(const uint8_t *data, size_t size) {
  size_t i = 0;
  while (i < size && i < 64 && memchr("\xef\xbb\xbf\xff\xfe \t\r\n", data[i], 9))
    i++;
  if (i < size && data[i] == 0) /* UTF-16, big-endian */
    i++;
  return i < size && data[i] == '<';
}

typedef struct root_search {
  char *name;
  size_t size;
  bool found;
  XML_Parser parser;
} root_search;

static void on_root(void *user, const XML_Char *name, const XML_Char **attributes) {
  (void)attributes;
  root_search *search = user;
  if (search->found)
    return;
  search->found = true;
  snprintf(search->name, search->size, "%s", local_name(name));
  XML_StopParser(search->parser, XML_FALSE);
}

/* Nothing that a document declares for itself may be expanded, not even in the root's default attributes. */
static void on_root_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                            const XML_Char *public_id, int has_internal_subset) {
  (void)name, (void)system_id, (void)public_id;
  root_search *search = user;
  if (has_internal_subset)
    XML_StopParser(search->parser, XML_FALSE);
}

/* The beginning is enough, and it is all that is converted. */
enum { ROOT_WITHIN = 64 << 10 };

bool xml_root_name(const uint8_t *data, size_t size, char *name, size_t name_size) {
  document d;
  if (!xml_looks_like(data, size))
    return false;
  if (!open_document(&d, data, size < ROOT_WITHIN ? size : ROOT_WITHIN, NULL))
    return false;
  root_search search = {name, name_size, false, XML_ParserCreate(d.encoding)};
  if (search.parser) {
    XML_SetUserData(search.parser, &search);
    XML_SetStartElementHandler(search.parser, on_root);
    XML_SetStartDoctypeDeclHandler(search.parser, on_root_doctype);
    XML_Parse(search.parser, d.bytes, (int)d.size, XML_FALSE);
    XML_ParserFree(search.parser);
  }
  buffer_free(&d.converted);
  return search.found;
}
